// From observations to the next points: what is kept of them, how scores become about standard, when parameters are
// fitted anew. For any sampler that wants a Gaussian process.
import type { Random } from '../../base/index.ts'
import type { History } from '../history.ts'
import type { Hyp } from '../hyp.ts'
import { observationsByRung } from '../observations.ts'
import type { SearchContext } from '../sampler.ts'
import { Acquisition, type GpCube, gpCube, promising } from './gp-cube.ts'
import { fitParameters, GaussianProcess, type GpData, type GpParameters, type Prediction } from './gp-model.ts'
import type { UnitCube } from './unit-cube.ts'

/** A training under way. */
export interface GpRunning {
  readonly number: number
  readonly hyp: Hyp
  /** From 0; the highest is a full training. */
  readonly rung: number
}

/** What a training brought. */
export interface GpObservation extends GpRunning {
  /** -Infinity if it failed. */
  readonly fitness: number
}

/** All that a Gaussian process learns from, both lists in the order of numbers. */
export interface GpKnowledge {
  readonly observations: readonly GpObservation[]
  readonly running: readonly GpRunning[]
  readonly rungCount: number
}

/** So many points a process is made of at most: time grows with the square of them for every point that is looked at. */
const mostPoints = 120

/** So many its parameters are fitted to at most: time grows with the cube of them for every step of the fit. */
const mostFitted = 80

/** So few observations are fitted anew whenever there is one more. */
const alwaysFitted = 40

/** Where there are more, they are fitted when there are about a tenth more. */
const growth = 1.1

/**
 * Variance of the score that a failed trial counts with: some fail for no reason that lies in their hyp, and one among
 * good ones is to make little of a difference, several together much.
 */
const failureDoubt = 1

/** Ways in which the running trainings may end that the expected improvement is averaged over. */
const fantasies = 8

/** Points around which others are drawn. */
const incumbentCount = 5

/** What a Gaussian process learns from in a study; repeats are left out. */
export function gpKnowledge({ history, fidelity }: Pick<SearchContext, 'history' | 'fidelity'>): GpKnowledge {
  const rungs = fidelity?.rungs ?? []
  const top = Math.max(0, rungs.length - 1)
  const observations =
    rungs.length < 2 || history.searched.some(isStopped)
      ? atFullLength(history, top)
      : observationsByRung(history, rungs).flatMap((all, rung) =>
          all.map(({ number, hyp, fitness }) => ({ number, hyp, rung, fitness })),
        )
  const running = history.open
    .filter(({ repeats }) => repeats === undefined)
    .map(({ number, hyp, fidelity: granted }) => {
      const rung = granted === undefined ? top : rungs.indexOf(granted)
      return { number, hyp, rung: rung < 0 ? top : rung }
    })
  return { observations: observations.sort((a, b) => a.number - b.number), running, rungCount: top + 1 }
}

type Searched = History['searched'][number]

/** Stopped before what it was granted. */
const isStopped = (trial: Searched) =>
  trial.state === 'pruned' && (trial.fidelity === undefined || trial.epochs < trial.fidelity)

/**
 * Full trainings only. One that was stopped on the way did not promise enough: it counts as a failed one, for its score
 * so far says nothing beside those of whole trainings, and which would have been stopped is not by chance.
 */
function atFullLength(history: History, rung: number): GpObservation[] {
  return history.searched.map((trial) => {
    const fitness = trial.state === 'complete' ? trial.fitness : Number.NEGATIVE_INFINITY
    return { number: trial.number, hyp: trial.hyp, rung, fitness }
  })
}

/** Whether there is anything to learn: two trials that did not fail. */
export const isEnough = (observations: readonly GpObservation[]): boolean =>
  observations.filter(({ fitness }) => fitness > Number.NEGATIVE_INFINITY).length >= 2

/**
 * Where a full training would improve most on the best one, by all that is known: gives positions, the most promising
 * first; beside the last one when there are no more.
 *
 * What is to be improved on is the best mean of the process at a hyp that was trained in full, not the best score: that
 * would be a lucky one where scores are noisy. Running trainings are averaged over.
 *
 * @param knowledge - with at least two observations that did not fail
 */
export function gpDraws(cube: UnitCube, knowledge: GpKnowledge, random: Random): () => Float64Array {
  const { observations, rungCount } = knowledge
  const space = gpCube(cube)
  const scores = standardised(observations, rungCount)
  const kept = chosen(observations, scores, mostPoints)
  const process = processOf(dataOf(space, observations, scores, rungCount, kept), parametersFor(space, knowledge))
  const means = meansOf(process, space, observations, kept)
  const fulls = kept.filter((i) => observations[i].rung === rungCount - 1)
  const best = (fulls.length > 0 ? fulls : kept).sort((a, b) => means.get(b)! - means.get(a)! || a - b)

  const acquisition = afterRunning(process, means.get(best[0])!, space, knowledge, random)
  const places = promising(acquisition, space, {
    ...effort(acquisition.process.data.size, space.isChoice.length),
    incumbents: best.slice(0, incumbentCount).map((i) => cube.toPositions(observations[i].hyp)),
    random,
  })
  let next = 0
  return () => shaken(space, places[Math.min(next++, places.length - 1)], random)
}

/** Standard deviation in parts of the range. */
const shake = 1e-3

/**
 * A little beside a point: the same to the process, but no two studies with other seeds agree in all digits. What lies on
 * a bound stays there.
 */
function shaken({ isDiscrete }: GpCube, positions: Float64Array, { numpy }: Random): Float64Array {
  return positions.map((u, j) => {
    const by = shake * numpy.normal()
    return isDiscrete[j] || u <= 0 || u >= 1 ? u : Math.min(Math.max(u + by, 0), 1)
  })
}

/** As much as fits into about 15 ms. */
function effort(size: number, dimensions: number): { candidates: number; ascents: number; steps: number } {
  const each = (size * size) / 2 + size * (dimensions + 20)
  // where there are many dimensions few points that are drawn evenly come near anything
  const most = Math.min(Math.max(8000 / dimensions, 300), 1000)
  const candidates = Math.round(Math.min(Math.max(4e6 / each, 150), most))
  return size > 60 ? { candidates, ascents: 2, steps: 12 } : { candidates, ascents: 5, steps: 30 }
}

/** What the process says about full trainings of these observations. */
function meansOf(
  process: GaussianProcess,
  space: GpCube,
  observations: readonly GpObservation[],
  kept: readonly number[],
): Map<number, number> {
  const prediction: Prediction = { means: new Float64Array(1), variance: 0 }
  return new Map(
    kept.map((i) => {
      process.predict(space.pointOf(observations[i].hyp), prediction)
      return [i, prediction.means[0]]
    }),
  )
}

/** The expected improvement on a mean, or on what a running full training brings if that is better. */
function afterRunning(
  process: GaussianProcess,
  best: number,
  space: GpCube,
  { running, rungCount }: GpKnowledge,
  { numpy }: Random,
): Acquisition {
  if (running.length === 0) return new Acquisition(process, [best])
  const d = space.isChoice.length
  const newest = running.slice(-mostPoints)
  const points = new Float64Array(newest.length * d)
  for (const [i, { hyp }] of newest.entries()) points.set(space.pointOf(hyp), i * d)
  const draws = Array.from({ length: fantasies }, () => newest.map(() => numpy.normal()))
  const seen = process.withRunning(
    points,
    Int32Array.from(newest, ({ rung }) => rung),
    draws,
  )
  if (seen === undefined) return new Acquisition(process, [best])
  const thresholds = seen.fantasies.map((brought) =>
    brought.reduce((most, each, i) => (newest[i].rung === rungCount - 1 ? Math.max(most, each) : most), best),
  )
  return new Acquisition(seen.process, thresholds)
}

/** With more noise where points lie too close for the parameters, which were fitted to others. */
function processOf(data: GpData, parameters: GpParameters): GaussianProcess {
  for (let noise = parameters.noise; ; noise *= 10) {
    const process = GaussianProcess.of(data, { ...parameters, noise })
    if (process) return process
  }
}

function dataOf(
  space: GpCube,
  observations: readonly GpObservation[],
  scores: Float64Array,
  rungCount: number,
  kept: readonly number[],
): GpData {
  const points = new Float64Array(kept.length * space.isChoice.length)
  for (const [row, i] of kept.entries()) points.set(space.pointOf(observations[i].hyp), row * space.isChoice.length)
  return {
    size: kept.length,
    isChoice: space.isChoice,
    points,
    rungs: Int32Array.from(kept, (i) => observations[i].rung),
    rungCount,
    scores: Float64Array.from(kept, (i) => scores[i]),
    doubts: Float64Array.from(kept, (i) => (Number.isFinite(observations[i].fitness) ? 0 : failureDoubt)),
  }
}

/** The larger the scores, the smaller the unit: else squares of them leave the range of numbers. */
const unitOf = (scores: Float64Array) =>
  scores.reduce((most, each) => (Number.isFinite(each) ? Math.max(most, Math.abs(each)) : most), 0) || 1

/**
 * Scores with the mean 0 in each rung, in parts of their standard deviation there; one for all rungs, for the trials of
 * the longer ones are chosen and lie close. A failed trial counts as bad as the worst of its rung, with a doubt.
 */
function standardised(observations: readonly GpObservation[], rungCount: number): Float64Array {
  const scores = Float64Array.from(observations, ({ fitness }) => fitness)
  const unit = unitOf(scores)
  let squares = 0
  let count = 0
  for (let rung = 0; rung < rungCount; rung++) {
    const all = [...observations.keys()].filter((i) => observations[i].rung === rung)
    const finite = all.filter((i) => Number.isFinite(scores[i]))
    const worst = finite.reduce((least, i) => Math.min(least, scores[i] / unit), Number.POSITIVE_INFINITY)
    // where all have failed nothing is known of the rung's scores
    for (const i of all) scores[i] = finite.length === 0 ? 0 : Number.isFinite(scores[i]) ? scores[i] / unit : worst
    const mean = all.reduce((sum, i) => sum + scores[i], 0) / all.length
    for (const i of all) scores[i] -= mean
    if (all.length < 2) continue
    squares += all.reduce((sum, i) => sum + scores[i] ** 2, 0)
    count += all.length
  }
  const deviation = Math.sqrt(squares / Math.max(count, 1))
  return deviation > 0 ? scores.map((each) => each / deviation) : scores
}

/** All, or a choice of so many, in their order: the best of the longest trainings, the newest, and some of the others. */
function chosen(observations: readonly GpObservation[], scores: Float64Array, most: number): number[] {
  const all = [...observations.keys()]
  if (all.length <= most) return all
  const third = Math.floor(most / 3)
  const better = (a: number, b: number) => observations[b].rung - observations[a].rung || scores[b] - scores[a] || a - b
  const kept = new Set([...all].sort(better).slice(0, third))
  for (let i = all.length - 1; kept.size < 2 * third; i--) kept.add(i)
  const rest = all.filter((i) => !kept.has(i))
  const places = most - kept.size
  for (let k = 0; k < places; k++) kept.add(rest[Math.floor(((k + 0.5) * rest.length) / places)])
  return [...kept].sort((a, b) => a - b)
}

interface Fit {
  readonly data: GpData
  readonly parameters: GpParameters
}

/** The last fit of each space and number of rungs: a cache, made anew from the observations where it does not fit. */
const fits = new WeakMap<GpCube, Map<number, Fit>>()

function parametersFor(space: GpCube, knowledge: GpKnowledge): GpParameters {
  const { rungCount } = knowledge
  const observations = fittedOn(knowledge)
  const scores = standardised(observations, rungCount)
  const data = dataOf(space, observations, scores, rungCount, chosen(observations, scores, mostFitted))
  const known = fits.get(space) ?? new Map<number, Fit>()
  fits.set(space, known)
  const before = known.get(rungCount)
  if (before && isSame(before.data, data)) return before.parameters
  const parameters = fitParameters(data)
  known.set(rungCount, { data, parameters })
  return parameters
}

/**
 * The observations that the parameters for these come from. With many of them those below a number that moves on in
 * steps and stays behind the oldest running trial (unless that is very old), so that most proposals need no fit. It
 * depends on the history alone: after a restart the parameters are the same.
 */
function fittedOn({ observations, running }: GpKnowledge): readonly GpObservation[] {
  if (observations.length <= alwaysFitted) return observations
  const next = observations.at(-1)!.number + 1
  const settled = Math.max(running[0]?.number ?? next, 0.7 * next)
  const limit = alwaysFitted * growth ** Math.floor(Math.log(settled / alwaysFitted) / Math.log(growth) + 1e-9)
  const fitted = observations.filter(({ number }) => number < limit)
  return isEnough(fitted) ? fitted : observations
}

const isSame = (a: GpData, b: GpData) =>
  equals(a.scores, b.scores) && equals(a.doubts, b.doubts) && equals(a.rungs, b.rungs) && equals(a.points, b.points)

function equals(a: Float64Array | Int32Array, b: Float64Array | Int32Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
