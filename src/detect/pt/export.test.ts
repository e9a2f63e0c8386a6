import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { noise, temporaryFolder } from '../../../test/helpers/data-set.ts'
import { PtHalfRangeError, WeightShapeError } from '../../base/index.ts'
import { fromHalf, toHalf, type Weights } from '../../nn/index.ts'
import { ensureDigits } from '../digits/index.ts'
import { Evaluator } from '../evaluator.ts'
import { initialWeights, loadModel, type ModelDefinition, parseModel } from '../model/index.ts'
import { modules } from '../modules/index.ts'
import { loadDetectorFile } from '../train/checkpoint.ts'
import { TrainingHost } from '../train/host.ts'
import { validate } from '../val/index.ts'
import { detectorOf, type ExportedDetector, exportPt, readPtCheckpoint } from './index.ts'

/** Every module that a yaml may name, chains and settings that differ from the defaults included. */
const everyModule = `
nc: 3
depth_multiple: 0.5
width_multiple: 0.25
anchors:
  - [10, 13, 16, 30.5, 33, 23]
  - [30, 61, 62, 45, 59, 119]
backbone:
  - [-1, 1, Focus, [32, 3]]
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 6, BottleneckCSP, [64]]
  - [-1, 4, Bottleneck, [64]]
  - [-1, 1, Conv, [64, 5, 2, 2, 4, 1, False]]
  - [-1, 3, C3, [64, False]]
  - [-1, 1, GhostConv, [64, 3, 2]]
  - [-1, 1, SPP, [64, [3, 7]]]
  - [-1, 4, DWConv, [64, 3, 1]]
head:
  - [-1, 1, SPPF, [128, 3]]
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 5], 1, Concat, [1]]
  - [-2, 1, Conv, [64, 3, 2, null, 1, 1]]
  - [[11, 12], 1, Detect, [nc, anchors]]
`

/** Weights for which nothing is special: batch norms too. */
function lively(definition: ModelDefinition, seed: number): Weights {
  const weights = initialWeights(definition, seed)
  let state = seed + 1
  const random = () => (state = (Math.imul(state, 48271) >>> 0) % 2147483647) / 2147483647
  for (const [name, { data }] of weights)
    if (/\.bn\./.test(name) || /bias$/.test(name))
      for (let i = 0; i < data.length; i++)
        data[i] = Math.fround(name.endsWith('running_var') ? 0.5 + random() : random() - 0.3)
  return weights
}

const detector = (yaml: string, seed = 1): ExportedDetector => {
  const definition = parseModel(yaml, 'test.yaml')
  const names = Array.from({ length: definition.classes }, (_, i) => `Klasse ${i} ✓`)
  return { definition, weights: lively(definition, seed), names, imagePx: 96 }
}

const reread = (bytes: Uint8Array) => detectorOf(readPtCheckpoint(bytes, 'test.pt'), 'test.pt')

describe('a checkpoint that we write', () => {
  it('is tried with every module', () => {
    for (const name of Object.keys(modules)) expect(everyModule).toContain(`, ${name}, [`)
  })

  it.each([
    ['float32', (value: number) => value],
    ['float16', (value: number) => fromHalf(toHalf(value))],
  ] as const)('reads back as it was, in %s', (dtype, rounded) => {
    const written = detector(everyModule)
    const read = reread(exportPt(written, { dtype }))
    expect(read.definition.yaml).toEqual(written.definition.yaml)
    expect({ names: read.names, imagePx: read.imagePx, epoch: read.epoch }).toEqual({
      names: written.names,
      imagePx: 96,
      epoch: -1,
    })
    for (const [name, { shape, data }] of written.weights) {
      expect(read.weights.get(name)!.shape, name).toEqual(shape)
      expect(Array.from(read.weights.get(name)!.data), name).toEqual(Array.from(data, rounded))
    }
  })

  it.each(['nn.LeakyReLU(0.1)', 'nn.ReLU()'])('keeps the activation %s', (activation) => {
    const yaml = everyModule.replace('nc: 3', `nc: 3\nactivation: ${activation}`)
    expect(reread(exportPt(detector(yaml))).definition.yaml.activation).toBe(activation)
  })

  it('keeps anchors that AutoAnchor found, to the last bit', () => {
    const written = detector(everyModule.replace('30.5', '30.4567'))
    const px = reread(exportPt(written)).definition.anchorsPx
    expect(px[0]![3]!).toBeCloseTo(30.4567, 5)
  })

  it('is the same for the same detector and date', () => {
    const date = new Date('2024-05-01T12:00:00Z')
    expect(exportPt(detector(everyModule), { date })).toEqual(exportPt(detector(everyModule), { date }))
  })

  it('refuses weights of another model', () => {
    const { weights, ...rest } = detector(everyModule)
    weights.delete('model.1.bn.bias')
    expect(() => exportPt({ ...rest, weights })).toThrow(WeightShapeError)
  })

  it('refuses to round a weight to infinity', () => {
    const written = detector(everyModule)
    written.weights.get('model.1.conv.weight')!.data[3] = 70_000
    expect(() => exportPt(written)).toThrow(PtHalfRangeError)
    expect(reread(exportPt(written, { dtype: 'float32' })).weights.get('model.1.conv.weight')!.data[3]).toBe(70_000)
  })

  it('a full-size yolov5s is written and read in a moment', () => {
    const definition = loadModel('yolov5s.yaml')
    const names = Array.from({ length: 80 }, (_, i) => `class${i}`)
    const bytes = exportPt({ definition, weights: initialWeights(definition, 0), names, imagePx: 640 })
    expect(bytes.length).toBeGreaterThan(14_000_000)
    const started = process.cpuUsage()
    const { weights } = reread(bytes)
    const { user, system } = process.cpuUsage(started)
    const ms = (user + system) / 1000
    console.log(
      `yolov5s.pt, ${(bytes.length / 1e6).toFixed(1)} MB: ${weights.size} tensors read in ${ms.toFixed(0)} ms`,
    )
    expect(ms).toBeLessThan(1000)
  })
})

describe('a model with the stem of YOLOv5 before v6.0', () => {
  const rest = (stem: string) => `
nc: 2
depth_multiple: 1
width_multiple: 1
anchors: [[10, 13, 16, 30, 33, 23]]
backbone:
  - ${stem}
head:
  - [-1, 1, Conv, [16, 3, 2]]
  - [[1], 1, Detect, [nc, anchors]]
`
  it('sees what a 6x6 convolution sees, which has taken its place', async () => {
    const focus = detector(rest('[-1, 1, Focus, [8, 3]]'))
    const conv = detector(rest('[-1, 1, Conv, [8, 6, 2, 2]]'))
    for (const [name, { data }] of conv.weights) {
      const source = focus.weights.get(name.replace('model.0.', 'model.0.conv.'))?.data ?? focus.weights.get(name)!.data
      if (name !== 'model.0.conv.weight') data.set(source)
      else
        for (let out = 0; out < 8; out++)
          for (let colour = 0; colour < 3; colour++)
            for (let y = 0; y < 6; y++)
              for (let x = 0; x < 6; x++) {
                const quarter = (y % 2) + 2 * (x % 2)
                const from = ((out * 12 + quarter * 3 + colour) * 3 + Math.floor(y / 2)) * 3 + Math.floor(x / 2)
                data[((out * 3 + colour) * 6 + y) * 6 + x] = source[from]!
              }
    }
    const image = noise(width, height, 7)
    const [heads, others] = [await ownHeads(focus, image), await ownHeads(conv, image)]
    expect(heads[0]!.length).toBe(3 * 7 * 24 * 32)
    for (let i = 0; i < heads[0]!.length; i++) expect(Math.abs(heads[0]![i]! - others[0]![i]!)).toBeLessThan(1e-4)
  })
})

const height = 96
const width = 128

/** Raw heads of ours for a picture. */
async function ownHeads({ definition, weights }: ExportedDetector, image: Uint8Array) {
  const evaluator = await Evaluator.create(definition, weights, { threads: 1, spinning: false })
  const { heads } = await evaluator.run({ images: image, batch: 1, height, width })
  await evaluator.dispose()
  return heads.map(({ data }) => data as Float32Array)
}

const python =
  process.env['HYPEVOLVE_PEER_PYTHON'] ?? fileURLToPath(new URL('../../../.peers/venv/bin/python', import.meta.url))

interface PeerAnswer {
  readonly models: { class: string; names: string[]; stride: number[]; heads: string[]; differences: string[] }[]
  readonly val?: { precision: number; recall: number; mAP50: number; mAP50to95: number }
}

function askPeer(request: object): PeerAnswer {
  const script = fileURLToPath(new URL('./export.peer.py', import.meta.url))
  const { status, stdout, stderr } = spawnSync(python, [script], {
    input: JSON.stringify(request),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  if (status !== 0) throw new Error(`YOLOv5 failed:\n${stderr.slice(-3000)}`)
  return JSON.parse(stdout) as PeerAnswer
}

// A peer and no part of the set-up: where it is not there, its tests are not either.
const hasPeer = existsSync(python)
if (!hasPeer) console.log('Not compared with the real YOLOv5 7.0.14: npm run setup-peers installs it.')
const describePeer = hasPeer ? describe : () => {}

describePeer('real YOLOv5 7.0.14 (npm run setup-peers)', () => {
  it('builds each model just so, and gives the same outputs', async () => {
    const folder = temporaryFolder()
    const image = noise(width, height, 5)
    const imageFile = join(folder, 'image.f32')
    writeFileSync(imageFile, new Uint8Array(Float32Array.from(image, (value) => value / 255).buffer))
    const cases = [
      { name: 'every', written: detector(everyModule) },
      { name: 'digits', written: loadDetectorFile('yolov5n-digits') as ExportedDetector },
      // The last: YOLOv5 keeps its activation for all models that it makes afterwards.
      { name: 'leaky', written: detector(everyModule.replace('nc: 3', 'nc: 3\nactivation: nn.LeakyReLU(0.1)'), 2) },
    ]
    const models = cases.map(({ name, written }) => {
      const path = join(folder, `${name}.pt`)
      writeFileSync(path, exportPt(written, { dtype: 'float32' }))
      return { path, image: imageFile, height, width }
    })
    const answer = askPeer({ models })
    for (const [i, { name, written }] of cases.entries()) {
      const { class: kind, names, stride, heads, differences } = answer.models[i]!
      expect(differences, name).toEqual([])
      expect({ kind, names, stride }, name).toEqual({
        kind: 'models.yolo.DetectionModel',
        names: written.names,
        stride: written.definition.strides,
      })
      const own = await ownHeads(written, image)
      let worst = 0
      for (const [level, file] of heads.entries()) {
        const bytes = readFileSync(file)
        const theirs = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
        expect(theirs.length).toBe(own[level]!.length)
        for (let j = 0; j < theirs.length; j++) worst = Math.max(worst, Math.abs(theirs[j]! - own[level]![j]!))
      }
      console.log(`${name}: raw outputs of YOLOv5 and ours differ by ${worst.toExponential(1)} at most`)
      expect(worst, name).toBeLessThan(1e-4)
    }
  })

  it('measures the same mAP', async () => {
    const data = await ensureDigits()
    const px = 128
    const path = join(temporaryFolder(), 'digits.pt')
    writeFileSync(path, exportPt(loadDetectorFile('yolov5n-digits')))
    const theirs = askPeer({ models: [], val: { path, data, px } }).val!
    const { precision, recall, mAP50, mAP50to95 } = await measure(path, data, px)
    const ours = { precision, recall, mAP50, mAP50to95 }
    console.log('YOLOv5', theirs, 'ours', ours)
    for (const key of ['precision', 'recall', 'mAP50', 'mAP50to95'] as const)
      expect(Math.abs(ours[key] - theirs[key]), key).toBeLessThan(1e-3)
    expect(theirs.mAP50).toBeGreaterThan(0.9)
  })
})

/** As `hypevolve val` does. */
async function measure(path: string, data: string, imagePx: number) {
  const { definition, weights } = loadDetectorFile(path)
  const host = new TrainingHost()
  try {
    const source = { data, singleCls: false, cache: 'none', workers: 0 } as const
    const dataset = await host.dataset(source, 'val', {})
    const loader = await host.valLoader(source, dataset, { imagePx, batchSize: 16, stride: 32 }, {})
    const threads = availableParallelism()
    const evaluator = await Evaluator.create(definition, weights, { threads, spinning: false })
    return await validate({
      run: (batch) => evaluator.run(batch),
      loader: loader.all(),
      names: dataset.names,
      confidence: 0.001,
      iou: 0.6,
      maxDetections: 300,
      singleCls: false,
    }).finally(() => evaluator.dispose())
  } finally {
    await host.close()
  }
}
