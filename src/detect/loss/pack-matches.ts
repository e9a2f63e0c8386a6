// Turns matched targets and the numbers of a trial into the tensors that the training graph reads.
import { MatchCapacityError } from '../../base/index.ts'
import type { LossGains } from '../schedule.ts'
import type { MatchedRows } from './match-targets.ts'

/** What decides the graph of the loss: equal geometries, equal graphs. */
export interface LossGeometry {
  readonly batch: number
  readonly classes: number
  readonly anchorsPerLevel: number
  /** Cells of each level, fine to coarse. */
  readonly levels: readonly { readonly ny: number; readonly nx: number }[]
  /** Rows of matches per level; see {@link matchCapacity}. */
  readonly capacity: number
  /** With the focal factor. Without it `focalGamma` must be 0; with it 0 means off, exactly. */
  readonly focal: boolean
}

/** The numbers of a trial that the loss depends on. They are inputs of the graph: one session serves many trials. */
export interface LossNumbers {
  /** After {@link scaleLossGains}. */
  readonly gains: LossGains
  readonly clsPositiveWeight: number
  readonly objPositiveWeight: number
  readonly focalGamma: number
  /** Label smoothing ε: class targets are 1 - ε/2 and ε/2. */
  readonly labelSmoothing: number
  /** Weight of each level's objectness; see {@link levelBalance}. */
  readonly balance: readonly number[]
  /** Share of the predicted overlap in the objectness target; 1 in every release. Default 1. */
  readonly overlapRatio?: number
}

/** Names of the graph's inputs. */
export const lossInputs = { rows: 'loss/rows', indices: 'loss/indices', numbers: 'loss/numbers' } as const

/** Columns of `loss/rows`: box, anchor, weight. */
export const rowColumns = 7

/** Places in `loss/numbers`; the balance of the levels follows. */
export const numberPlaces = [
  'box',
  'obj',
  'cls',
  'clsPositiveWeight',
  'objPositiveWeight',
  'positive',
  'negative',
  'focalGamma',
  'overlapRatio',
] as const

/**
 * The tensors, padded to levels * capacity rows: row r of level l stands at l * capacity + r. Padding has weight 0,
 * reads the first cell of its level and writes into the dump slot.
 */
export interface LossFeeds {
  /**
   * float32 [levels * capacity, 7]: box x, y, width, height (from its cell, in cells), anchor width, height (in
   * cells), weight 1 / (matches of the level).
   */
  readonly [lossInputs.rows]: Float32Array
  /**
   * int32 [3, levels * capacity].
   * 0: where the row's first channel lies in its flattened head; channel c lies c * ny * nx later.
   * 1: where its target goes in the objectness of all levels laid end to end; of several rows of a cell only the last
   *    has a place, the others and padding go to the dump slot behind the end.
   * 2: class.
   */
  readonly [lossInputs.indices]: Int32Array
  /** float32 [{@link numberPlaces} + levels] */
  readonly [lossInputs.numbers]: Float32Array
}

/** The largest number of matches on any level. */
export function matchCount(matched: readonly MatchedRows[]): number {
  return matched.reduce((most, { count }) => Math.max(most, count), 0)
}

const smallestCapacity = 256

/**
 * Rows per level that a graph should have for batches with so many matches: a power of two, or one and a half times
 * one, from 256, so that a training needs few different sessions.
 */
export function matchCapacity(matches: number): number {
  let capacity = smallestCapacity
  while (capacity < matches) {
    if (capacity * 1.5 >= matches) return capacity * 1.5
    capacity *= 2
  }
  return capacity
}

/**
 * What the loss part of the training graph is fed with.
 *
 * @throws {@link MatchCapacityError} if a level has more matches than `capacity`: nothing is ever dropped
 */
export function lossFeeds(matched: readonly MatchedRows[], numbers: LossNumbers, geometry: LossGeometry): LossFeeds {
  const { batch, classes, anchorsPerLevel, levels, capacity, focal } = geometry
  const most = matchCount(matched)
  if (most > capacity) throw new MatchCapacityError(most, capacity)
  if (!focal && numbers.focalGamma !== 0) throw new Error('a graph without focal factor was given a gamma')

  const count = levels.length * capacity
  const rows = new Float32Array(rowColumns * count)
  const indices = new Int32Array(3 * count)
  const dump = levels.reduce((sum, { ny, nx }) => sum + batch * anchorsPerLevel * ny * nx, 0)
  let offset = 0
  for (const [level, { ny, nx }] of levels.entries()) {
    const match = matched[level]!
    const start = level * capacity
    const taken = new Uint8Array(batch * anchorsPerLevel * ny * nx)
    for (let row = match.count - 1; row >= 0; row--) {
      const plane = match.image[row]! * anchorsPerLevel + match.anchor[row]!
      const place = match.gridY[row]! * nx + match.gridX[row]!
      const slot = plane * ny * nx + place
      indices[start + row] = plane * (5 + classes) * ny * nx + place
      indices[count + start + row] = taken[slot] ? dump : offset + slot
      indices[2 * count + start + row] = match.classes[row]!
      taken[slot] = 1
      const at = rowColumns * (start + row)
      for (let i = 0; i < 4; i++) rows[at + i] = match.boxes[4 * row + i]!
      rows[at + 4] = match.anchorSizes[2 * row]!
      rows[at + 5] = match.anchorSizes[2 * row + 1]!
      rows[at + 6] = 1 / match.count
    }
    for (let row = match.count; row < capacity; row++) {
      indices[count + start + row] = dump
      // A box of one cell on an anchor of one cell: harmless numbers.
      const at = rowColumns * (start + row)
      for (let i = 2; i < 6; i++) rows[at + i] = 1
    }
    offset += batch * anchorsPerLevel * ny * nx
  }
  return {
    [lossInputs.rows]: rows,
    [lossInputs.indices]: indices,
    [lossInputs.numbers]: packNumbers(numbers),
  }
}

function packNumbers(numbers: LossNumbers): Float32Array {
  const values: Record<(typeof numberPlaces)[number], number> = {
    ...numbers.gains,
    clsPositiveWeight: numbers.clsPositiveWeight,
    objPositiveWeight: numbers.objPositiveWeight,
    positive: 1 - 0.5 * numbers.labelSmoothing, // arXiv:1902.04103, eq. 3
    negative: 0.5 * numbers.labelSmoothing,
    focalGamma: numbers.focalGamma,
    overlapRatio: numbers.overlapRatio ?? 1,
  }
  return Float32Array.from([...numberPlaces.map((place) => values[place]), ...numbers.balance])
}

/** Weights of the levels' objectness, fine to coarse: fine levels have many more cells. */
export function levelBalance(levels: number): readonly number[] {
  return levels === 3 ? [4, 1, 0.4] : [4, 1, 0.25, 0.06, 0.02].slice(0, levels)
}

/**
 * The balance after a batch, where it is to adapt by itself (no release trains with this): levels with a small loss
 * gain weight, and the level of stride 16 stays at 1.
 *
 * @param levelObjectness - objectness loss of each level before balance and gain
 */
export function adaptBalance(
  balance: readonly number[],
  levelObjectness: ArrayLike<number>,
  strides: readonly number[],
): number[] {
  const moved = balance.map((weight, level) => weight * 0.9999 + 0.0001 / levelObjectness[level]!)
  const reference = moved[strides.indexOf(16)] ?? 1
  return moved.map((weight) => weight / reference)
}
