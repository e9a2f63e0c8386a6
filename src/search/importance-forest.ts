// Regression trees in the unit cube and what they say about it: every tree is a partition into boxes with one value each,
// so all integrals over it are sums over boxes. Used by importance.ts.
import type { Random } from '../base/index.ts'
import type { Axis } from './samplers/unit-cube.ts'

/** What trees are grown from. */
export interface ForestSample {
  readonly axes: readonly Axis[]
  /** One per axis: positions of all rows (places for choices); NaN where a row has no value. */
  readonly columns: readonly Float64Array[]
  /** One per row. */
  readonly targets: Float64Array
}

export interface TreeOptions {
  /** Fewest rows of a box. Default 3. */
  readonly leastRows?: number
  /** Share of the axes that are tried at a split. Default 0.7. */
  readonly axesTried?: number
}

/** What a box leaves of one axis. */
interface Side {
  readonly axis: number
  /** Share of the axis. */
  readonly length: number
  readonly from: number
  readonly to: number
  /** Of a choice, instead of `from` and `to`: 1 at the places that belong to the box. */
  readonly places?: Uint8Array
}

/** A box with its mean target. Axes that it spans wholly are not among its sides. */
interface Leaf {
  readonly value: number
  readonly volume: number
  /** In the order of the axes. */
  readonly sides: readonly Side[]
}

interface Split {
  readonly axis: number
  /** Positions up to here go left. */
  readonly at: number
  /** Of a choice, instead: 1 at the places that go left. */
  readonly places?: Uint8Array
  readonly gain: number
}

interface Node {
  readonly value: number
  readonly split?: Split
  readonly left?: Node
  readonly right?: Node
}

export interface Tree {
  readonly root: Node
  readonly leaves: readonly Leaf[]
  /** Over the whole cube. */
  readonly mean: number
}

const mostBins = 64

/** The sample with every position in one of few bins, so that splits are found by counting. */
export interface BinnedSample extends ForestSample {
  /** Bin of every row, by axis; 255: no value. */
  readonly bins: readonly Uint8Array[]
  /** Of every bin of a numeric axis its lowest and highest position. */
  readonly edges: readonly (readonly (readonly [low: number, high: number])[])[]
  /** Rows that have a value, by axis. */
  readonly present: readonly Uint32Array[]
}

const noBin = 255

export function binned(sample: ForestSample): BinnedSample {
  const bins: Uint8Array[] = []
  const edges: [number, number][][] = []
  const present: Uint32Array[] = []
  sample.columns.forEach((column, a) => {
    const rows = Uint32Array.from(column.keys()).filter((row) => !Number.isNaN(column[row]))
    present.push(rows)
    const own = new Uint8Array(column.length).fill(noBin)
    bins.push(own)
    if (sample.axes[a].kind === 'choice') {
      for (const row of rows) own[row] = column[row]
      edges.push([])
      return
    }
    const sorted = rows.slice().sort((p, q) => column[p] - column[q])
    const limits: [number, number][] = []
    const size = Math.max(1, sorted.length / mostBins)
    for (const [i, row] of sorted.entries()) {
      const at = column[row]
      const last = limits.at(-1)
      // Equal positions share a bin, others as long as it is not full.
      if (last === undefined || (at !== last[1] && i >= limits.length * size)) limits.push([at, at])
      else last[1] = at
      own[row] = limits.length - 1
    }
    edges.push(limits)
  })
  return { ...sample, bins, edges, present }
}

/**
 * Grows a tree. Where a row has no value, it gets that of another row, drawn anew for each tree: so the axis says nothing
 * about the rows that lack it.
 *
 * @param rows - a row may be there several times
 */
export function growTree(sample: BinnedSample, rows: Uint32Array, rng: Random, options: TreeOptions = {}): Tree {
  const { leastRows = 3, axesTried = 0.7 } = options
  const { axes, targets } = sample
  const { numpy } = rng
  const filled = sample.bins.map((own, a) => {
    const present = sample.present[a]
    if (present.length === own.length || present.length === 0) return own
    return own.map((bin) => (bin === noBin ? own[present[Math.floor(numpy.random() * present.length)]] : bin))
  })
  const tried = Math.max(1, Math.ceil(axesTried * axes.length))
  const movable = axes.map((_, a) => a).filter((a) => sample.present[a].length > 0)
  const leaves: Leaf[] = []
  const counts = new Float64Array(256)
  const sums = new Float64Array(256)

  const sidesOf = new Map<number, Side>()
  const root = grow(rows, sidesOf)
  const mean = leaves.reduce((sum, { value, volume }) => sum + value * volume, 0)
  return { root, leaves, mean }

  function grow(own: Uint32Array, sides: ReadonlyMap<number, Side>): Node {
    let sum = 0
    for (const row of own) sum += targets[row]
    const value = sum / own.length
    const split = own.length < 2 * leastRows ? undefined : bestSplit(own, sum, sides)
    if (split === undefined) {
      const ordered = [...sides.values()].sort((p, q) => p.axis - q.axis)
      leaves.push({ value, volume: ordered.reduce((product, { length }) => product * length, 1), sides: ordered })
      return { value }
    }
    const goesLeft = leftRows(split)
    const [leftSide, rightSide] = divided(split, sides.get(split.axis))
    const left = grow(own.filter(goesLeft), new Map(sides).set(split.axis, leftSide))
    const right = grow(
      own.filter((row) => !goesLeft(row)),
      new Map(sides).set(split.axis, rightSide),
    )
    return { value, split, left, right }
  }

  function leftRows({ axis, at, places }: Split): (row: number) => boolean {
    const own = filled[axis]
    if (places) return (row) => places[own[row]] === 1
    const limits = sample.edges[axis]
    return (row) => limits[own[row]][0] <= at
  }

  function bestSplit(own: Uint32Array, sum: number, sides: ReadonlyMap<number, Side>): Split | undefined {
    let best: Split | undefined
    const order = numpy.permutation(movable.length)
    // Axes that cannot divide these rows do not count among those that were tried.
    for (let i = 0, found = 0; i < order.length && found < tried; i++) {
      const axis = movable[order[i]]
      const split =
        axes[axis].kind === 'choice' ? choiceSplit(axis, own, sum, sides.get(axis)) : numberSplit(axis, own, sum)
      if (split === undefined) continue
      found++
      if (best === undefined || split.gain > best.gain) best = split
    }
    return best && best.gain > 1e-12 ? best : undefined
  }

  function count(axis: number, own: Uint32Array, size: number): void {
    counts.fill(0, 0, size)
    sums.fill(0, 0, size)
    const bins = filled[axis]
    for (const row of own) {
      counts[bins[row]]++
      sums[bins[row]] += targets[row]
    }
  }

  function numberSplit(axis: number, own: Uint32Array, sum: number): Split | undefined {
    const limits = sample.edges[axis]
    count(axis, own, limits.length)
    let best = -1
    let bestGain = -1
    let next = -1
    let [leftCount, leftSum] = [0, 0]
    let last = -1
    for (let bin = 0; bin < limits.length; bin++) {
      if (counts[bin] === 0) continue
      if (last >= 0 && leftCount >= leastRows && own.length - leftCount >= leastRows) {
        const gain = gainOf(leftCount, leftSum, own.length, sum)
        if (gain > bestGain) [best, next, bestGain] = [last, bin, gain]
      }
      leftCount += counts[bin]
      leftSum += sums[bin]
      last = bin
    }
    if (best < 0) return undefined
    const [from, to] = [limits[best][1], limits[next][0]]
    // Anywhere in the gap: over many trees that makes effects smooth. Never inside of what means one value.
    let at = from + numpy.random() * (to - from)
    const axisOf = axes[axis]
    const cell = axisOf.kind === 'number' ? axisOf.cell(at) : undefined
    if (cell) at = cell[0] > from ? cell[0] : cell[1]
    return { axis, at, gain: bestGain }
  }

  /** Choices in the order of their means: one of the cuts of that order is the best of all divisions (Fisher, 1958). */
  function choiceSplit(axis: number, own: Uint32Array, sum: number, side: Side | undefined): Split | undefined {
    const axisOf = axes[axis]
    const size = axisOf.kind === 'choice' ? axisOf.choices.length : 0
    count(axis, own, size)
    const seen = Array.from({ length: size }, (_, place) => place).filter((place) => counts[place] > 0)
    if (seen.length < 2) return undefined
    seen.sort((p, q) => sums[p] / counts[p] - sums[q] / counts[q] || p - q)
    let [leftCount, leftSum, bestGain, cut] = [0, 0, -1, -1]
    let leftAtCut = 0
    for (let i = 0; i + 1 < seen.length; i++) {
      leftCount += counts[seen[i]]
      leftSum += sums[seen[i]]
      if (leftCount < leastRows || own.length - leftCount < leastRows) continue
      const gain = gainOf(leftCount, leftSum, own.length, sum)
      if (gain > bestGain) [bestGain, cut, leftAtCut] = [gain, i, leftCount]
    }
    if (cut < 0) return undefined
    const places = new Uint8Array(size)
    for (const place of seen.slice(0, cut + 1)) places[place] = 1
    // Choices that none of these rows has go where most rows go.
    if (2 * leftAtCut > own.length)
      for (let place = 0; place < size; place++)
        if (counts[place] === 0 && (side?.places?.[place] ?? 1) === 1) places[place] = 1
    return { axis, at: 0, places, gain: bestGain }
  }

  function divided({ axis, at, places }: Split, side: Side | undefined): [left: Side, right: Side] {
    if (places) {
      const of = (belongs: (place: number) => boolean): Side => {
        const kept = places.map((_, place) => ((side?.places?.[place] ?? 1) === 1 && belongs(place) ? 1 : 0))
        const length = kept.reduce((n, each) => n + each, 0) / kept.length
        return { axis, length, from: 0, to: 0, places: kept }
      }
      return [of((place) => places[place] === 1), of((place) => places[place] !== 1)]
    }
    const { from, to } = side ?? { from: 0, to: 1 }
    return [
      { axis, from, to: at, length: at - from },
      { axis, from: at, to, length: to - at },
    ]
  }
}

/** By how much the squared error falls. */
const gainOf = (leftCount: number, leftSum: number, count: number, sum: number) =>
  leftSum ** 2 / leftCount + (sum - leftSum) ** 2 / (count - leftCount) - sum ** 2 / count

/** What the tree says of a row. Where that has no value the mean of both sides is taken, by how many rows they had. */
export function predict({ root }: Tree, columns: readonly Float64Array[], row: number): number {
  let node = root
  while (node.split) {
    const { axis, at, places } = node.split
    const position = columns[axis][row]
    if (Number.isNaN(position)) return node.value
    node = (places ? places[position] === 1 : position <= at) ? node.left! : node.right!
  }
  return node.value
}

/** Parts of the variance over the unit cube, by axis. */
export interface Decomposition {
  /** Of all axes together. */
  whole: number
  /** Of each axis alone. */
  readonly single: Float64Array
  /** Of two axes beyond what each has alone, at `a * axes + b` with a < b. */
  readonly pairs: Float64Array
  /** Of each axis, alone and in concert with others: what would be gone if it were fixed (the total effect). */
  readonly total: Float64Array
}

export const emptyDecomposition = (axes: number): Decomposition => ({
  whole: 0,
  single: new Float64Array(axes),
  pairs: new Float64Array(axes * axes),
  total: new Float64Array(axes),
})

/**
 * Adds the functional ANOVA of two trees: the scalar products of their effects. With the same tree twice these are its
 * variances; with trees that were grown from different rows what is noise in them falls out on average.
 *
 * A tree is a sum over boxes l of value c_l, volume v_l and sides [a_lj], and so is the effect of any set U of axes; hence
 * with r_j = |a_lj ∩ a_mj| / (|a_lj| |a_mj|), which is 1 where one of the two boxes spans the axis,
 *   ∫ f_U g_U = Σ_lm c_l c_m v_l v_m Π_{j ∈ U} (r_j - 1),
 * c less its mean. (Hutter, Hoos and Leyton-Brown, ICML 2014, algorithms 1 and 2, without a grid.)
 */
export function addProduct(into: Decomposition, f: Tree, g: Tree): void {
  const axes = into.single.length
  const shared = new Int32Array(axes)
  const ratio = new Float64Array(axes)
  for (const l of f.leaves)
    for (const m of g.leaves) {
      const product = (l.value - f.mean) * (m.value - g.mean) * l.volume * m.volume
      const count = sharedAxes(l, m, shared, ratio)
      let [zeros, zeroAt, overlap] = [0, -1, product]
      for (let i = 0; i < count; i++) {
        const a = shared[i]
        const part = product * (ratio[i] - 1)
        into.single[a] += part
        for (let k = i + 1; k < count; k++) into.pairs[a * axes + shared[k]] += part * (ratio[k] - 1)
        if (ratio[i] > 0) overlap *= ratio[i]
        else [zeros, zeroAt] = [zeros + 1, a]
      }
      // ∫ f g less ∫ of what is left of both without the axis; boxes that lie apart along that axis alone meet then.
      if (zeros === 0) {
        into.whole += overlap
        for (let i = 0; i < count; i++) into.total[shared[i]] += overlap - overlap / ratio[i]
      } else if (zeros === 1) into.total[zeroAt] -= overlap
    }
}

/** Axes that neither box spans, with r for each; how many there are. */
function sharedAxes(l: Leaf, m: Leaf, shared: Int32Array, ratio: Float64Array): number {
  let count = 0
  for (let i = 0, k = 0; i < l.sides.length && k < m.sides.length; ) {
    const [p, q] = [l.sides[i], m.sides[k]]
    if (p.axis < q.axis) i++
    else if (p.axis > q.axis) k++
    else {
      shared[count] = p.axis
      ratio[count++] = overlapOf(p, q) / (p.length * q.length)
      i++
      k++
    }
  }
  return count
}

function overlapOf(p: Side, q: Side): number {
  if (p.places && q.places) {
    let both = 0
    for (let i = 0; i < p.places.length; i++) both += p.places[i] & q.places[i]
    return both / p.places.length
  }
  return Math.max(0, Math.min(p.to, q.to) - Math.max(p.from, q.from))
}

/** Mean over all other axes of what a tree says, at each of these positions (places) of an axis. */
export function effect({ leaves }: Tree, axis: number, positions: readonly number[]): number[] {
  const at = positions.map(() => 0)
  for (const { value, volume, sides } of leaves) {
    const side = sides.find((each) => each.axis === axis)
    positions.forEach((position, i) => {
      if (side === undefined) at[i] += value * volume
      else if (
        side.places ? side.places[position] === 1 : (position > side.from || side.from === 0) && position <= side.to
      )
        at[i] += (value * volume) / side.length
    })
  }
  return at
}
