// Darknet's `.weights` format, in and out: a header and the float32 numbers of all convolutions in the cfg's order.
//
// Header: int32 major, minor, revision, then the number of images seen: int64 from version 0.2, int32 before. Each
// convolution: with batch norm its shift, scale, mean, variance, else its bias; then the filters [out, in, ky, kx]. Files
// that end early hold the first convolutions alone (darknet53.conv.74).
import { DarknetWeightsError } from '../../base/index.ts'
import type { Weights } from '../../nn/index.ts'
import type { ModelDefinition } from '../model/definition.ts'
import { weightShapes } from '../model/initial-weights.ts'
import { parseCfg } from './cfg.ts'

const version = [0, 2, 5] as const
const headerBytes = 20

export interface DarknetWeights {
  readonly weights: Weights
  /** Convolutions that the file holds, of those that the model has. */
  readonly convolutions: number
  readonly total: number
  /** Images that the file says it has seen. */
  readonly seen: number
}

/** Tensors of a convolution in the order of the file. */
const withNorm = ['BatchNorm2d.bias', 'BatchNorm2d.weight', 'BatchNorm2d.running_mean', 'BatchNorm2d.running_var']

function convolutionsOf(definition: ModelDefinition): (readonly [name: string, shape: readonly number[]])[][] {
  const shapes = weightShapes(definition)
  const filters = [...shapes.keys()].filter((name) => name.endsWith('.Conv2d.weight'))
  return filters.map((filter) => {
    const root = filter.slice(0, -'Conv2d.weight'.length)
    const before = shapes.has(`${root}Conv2d.bias`) ? ['Conv2d.bias'] : withNorm
    return [...before.map((name) => root + name), filter].map((name) => [name, shapes.get(name)!] as const)
  })
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)

/**
 * Reads a `.weights` file of a model. The file does not say of which model it is: of several that are possible (the cfg with
 * its own classes, with those of the data set) the one that it fits to the last byte is taken.
 *
 * @param models - of Darknet cfgs
 * @param file - name for messages
 * @throws {@link DarknetWeightsError}
 */
export function readDarknetWeights(
  bytes: Uint8Array,
  file: string,
  models: readonly ModelDefinition[],
): DarknetWeights {
  const fail = (problem: string): never => {
    throw new DarknetWeightsError(file, problem)
  }
  if (models.length === 0 || models.some(({ yaml }) => yaml.darknet === undefined))
    return fail('a .weights file does not say which model it is of: name it with --cfg, as --cfg yolov3-tiny.cfg.')
  if (bytes.length < headerBytes) return fail(`its ${bytes.length} bytes are too few for a header.`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [major, minor] = [view.getInt32(0, true), view.getInt32(4, true)]
  if (major < 0 || major > 100 || minor < 0 || minor > 1000)
    return fail(`its header has version ${major}.${minor}: it is no Darknet file.`)
  const long = major * 10 + minor >= 2
  const start = long ? headerBytes : headerBytes - 4
  const seen = long ? Number(view.getBigInt64(12, true)) : view.getInt32(12, true)
  if ((bytes.length - start) % 4 !== 0) return fail('it is cut off in the middle of a number.')
  const values = (bytes.length - start) / 4

  const fits = models
    .map((model) => {
      const convolutions = convolutionsOf(model)
      let left = values
      let count = 0
      for (const tensors of convolutions) {
        const size = tensors.reduce((sum, [, shape]) => sum + sizeOf(shape), 0)
        if (size > left) break
        left -= size
        count++
      }
      return { convolutions, count, left }
    })
    .filter(({ left, count }) => left === 0 && count > 0)
    .sort((a, b) => b.count - a.count)
  const best = fits[0]
  if (!best) {
    const wanted = models.map((model) => {
      const size = convolutionsOf(model)
        .flat()
        .reduce((sum, [, shape]) => sum + sizeOf(shape), 0)
      return `${size} of ${model.source} with ${model.classes} classes`
    })
    return fail(`it holds ${values} numbers, not the ${wanted.join(' or the ')}. Name the cfg that it was made with.`)
  }
  const weights: Weights = new Map()
  let at = start
  for (const tensors of best.convolutions.slice(0, best.count))
    for (const [name, shape] of tensors) {
      const data = new Float32Array(sizeOf(shape))
      for (let i = 0; i < data.length; i++, at += 4) data[i] = view.getFloat32(at, true)
      weights.set(name, { shape, data })
    }
  return { weights, convolutions: best.count, total: best.convolutions.length, seen }
}

/**
 * A model's weights as Darknet reads them. Its cfg is `definition.yaml.darknet`: {@link exportCfg}.
 *
 * @param seen - number of images trained on, for the header
 * @throws {@link DarknetWeightsError} if the model does not come from a cfg
 */
export function exportDarknet(
  { definition, weights }: { readonly definition: ModelDefinition; readonly weights: Weights },
  seen = 0,
): Uint8Array {
  requireCfg(definition)
  const tensors = convolutionsOf(definition).flat()
  const bytes = new Uint8Array(headerBytes + 4 * tensors.reduce((sum, [, shape]) => sum + sizeOf(shape), 0))
  const view = new DataView(bytes.buffer)
  for (const [i, part] of version.entries()) view.setInt32(4 * i, part, true)
  view.setBigInt64(12, BigInt(seen), true)
  let at = headerBytes
  for (const [name, shape] of tensors) {
    const found = weights.get(name)
    if (!found || found.shape.join() !== shape.join())
      throw new DarknetWeightsError(definition.source, `the weights have no ${name} of shape [${shape}].`)
    for (const value of found.data) {
      view.setFloat32(at, value, true)
      at += 4
    }
  }
  return bytes
}

function requireCfg({ yaml, source }: ModelDefinition): void {
  if (yaml.darknet === undefined)
    throw new DarknetWeightsError(source, 'only models of a Darknet cfg can be written as .weights.')
}

/**
 * The cfg of a model as Darknet reads it, with the classes and anchors that the model really has.
 *
 * @throws {@link DarknetWeightsError} if the model does not come from a cfg
 */
export function exportCfg(definition: ModelDefinition): string {
  requireCfg(definition)
  const { classes, anchorsPx, anchorsPerLevel } = definition
  const sections = parseCfg(definition.yaml.darknet!, definition.source)
  const anchors = anchorsPx.flat()
  let level = 0
  for (const [i, section] of sections.entries()) {
    if (section.name !== 'yolo') continue
    sections[i - 1]!.set('filters', String(anchorsPerLevel * (5 + classes)), section.line)
    const first = level * anchorsPerLevel
    section.set('mask', Array.from({ length: anchorsPerLevel }, (_, k) => first + k).join(','), section.line)
    section.set('anchors', anchors.join(', '), section.line)
    section.set('num', String(anchors.length / 2), section.line)
    section.set('classes', String(classes), section.line)
    level++
  }
  return `${sections.map(String).join('\n\n')}\n`
}
