// Reads a model yaml of YOLOv5 into a checked list of layers. Start at `parseModel`. Darknet's cfg files: ../darknet.
import {
  ModelFileInvalidError,
  ModelModuleUnknownError,
  ModelRowInvalidError,
  readYaml,
  YamlProblem,
} from '../../base/index.ts'
import { parseCfgModel } from '../darknet/model.ts'
import { nearest } from '../hyp.ts'
import {
  type Activation,
  type FeatureMap,
  imageSide,
  type Layer,
  type ModelContext,
  type ModuleName,
  modules,
  RowArguments,
  RowProblem,
  show,
} from '../modules/index.ts'
import { resolveFile } from '../resolve.ts'
import { roundHalfEven } from '../schedule.ts'

/** A row `[from, number, module, args]`. */
export type ModelRow = readonly [number | readonly number[], number, string, readonly unknown[]]

/** The content of a model yaml, with the number of classes and the anchors that are really used. Plain data. */
export interface ModelYaml {
  readonly nc: number
  readonly depth_multiple: number
  readonly width_multiple: number
  /** Widths and heights in pixels, one list per level, fine to coarse. */
  readonly anchors: readonly (readonly number[])[]
  readonly activation?: string
  readonly backbone: readonly ModelRow[]
  readonly head: readonly ModelRow[]
  /** Of a YOLOv3 model the text of its Darknet cfg; there are no rows then. */
  readonly darknet?: string
}

/** One row of the model, ready to be built. */
export interface ModelLayer {
  readonly index: number
  /** Indices of the layers it reads; -1 is the image. */
  readonly from: readonly number[]
  /** `from` as it stands in the yaml. */
  readonly shownFrom: number | readonly number[]
  readonly module: ModuleName | DarknetLayerName
  readonly repeats: number
  readonly layer: Layer
}

/** Sections of a Darknet cfg that are layers; `heads` gathers the outputs. */
export type DarknetLayerName = 'convolutional' | 'maxpool' | 'upsample' | 'route' | 'shortcut' | 'yolo' | 'heads'

/** Whose training rules go with a model: see ../family.ts. */
export const familyNames = ['yolov5', 'yolov3'] as const
export type FamilyName = (typeof familyNames)[number]

/** A model that is known to fit together. */
export interface ModelDefinition {
  /** File it came from, for messages. */
  readonly source: string
  readonly yaml: ModelYaml
  readonly classes: number
  readonly layers: readonly ModelLayer[]
  /** Pixels per cell of each detection level, fine to coarse. */
  readonly strides: readonly number[]
  readonly anchorsPerLevel: number
  /** [levels][anchors * 2] widths and heights in pixels. */
  readonly anchorsPx: readonly (readonly number[])[]
  /** The anchors are placeholders: the yaml or the hyps only give their number, AutoAnchor must find them. */
  readonly anchorsArePlaceholders: boolean
  readonly family: FamilyName
  /** First part of all names of weights: `model` in YOLOv5's files, `module_list` in YOLOv3's. */
  readonly prefix: 'model' | 'module_list'
  /** Name of each level's head bias, below which the head's outputs lie. */
  readonly headBiases: readonly string[]
  /**
   * How raw outputs become boxes. sigmoid: centre 2σ - 0.5 from the cell, size (2σ)² anchors, as YOLOv5; exponential:
   * centre σ, size e^x anchors (arXiv:1804.02767, section 2.1).
   */
  readonly boxes: 'sigmoid' | 'exponential'
  /** What was adapted, a sentence each. */
  readonly notes: readonly string[]
}

export interface ModelOptions {
  /** Number of classes of the data set; the yaml's own if left out. */
  readonly classes?: number
  /** Anchors per level (the hyp `anchors`), rounded; replaces those of the yaml by placeholders. 0 changes nothing. */
  readonly anchors?: number
}

/**
 * Loads a model by path or packaged name ('yolov5n.yaml', 'yolov3-tiny.cfg').
 *
 * @throws {@link FileNotResolvedError} and as {@link parseModel}
 */
export function loadModel(name: string, options: ModelOptions = {}, cwd = process.cwd()): ModelDefinition {
  const { text, source, path } = resolveFile('model', name, cwd)
  if (/\.cfg$/i.test(path ?? source)) return parseCfgModel(text, source, options)
  return parseModel(text, source, options)
}

/**
 * Parses and checks a model.
 *
 * @param content - yaml text, or its content ({@link ModelDefinition.yaml} of an earlier definition)
 * @param source - file name for messages
 * @throws {@link ModelFileInvalidError}, {@link ModelRowInvalidError}, {@link ModelModuleUnknownError}
 */
export function parseModel(content: string | ModelYaml, source: string, options: ModelOptions = {}): ModelDefinition {
  const file = typeof content === 'string' ? parseText(content, source) : (content as unknown as Fields)
  if (typeof content !== 'string' && content.darknet !== undefined)
    return parseCfgModel(content.darknet, source, { classes: content.nc, anchorsPx: content.anchors, ...options })
  const problem = (text: string): never => {
    throw new ModelFileInvalidError(source, text)
  }
  const multiple = (key: 'depth_multiple' | 'width_multiple') => {
    const value = file[key] ?? 1
    if (typeof value !== 'number' || !(value > 0 && value <= 16))
      problem(`${key} is ${show(value)}, it must be a number above 0, up to 16.`)
    return value as number
  }
  const depth = multiple('depth_multiple')
  const width = multiple('width_multiple')
  const classes = options.classes ?? file['nc']
  if (typeof classes !== 'number' || !Number.isInteger(classes) || classes < 1 || classes > 65536)
    return problem(`nc is ${show(classes)}, it must be a whole number from 1.`)

  const rows = (['backbone', 'head'] as const).flatMap((section) => {
    const list = file[section]
    if (!Array.isArray(list)) return problem(`it has no list "${section}".`)
    return list.map((row: unknown) => ({ section, row }))
  })
  if (rows.length === 0 || rows.length > 1000) problem(`it has ${rows.length} rows.`)

  const headRow = rows.at(-1)!.row
  const levels = Array.isArray(headRow) && Array.isArray(headRow[0]) ? headRow[0].length : 1
  const anchors = readAnchors(file['anchors'], levels, options.anchors, problem)
  const activation = readActivation(file['activation'], problem)
  const outputs = anchors.perLevel * (5 + classes)
  const model: ModelContext = {
    classes,
    anchorsPerLevel: anchors.perLevel,
    activation,
    width: (channels) => (channels === outputs ? channels : Math.ceil((channels * width) / 8) * 8),
  }
  const names = { nc: classes, anchors: anchors.px, None: null, True: true, False: false }

  const layers: ModelLayer[] = []
  for (const [index, { section, row }] of rows.entries()) {
    const fail = (text: string): never => {
      throw new ModelRowInvalidError(source, section, index, show(row), text)
    }
    if (!Array.isArray(row) || row.length !== 4) return fail('a row must be [from, number, module, args].')
    const [shownFrom, number, moduleName, args] = row as unknown[]
    if (typeof moduleName !== 'string' || !Object.hasOwn(modules, moduleName)) {
      const known = Object.keys(modules)
      const name = String(moduleName)
      throw new ModelModuleUnknownError(source, section, index, show(row), name, known, nearest(name, known))
    }
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 1 || number > 1000)
      return fail(`number is ${show(number)}, it must be a whole number from 1.`)
    if (!Array.isArray(args)) return fail(`args is ${show(args)}, it must be a list.`)
    const name = moduleName as ModuleName
    const module = modules[name]
    const last = index === rows.length - 1
    if ((name === 'Detect') !== last) return fail('Detect must be the last row, and only that.')

    const from = (Array.isArray(shownFrom) ? shownFrom : [shownFrom]).map((value: unknown) => {
      if (typeof value !== 'number' || !Number.isInteger(value)) return fail(`from ${show(value)} is no whole number.`)
      const target = value < 0 ? index + value : value
      const reachable = index === 0 ? target === -1 : target >= 0 && target < index
      if (!reachable)
        return fail(
          index === 0
            ? 'from must be -1: the first row reads the image.'
            : `from ${value} names no earlier row. Give -1 for the row before, or an index from 0 to ${index - 1}.`,
        )
      return target
    })
    if (from.length === 0) return fail('from is empty.')
    if (module.inputs === 'one' && from.length !== 1)
      return fail(`from names ${from.length} rows, ${name} reads exactly one.`)

    const repeats = number > 1 ? Math.max(roundHalfEven(number * depth), 1) : number
    try {
      const values = args.map((value: unknown) =>
        typeof value === 'string' && Object.hasOwn(names, value) ? names[value as keyof typeof names] : value,
      )
      const layer = planLayer(name, repeats, {
        inputs: from.map((target) => (target < 0 ? { channels: 3, side: imageSide } : layers[target]!.layer.output)),
        args: new RowArguments(values),
        model,
      })
      layers.push({ index, from, shownFrom: shownFrom as number | number[], module: name, repeats, layer })
    } catch (error) {
      if (error instanceof RowProblem) return fail(error.message)
      throw error
    }
  }

  const strides = layers.at(-1)!.from.map((target) => imageSide / layers[target]!.layer.output.side)
  const anchorsPx = inStrideOrder(anchors.px, strides)
  const yaml: ModelYaml = {
    nc: classes,
    depth_multiple: depth,
    width_multiple: width,
    anchors: anchorsPx,
    ...(file['activation'] === undefined ? {} : { activation: file['activation'] as string }),
    backbone: file['backbone'] as ModelRow[],
    head: file['head'] as ModelRow[],
  }
  return {
    source,
    yaml,
    classes,
    layers,
    strides,
    anchorsPerLevel: anchors.perLevel,
    anchorsPx,
    anchorsArePlaceholders: anchors.placeholders,
    family: 'yolov5',
    prefix: 'model',
    headBiases: strides.map((_, level) => `model.${layers.length - 1}.m.${level}.bias`),
    boxes: 'sigmoid',
    notes: [],
  }
}

/** The same model with other anchors (AutoAnchor's), in pixels, one list per level. */
export function withAnchors(definition: ModelDefinition, anchorsPx: readonly (readonly number[])[]): ModelDefinition {
  const yaml = { ...definition.yaml, anchors: anchorsPx.map((level) => [...level]) }
  return parseModel(yaml, definition.source)
}

/** What decides the graph of a model: equal keys, equal graphs. Anchor values are no part of it, their number is. */
export function structureKey({ yaml, anchorsPerLevel }: ModelDefinition): string {
  return JSON.stringify({ ...yaml, anchors: anchorsPerLevel })
}

type Fields = Readonly<Record<string, unknown>>

function parseText(text: string, source: string): Fields {
  let content: unknown
  try {
    content = readYaml(text)
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error
    throw new ModelFileInvalidError(source, `${error.message}.`, { cause: error })
  }
  if (content === null || typeof content !== 'object' || Array.isArray(content))
    throw new ModelFileInvalidError(source, 'it must hold nc, anchors, backbone and head.')
  return content as Fields
}

function planLayer(
  name: ModuleName,
  repeats: number,
  row: { inputs: readonly FeatureMap[]; args: RowArguments; model: ModelContext },
): Layer {
  const module = modules[name]
  if (module.repeats === 'inside' || repeats === 1) return module.plan({ ...row, repeats })
  // A chain: every copy reads the one before, parameters are numbered as in a Sequential.
  const chain: Layer[] = []
  for (let i = 0; i < repeats; i++)
    chain.push(module.plan({ ...row, inputs: i === 0 ? row.inputs : [chain[i - 1]!.output], repeats: 1 }))
  return {
    shownArgs: chain[0]!.shownArgs,
    output: chain.at(-1)!.output,
    silentModules: chain.reduce((sum, { silentModules = 0 }) => sum + silentModules, 0),
    build: (scope, inputs) => chain.reduce((tensors, layer, i) => layer.build(scope.child(String(i)), tensors), inputs),
  }
}

interface Anchors {
  readonly perLevel: number
  readonly px: readonly (readonly number[])[]
  readonly placeholders: boolean
}

function readAnchors(
  value: unknown,
  levels: number,
  override: number | undefined,
  problem: (text: string) => never,
): Anchors {
  const count = override ? roundHalfEven(override) : value
  if (typeof count === 'number') {
    if (!Number.isInteger(count) || count < 1 || count > 64)
      return problem(`anchors is ${show(count)}, a number of anchors per level must be whole, from 1 to 64.`)
    const level = Array.from({ length: 2 * count }, (_, i) => i)
    return { perLevel: count, px: Array.from({ length: levels }, () => level), placeholders: true }
  }
  if (
    !Array.isArray(count) ||
    !count.every((level) => Array.isArray(level) && level.every((px) => typeof px === 'number' && px >= 0 && px < 1e6))
  )
    return problem(`anchors is ${show(count)}, it must be a number or a list of lists of pixels.`)
  const lists = count as number[][]
  if (lists.length !== levels)
    return problem(`anchors has ${lists.length} lists, Detect reads ${levels} rows: it needs one list for each.`)
  const length = lists[0]!.length
  if (length === 0 || length % 2 !== 0 || lists.some((level) => level.length !== length))
    return problem('every list of anchors must hold the same number of pairs width, height.')
  return { perLevel: length / 2, px: lists, placeholders: lists.some((level) => level.some((px) => px === 0)) }
}

function readActivation(value: unknown, problem: (text: string) => never): Activation {
  if (value === undefined || value === null) return { kind: 'SiLU' }
  const match =
    /^nn\.(SiLU|ReLU|Identity|LeakyReLU)\(\s*(?:(?:negative_slope\s*=\s*)?(\d*\.?\d+))?\s*(?:inplace\s*=\s*True\s*)?\)$/.exec(
      String(value),
    )
  if (!match)
    return problem(`activation is ${show(value)}, known: nn.SiLU(), nn.ReLU(), nn.LeakyReLU(0.1), nn.Identity().`)
  const kind = match[1] as Activation['kind']
  return kind === 'LeakyReLU' ? { kind, slope: Number(match[2] ?? 0.01) } : { kind }
}

/** Large anchors belong to large strides: turns the list round if it runs the other way. */
function inStrideOrder(anchors: readonly (readonly number[])[], strides: readonly number[]) {
  const meanArea = (level: readonly number[]) => {
    let sum = 0
    for (let i = 0; i < level.length; i += 2) sum += level[i]! * level[i + 1]!
    return sum / (level.length / 2)
  }
  const rise = meanArea(anchors.at(-1)!) - meanArea(anchors[0]!)
  const turned = rise !== 0 && Math.sign(rise) !== Math.sign(strides.at(-1)! - strides[0]!)
  return turned ? anchors.toReversed() : anchors
}
