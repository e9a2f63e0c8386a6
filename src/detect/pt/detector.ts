// From a model in a PyTorch file to one of ours: its rows, anchors and activation, and whether we build it alike.
import { CheckpointError, PtFileError, PtUnsupportedError } from '../../base/index.ts'
import { BATCH_NORM_EPSILON, type Weights } from '../../nn/index.ts'
import { type ModelDefinition, type ModelYaml, parseModel } from '../model/definition.ts'
import { modulesOf, type PtCheckpoint, type PtModel, recordOf } from './checkpoint.ts'
import type { PlainValue } from './plain.ts'
import { withFileName } from './read.ts'
import { readTensor } from './tensor.ts'
import { PtRecord } from './values.ts'

/** A detector as a PyTorch file describes it. */
export interface PtDetector {
  readonly definition: ModelDefinition
  readonly weights: Weights
  /** Class names by class number. */
  readonly names: readonly string[]
  /** Side of the images it was trained on; 640, YOLOv5's default, if the file does not say. */
  readonly imagePx: number
  readonly epoch: number
}

/**
 * The detector of a checkpoint: its moving average if it has one.
 *
 * @throws {@link CheckpointError} if it has weights alone; {@link PtUnsupportedError} if it has parts that we do not build; the errors of `parseModel`
 */
export function detectorOf(checkpoint: PtCheckpoint, file: string): PtDetector {
  const { best, options, epoch } = checkpoint
  const yaml = modelYamlOf(best, file)
  if (!yaml)
    throw new CheckpointError(
      file,
      'it holds weights, but not of which model. Train with --cfg and --weights to use them.',
    )
  const definition = parseModel(yaml, file)
  return {
    definition,
    weights: best.weights(),
    names: namesOf(best, definition.classes),
    imagePx: imagePxOf(options),
    epoch: epoch ?? -1,
  }
}

/**
 * The rows of a model with the anchors and the activation that it really has, as `parseModel` takes them.
 *
 * @returns undefined if the file has weights alone
 * @throws {@link PtUnsupportedError}
 */
export function modelYamlOf(model: PtModel, file: string): ModelYaml | undefined {
  const { record } = model
  const yaml = recordOf(model.attribute('yaml'))
  if (!record || !yaml) return undefined
  const { nc, depth_multiple, width_multiple, anchors, activation = null, backbone, head } = yaml
  const rows = [backbone, head].flatMap((part) => (Array.isArray(part) ? (part as readonly PlainValue[]) : []))
  const named = rows.every((row) => Array.isArray(row) && typeof row[2] === 'string' && !holdsRecord(row))
  if (!named || (activation !== null && typeof activation !== 'string'))
    throw new PtFileError(file, 'the rows of its model are no rows of a model yaml.')
  const used = activationOf(record, file) ?? activation
  return {
    nc,
    depth_multiple,
    width_multiple,
    anchors: anchorsPxOf(model, file) ?? anchors,
    ...(used !== null && { activation: used }),
    backbone,
    head,
  } as unknown as ModelYaml
}

/** Whether there is a dictionary in it; how deep lists may be, `toPlain` has said. */
const holdsRecord = (value: PlainValue): boolean =>
  Array.isArray(value) ? value.some(holdsRecord) : typeof value === 'object' && value !== null

/**
 * The anchors that the head uses, in pixels: AutoAnchor writes its own into the head, not into the yaml. The file has
 * them divided by the stride of their level.
 */
function anchorsPxOf(model: PtModel, file: string): number[][] | undefined {
  const strides = model.attribute('stride')
  const found = [...model.tensors()].filter(([name]) => /^model\.\d+\.anchors$/.test(name))
  if (found.length !== 1 || !Array.isArray(strides)) return undefined
  const [[, tensor]] = found as [(typeof found)[0]]
  const [levels, perLevel, pair] = tensor.shape
  if (tensor.shape.length !== 3 || pair !== 2 || levels !== strides.length || perLevel! > 64) return undefined
  const grid = withFileName(file, () => readTensor(tensor))
  const size = 2 * perLevel!
  return (strides as number[]).map((stride, level) =>
    Array.from(grid.subarray(level * size, (level + 1) * size), (cells) => cells * stride),
  )
}

const identity = 'torch.nn.modules.linear.Identity'
/** Activations that a model yaml of ours can say. */
const activations: Readonly<Record<string, (layer: PtRecord) => string | undefined>> = {
  'torch.nn.modules.activation.SiLU': () => 'nn.SiLU()',
  'torch.nn.modules.activation.ReLU': () => 'nn.ReLU()',
  'torch.nn.modules.activation.LeakyReLU': (layer) => {
    const slope = layer.get('negative_slope')
    return typeof slope === 'number' ? `nn.LeakyReLU(${slope})` : undefined
  },
}
/** What to do where a model cannot be built as it is. */
const takeOver = 'Train with --cfg to take over its weights all the same.'

/**
 * The one activation of a model's convolutions, undefined for SiLU. Releases differ: LeakyReLU before v3.0, Hardswish in
 * v3, SiLU since v4; the yaml can say so only since v7.0.
 */
function activationOf(root: PtRecord, file: string): string | undefined {
  const found = new Set<string>()
  for (const { name, module } of modulesOf(root, file)) {
    const kind = shortName(module.className)
    if (kind === 'BatchNorm2d') requireEpsilon(module, name, file)
    const children = module.get('_modules')
    const layer = children instanceof Map ? (children.get('act') as unknown) : undefined
    if (!(layer instanceof PtRecord) || layer.className === identity) continue
    const text = Object.hasOwn(activations, layer.className) ? activations[layer.className]!(layer) : undefined
    if (text === undefined || (kind === 'BottleneckCSP' && text !== 'nn.SiLU()')) {
      const only = kind === 'BottleneckCSP' ? 'SiLU' : 'SiLU, ReLU and LeakyReLU'
      throw new PtUnsupportedError(
        file,
        `${module.className} with ${layer.className}`,
        `its ${name} is a ${kind} with ${shortName(layer.className)}; here a ${kind} has ${only} only. ${takeOver}`,
      )
    }
    if (kind !== 'BottleneckCSP') found.add(text)
  }
  if (found.size > 1)
    throw new PtUnsupportedError(
      file,
      [...found].join(', '),
      `its convolutions have different activations (${[...found].join(', ')}), a model yaml can say only one. ${takeOver}`,
    )
  const [only] = found
  return only === 'nn.SiLU()' ? undefined : only
}

const shortName = (className: string) => className.replace(/^.*\./, '')

function requireEpsilon(norm: PtRecord, name: string, file: string): void {
  const epsilon = norm.get('eps')
  if (typeof epsilon !== 'number' || Math.abs(epsilon - BATCH_NORM_EPSILON) > 1e-9)
    throw new PtUnsupportedError(
      file,
      `${name}.eps`,
      `the batch norm ${name} adds ${typeof epsilon === 'number' ? epsilon : 'something else'} to the variance, YOLOv5 and Hypevolve add ${BATCH_NORM_EPSILON}.`,
    )
}

/** Names of the classes: a list, or a dictionary by number. Classes without a name get YOLOv5's `class0`. */
function namesOf(model: PtModel, classes: number): string[] {
  const names = model.attribute('names')
  const at = (index: number): PlainValue | undefined =>
    Array.isArray(names) ? (names as readonly PlainValue[])[index] : recordOf(names)?.[String(index)]
  return Array.from({ length: classes }, (_, index) => {
    const name = at(index)
    return typeof name === 'string' || typeof name === 'number' ? String(name) : `class${index}`
  })
}

/** `imgsz`, before v6.0 `img_size` [train, test]. */
function imagePxOf(options: PtCheckpoint['options']): number {
  const given = options?.['imgsz'] ?? options?.['img_size']
  const side = Array.isArray(given) ? (given as readonly PlainValue[])[0] : given
  return typeof side === 'number' && Number.isInteger(side) && side >= 32 && side <= 8192 ? side : 640
}
