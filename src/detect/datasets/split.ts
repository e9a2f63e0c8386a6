// Who trains, who validates, who tests: splits of a data set by ratio.
import { DataSplitError, PythonRandom } from '../../base/index.ts'
import type { Split } from '../data/index.ts'
import { groupBy as byKey } from './files.ts'
import { type GroupRule, groupOf } from './groups.ts'
import { stratify, type Unit } from './stratify.ts'

export interface SplitOptions {
  /** Shares in [0, 1); what is left is for training. */
  readonly val: number
  readonly test: number
  readonly seed: number
  /** Give every split its share of each class. */
  readonly stratified: boolean
  /** Images of one group stay together. */
  readonly groupBy?: GroupRule
}

/** An image to be placed. */
export interface SplitImage {
  /** Seen from the data set's folder, with forward slashes. */
  readonly path: string
  /** Classes of its labels, each once. */
  readonly classes: readonly number[]
}

export interface SplitResult {
  /** Of each image. */
  readonly splits: readonly Split[]
  /** Groups in all; the number of images where nothing was grouped. */
  readonly groups: number
  /** Images that `groupBy` says nothing of: each is a group of its own. */
  readonly ungrouped: number
}

const order = ['train', 'val', 'test'] as const

/** @throws DataSplitError if a split would be empty */
export function splitImages(images: readonly SplitImage[], options: SplitOptions): SplitResult {
  const { val, test, seed, stratified, groupBy } = options
  if (val + test >= 1) throw new DataSplitError(`--val ${val} and --test ${test} leave nothing to train on.`)
  const named = images.map(({ path }) => groupBy && groupOf(path, groupBy))
  // A file name holds no line end, so a group of one is never taken for another's.
  const groups = [...byKey(images.keys(), (index) => named[index] ?? `\n${index}`).values()]
  const ungrouped = groupBy ? named.filter((name) => name === undefined).length : 0
  const shares = [1 - val - test, val, test]
  const asked = shares.filter((share) => share > 0).length
  if (groups.length < asked)
    throw new DataSplitError(
      `there ${groups.length === 1 ? 'is 1 group' : `are ${groups.length} groups`} of images for ${asked} splits. ` +
        (groupBy ? 'Choose another --group-by, or leave it out.' : 'Add images.'),
    )
  const units = groups.map((group) =>
    unitOf(
      group.map((index) => images[index]),
      stratified,
    ),
  )
  const parts = stratify(units, shares, new PythonRandom(seed))
  const splits = new Array<Split>(images.length)
  for (const [unit, group] of groups.entries()) for (const index of group) splits[index] = order[parts[unit]]
  return { splits, groups: groups.length, ungrouped }
}

/** An image without a label counts as a class of its own, so that backgrounds are shared out as well. */
const background = -1

function unitOf(images: readonly SplitImage[], stratified: boolean): Unit {
  const classes = new Map<number, number>()
  if (stratified)
    for (const { classes: own } of images)
      for (const label of own.length === 0 ? [background] : own) classes.set(label, (classes.get(label) ?? 0) + 1)
  return { images: images.length, classes }
}
