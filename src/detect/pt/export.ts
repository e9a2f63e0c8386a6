// The way back: a detector of ours as a checkpoint that YOLOv5 loads. The classes are referred to by their public names;
// nothing of YOLOv5 is in here or in the file.
import { PtUnsupportedError, WeightShapeError } from '../../base/index.ts'
import { known, Scope, type Weights, type WeightTensor } from '../../nn/index.ts'
import { writeZip } from '../archive/zip.ts'
import { buildDetector } from '../model/build.ts'
import type { ModelDefinition, ModelLayer } from '../model/definition.ts'
import { type Activation, imageSide, type ModuleName, modules } from '../modules/index.ts'
import { type PyObject, type PyValue, pickle } from './pickle.ts'
import {
  batchNorm2d,
  type ConvGeometry,
  conv2d,
  type ModuleParts,
  maxPool2d,
  moduleList,
  TensorWriter,
  torchModule,
  upsampleAttributes,
} from './torch-layers.ts'

/** What is written. A `DetectorFile` is one. */
export interface ExportedDetector {
  readonly definition: ModelDefinition
  readonly weights: Weights
  /** Class names by class number. */
  readonly names: readonly string[]
  /** Side of the images it was trained on, pixels. */
  readonly imagePx: number
}

export interface ExportPtOptions {
  /** Precision of the weights: half as in the files that YOLOv5's own trainings end with (default), or float32. */
  readonly dtype?: 'float16' | 'float32'
  /** Noted in the file. Now, if left out. */
  readonly date?: Date
}

/**
 * A checkpoint for YOLOv5 (made for v6.0 to v7.0, tested with the package yolov5 7.0.14): `train.py --weights`, `val.py`, `detect.py`
 * and `export.py` take it as one of their own, stripped of its optimizer. Anchors stay float32.
 *
 * @returns bytes of a `.pt` file
 * @throws {@link WeightShapeError} if the weights do not fit the model, {@link PtHalfRangeError},
 * {@link PtUnsupportedError} for models of Darknet
 */
export function exportPt(detector: ExportedDetector, options: ExportPtOptions = {}): Uint8Array {
  const { imagePx } = detector
  const tensors = new TensorWriter((options.dtype ?? 'float16') === 'float16')
  const model = new ModelWriter(detector, tensors).model()
  const checkpoint = new Map<PyValue, PyValue>([
    ['epoch', -1],
    ['best_fitness', null],
    ['model', model],
    ['ema', null],
    ['updates', null],
    ['optimizer', null],
    ['opt', new Map([['imgsz', imagePx]])],
    ['date', (options.date ?? new Date()).toISOString()],
  ])
  const root = 'archive'
  return writeZip([
    [`${root}/data.pkl`, pickle(checkpoint)],
    ...tensors.contents.map((content, key) => [`${root}/data/${key}`, content] as const),
    [`${root}/version`, Buffer.from('3\n')],
  ])
}

/** Where an activation stands among the arguments of a row, by module: after the first, [input, output, …]. */
const activationArgument: Partial<Record<ModuleName, number>> = { Conv: 6, DWConv: 4, Focus: 5, GhostConv: 4 }

class ModelWriter {
  private readonly geometry: ReadonlyMap<string, ConvGeometry>
  private readonly activation: PyObject

  constructor(
    private readonly detector: ExportedDetector,
    private readonly tensors: TensorWriter,
  ) {
    const { shapes, geometry } = readGraph(detector.definition)
    for (const [name, shape] of shapes) {
      const found = detector.weights.get(name)
      if (found?.shape.join() !== shape.join()) throw new WeightShapeError(name, shape, found?.shape)
    }
    this.geometry = geometry
    this.activation = activationModule(activationOf(detector.definition))
  }

  /** The whole network. */
  model(): PyObject {
    const { definition, names } = this.detector
    const { layers, yaml, classes, strides } = definition
    const sources = layers.flatMap(({ index, from, shownFrom }) =>
      (typeof shownFrom === 'number' ? [shownFrom] : shownFrom).flatMap((shown, i) =>
        shown === -1 ? [] : [[index, from[i]!]],
      ),
    )
    const save = [...new Set(sources.map(([, source]) => source!))]
      .filter((source) => source >= 0)
      .sort((a, b) => a - b)
    // `Model` is what v6.0 has; v7.0 keeps that name for its DetectionModel. All take a list of names.
    return torchModule('models.yolo.Model', {
      children: [
        [
          'model',
          moduleList(
            'Sequential',
            layers.map((layer) => this.row(layer)),
          ),
        ],
      ],
      attributes: [
        ['yaml', toPython({ ...yaml, ch: 3 })],
        ['save', save],
        ['names', [...names]],
        ['nc', classes],
        ['inplace', true],
        ['stride', this.tensors.exact([strides.length], Float32Array.from(strides))],
      ],
    })
  }

  /** A row of the yaml: one module, or several in a chain. */
  private row(layer: ModelLayer): PyObject {
    const { index, module, shownFrom, repeats } = layer
    const { source } = this.detector.definition
    if (!isModuleName(module))
      throw new PtUnsupportedError(
        source,
        module,
        `a model of Darknet has no form as a checkpoint of YOLOv5 (${source}).`,
      )
    const prefix = `model.${index}`
    const chained = repeats > 1 && !repeatsInside.has(module)
    const className = module === 'nn.Upsample' ? upsample : module === 'Detect' ? detect : `models.common.${module}`
    const parts = chained ? undefined : this.parts(module, layer, prefix)
    const from = Array.isArray(shownFrom) && module !== 'Concat' && module !== 'Detect' ? shownFrom[0]! : shownFrom
    const facts: ModuleParts['attributes'] = [
      ['i', index],
      ['f', from as number | readonly number[]],
      ['type', className],
      ['np', this.parameterCount(`${prefix}.`)],
    ]
    if (parts) return torchModule(className, { ...parts, attributes: [...(parts.attributes ?? []), ...facts] })
    const chain = Array.from({ length: repeats }, (_, i) =>
      torchModule(className, this.parts(module, layer, `${prefix}.${i}`)),
    )
    return torchModule('torch.nn.modules.container.Sequential', {
      children: chain.map((one, i) => [String(i), one] as const),
      attributes: facts,
    })
  }

  /** What is inside of a module, by its kind. */
  private parts(module: ModuleName, { layer, repeats }: ModelLayer, prefix: string): ModuleParts {
    const { shownArgs } = layer
    const at = activationArgument[module]
    const active = at === undefined || shownArgs[at + 1] !== false
    const conv = (name: string) => [name, this.conv(`${prefix}.${name}`, active)] as const
    switch (module) {
      case 'Conv':
      case 'DWConv':
        return this.convParts(prefix, active)
      case 'Focus':
        return { children: [conv('conv')] }
      case 'GhostConv':
        return { children: [conv('cv1'), conv('cv2')] }
      case 'Bottleneck':
        return this.bottleneckParts(prefix, (shownArgs[2] ?? true) as boolean)
      case 'C3':
        return { children: [conv('cv1'), conv('cv2'), conv('cv3'), this.chain(prefix, shownArgs, repeats)] }
      case 'BottleneckCSP': {
        const bare = (name: string) => [name, this.bareConv(`${prefix}.${name}`)] as const
        return {
          children: [
            conv('cv1'),
            bare('cv2'),
            bare('cv3'),
            conv('cv4'),
            ['bn', batchNorm2d(this.tensors, `${prefix}.bn`, this.get)],
            ['act', activationModule({ kind: 'SiLU' })],
            this.chain(prefix, shownArgs, repeats),
          ],
        }
      }
      case 'SPP': {
        const windows = (shownArgs[2] ?? [5, 9, 13]) as readonly number[]
        return { children: [conv('cv1'), conv('cv2'), ['m', moduleList('ModuleList', windows.map(maxPool2d))]] }
      }
      case 'SPPF':
        return { children: [conv('cv1'), conv('cv2'), ['m', maxPool2d((shownArgs[2] ?? 5) as number)]] }
      case 'Concat':
        return { attributes: [['d', 1]] }
      case 'nn.Upsample':
        return { attributes: upsampleAttributes(shownArgs[1] as number)! }
      case 'Detect':
        return this.detectParts(prefix)
    }
  }

  private convParts(prefix: string, active: boolean): ModuleParts {
    return {
      children: [
        ['conv', this.bareConv(`${prefix}.conv`)],
        ['bn', batchNorm2d(this.tensors, `${prefix}.bn`, this.get)],
        ['act', active ? this.activation : activationModule({ kind: 'Identity' })],
      ],
    }
  }

  private conv(prefix: string, active = true): PyObject {
    return torchModule('models.common.Conv', this.convParts(prefix, active))
  }

  private bareConv(prefix: string): PyObject {
    const bias = this.detector.weights.get(`${prefix}.bias`)
    return conv2d(this.tensors, prefix, this.get(`${prefix}.weight`), bias, this.geometry.get(`${prefix}.weight`)!)
  }

  private bottleneckParts(prefix: string, shortcut: boolean): ModuleParts {
    const into = this.get(`${prefix}.cv1.conv.weight`).shape[1]
    const out = this.get(`${prefix}.cv2.conv.weight`).shape[0]
    return {
      children: [
        ['cv1', this.conv(`${prefix}.cv1`)],
        ['cv2', this.conv(`${prefix}.cv2`)],
      ],
      attributes: [['add', shortcut && into === out]],
    }
  }

  /** The bottlenecks inside of a cross-stage block. */
  private chain(prefix: string, shownArgs: readonly unknown[], repeats: number): readonly [string, PyObject] {
    // [input, output, repeats, shortcut, …]
    const shortcut = (shownArgs[3] ?? true) as boolean
    const bottlenecks = Array.from({ length: repeats }, (_, i) =>
      torchModule('models.common.Bottleneck', this.bottleneckParts(`${prefix}.m.${i}`, shortcut)),
    )
    return ['m', moduleList('Sequential', bottlenecks)]
  }

  private detectParts(prefix: string): ModuleParts {
    const { definition } = this.detector
    const { classes, strides, anchorsPerLevel, anchorsPx } = definition
    const levels = strides.length
    const grid = Float32Array.from(anchorsPx.flatMap((level, i) => level.map((px) => px / strides[i]!)))
    const empty = () => Array.from({ length: levels }, () => this.tensors.exact([0], new Float32Array(0)))
    return {
      buffers: [['anchors', this.tensors.exact([levels, anchorsPerLevel, 2], grid)]],
      children: [
        [
          'm',
          moduleList(
            'ModuleList',
            strides.map((_, level) => this.bareConv(`${prefix}.m.${level}`)),
          ),
        ],
      ],
      attributes: [
        ['nc', classes],
        ['no', 5 + classes],
        ['nl', levels],
        ['na', anchorsPerLevel],
        // Filled by the first image.
        ['grid', empty()],
        ['anchor_grid', empty()],
        ['inplace', true],
        ['stride', this.tensors.exact([levels], Float32Array.from(strides))],
      ],
    }
  }

  private readonly get = (name: string): WeightTensor => this.detector.weights.get(name)!

  private parameterCount(prefix: string): number {
    let count = 0
    for (const [name, { data }] of this.detector.weights)
      if (name.startsWith(prefix) && /\.(weight|bias)$/.test(name)) count += data.length
    return count
  }
}

const isModuleName = (name: string): name is ModuleName => Object.hasOwn(modules, name)

const upsample = 'torch.nn.modules.upsampling.Upsample'
const detect = 'models.yolo.Detect'
/** Modules whose repeats are inside of them. */
const repeatsInside = new Set<ModuleName>(['C3', 'BottleneckCSP'])

/** Which weights a model has, and how each convolution moves: read off its graph. */
function readGraph(definition: ModelDefinition) {
  const scope = Scope.train()
  buildDetector(scope, definition, scope.image('image', 1, imageSide, imageSide))
  const geometry = new Map<string, ConvGeometry>()
  for (const { op, inputs, attributes } of scope.graph.nodes)
    if (op.name === 'Conv' || op.name === 'ConvBias')
      geometry.set((inputs[1]!.node.attributes as { name: string }).name, attributes as ConvGeometry)
  const shapes = scope.declarations.map(({ name, shape }) => [name, shape.map(known)] as const)
  return { shapes, geometry }
}

/** The activation of a model, as its yaml says it. */
function activationOf({ yaml }: ModelDefinition): Activation {
  const [, kind = 'SiLU', slope] = /^nn\.(\w+)\(\D*([\d.]+)?/.exec(yaml.activation ?? '') ?? []
  return kind === 'LeakyReLU'
    ? { kind, slope: slope === undefined ? 0.01 : Number(slope) }
    : { kind: kind as 'SiLU' | 'ReLU' | 'Identity' }
}

function activationModule(activation: Activation): PyObject {
  if (activation.kind === 'Identity') return torchModule('torch.nn.modules.linear.Identity')
  const slope = activation.kind === 'LeakyReLU' ? [['negative_slope', activation.slope] as const] : []
  return torchModule(`torch.nn.modules.activation.${activation.kind}`, { attributes: [...slope, ['inplace', true]] })
}

/** Plain data as Python has it. */
function toPython(value: unknown): PyValue {
  if (Array.isArray(value)) return value.map(toPython)
  if (typeof value === 'object' && value !== null)
    return new Map(Object.entries(value).map(([key, entry]) => [key, toPython(entry)]))
  return value as PyValue
}
