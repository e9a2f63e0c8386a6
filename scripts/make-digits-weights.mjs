// Makes assets/weights/yolov5n-digits.safetensors: YOLOv5n trained by our own trainer on scenes of handwritten digits that
// share no digit with the built-in data set, so that the quickstart can fine-tune as people do. Takes some ten minutes.
//   npm run build && node scripts/make-digits-weights.mjs [epochs] [scenes]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const [epochs = 30, scenes = 1600] = process.argv.slice(2).map(Number)
const dist = (path) => import(new URL(`../dist/${path}`, import.meta.url))
const { loadHyp, saveDetector, loadDetectorFile, train, trainDefaults } = await dist('detect/index.js')
const { writeDigits } = await dist('detect/digits/index.js')

const folder = mkdtempSync(join(tmpdir(), 'digits-weights-'))
try {
  const data = await writeDigits(join(folder, 'data'), [
    { split: 'train', pool: 'pretrain', seed: 7, count: scenes },
    { split: 'val', pool: 'pretrain', seed: 8, count: 200 },
  ])
  const saveDir = join(folder, 'run')
  await train(
    {
      ...trainDefaults,
      data,
      cfg: 'yolov5n.yaml',
      optimizer: 'AdamW',
      hyp: {
        ...loadHyp('scratch-low').hyp,
        // Warm-up over the whole training: the rate rises and falls, and gradients are accumulated over few batches at
        // first, so that a short training has many updates.
        lr0: 0.006,
        warmup_epochs: epochs,
        warmup_bias_lr: 0.001,
        mosaic: 0.5,
        fliplr: 0, // a mirrored seven is no seven
        anchors: 3, // found for the data set, as in an evolution
      },
      imagePx: 128,
      epochs,
      cache: 'ram',
      save: 'last',
      validate: 'last',
      plots: false,
      saveDir,
    },
    {
      onEvent: (event) => {
        if (event.type === 'epoch') console.log(event.epoch, event.trainLosses.join(' '), event.results?.mAP50 ?? '')
      },
    },
  )
  const { weights, resume: _, path: __, ...info } = loadDetectorFile(join(saveDir, 'weights', 'last.safetensors'))
  const target = new URL('../assets/weights/yolov5n-digits.safetensors', import.meta.url)
  saveDetector(target.pathname, info, weights, { dtype: 'F16' })
  console.log(`${target.pathname}: mAP50 ${info.results.mAP50.toFixed(3)} on other scenes of its kind`)
} finally {
  rmSync(folder, { recursive: true })
}
