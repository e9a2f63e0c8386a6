// From the sections of a Darknet cfg to a model: layers, strides, anchors. Source of the sections' meaning: Darknet's
// documentation and arXiv:1804.02767; of names and epsilon: yolov3 v8.
import { CfgInvalidError } from '../../base/index.ts'
import {
  add,
  concat,
  convBatchNorm,
  convLayer,
  leakyRelu,
  maxPool2d,
  mish,
  mul,
  relu,
  type Scope,
  silu,
  slice,
  type Tensor,
  upsampleNearest,
} from '../../nn/index.ts'
import type { DarknetLayerName, ModelDefinition, ModelLayer } from '../model/definition.ts'
import { type FeatureMap, imageSide, type Layer } from '../modules/module.ts'
import { type CfgSection, parseCfg } from './cfg.ts'

export interface CfgOptions {
  /** Number of classes of the data set; the cfg's own if left out. */
  readonly classes?: number
  /** Anchors per level in pixels, in the order of the cfg's [yolo] sections; the cfg's own if left out. */
  readonly anchorsPx?: readonly (readonly number[])[]
}

/** Names of weights and epsilon of batch norm in YOLOv3's trainer. */
const normStyle = { conv: 'Conv2d', norm: 'BatchNorm2d', epsilon: 1e-4 } as const

const activations: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  linear: (x) => x,
  leaky: (x) => leakyRelu(x, 0.1),
  relu,
  mish,
  swish: silu,
}

/** Sections that a detector may have and a training does without. */
const ignored = new Set(['net', 'network'])

/** What a section's plan sees of the model so far. */
interface Row {
  readonly section: CfgSection
  readonly index: number
  readonly layers: readonly ModelLayer[]
  readonly input: FeatureMap
  /** Number of channels that a head right before a [yolo] must have, and has in the cfg. */
  readonly head: { readonly channels: number; readonly inCfg: number } | undefined
}

interface Planned {
  readonly from: readonly number[]
  readonly layer: Layer
}

/** Plans by section. */
const plans: Readonly<Record<Exclude<DarknetLayerName, 'heads'>, (row: Row) => Planned>> = {
  convolutional: planConvolution,
  maxpool: planMaxPool,
  upsample: planUpsample,
  route: planRoute,
  shortcut: planShortcut,
  yolo: ({ index, input }) => ({
    from: [index - 1],
    layer: { shownArgs: [], output: input, build: (_, [x]) => [x!] },
  }),
}

/**
 * Reads a Darknet cfg as a model. Its [yolo] sections are the levels, in their order (coarse to fine in the usual files).
 * If the data set has another number of classes, the convolutions before the [yolo] sections get other filters.
 *
 * @param source - file name for messages
 * @throws {@link CfgInvalidError}
 */
export function parseCfgModel(text: string, source: string, options: CfgOptions = {}): ModelDefinition {
  const sections = parseCfg(text, source)
  const rows = sections.filter(({ name }) => !ignored.has(name))
  const net = sections.find(({ name }) => ignored.has(name))
  if (sections.length > 0 && net !== sections[0]) sections[0]!.fail('the first section must be [net].')
  if (net && net.integer('channels', 1, 4096, 3) !== 3)
    net.fail('channels must be 3: images are read as red, green and blue.', 'channels')
  const heads = rows.flatMap((section, index) => (section.name === 'yolo' ? [readHead(section, index, rows)] : []))
  if (heads.length === 0)
    throw new CfgInvalidError(source, undefined, 'it has no [yolo] section, so it is no detector.')
  const inCfg = heads[0]!.classes
  const perLevel = heads[0]!.anchors.length / 2
  for (const { section, classes, anchors } of heads) {
    if (classes !== inCfg) section.fail(`classes is ${classes}, but ${inCfg} in the first [yolo].`, 'classes')
    if (anchors.length / 2 !== perLevel)
      section.fail(`mask chooses ${anchors.length / 2} anchors, but ${perLevel} in the first [yolo].`, 'mask')
  }
  const classes = options.classes ?? inCfg
  if (!Number.isInteger(classes) || classes < 1 || classes > 65536)
    throw new CfgInvalidError(source, undefined, `${classes} is no number of classes.`)
  const channels = perLevel * (5 + classes)

  const layers: ModelLayer[] = []
  for (const [index, section] of rows.entries()) {
    const plan = plans[section.name as keyof typeof plans]
    if (!Object.hasOwn(plans, section.name) || plan === undefined)
      section.fail(`there is no layer [${section.name}] here. Known: ${Object.keys(plans).join(', ')}.`)
    const isHead = rows[index + 1]?.name === 'yolo'
    const { from, layer } = plan({
      section,
      index,
      layers,
      input: index === 0 ? { channels: 3, side: imageSide } : layers[index - 1]!.layer.output,
      head: isHead ? { channels, inCfg: perLevel * (5 + inCfg) } : undefined,
    })
    if (layer.output.channels > 65536) section.fail(`its output has ${layer.output.channels} channels.`)
    layers.push({ index, from, shownFrom: from, module: section.name as DarknetLayerName, repeats: 1, layer })
  }
  const sides = heads.map(({ index }) => layers[index]!.layer.output.side)
  const strides = sides.map((side) => imageSide / side)
  for (const [level, stride] of strides.entries())
    if (!Number.isInteger(stride) || stride < 1 || stride > 64 || sides.indexOf(sides[level]!) !== level)
      heads[level]!.section.fail(
        `its map has ${sides[level]} cells for ${imageSide} pixels; each level needs a whole stride of its own up to 64.`,
      )
  layers.push(gatherHeads(layers.length, heads, channels, sides[0]!))

  const anchorsPx = options.anchorsPx ?? heads.map(({ anchors }) => anchors)
  const adapted = `${source} is made for ${inCfg} classes, the data set has ${classes}: the heads get ${channels} filters instead of ${perLevel * (5 + inCfg)}.`
  return {
    source,
    yaml: {
      nc: classes,
      depth_multiple: 1,
      width_multiple: 1,
      anchors: anchorsPx,
      backbone: [],
      head: [],
      darknet: sections.map(String).join('\n\n'),
    },
    classes,
    layers,
    strides,
    anchorsPerLevel: perLevel,
    anchorsPx,
    anchorsArePlaceholders: false,
    family: 'yolov3',
    prefix: 'module_list',
    headBiases: heads.map(({ index }) => `module_list.${index - 1}.Conv2d.bias`),
    boxes: 'exponential',
    notes: classes === inCfg ? [] : [adapted],
  }
}

interface Head {
  readonly section: CfgSection
  /** Of the [yolo] section among the layers. */
  readonly index: number
  readonly classes: number
  /** Width, height, width, … of those that the mask chooses, pixels. */
  readonly anchors: readonly number[]
}

function readHead(section: CfgSection, index: number, rows: readonly CfgSection[]): Head {
  const classes = section.integer('classes', 1, 65536, 20)
  const all = section.numbers('anchors', 'real')
  if (all.length % 2 !== 0 || all.length > 256 || all.some((px) => !(px > 0 && px < 1e5)))
    section.fail('anchors must be pairs of widths and heights in pixels.', 'anchors')
  const mask = section.numbers(
    'mask',
    'whole',
    all.slice(all.length / 2).map((_, i) => i),
  )
  if (mask.length === 0 || mask.length > 64 || mask.some((i) => i < 0 || i >= all.length / 2))
    section.fail(`mask must name anchors from 0 to ${all.length / 2 - 1}.`, 'mask')
  const anchors = mask.flatMap((i) => [all[2 * i]!, all[2 * i + 1]!])
  const before = rows[index - 1]
  if (before?.name !== 'convolutional') return section.fail('a [yolo] must stand right after a [convolutional].')
  if (before.integer('batch_normalize', 0, 1, 0) === 1 || before.text('activation', 'linear') !== 'linear')
    before.fail('the [convolutional] before a [yolo] must have no batch_normalize and activation=linear.')
  const filters = before.integer('filters', 1, 65536)
  const wanted = mask.length * (5 + classes)
  if (filters !== wanted)
    before.fail(
      `filters is ${filters}; the [yolo] below needs ${mask.length} anchors × (5 + ${classes} classes) = ${wanted}.`,
      'filters',
    )
  return { section, index, classes, anchors }
}

/** The last layer: all heads, in the order of the [yolo] sections. */
function gatherHeads(index: number, heads: readonly Head[], channels: number, side: number): ModelLayer {
  const from = heads.map((head) => head.index)
  const layer: Layer = {
    shownArgs: [],
    output: { channels, side },
    build: (_, tensors) => tensors,
  }
  return { index, from, shownFrom: from, module: 'heads', repeats: 1, layer }
}

function planConvolution({ section, index, input, head }: Row): Planned {
  const filters = head?.channels ?? section.integer('filters', 1, 65536)
  const kernel = section.integer('size', 1, 64)
  const stride = section.integer('stride', 1, 64, 1)
  const padding = section.integer('pad', 0, 1, 0) === 1 ? Math.floor(kernel / 2) : section.integer('padding', 0, 64, 0)
  const groups = section.integer('groups', 1, 65536, 1)
  if (input.channels % groups !== 0 || filters % groups !== 0)
    section.fail(`${groups} groups do not divide ${input.channels} input and ${filters} output channels.`, 'groups')
  const activate = activationOf(section)
  const side = windowSide(section, input.side, kernel, stride, 2 * padding)
  const options = { out: filters, kernel, stride, padding, groups }
  const norm = section.integer('batch_normalize', 0, 1, 0) === 1
  return {
    from: [index - 1],
    layer: {
      shownArgs: [input.channels, filters, kernel, stride],
      output: { channels: filters, side },
      build: (scope: Scope, [x]) => [
        activate(
          norm
            ? convBatchNorm(scope, x!, options, normStyle)
            : convLayer(scope.child(normStyle.conv), x!, { ...options, bias: true }),
        ),
      ],
    },
  }
}

/**
 * A window of 2 that moves by 1 would lose a row and a column: zeros are put below and to the right, as the trainer of
 * YOLOv3 has it for the tiny model.
 */
function planMaxPool({ section, index, input }: Row): Planned {
  const kernel = section.integer('size', 1, 64, 2)
  const stride = section.integer('stride', 1, 64, kernel)
  const border = kernel === 2 && stride === 1 ? 1 : 0
  const padding = border ? 0 : Math.floor((kernel - 1) / 2)
  const side = windowSide(section, input.side, kernel, stride, 2 * padding + border)
  return {
    from: [index - 1],
    layer: {
      shownArgs: [kernel, stride],
      output: { channels: input.channels, side },
      build: (_, [x]) => [maxPool2d(border ? zeroAfter(zeroAfter(x!, 2), 3) : x!, kernel, stride, padding)],
    },
  }
}

/**
 * One row or column of zeros at the end of an axis. No `pad`: ONNX Runtime 1.30 joins a Pad with the pool behind it, whose
 * border is not 0.
 */
const zeroAfter = (x: Tensor, axis: 2 | 3) => concat([x, mul(slice(x, axis, 0, 1), 0)], axis)

function planUpsample({ section, index, input }: Row): Planned {
  const factor = section.integer('stride', 1, 32, 2)
  const side = input.side * factor
  if (side > 16 * imageSide) section.fail(`its map would have ${side} cells for ${imageSide} pixels.`, 'stride')
  return {
    from: [index - 1],
    layer: {
      shownArgs: [factor],
      output: { channels: input.channels, side },
      build: (_, [x]) => [factor === 1 ? x! : upsampleNearest(x!, factor)],
    },
  }
}

function planRoute({ section, index, layers }: Row): Planned {
  const from = section.numbers('layers', 'whole').map((value) => target(section, 'layers', value, index))
  if (from.length > 64) section.fail(`layers names ${from.length} layers.`, 'layers')
  const groups = section.integer('groups', 1, 65536, 1)
  const group = section.integer('group_id', 0, groups - 1, 0)
  const inputs = from.map((source) => layers[source]!.layer.output)
  const sides = inputs.map(({ side }) => side)
  if (new Set(sides).size > 1)
    section.fail(
      `its layers have different strides (${sides.map((side) => imageSide / side).join(', ')}) and cannot be joined.`,
      'layers',
    )
  if (inputs.some(({ channels }) => channels % groups !== 0))
    section.fail(
      `${groups} groups do not divide ${inputs.map(({ channels }) => channels).join(', ')} channels.`,
      'groups',
    )
  const part = (x: Tensor, channels: number) =>
    slice(x, 1, (channels / groups) * group, (channels / groups) * (group + 1))
  return {
    from,
    layer: {
      shownArgs: groups > 1 ? [groups, group] : [],
      output: { channels: inputs.reduce((sum, { channels }) => sum + channels / groups, 0), side: sides[0]! },
      build: (_, tensors) => [
        concat(
          tensors.map((x, i) => part(x, inputs[i]!.channels)),
          1,
        ),
      ],
    },
  }
}

function planShortcut({ section, index, layers, input }: Row): Planned {
  const others = section.numbers('from', 'whole').map((value) => target(section, 'from', value, index))
  if (others.length > 64) section.fail(`from names ${others.length} layers.`, 'from')
  if (index === 0) section.fail('the first layer cannot be a shortcut.')
  const activate = activationOf(section)
  if (section.text('weights_type', 'none') !== 'none')
    section.fail('a shortcut with weights is not supported.', 'weights_type')
  for (const other of others) {
    const { channels, side } = layers[other]!.layer.output
    if (channels !== input.channels || side !== input.side)
      section.fail(
        `layer ${other} has ${channels} channels of ${side} cells, the layer before ${input.channels} of ${input.side}: they cannot be added.`,
        'from',
      )
  }
  return {
    from: [index - 1, ...others],
    layer: {
      shownArgs: [],
      output: input,
      build: (_, tensors) => [activate(tensors.reduce((sum, x) => add(sum, x)))],
    },
  }
}

function activationOf(section: CfgSection): (x: Tensor) => Tensor {
  const name = section.text('activation', 'linear')
  if (Object.hasOwn(activations, name)) return activations[name]!
  const known = Object.keys(activations).join(', ')
  return section.fail(`activation "${name.slice(0, 40)}" is not known. Known: ${known}.`, 'activation')
}

/** Index of the layer that a relative (negative) or absolute number means. */
function target(section: CfgSection, key: string, value: number, index: number): number {
  const found = value < 0 ? index + value : value
  if (!(found >= 0 && found < index))
    section.fail(`${key} names ${value}; give a number from ${-index} to -1, or from 0 to ${index - 1}.`, key)
  return found
}

function windowSide(section: CfgSection, side: number, kernel: number, stride: number, border: number): number {
  const result = Math.floor((side + border - kernel) / stride) + 1
  if (result < 1) section.fail('nothing is left of the map: too many strides for an image.')
  return result
}
