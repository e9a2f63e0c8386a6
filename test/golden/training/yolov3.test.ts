// YOLOv3 (yolov3 v8, Darknet cfgs): cfg and weights files, forward, loss, gradients, running statistics, burn-in steps,
// suppression, overlap, figures.
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { exportCfg, exportDarknet, parseCfgModel, readDarknetWeights } from '../../../src/detect/darknet/index.ts'
import { families } from '../../../src/detect/family.ts'
import { loadHyp } from '../../../src/detect/hyp.ts'
import {
  detectionLoss,
  generalisedIou,
  type LossGeometry,
  lossFeeds,
  matchByOverlap,
  matchCapacity,
  matchCount,
  sizeOverlap,
  yolov3Loss,
} from '../../../src/detect/loss/index.ts'
import {
  boxOutput,
  buildDetector,
  exportDetector,
  gridAnchors,
  imageInput,
  type ModelDefinition,
  summarise,
  unfoldHead,
} from '../../../src/detect/model/index.ts'
import { emaDecay } from '../../../src/detect/schedule.ts'
import { bboxIouXywh, classMetrics, detectionLossReference, nonMaxSuppression } from '../../../src/detect/val/index.ts'
import {
  compile,
  Graph,
  gradients,
  openModel,
  probeBlockSize,
  readSafetensors,
  reduceSum,
  Scope,
  TrainState,
  TrainStep,
  type Weights,
} from '../../../src/nn/index.ts'
import { golden, readReferenceJson, referenceFiles, referencePath } from '../reference.ts'
import { float32, numbers, readTensors } from '../tensors.ts'

const folder = 'training/yolov3'
type HypValues = Record<string, number>

interface Case {
  name: string
  nc: number
  img_size: number
  hyp_effective: HypValues
  parameters: number
  head_bias_init: Record<string, number[]>
  yolo_layers: { stride: number; anchors_px: [number, number][] }[]
  nms_args: { conf_thres: number; iou_thres: number; multi_label: boolean; merge: boolean }
  param_groups: Record<string, string[]>
  weights_header: { seen_int64: number }
  run: {
    epochs: number
    nb: number
    batch_size: number
    n_burn: number
    iterations: {
      ni: number
      gr: number
      lr: [number, number, number]
      weight_decay: [number, number, number]
      momentum: [number, number, number]
      accumulate: number
      items_giou_obj_cls_total: number[]
      stepped: boolean
    }[]
  }
  loss_cases: { name: string; file: string; hyp: HypValues; gr: number; loss: number; items: number[] }[]
}

const readCases = (): Case[] =>
  referenceFiles(folder, /^cases\.json$/).length > 0
    ? readReferenceJson<{ cases: Case[] }>(`${folder}/cases.json`).cases
    : []
const has = (file: string) => referenceFiles(folder, /./).includes(file)
const load = (file: string): Weights =>
  readSafetensors(readFileSync(referencePath(`${folder}/${file}.safetensors`))).weights
const definitionOf = ({ name }: Case): ModelDefinition =>
  parseCfgModel(readFileSync(referencePath(`${folder}/${name}.cfg`), 'utf8'), `${name}.cfg`)

const isStatistic = (name: string) => name.endsWith('num_batches_tracked')

golden(folder, 'cfg and weights files', readCases, (cases) => {
  describe.each(cases)('$name', (one) => {
    const definition = definitionOf(one)

    it('has the parameters, strides and anchors of the original', () => {
      expect(summarise(definition).parameters).toBe(one.parameters)
      expect(definition.classes).toBe(one.nc)
      expect(definition.strides).toEqual(one.yolo_layers.map(({ stride }) => stride))
      expect(definition.anchorsPx).toEqual(one.yolo_layers.map(({ anchors_px }) => anchors_px.flat()))
    })

    it('puts the parameters into the three groups', () => {
      const scope = Scope.train()
      buildDetector(scope, definition, scope.image('image', 1, 64, 64))
      const groups = { norm: '0_bn_weights_no_decay', decayed: '1_conv_weights_decay', bias: '2_biases' }
      for (const [group, title] of Object.entries(groups)) {
        const names = scope.declarations.filter((each) => each.group === group).map(({ name }) => name)
        expect(names.sort()).toEqual(one.param_groups[title]!.toSorted())
      }
    })

    it('begins with the same prior in the head biases', () => {
      const { object, oneClass } = families.yolov3.priors(32, one.nc)
      // On top of PyTorch's default, uniform within 1 / sqrt(fan-in).
      for (const values of Object.values(one.head_bias_init))
        for (const [i, value] of values.entries()) {
          const column = i % (5 + one.nc)
          const prior = column < 4 ? 0 : column === 4 ? object : oneClass
          expect(Math.abs(value - prior)).toBeLessThan(0.36)
        }
    })

    it.runIf(has(`${one.name}.weights`))('reads the .weights file and writes it byte for byte', () => {
      const bytes = readFileSync(referencePath(`${folder}/${one.name}.weights`))
      const { weights, convolutions, total, seen } = readDarknetWeights(bytes, 'x.weights', [definition])
      expect(convolutions).toBe(total)
      expect(seen).toBe(one.weights_header.seen_int64)
      const expected = load(`${one.name}_state`)
      expect([...weights.keys()].sort()).toEqual([...expected.keys()].filter((name) => !isStatistic(name)).sort())
      for (const [name, { shape, data }] of weights) {
        expect(shape).toEqual(expected.get(name)!.shape)
        expect(data).toEqual(expected.get(name)!.data)
      }
      expect(Buffer.from(exportDarknet({ definition, weights }, seen)).equals(bytes)).toBe(true)
      const again = parseCfgModel(exportCfg(definition), 'again.cfg')
      expect({ ...again, source: '', yaml: '', layers: [] }).toEqual({
        ...definition,
        source: '',
        yaml: '',
        layers: [],
      })
    })
  })
})

const withIo = () => readCases().filter(({ name }) => has(`${name}_io.safetensors`))

golden(folder, 'forward, backward, suppression', withIo, (cases) => {
  let block: 8 | 16 | undefined
  beforeAll(async () => {
    block = await probeBlockSize()
  })

  describe.each(cases)('$name', (one) => {
    const definition = definitionOf(one)
    const io = load(`${one.name}_io`)
    const state = load(`${one.name}_state`)

    it('evaluates and decodes as the original', async () => {
      const [batch, , height, width] = io.get('input')!.shape as [number, number, number, number]
      const session = await openModel(exportDetector(definition, state, { heads: true }))
      const output = await session.run({
        [imageInput]: { dtype: 'float32', data: io.get('input')!.data, shape: [batch, 3, height, width] },
      })
      await session.dispose()
      for (const level of definition.strides.keys())
        expectOfLargest(
          output[`head${level}`]!.data as Float32Array,
          io.get(`eval_raw${level}`)!.data,
          1e-4,
          `raw${level}`,
        )
      const decoded = io.get('eval_decoded')!
      expect(output[boxOutput]!.shape).toEqual(decoded.shape)
      expectOfLargest(output[boxOutput]!.data as Float32Array, decoded.data, 1e-4, 'decoded')
    })

    it('suppresses and merges as the original', () => {
      const { data, shape } = io.get('eval_decoded')!
      const [batch, rows, columns] = shape as [number, number, number]
      const { conf_thres: confidence, iou_thres: iou, multi_label: multiLabel, merge } = one.nms_args
      const options = { confidence, iou, multiLabel, merge, sidePx: [2, 4096], maxDetections: 30_000 } as const
      const images = nonMaxSuppression({ data, batch, rows, columns }, options)
      for (const [image, boxes] of images.entries()) {
        const expected = io.get(`nms${image}`)!
        expect(boxes.length).toBe(expected.data.length)
        expectOfLargest(boxes, expected.data, 1e-5, `nms${image}`)
      }
    })

    it.each(['plain', 'blocked'] as const)('trains forward and backward as the original (%s)', async (layout) => {
      if (layout === 'blocked' && block === undefined) return
      const imageLayout =
        layout === 'blocked' ? { kind: 'blocked' as const, block: block! } : { kind: 'plain' as const }
      const { geometry, feeds } = prepare(one, definition, io)
      const scope = Scope.train(new Graph(), imageLayout)
      const heads = buildDetector(scope, definition, scope.graph.input('image', io.get('input')!.shape))
      const { items } = detectionLoss(scope.graph, heads, geometry, yolov3Loss)
      const loss = reduceSum(items) // without the factor batch / 64
      const parameters = [...scope.parameters]
      const raw = heads.map((head) => unfoldHead(head, definition))
      const slopes = gradients(
        loss,
        parameters.map(([, tensor]) => tensor),
      )
      const session = await compile(scope.graph, [items, ...raw, ...slopes], layout === 'blocked' ? { block } : {})
      const results = await session.run({
        ...Object.fromEntries(
          [...state].filter(([name]) => !isStatistic(name)).map(([name, { data }]) => [name, data]),
        ),
        ...feeds,
        image: io.get('input')!.data, // no bytes: random numbers
      })
      await session.dispose()
      const values = results.map(({ data }) => data as Float32Array)
      for (const [i, value] of [...values[0]!].entries())
        expectRelative(value, io.get('loss_items_giou_obj_cls_total')!.data[i]!, 1e-5)
      for (const [level] of raw.entries())
        expectOfLargest(values[1 + level]!, io.get(`train_raw${level}`)!.data, 1e-4, `raw${level}`)
      const wanted = load(`${one.name}_grads`)
      for (const [name, { data }] of wanted) {
        const index = parameters.findIndex(([parameter]) => parameter === name)
        expectOfLargest(values[1 + raw.length + index]!, data, 5e-4, name)
      }
      expect(wanted.size).toBe(parameters.length)
    })

    it.each(['plain', 'blocked'] as const)('has the same running statistics after one forward (%s)', async (layout) => {
      if (layout === 'blocked' && block === undefined) return
      const { training, step, feeds } = await trainer(one, definition, layout)
      await step.run(feeds, { ...still, step: 0 })
      await step.dispose()
      const own = training.toWeights('model')
      for (const [name, { data }] of load(`${one.name}_bn_after_one_forward`))
        if (!isStatistic(name)) expectOfLargest(own.get(name)!.data, data, 1e-5, name)
    })

    it('scales the loss gains of its hyperparameters as the original', () => {
      const { giou, obj, cls } = one.hyp_effective as Record<'giou' | 'obj' | 'cls', number>
      const gains = families.yolov3.gains(loadHyp('yolov3@v8').hyp, one.yolo_layers.length, one.nc, one.img_size)
      expect(gains).toEqual({ box: giou, obj, cls: expect.closeTo(cls, 12) })
    })

    it.each(['plain', 'blocked'] as const)('ends its burn-in steps with the same weights (%s)', async (layout) => {
      if (layout === 'blocked' && block === undefined) return
      const { training, step, feeds, geometry, matched } = await trainer(one, definition, layout)
      const { epochs, nb, batch_size: batchSize, n_burn, iterations } = one.run
      const schedule = families.yolov3.schedule({
        epochs,
        batches: nb,
        batchSize,
        cosLr: false,
        hyp: one.hyp_effective,
      })
      expect((schedule as unknown as { burnIn: number }).burnIn).toBe(n_burn)
      for (const wanted of iterations) {
        const now = schedule.at(wanted.ni)
        const { learningRate, momentum, weightDecay, overlapRatio } = now
        expectRelative(overlapRatio, wanted.gr, 1e-12)
        for (const [i, rate] of [learningRate.norm, learningRate.decayed, learningRate.bias].entries())
          expectRelative(rate, wanted.lr[i]!, 1e-12)
        expectRelative(momentum, wanted.momentum[0], 1e-12)
        expectRelative(weightDecay, wanted.weight_decay[1], 1e-12)
        expect(schedule.steps(wanted.ni, wanted.ni - 1)).toBe(wanted.stepped)
        const result = await step.run(
          { ...feeds, ...lossFeeds(matched, numbersOf(one.hyp_effective, overlapRatio, definition), geometry) },
          {
            step: 1,
            learningRate,
            momentum,
            weightDecay,
            emaDecay: emaDecay(training.updates + 1),
            maxNorm: families.yolov3.maxNorm,
          },
        )
        const [giou, obj, cls] = wanted.items_giou_obj_cls_total
        for (const [i, value] of [giou!, obj!, cls!].entries())
          expectRelative(result.outputs['items']![i]!, value, wanted.ni === 0 ? 1e-5 : 1e-4)
      }
      await step.dispose()
      for (const [which, file] of [
        ['model', 'run_weights'],
        ['ema', 'run_ema'],
      ] as const) {
        if (!has(`${one.name}_${file}.safetensors`)) continue
        const own = training.toWeights(which)
        for (const [name, { data }] of load(`${one.name}_${file}`))
          if (!isStatistic(name)) expectOfLargest(own.get(name)!.data, data, 1e-4, `${file} ${name}`)
      }
    })
  })
})

interface LossCase {
  one: Case
  loss: Case['loss_cases'][number]
}

const readLossCases = (): LossCase[] =>
  readCases().flatMap((one) => one.loss_cases.filter(({ file }) => has(file)).map((loss) => ({ one, loss })))

golden(folder, 'loss', readLossCases, (cases) => {
  it.each(cases.map((each) => [each.loss.file, each] as const))('%s', async (_, { one, loss: wanted }) => {
    const tensors = readTensors(`${folder}/${wanted.file}`)
    const definition = definitionOf(one)
    const targets = float32(tensors, 'targets')
    const shapes = definition.strides.map((_, level) => tensors.get(`p${level}`)!.shape)
    const anchors = gridAnchors(definition)
    const levels = shapes.map(([, , ny, nx], level) => ({ ny: ny!, nx: nx!, anchors: anchors[level]! }))
    const matched = matchByOverlap(targets, levels, wanted.hyp['iou_t']!)
    for (const [level, rows] of matched.entries()) {
      const column = (name: string) => numbers(tensors, `bt${level}_${name}`)
      expect(Array.from(rows.image)).toEqual(column('image'))
      expect(Array.from(rows.anchor)).toEqual(column('anchor'))
      expect(Array.from(rows.gridY)).toEqual(column('gj'))
      expect(Array.from(rows.gridX)).toEqual(column('gi'))
      expect(Array.from(rows.classes)).toEqual(column('tcls'))
      expectOfLargest(rows.boxes, float32(tensors, `bt${level}_tbox`), 1e-6, 'tbox')
      expectOfLargest(rows.anchorSizes, float32(tensors, `bt${level}_anchor_wh`), 1e-6, 'anchor_wh')
    }
    const batch = shapes[0]![0]!
    const geometry: LossGeometry = {
      batch,
      classes: definition.classes,
      anchorsPerLevel: definition.anchorsPerLevel,
      levels,
      capacity: matchCapacity(matchCount(matched)),
      focal: wanted.hyp['fl_gamma']! > 0,
    }
    const graph = new Graph()
    const heads = levels.map(({ ny, nx }, level) =>
      graph.input(`p${level}`, [batch, definition.anchorsPerLevel * (5 + definition.classes), ny, nx]),
    )
    const { items } = detectionLoss(graph, heads, geometry, yolov3Loss)
    const unfolded = gradients(reduceSum(items), heads).map((head) => unfoldHead(head, definition))
    const session = await compile(graph, [items, ...unfolded], {})
    const raw = definition.strides.map((_, level) => float32(tensors, `p${level}`))
    const results = await session.run({
      ...Object.fromEntries(raw.map((data, level) => [`p${level}`, foldHead(data, shapes[level]!)])),
      ...lossFeeds(matched, numbersOf(wanted.hyp, wanted.gr, definition), geometry),
    })
    await session.dispose()
    const values = results.map(({ data }) => data as Float32Array)
    for (const [i, value] of [...values[0]!].entries()) expectRelative(value, wanted.items[i]!, 1e-5)
    for (const level of definition.strides.keys())
      expectOfLargest(values[1 + level]!, float32(tensors, `dp${level}`), 1e-5, `dp${level}`)

    // The same in plain numbers, as validation reports it (there the overlap counts in full).
    if (wanted.gr !== 1) return
    const value = detectionLossReference(
      raw.map((data, level) => ({ data, shape: shapes[level]! })),
      matched,
      {
        box: wanted.hyp['giou']!,
        obj: wanted.hyp['obj']!,
        cls: wanted.hyp['cls']!,
        objPw: wanted.hyp['obj_pw']!,
        clsPw: wanted.hyp['cls_pw']!,
        flGamma: wanted.hyp['fl_gamma']!,
        labelSmoothing: 0,
        form: yolov3Loss,
      },
    )
    for (const [i, term] of [value.box, value.obj, value.cls].entries()) expectRelative(term, wanted.items[i]!, 1e-5)
  })
})

golden(
  folder,
  'overlap',
  () => referenceFiles(folder, /^iou_v8\.safetensors$/),
  ([file]) => {
    it('agrees for all pairs', async () => {
      const tensors = readTensors(`${folder}/${file}`)
      const a = float32(tensors, 'box1_xywh')
      const b = float32(tensors, 'box2_xywh')
      const count = a.length / 4
      for (const kind of ['iou', 'giou', 'diou', 'ciou'] as const) {
        const expected = float32(tensors, kind)
        for (let i = 0; i < count; i++) {
          const own = bboxIouXywh(a.subarray(4 * i, 4 * i + 4), b.subarray(4 * i, 4 * i + 4), kind)
          expect(Math.abs(own - expected[i]!), `${kind} ${i}`).toBeLessThan(2e-6)
        }
      }
      const graph = new Graph()
      const inputs = ['xy', 'wh', 'txy', 'twh'].map((name) => graph.input(name, [count, 2]))
      const session = await compile(graph, [generalisedIou(inputs[0]!, inputs[1]!, inputs[2]!, inputs[3]!)], {})
      const half = (boxes: Float32Array, at: number) =>
        Float32Array.from({ length: 2 * count }, (_, i) => boxes[4 * (i >> 1) + at + (i & 1)]!)
      const [result] = await session.run({ xy: half(a, 0), wh: half(a, 2), txy: half(b, 0), twh: half(b, 2) })
      await session.dispose()
      expectOfLargest(result!.data as Float32Array, float32(tensors, 'giou'), 2e-6, 'giou')
      const { shape, data } = tensors.get('wh_iou')!
      const [rows, columns] = shape as [number, number]
      expect([rows, columns].every((length) => length > 0)).toBe(true)
      // Sizes of the first boxes against those of the second.
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++) {
          const own = sizeOverlap(a[4 * i + 2]!, a[4 * i + 3]!, b[4 * j + 2]!, b[4 * j + 3]!)
          expect(Math.abs(own - Number(data[i * columns + j]))).toBeLessThan(1e-6)
        }
    })
  },
)

interface Figures {
  tp: number[][]
  conf: number[]
  pred_cls: number[]
  target_cls: number[]
  p: number[][]
  r: number[][]
  ap: number[][]
  f1: number[][]
  classes: number[]
}

golden(
  folder,
  'precision, recall, AP, F1',
  () =>
    referenceFiles(folder, /^ap_per_class_v8\.json$/).flatMap((file) => {
      const content = readReferenceJson<Figures | Figures[]>(`${folder}/${file}`)
      return Array.isArray(content) ? content : [content]
    }),
  (cases) => {
    it.each(cases.map((each, i) => [i, each] as const))(
      'case %i',
      (_, { tp, conf, pred_cls, target_cls, ...wanted }) => {
        const marked = {
          correct: Uint8Array.from(tp.flat()),
          confidence: conf,
          predicted: pred_cls,
          actual: target_cls,
        }
        const own = classMetrics(marked, tp[0]!.length, families.yolov3.validation.figures)
        expect(own.classes).toEqual(wanted.classes)
        for (const k of wanted.classes.keys()) {
          expect(own.precision[k]).toBeCloseTo(wanted.p[k]![0]!, 12)
          expect(own.recall[k]).toBeCloseTo(wanted.r[k]![0]!, 12)
          expect(own.f1[k]).toBeCloseTo(wanted.f1[k]![0]!, 12)
          expect(own.ap[k]![0]).toBeCloseTo(wanted.ap[k]![0]!, 12)
        }
      },
    )
  },
)

// ---- helpers

const still = {
  step: 1,
  learningRate: { bias: 0, decayed: 0, norm: 0 },
  momentum: 0,
  weightDecay: 0,
  emaDecay: 1,
  maxNorm: 10,
} as const

function numbersOf(hyp: HypValues, overlapRatio: number, { strides }: ModelDefinition) {
  return {
    gains: { box: hyp['giou']!, obj: hyp['obj']!, cls: hyp['cls']! },
    clsPositiveWeight: hyp['cls_pw']!,
    objPositiveWeight: hyp['obj_pw']!,
    focalGamma: hyp['fl_gamma']!,
    labelSmoothing: 0,
    balance: yolov3Loss.balance(strides.length),
    overlapRatio,
  }
}

function prepare({ hyp_effective: hyp }: Case, definition: ModelDefinition, io: Weights) {
  const [batch, , height, width] = io.get('input')!.shape as [number, number, number, number]
  const anchors = gridAnchors(definition)
  const levels = definition.strides.map((stride) => ({ ny: height / stride, nx: width / stride }))
  const matched = yolov3Loss.match(
    io.get('targets')!.data,
    levels.map((level, i) => ({ ...level, anchors: anchors[i]! })),
    hyp['iou_t']!,
  )
  const geometry: LossGeometry = {
    batch,
    classes: definition.classes,
    anchorsPerLevel: definition.anchorsPerLevel,
    levels,
    capacity: matchCapacity(matchCount(matched)),
    focal: hyp['fl_gamma']! > 0,
  }
  const feeds = lossFeeds(matched, numbersOf(hyp, 1, definition), geometry)
  return { geometry, matched, feeds }
}

async function trainer(one: Case, definition: ModelDefinition, layout: 'plain' | 'blocked') {
  const io = load(`${one.name}_io`)
  const { geometry, matched, feeds } = prepare(one, definition, io)
  const start = new Map([...load(`${one.name}_state`)].filter(([name]) => !isStatistic(name)))
  const training = new TrainState().load(start)
  const step = await TrainStep.create({
    state: training,
    layout,
    build(scope) {
      const heads = buildDetector(scope, definition, scope.graph.input('image', io.get('input')!.shape))
      const { loss, items } = detectionLoss(scope.graph, heads, geometry, yolov3Loss)
      return { loss, outputs: { items } }
    },
  })
  return { training, step, geometry, matched, feeds: { ...feeds, image: io.get('input')!.data } }
}

/** [batch, anchors, ny, nx, columns] to [batch, anchors * columns, ny, nx]. */
function foldHead(data: Float32Array, [batch, anchors, ny, nx, columns]: readonly number[]): Float32Array {
  const planes = batch! * anchors!
  const cells = ny! * nx!
  const folded = new Float32Array(data.length)
  for (let plane = 0; plane < planes; plane++)
    for (let cell = 0; cell < cells; cell++)
      for (let column = 0; column < columns!; column++)
        folded[(plane * columns! + column) * cells + cell] = data[(plane * cells + cell) * columns! + column]!
  return folded
}

function expectRelative(value: number, expected: number, tolerance: number): void {
  expect(Math.abs(value - expected)).toBeLessThanOrEqual(tolerance * Math.max(Math.abs(expected), 1e-3))
}

function expectOfLargest(values: Float32Array, expected: Float32Array, tolerance: number, title: string): void {
  expect(values.length, title).toBe(expected.length)
  let largest = 1e-8
  let worst = 0
  for (const [i, value] of expected.entries()) {
    largest = Math.max(largest, Math.abs(value))
    worst = Math.max(worst, Math.abs(value - values[i]!))
  }
  expect(worst / largest, title).toBeLessThanOrEqual(tolerance)
}
