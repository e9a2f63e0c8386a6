// The spaces of the YOLO releases: a release's table of gains and bounds, and the hyp that the search starts from,
// checked against each other before anything runs.
import { HypKeyMissingError, HypKeyNotInSpaceError, HypNotNumberError } from '../base/index.ts'
import type { Hyp } from './hyp.ts'
import { nearest } from './nearest.ts'
import type { Parameter } from './parameter.ts'
import { type Range, type Ranges, rangeTables } from './ranges.ts'
import { type Release, type ReleaseName, releases } from './releases.ts'
import { SearchSpace } from './space.ts'

export interface RangeSpaceOptions {
  /** Numbers are rounded to so many decimals. */
  readonly decimals?: number
  /** What messages call the hyp. */
  readonly source?: string
  readonly notes?: readonly string[]
}

/**
 * The space of a hyp and a table like YOLOv5's `meta`; both have the same keys.
 *
 * @param hyp - where the search starts; its order of keys is that of all files
 * @throws {@link HypKeyMissingError} if a key of `ranges` is missing in the hyp
 * @throws {@link HypKeyNotInSpaceError} if the hyp names a key that has no range
 * @throws {@link HypNotNumberError} if a value is not a finite number
 */
export function rangeSpace(hyp: Hyp, ranges: Ranges, options: RangeSpaceOptions = {}): SearchSpace {
  const { source = 'The hyp', decimals, notes } = options
  const keys = Object.keys(hyp)
  const known = Object.keys(ranges)
  for (const key of known) {
    const unknown = keys.filter((name) => !Object.hasOwn(ranges, name))
    if (!Object.hasOwn(hyp, key)) throw new HypKeyMissingError(source, key, nearest(key, unknown))
  }
  const parameters = keys.map((key): [string, Parameter] => {
    if (!Object.hasOwn(ranges, key)) throw new HypKeyNotInSpaceError(source, key, known, nearest(key, known))
    const start = hyp[key]
    if (typeof start !== 'number' || !Number.isFinite(start)) throw new HypNotNumberError(source, key, String(start))
    return [key, { kind: 'range', ...ranges[key], start }]
  })
  return new SearchSpace(Object.fromEntries(parameters), { decimals, gainOrder: known, notes })
}

export interface ReleaseSpaceOptions {
  /** Whose table. Default v7.0's. */
  readonly release?: ReleaseName
  /** Keys that must not move. `anchors`, where the hyp does not have it, is then left to the model. */
  readonly fixed?: readonly string[]
  /** The only keys that may move. */
  readonly only?: readonly string[]
  /** Other bounds, each as `key=low..high`. */
  readonly set?: readonly string[]
  /** AutoAnchor is off: the model's own anchors are used and `anchors` is no hyperparameter. */
  readonly noAutoAnchor?: boolean
  /** What messages call the hyp file. */
  readonly source?: string
}

/**
 * The space of a release's `--evolve`, for the hyp given.
 *
 * `anchors` (new anchors per output layer, made by k-means): evolved from 3 if the release evolves it and the hyp does
 * not have it, as yolov5 v6.0 and later do; kept at the hyp's value if it is `fixed`; no part of the search at all if it
 * is `fixed` and the hyp does not have it, or with `noAutoAnchor`.
 *
 * Hyperparameters of other YOLO releases stay at the hyp's value, with a note; names that none knows are typing errors.
 *
 * @throws what {@link rangeSpace} and {@link SearchSpace} throw
 */
export function releaseSpace(start: Hyp, options: ReleaseSpaceOptions = {}): SearchSpace {
  const { release = 'yolov5-v7.0', fixed = [], only, set = [], noAutoAnchor = false, source = 'The hyp' } = options
  const { ranges: table, decimals, anchors }: Release = releases[release]
  const notes: string[] = []
  let ranges: Record<string, Range> = renamed(rangeTables[table], start, notes)
  let hyp: Record<string, Hyp[string]> = { ...start }

  const leftToModel = fixed.includes('anchors') || (only !== undefined && !only.includes('anchors'))
  if (noAutoAnchor) {
    if (Object.hasOwn(hyp, 'anchors'))
      notes.push('anchors is left out: with AutoAnchor off the anchors of the model are used.')
    delete hyp.anchors
    delete ranges.anchors
  } else if (!Object.hasOwn(hyp, 'anchors') && Object.hasOwn(ranges, 'anchors')) {
    if (leftToModel) delete ranges.anchors
    else hyp = withAnchors(hyp, anchors)
  }

  const extra = Object.keys(hyp).filter((key) => !Object.hasOwn(ranges, key) && allYoloKeys.has(key))
  for (const key of extra) ranges[key] = { gain: 0 }
  // a hyp of another release has an order that this one's table never met: gains go by name then
  if (extra.length > 0) ranges = { ...pick(ranges, Object.keys(hyp)), ...ranges }
  const kept = extra.filter((key) => key !== 'anchors')
  if (kept.length > 0) notes.push(`${release} does not evolve ${kept.join(', ')}: kept as in ${source}.`)

  let space = rangeSpace(hyp, ranges, { source, notes, ...(decimals === undefined ? {} : { decimals }) })
  const absent = (key: string) => key === 'anchors' && !space.keys.includes(key)
  for (const change of set) space = space.set(change)
  if (only !== undefined) space = space.only(only)
  return fixed.length === 0 ? space : space.fix(fixed.filter((key) => !absent(key)))
}

/** The space of yolov5 v7.0's `--evolve`; see {@link releaseSpace}. */
export const yolov5Space = (hyp: Hyp, options: Omit<ReleaseSpaceOptions, 'release'> = {}): SearchSpace =>
  releaseSpace(hyp, options)

/** giou (to v3.0) and box (since v3.1) are the same loss gain: a hyp with the one fits a table with the other. */
function renamed(ranges: Ranges, hyp: Hyp, notes: string[]): Record<string, Range> {
  const other: Record<string, string> = { giou: 'box', box: 'giou' }
  return Object.fromEntries(
    Object.entries(ranges).map(([key, range]) => {
      const name = other[key]
      if (name === undefined || Object.hasOwn(hyp, key) || !Object.hasOwn(hyp, name)) return [key, range]
      notes.push(`The release's ${key} is ${name} here.`)
      return [name, range]
    }),
  )
}

const pick = (ranges: Ranges, keys: readonly string[]): Record<string, Range> =>
  Object.fromEntries(keys.flatMap((key) => (Object.hasOwn(ranges, key) ? [[key, ranges[key]]] : [])))

/** With `anchors: 3`, where the release's table has it (after anchor_t) or as the last key. */
function withAnchors(hyp: Record<string, Hyp[string]>, place: Release['anchors']): Record<string, Hyp[string]> {
  const entries = Object.entries(hyp)
  const after = entries.findIndex(([key]) => key === 'anchor_t')
  if (place === 'last' || after < 0) return { ...hyp, anchors: 3 }
  return Object.fromEntries([...entries.slice(0, after + 1), ['anchors', 3], ...entries.slice(after + 1)])
}

/** Every hyperparameter that some release evolves. */
const allYoloKeys: ReadonlySet<string> = new Set(Object.values(rangeTables).flatMap((ranges) => Object.keys(ranges)))
