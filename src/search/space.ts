// Where a search may go: which hyperparameters, how far each is moved, and between which bounds.
import {
  HypKeyMissingError,
  HypKeyNotInSpaceError,
  HypNotNumberError,
  roundHalfEven,
  SearchSpaceFrozenError,
} from '../base/index.ts'
import type { Hyp } from './hyp.ts'

/** Mutation gain and bounds of one hyperparameter. Gain 0 freezes it. */
export interface Range {
  readonly gain: number
  readonly lower: number
  readonly upper: number
}

export type Ranges = Readonly<Record<string, Range>>

const range = (gain: number, lower: number, upper: number): Range => ({ gain, lower, upper })

/**
 * Gains and bounds of `train.py --evolve` in yolov5 v6.0 to v7.0, and in yolov3 v9.6.0 and later.
 * Source: reference/evolve/meta.json.
 */
export const yolov5Ranges: Ranges = {
  lr0: range(1, 1e-5, 0.1),
  lrf: range(1, 0.01, 1),
  momentum: range(0.3, 0.6, 0.98),
  weight_decay: range(1, 0, 0.001),
  warmup_epochs: range(1, 0, 5),
  warmup_momentum: range(1, 0, 0.95),
  warmup_bias_lr: range(1, 0, 0.2),
  box: range(1, 0.02, 0.2),
  cls: range(1, 0.2, 4),
  cls_pw: range(1, 0.5, 2),
  obj: range(1, 0.2, 4),
  obj_pw: range(1, 0.5, 2),
  iou_t: range(0, 0.1, 0.7),
  anchor_t: range(1, 2, 8),
  anchors: range(2, 2, 10),
  fl_gamma: range(0, 0, 2),
  hsv_h: range(1, 0, 0.1),
  hsv_s: range(1, 0, 0.9),
  hsv_v: range(1, 0, 0.9),
  degrees: range(1, 0, 45),
  translate: range(1, 0, 0.9),
  scale: range(1, 0, 0.9),
  shear: range(1, 0, 10),
  perspective: range(0, 0, 0.001),
  flipud: range(1, 0, 1),
  fliplr: range(0, 0, 1),
  mosaic: range(1, 0, 1),
  mixup: range(1, 0, 1),
  copy_paste: range(1, 0, 1),
}

/** How a space is made from a hyp. */
export interface SpaceOptions {
  /** Keys that must not move: their gain becomes 0. */
  readonly fixed?: readonly string[]
  /** What messages call the hyp file. */
  readonly source?: string
}

/** A search space: hyperparameters in the order of the hyp file, with gains, bounds and the values to start from. */
export class SearchSpace {
  readonly keys: readonly string[]
  /** Values of the hyp that the space was made from, in the order of `keys`; not clipped yet. */
  readonly defaults: readonly number[]
  readonly gains: readonly number[]
  readonly lower: readonly number[]
  readonly upper: readonly number[]

  /**
   * @param hyp - where the search starts; its order of keys is that of all files
   * @throws {@link HypKeyMissingError} if a key of `ranges` is missing in the hyp
   * @throws {@link HypKeyNotInSpaceError} if the hyp or `fixed` names a key that has no range
   * @throws {@link HypNotNumberError} if a value is not finite
   * @throws {@link SearchSpaceFrozenError} if nothing may move (the originals then search for a mutation forever)
   */
  constructor(hyp: Hyp, ranges: Ranges, { fixed = [], source = 'The hyp' }: SpaceOptions = {}) {
    const keys = Object.keys(hyp)
    const known = Object.keys(ranges)
    for (const key of known) {
      const unknown = keys.filter((name) => !Object.hasOwn(ranges, name))
      if (!Object.hasOwn(hyp, key)) throw new HypKeyMissingError(source, key, closest(key, unknown))
    }
    for (const key of keys) {
      if (!Object.hasOwn(ranges, key)) throw new HypKeyNotInSpaceError(source, key, known, closest(key, known))
      if (!Number.isFinite(hyp[key])) throw new HypNotNumberError(source, key, String(hyp[key]))
    }
    for (const key of fixed) {
      if (!Object.hasOwn(ranges, key))
        throw new HypKeyNotInSpaceError('The list of fixed keys', key, known, closest(key, known))
    }
    this.keys = keys
    this.defaults = keys.map((key) => Number(hyp[key]))
    this.gains = keys.map((key) => (fixed.includes(key) ? 0 : ranges[key].gain))
    this.lower = keys.map((key) => ranges[key].lower)
    this.upper = keys.map((key) => ranges[key].upper)
    if (this.gains.every((gain) => gain === 0)) throw new SearchSpaceFrozenError(keys)
  }

  /**
   * The hyp with these values, clipped to the bounds and then rounded to 5 decimals; frozen keys too, as in the
   * originals.
   *
   * @param values - in the order of `keys`
   */
  toHyp(values: readonly number[]): Hyp {
    return Object.fromEntries(
      this.keys.map((key, i) => {
        const clipped = Math.min(Math.max(values[i], this.lower[i]), this.upper[i])
        return [key, roundHalfEven(clipped, 5)]
      }),
    )
  }

  /** The values of a hyp in the order of `keys`. */
  toValues(hyp: Hyp): number[] {
    return this.keys.map((key) => Number(hyp[key]))
  }
}

/**
 * The space of yolov5 v7.0's `--evolve`. It evolves the number of anchors too: a hyp without `anchors` gets 3, as its
 * last key. With `noAutoAnchor` the model's own anchors are used and `anchors` is left out.
 */
export function yolov5Space(hyp: Hyp, options: SpaceOptions & { readonly noAutoAnchor?: boolean } = {}): SearchSpace {
  const { noAutoAnchor = false, ...rest } = options
  if (!noAutoAnchor) return new SearchSpace('anchors' in hyp ? hyp : { ...hyp, anchors: 3 }, yolov5Ranges, rest)
  const { anchors: _value, ...hypWithout } = hyp
  const { anchors: _range, ...rangesWithout } = yolov5Ranges
  return new SearchSpace(hypWithout, rangesWithout, rest)
}

/** The most similar name, if one is close enough to be a typing error. */
function closest(key: string, names: readonly string[]): string | undefined {
  const near = names
    .map((name) => ({ name, distance: editDistance(key.toLowerCase(), name.toLowerCase()) }))
    .filter(({ distance }) => distance <= Math.max(1, Math.floor(key.length / 3)))
  return near.sort((a, b) => a.distance - b.distance)[0]?.name
}

/** Levenshtein's distance: insertions, deletions and replacements of one letter. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + Number(a[i - 1] !== b[j - 1])))
    row = next
  }
  return row[b.length]
}
