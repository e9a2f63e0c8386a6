// Trains a detector for the built-in digits, then lets it look at a picture.
//   detect.ts [folder for the results]
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ensureDigits, loadDetector, loadHyp, train, trainDefaults } from 'hypevolve/detect'

const folder = process.argv[2] ?? 'runs/example'

// Anything may stop a training: a button, a deadline. What it has done so far is saved then.
const deadline = AbortSignal.timeout(15 * 60_000)

const result = await train(
  {
    ...trainDefaults,
    data: 'digits',
    cfg: 'yolov5n.yaml',
    hyp: loadHyp('scratch-low').hyp,
    imagePx: 64,
    epochs: 1, // enough to show how it goes, by far not to learn
    plots: false,
    saveDir: join(folder, 'digits'),
  },
  {
    signal: deadline,
    onEvent: (event) => {
      if (event.type === 'message') console.log(event.text)
      if (event.type === 'epoch') console.log(`epoch ${event.epoch}: mAP50 ${event.results?.mAP50.toFixed(3)}`)
    },
  },
)
console.log(`${result.ended} after ${result.epochs} epoch, ${result.seconds.toFixed(1)} s`)

const detector = await loadDetector(join(folder, 'digits/weights/best.safetensors'))
const images = join(dirname(await ensureDigits()), 'images/val')
const [first] = readdirSync(images).sort()
const found = await detector.detect(join(images, first), { confidence: 0.001 })
console.log(`${first}: ${found.length} boxes, the surest:`, found[0])
await detector.close()
