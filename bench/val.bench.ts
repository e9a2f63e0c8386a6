// How long suppression, matching and mAP of 1,000 images take beside the network, against the real YOLOv5 7.0.14 on
// PyTorch and torchvision (where `npm run setup-peers` made it), round by round in turn, on the same recorded outputs.
//   npm run bench:val [-- --images 1000 --rounds 5 --weights best.safetensors --data data.yaml --imgsz 160]
//
// Outputs: of a trained detector on real images (the packaged one on the built-in digits unless --weights says another),
// and made ones of the size that a 640 px image and COCO's 80 classes have: 25,200 rows of 85, some 7 objects an image,
// each with a cloud of boxes and doubts about the class, above a background of low objectness.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { NumpyRandom } from '../src/base/index.ts'
import { openDetector } from '../src/detect/open-detector.ts'
import { TrainingHost } from '../src/detect/train/host.ts'
import { Marks, nonMaxSuppression, summarize } from '../src/detect/val/index.ts'
import { median } from './peers.ts'

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '5' },
    batch: { type: 'string', default: '32' },
    weights: { type: 'string', default: 'yolov5n-digits' },
    data: { type: 'string', default: 'digits' },
    imgsz: { type: 'string', default: '128' },
  },
})
const [images, rounds, batchSize, imagePx] = [values.images, values.rounds, values.batch, values.imgsz].map(Number)

/** Outputs of a network for some images, and their labels in the same pixels. */
interface Recorded {
  readonly name: string
  readonly files: number
  readonly rows: number
  readonly columns: number
  /** [files, rows, columns] */
  readonly outputs: Float32Array
  /** Per file [n, 5]: class and corners. */
  readonly labels: readonly Float32Array[]
}

interface Round {
  readonly suppression: number
  readonly marking: number
  readonly figures: number
  readonly mAP50: number
  readonly mAP50to95: number
}

/** What a detector gives for its validation images. */
async function recordDetector(): Promise<Recorded> {
  const host = new TrainingHost()
  const source = { data: values.data!, singleCls: false, cache: 'none', workers: 1 } as const
  const detector = await openDetector({ weights: values.weights! }, { threads: 2 })
  try {
    const dataset = await host.dataset(source, 'val', {})
    const sizes = { imagePx: imagePx!, batchSize: batchSize!, stride: detector.stride, rect: false, pad: 0 }
    const outputs: Float32Array[] = []
    const labels: Float32Array[] = []
    for await (const batch of (await host.valLoader(source, dataset, sizes, {})).all()) {
      outputs.push((await detector.network.run(batch)).decoded.slice())
      for (let image = 0; image < batch.batch; image++) {
        const rows: number[] = []
        for (let at = 0; at < batch.targets.length; at += 6) {
          const [index, cls, x, y, w, h] = batch.targets.subarray(at, at + 6) as unknown as number[]
          if (index !== image) continue
          const [left, top] = [(x! - w! / 2) * batch.width, (y! - h! / 2) * batch.height]
          rows.push(cls!, left, top, left + w! * batch.width, top + h! * batch.height)
        }
        labels.push(Float32Array.from(rows))
      }
    }
    const columns = detector.names.length + 5
    const whole = new Float32Array(outputs.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of outputs) {
      whole.set(part, at)
      at += part.length
    }
    const name = `${values.weights}, ${labels.length} images of ${values.data} at ${imagePx} px`
    return { name, files: labels.length, rows: whole.length / labels.length / columns, columns, outputs: whole, labels }
  } finally {
    await detector.network.dispose()
    await host.close()
  }
}

/** Outputs that look like those of a detector for COCO at 640 px. */
function makeOutputs(files = 16): Recorded {
  const [rows, classes] = [25_200, 80]
  const columns = classes + 5
  const random = new NumpyRandom(3)
  const outputs = new Float32Array(files * rows * columns)
  const labels: Float32Array[] = []
  for (let file = 0; file < files; file++) {
    const of = (row: number) => (file * rows + row) * columns
    for (let row = 0; row < rows; row++) {
      const at = of(row)
      outputs.set([random.uniform(0, 640), random.uniform(0, 640), random.uniform(8, 200), random.uniform(8, 200)], at)
      outputs[at + 4] = 10 ** random.uniform(-6, -3.2)
      for (let c = 0; c < classes; c++) outputs[at + 5 + c] = 10 ** random.uniform(-4, -2)
    }
    const objects: number[] = []
    const count = 1 + random.randint(13)
    for (let k = 0; k < count; k++) {
      const cls = random.randint(classes)
      const [w, h] = [random.uniform(20, 300), random.uniform(20, 300)]
      const [x, y] = [random.uniform(w / 2, 640 - w / 2), random.uniform(h / 2, 640 - h / 2)]
      objects.push(cls, x - w / 2, y - h / 2, x + w / 2, y + h / 2)
      const cloud = 6 + random.randint(24)
      for (let row = 0; row < cloud; row++) {
        const at = of(random.randint(rows))
        const near = (size: number) => size * (1 + 0.08 * random.normal())
        outputs.set([x + 0.06 * w * random.normal(), y + 0.06 * h * random.normal(), near(w), near(h)], at)
        outputs[at + 4] = random.uniform(0.05, 0.95)
        outputs[at + 5 + cls] = random.uniform(0.3, 0.98)
      }
    }
    for (let doubt = 0; doubt < 150; doubt++) outputs[of(random.randint(rows)) + 4] = 10 ** random.uniform(-2.7, -1.3)
    labels.push(Float32Array.from(objects))
  }
  return { name: `made, ${files} images of 25,200 x 85`, files, rows, columns, outputs, labels }
}

function ours({ files, rows, columns, outputs, labels }: Recorded): Round {
  const ms = { suppression: 0, marking: 0, figures: 0 }
  const marks = new Marks(columns - 5)
  const size = rows * columns
  for (let first = 0; first < images!; first += batchSize!) {
    const chosen = Array.from({ length: Math.min(batchSize!, images! - first) }, (_, i) => (first + i) % files)
    const data = new Float32Array(chosen.length * size)
    for (const [i, file] of chosen.entries()) data.set(outputs.subarray(file * size, (file + 1) * size), i * size)
    let start = performance.now()
    const options = { confidence: 0.001, iou: 0.6, multiLabel: true, maxDetections: 300 }
    const found = nonMaxSuppression({ data, batch: chosen.length, rows, columns }, options)
    ms.suppression += performance.now() - start
    start = performance.now()
    for (const [i, file] of chosen.entries()) marks.addImage(found[i]!, labels[file]!)
    ms.marking += performance.now() - start
  }
  const start = performance.now()
  const names = Array.from({ length: columns - 5 }, (_, c) => String(c))
  const { mAP50, mAP50to95 } = summarize(marks, names)
  ms.figures = performance.now() - start
  return { ...ms, mAP50, mAP50to95 }
}

/** The real YOLOv5, one round at a time. */
async function startPeer(recorded: Recorded) {
  const python =
    process.env['HYPEVOLVE_PEER_PYTHON'] ?? fileURLToPath(new URL('../.peers/venv/bin/python', import.meta.url))
  if (!existsSync(python)) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'hypevolve-bench-val-'))
  const { files, rows, columns, outputs, labels } = recorded
  writeFileSync(join(folder, 'shape.json'), JSON.stringify([files, rows, columns]))
  writeFileSync(join(folder, 'outputs.f32'), outputs)
  const flat = labels.flatMap((list, file) =>
    Array.from({ length: list.length / 5 }, (_, i) => [file, ...list.subarray(5 * i, 5 * i + 5)]).flat(),
  )
  writeFileSync(join(folder, 'labels.f32'), Float32Array.from(flat))
  const script = fileURLToPath(new URL('./peers/yolov5_val.py', import.meta.url))
  const words = [script, folder, '--images', String(images), '--batch', String(batchSize)]
  const child = spawn(python, words, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => JSON.parse((await lines.next()).value as string)
  await next()
  return {
    async round(): Promise<Round> {
      child.stdin.write('\n')
      return next()
    },
    stop() {
      child.stdin.end()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const total = ({ suppression, marking, figures }: Round) => suppression + marking + figures
const line = (name: string, list: readonly Round[]) => {
  const ms = (of: (round: Round) => number) => median(list.map(of)).toFixed(0).padStart(8)
  const last = list.at(-1)!
  console.log(
    `${name.padEnd(14)}${ms((r) => r.suppression)}${ms((r) => r.marking)}${ms((r) => r.figures)}${ms(total)}` +
      `   mAP50 ${last.mAP50.toFixed(5)}, mAP50-95 ${last.mAP50to95.toFixed(5)}`,
  )
}

for (const recorded of [await recordDetector(), makeOutputs()]) {
  const peer = await startPeer(recorded)
  ours(recorded) // compiled code
  await peer?.round()
  const [mine, theirs]: [Round[], Round[]] = [[], []]
  for (let round = 0; round < rounds!; round++) {
    mine.push(ours(recorded))
    if (peer) theirs.push(await peer.round())
  }
  peer?.stop()
  console.log(`\n${recorded.name}; ${images} images, ms (medians of ${rounds} rounds)`)
  console.log('              suppress  matching  figures   total')
  line('Hypevolve', mine)
  if (theirs.length > 0) {
    line('YOLOv5 7.0.14', theirs)
    const ratios = mine.map((round, i) => total(theirs[i]!) / total(round))
    console.log(`YOLOv5's time / ours: ${median(ratios).toFixed(1)}`)
  }
}
