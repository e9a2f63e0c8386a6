// What a new search takes over from an earlier one, whatever space, release or data that had. Pure; who reads the earlier
// one is app/evolve/warm-start.ts.
import type { Hyp, HypValue } from './hyp.ts'
import type { ScoredHyp } from './importance.ts'
import { type Parameter, withinBounds } from './parameter.ts'
import { type Axis, unitCube } from './samplers/unit-cube.ts'
import type { SearchSpace } from './space.ts'
import type { Metrics } from './trial.ts'

/** A full training of the earlier search. */
export interface EarlierTrial {
  readonly hyp: Hyp
  /** Larger is better, by what this search ranks by; NaN: its metrics do not say. */
  readonly fitness: number
  readonly metrics: Metrics
}

export interface WarmStartRequest {
  /** Of the search that begins. */
  readonly space: SearchSpace
  /** What notes call the earlier search. */
  readonly source: string
  /** Full trainings in the order in which they ended; they are imported where `sameTraining` says so. */
  readonly trials: readonly EarlierTrial[]
  /** Trainings of equal length with what the earlier search ranked them by: where the good ones lie. */
  readonly ranked: readonly ScoredHyp[]
  /**
   * Undefined: trained as this search trains (data, model, epochs, image size …), so that results can be compared. Else
   * why not, as `other data`.
   */
  readonly differs: string | undefined
}

export interface WarmStart {
  /** Become first trials of the study: their results are worth here what they were worth there. */
  readonly imported: readonly EarlierTrial[]
  /** Tried before the sampler's own proposals, in this order (see `NextRequest.enqueued`). */
  readonly enqueued: readonly Hyp[]
  /** For the console, one line each. */
  readonly notes: readonly string[]
}

/** An earlier hyp as this space has it. */
export interface MappedHyp {
  readonly hyp: Hyp
  /** The training of this hyp is that of the earlier one: no value was changed, left out or added. */
  readonly exact: boolean
  /** Keys whose value lay outside, with both values. */
  readonly clipped: ReadonlyMap<string, readonly [was: HypValue, is: HypValue]>
  /** Keys that the earlier hyp does not have: they are at the start. */
  readonly missing: readonly string[]
  /** Keys of the earlier hyp that this space does not have. */
  readonly ignored: readonly string[]
}

/** The same loss gain before and since yolov5 v3.1. */
const otherName: Readonly<Record<string, string>> = { giou: 'box', box: 'giou' }

/**
 * Keys by name (giou and box are one), values into the bounds, what is missing as at the start; a value of another kind
 * counts as missing.
 */
export function mappedHyp(space: SearchSpace, earlier: Hyp): MappedHyp {
  const clipped = new Map<string, readonly [HypValue, HypValue]>()
  const missing: string[] = []
  const used = new Set<string>()
  const values = space.keys.map((key, i) => {
    const parameter = space.parameters[i]
    const name = nameIn(earlier, key)
    if (name !== undefined) used.add(name)
    const value = name === undefined ? undefined : earlier[name]
    if (value === undefined || !fits(parameter, value)) {
      missing.push(key)
      return parameter.start
    }
    const settled = withinBounds(parameter, value)
    if (settled !== value) clipped.set(key, [value, settled])
    return value
  })
  const hyp = space.toHyp(values)
  const inactive = (key: string) => !Object.hasOwn(hyp, key)
  for (const key of clipped.keys()) if (inactive(key)) clipped.delete(key)
  const absent = missing.filter((key) => !inactive(key))
  const ignored = Object.keys(earlier).filter((key) => !used.has(key))
  // Rounding, a condition that fails: then it is another training too.
  const same = Object.entries(hyp).every(([key, value]) => earlier[nameIn(earlier, key) ?? key] === value)
  const whole = Object.keys(earlier).length === Object.keys(hyp).length
  return { hyp, exact: same && whole && ignored.length === 0, clipped, missing: absent, ignored }
}

function nameIn(earlier: Hyp, key: string): string | undefined {
  return [key, otherName[key]].find((name) => name !== undefined && Object.hasOwn(earlier, name))
}

function fits(parameter: Parameter, value: HypValue): boolean {
  switch (parameter.kind) {
    case 'fixed':
      return typeof value === typeof parameter.start
    case 'choice':
      return parameter.choices.includes(value)
    default:
      return typeof value === 'number' && Number.isFinite(value)
  }
}

/** The good trials: whose middle is tried. */
const goodShare = 0.25
const leastForMiddle = 8

/**
 * Results are taken over only where they can be compared: trained in the same way, with exactly the hyperparameters of
 * this space, ranked by what this search ranks by. Of all else the order is worth something, the numbers are not: the
 * start is trained first and then, before the sampler's own proposals, the earlier best, the middle of the best quarter
 * (which no single lucky training decides), and of that quarter the one that lies farthest from the best.
 */
export function warmStart({ space, source, trials, ranked, differs }: WarmStartRequest): WarmStart {
  const notes: string[] = []
  const exact =
    differs === undefined
      ? trials.filter(({ hyp, fitness }) => Number.isFinite(fitness) && mappedHyp(space, hyp).exact)
      : []
  const imported = exact.map((trial) => ({ ...trial, hyp: mappedHyp(space, trial.hyp).hyp })) // in the order of the keys
  const known = new Set(imported.map(({ hyp }) => textOf(hyp)))
  if (imported.length > 0) notes.push(`${source}: ${imported.length} of its trainings are the first trials of this one`)
  else if (trials.length > 0)
    notes.push(
      `${source}: its results are not comparable (${differs ?? 'its hyperparameters are not those of this search'}); only where the good ones lie is taken over`,
    )

  // A sampler that knows the trials themselves needs no hint, only what it could not be told.
  const best = candidateHyps(space, ranked)
  const candidates = imported.length > 0 ? best.slice(0, 1) : best
  const wanted = [...(imported.length > 0 ? [space.start] : []), ...candidates.map(({ hyp }) => hyp)]
  const seen = new Set(imported.length > 0 ? known : [textOf(space.start)])
  const enqueued = wanted.filter((hyp) => {
    const text = textOf(hyp)
    if (seen.has(text)) return false
    seen.add(text)
    return true
  })
  const fresh = candidates.filter(({ hyp }) => enqueued.includes(hyp))
  if (fresh.length > 0) notes.push(`After the start are tried: ${fresh.map(({ what }) => what).join(', ')}`)
  notes.push(...mappingNotes(space, ranked))
  return { imported, enqueued, notes }
}

interface Candidate {
  readonly hyp: Hyp
  readonly what: string
}

function candidateHyps(space: SearchSpace, ranked: readonly ScoredHyp[]): Candidate[] {
  const order = [...ranked].sort((a, b) => b.score - a.score || a.number - b.number)
  const best = order[0]
  if (best === undefined) return []
  const bestHyp = mappedHyp(space, best.hyp).hyp
  const candidates = [{ hyp: bestHyp, what: `its best (trial ${best.number})` }]
  const good = order.slice(0, Math.ceil(goodShare * order.length))
  if (order.length < leastForMiddle) return candidates
  const cube = unitCube(space)
  const mapped = good.map(({ hyp, number }) => ({ hyp: mappedHyp(space, hyp).hyp, number }))
  const points = mapped.map(({ hyp }) => cube.toPositions(hyp))
  const home = cube.toPositions(bestHyp)
  const middle: Hyp = Object.fromEntries(cube.axes.map((axis, a) => [axis.key, middleOf(axis, a)]))
  candidates.push({ hyp: space.toHyp(space.toValues(middle)), what: `the middle of its best ${good.length}` })
  let farthest = 0
  for (let i = 1; i < points.length; i++)
    if (distance(cube.axes, points[i], home) > distance(cube.axes, points[farthest], home)) farthest = i
  if (farthest > 0)
    candidates.push({ hyp: mapped[farthest].hyp, what: `a good one far from it (trial ${mapped[farthest].number})` })
  return candidates

  /** The lower median, which is a value that was tried; of choices the most frequent one. The start if there is none. */
  function middleOf(axis: Axis, a: number): HypValue {
    const present = points.map((_, i) => i).filter((i) => !Number.isNaN(points[i][a]))
    if (present.length === 0) return space.get(axis.key)!.start
    if (axis.kind === 'number') {
      present.sort((i, k) => points[i][a] - points[k][a])
      return mapped[present[Math.floor((present.length - 1) / 2)]].hyp[axis.key]
    }
    const counts = axis.choices.map((_, place) => present.filter((i) => points[i][a] === place).length)
    return axis.choices[counts.indexOf(Math.max(...counts))]
  }
}

/** Sum over the axes that both have; another choice is as far as the ends of an axis. */
function distance(axes: readonly Axis[], a: Float64Array, b: Float64Array): number {
  return axes.reduce((sum, axis, i) => {
    if (Number.isNaN(a[i]) || Number.isNaN(b[i])) return sum
    return sum + (axis.kind === 'choice' ? Number(a[i] !== b[i]) : (a[i] - b[i]) ** 2)
  }, 0)
}

const shown = 8

/** What became of names and values, once for all trials. */
function mappingNotes(space: SearchSpace, ranked: readonly ScoredHyp[]): string[] {
  const mapped = ranked.map(({ hyp }) => mappedHyp(space, hyp))
  const all = (of: (each: MappedHyp) => Iterable<string>) => [...new Set(mapped.flatMap((each) => [...of(each)]))]
  const list = (keys: readonly string[]) =>
    keys.length > shown ? `${keys.slice(0, shown).join(', ')} and ${keys.length - shown} more` : keys.join(', ')
  const ignored = all((each) => each.ignored)
  const missing = all((each) => each.missing)
  const clipped = all((each) => each.clipped.keys())
  return [
    ...(ignored.length > 0 ? [`Left aside, since this search does not have them: ${list(ignored)}`] : []),
    ...(missing.length > 0 ? [`At the start, since the earlier search did not have them: ${list(missing)}`] : []),
    ...(clipped.length > 0 ? [`Brought within the bounds of this search: ${list(clipped)}`] : []),
  ]
}

const textOf = (hyp: Hyp) => JSON.stringify(Object.entries(hyp))
