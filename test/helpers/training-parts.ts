// What a training computes with given hyperparameters, part by part, each part on the same input whatever the others give.
import { createHash } from 'node:crypto'
import { NumpyRandom, PythonRandom, type Random, randomFor } from '../../src/base/index.ts'
import { checkAnchors } from '../../src/detect/anchors/index.ts'
import { augmentedItem, type ItemSource } from '../../src/detect/data/item.ts'
import { packImage } from '../../src/detect/data/layout.ts'
import { Scratch } from '../../src/detect/data/scratch.ts'
import type { TrainBatch } from '../../src/detect/data/types.ts'
import { families, type HypValues, type TrainSchedule } from '../../src/detect/family.ts'
import { initialWeights, type ModelDefinition, withAnchors } from '../../src/detect/model/index.ts'
import type { TrainOptions } from '../../src/detect/train/options.ts'
import { TrainProgram, trialOf } from '../../src/detect/train/program.ts'
import type { StepScalars, Weights } from '../../src/nn/index.ts'
import { noise } from './data-set.ts'

const groups = ['weights', 'norms', 'biases'] as const

/** All that is looked at. */
export type Part =
  // Items of the loader
  | 'draws'
  | 'images'
  | 'labels'
  // AutoAnchor
  | 'anchors'
  // A batch forward and backward: loss terms, and the gradient
  | 'box'
  | 'obj'
  | 'cls'
  | 'gradient'
  // The schedule, iteration by iteration
  | 'rate'
  | 'bias rate'
  | 'momentum'
  | 'weight decay'
  | 'accumulation'
  | 'overlap'
  // One update of each group of weights in warm-up, one behind it; and two
  | `warm-up: ${(typeof groups)[number]}`
  | `later: ${(typeof groups)[number]}`
  | 'two updates'

export type Parts = Readonly<Record<Part, unknown>>

/** Settings besides the hyperparameters. */
export type Settings = Partial<Pick<TrainOptions, 'optimizer' | 'labelSmoothing' | 'accumulate'>>

const px = 64
const classes = 3
/** Ten epochs of fifty batches: warm-up of YOLOv5 ends at iteration 150, of YOLOv3 at 250. */
const length = { epochs: 10, batches: 50, batchSize: 16 }
const iterations = [0, 30, 90, 149, 200, 240, 260, 420, 499]
const [inWarmUp, afterIt] = [90, 420]

export class Laboratory {
  private readonly scratch = new Scratch()
  private readonly programs = new Map<string, TrainProgram>()

  /** @param model - of three classes; with the number of anchors per level, if the hyperparameters say one */
  constructor(
    private readonly model: (anchors: number | undefined) => ModelDefinition,
    private readonly usual: HypValues,
  ) {}

  async observe(hyp: HypValues, settings: Settings = {}): Promise<Parts> {
    const definition = this.definition(hyp)
    return {
      ...(await this.items(hyp)),
      anchors: definition.anchorsPx,
      ...(await this.loss(hyp, settings)),
      ...this.schedule(hyp, settings),
      ...(await this.updates(hyp, settings)),
    }
  }

  async close(): Promise<void> {
    for (const program of this.programs.values()) await program.dispose()
  }

  private definition(hyp: HypValues): ModelDefinition {
    const definition = this.model(hyp['anchors'])
    const { tellAnchors } = families[definition.family]
    if (tellAnchors) return definition // the cfg's stay
    const { anchorsPx, strides } = definition
    const threshold = hyp['anchor_t']!
    const checked = checkAnchors(labelledSizes(), {
      anchorsPx,
      strides,
      imagePx: px,
      threshold,
      random: randomFor(1, 0),
    })
    return withAnchors(definition, checked.anchorsPx)
  }

  private async items(hyp: HypValues): Promise<Pick<Parts, 'draws' | 'images' | 'labels'>> {
    const augment = families[this.model(undefined).family].augment(hyp)
    const draws: string[][] = []
    const images: string[] = []
    const labels: number[][] = []
    for (const index of [0, 1, 2]) {
      const { random, drawn } = recorded(index)
      const item = await augmentedItem(source, index, [px, px], augment, 4, random, this.scratch)
      const packed = new Uint8Array(3 * px * px)
      packImage(item.image, item.flip, { kind: 'plain' }, packed, 0, this.scratch)
      draws.push(drawn)
      images.push(digest(packed))
      labels.push(Array.from(item.rows))
    }
    return { draws, images, labels }
  }

  private async loss(hyp: HypValues, { labelSmoothing = 0 }: Settings) {
    // Anchors of AutoAnchor are a part of their own.
    const definition = hyp['anchors'] === undefined ? this.model(undefined) : this.definition(hyp)
    const program = this.program(definition, 'SGD')
    program.start(weightsOf(definition), weightsOf(definition))
    const trial = trialOf(definition, { hyp, labelSmoothing }, px)
    const { losses } = await program.run(batch, trial, { ...still, step: 0 })
    const [box, obj, cls] = losses
    return { box, obj, cls, gradient: digestOf(program.state.optimizerState().gradient!) }
  }

  private schedule(hyp: HypValues, settings: Settings) {
    const schedule = this.scheduleOf(hyp, settings)
    const all = iterations.map((iteration) => schedule.at(iteration))
    return {
      rate: all.map(({ learningRate }) => [learningRate.decayed, learningRate.norm]),
      'bias rate': all.map(({ learningRate }) => learningRate.bias),
      momentum: all.map(({ momentum }) => momentum),
      'weight decay': all.map(({ weightDecay }) => weightDecay),
      accumulation: all.map(({ accumulate }) => accumulate),
      overlap: all.map(({ overlapRatio }) => overlapRatio),
    }
  }

  private scheduleOf(hyp: HypValues, { optimizer = 'SGD', accumulate }: Settings): TrainSchedule {
    const { family } = this.model(undefined)
    return families[family].schedule({
      ...{ ...length, cosLr: false, optimizer, hyp },
      ...(accumulate !== undefined && { accumulate }),
    })
  }

  private async updates(hyp: HypValues, settings: Settings) {
    const definition = hyp['anchors'] === undefined ? this.model(undefined) : this.definition(hyp)
    const schedule = this.scheduleOf(hyp, settings)
    const program = this.program(definition, settings.optimizer ?? 'SGD')
    const { maxNorm } = families[definition.family]
    const trial = trialOf(definition, { hyp: this.usual, labelSmoothing: 0 }, px)
    const update = (iteration: number) => {
      const { learningRate, momentum, weightDecay } = schedule.at(iteration)
      return program.run(batch, trial, { learningRate, momentum, weightDecay, emaDecay: 0.9, maxNorm, step: 1 })
    }
    const once = async (name: 'warm-up' | 'later', iteration: number) => {
      program.start(weightsOf(definition), weightsOf(definition))
      await update(iteration)
      const after = program.state.toWeights('model')
      return groups.map((group) => [
        `${name}: ${group}`,
        digestOf(new Map([...after].filter(([weight]) => groupOf(weight) === group))),
      ])
    }
    const first = await once('warm-up', inWarmUp)
    const second = await once('later', afterIt)
    await update(afterIt + 1)
    return {
      ...(Object.fromEntries([...first, ...second]) as Record<Extract<Part, `${string}: ${string}`>, string>),
      'two updates': digestOf(program.state.toWeights('model')),
    }
  }

  /** With the focal factor, which a gamma of 0 switches off exactly: one graph for all. */
  private program(definition: ModelDefinition, optimizer: TrainOptions['optimizer']): TrainProgram {
    const options = {
      ...{ optimizer, frozen: [], focal: true, layout: 'plain' as const },
      runtime: { threads: 1, spinning: false },
    }
    const key = TrainProgram.key(definition, options)
    const program = this.programs.get(key) ?? new TrainProgram(definition, options)
    this.programs.set(key, program)
    return program
  }
}

const still: StepScalars = {
  ...{ step: 0, momentum: 0, weightDecay: 0, emaDecay: 0, maxNorm: 10 },
  learningRate: { bias: 0, decayed: 0, norm: 0 },
}

/** Which rules a weight is updated by. */
function groupOf(name: string): (typeof groups)[number] | undefined {
  if (/running_|num_batches/.test(name)) return undefined
  if (name.endsWith('.bias')) return 'biases'
  return /\.bn\.weight$|BatchNorm2d\.weight$/.test(name) ? 'norms' : 'weights'
}

const weightsOf = (definition: ModelDefinition): Weights => initialWeights(definition, 1)

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 16)

const digestOf = (weights: Weights) =>
  digest(Buffer.concat([...weights].map(([, { data }]) => Buffer.from(Float32Array.from(data).buffer))))

/** Random numbers that write down every draw: function, arguments, value. */
function recorded(seed: number): { random: Random; drawn: string[] } {
  const drawn: string[] = []
  const recording = <Stream extends object>(name: string, stream: Stream): Stream =>
    new Proxy(stream, {
      get: (target, property) => {
        const method = Reflect.get(target, property) as (...words: unknown[]) => unknown
        return (...words: unknown[]) => {
          const asked = JSON.stringify(words)
          const value = method.apply(target, words)
          drawn.push(`${name}.${String(property)}(${asked}) = ${JSON.stringify(value)}`)
          return value
        }
      },
    })
  return {
    drawn,
    random: {
      python: recording('python', new PythonRandom(seed + 1)),
      numpy: recording('numpy', new NumpyRandom(seed + 1)),
    },
  }
}

/** Four pictures, each with two objects and their polygons. */
const source: ItemSource = {
  length: 4,
  image: (index) => ({ data: noise(px, px - 8 * index, index), width: px, height: px - 8 * index }),
  rows: (index) => Float32Array.of(index % classes, 0.3, 0.4, 0.3, 0.4, (index + 1) % classes, 0.75, 0.7, 0.2, 0.3),
  polygons: () => [
    Float32Array.of(0.15, 0.2, 0.45, 0.2, 0.45, 0.6, 0.15, 0.6),
    Float32Array.of(0.65, 0.55, 0.85, 0.55, 0.85, 0.85, 0.65, 0.85),
  ],
}

/** Labels that the usual anchors fit. */
function labelledSizes() {
  const random = new PythonRandom(5)
  const count = 60
  const rows = Array.from({ length: count }, () => [0, 0.5, 0.5, random.uniform(0.2, 0.9), random.uniform(0.2, 0.9)])
  return {
    sizes: Int32Array.from({ length: 2 * count }, () => px),
    labels: Float32Array.from(rows.flat()),
    labelStart: Int32Array.from({ length: count + 1 }, (_, i) => i),
  }
}

/** Two pictures with seven objects of all classes. */
const batch: TrainBatch = {
  ...{ images: noise(px, 2 * px, 9), layout: { kind: 'plain' }, batch: 2, height: px, width: px },
  indices: Int32Array.of(0, 1),
  targets: Float32Array.from(
    [
      [0, 0, 0.3, 0.3, 0.2, 0.3],
      [0, 1, 0.6, 0.5, 0.4, 0.5],
      [0, 2, 0.8, 0.8, 0.15, 0.2],
      [0, 0, 0.2, 0.7, 0.3, 0.2],
      [1, 2, 0.5, 0.5, 0.8, 0.7],
      [1, 1, 0.25, 0.25, 0.2, 0.2],
      [1, 0, 0.7, 0.3, 0.35, 0.25],
    ].flat(),
  ),
}
