// From observations to the next points: what is kept of them, how scores become about standard, when parameters are
// fitted anew. Of use to any sampler that wants a Gaussian process.
import type { Random } from '../../base/index.ts'
import type { History } from '../history.ts'
import type { Hyp } from '../hyp.ts'
import { observationsByRung } from '../observations.ts'
import type { SearchContext } from '../sampler.ts'
import { Acquisition, type GpCube, gpCube, promising } from './gp-cube.ts'
import { fitParameters, GaussianProcess, type GpData, type GpParameters, type Prediction } from './gp-model.ts'
import type { UnitCube } from './unit-cube.ts'

/** For experiments. */
export interface GpSettings {
  readonly prior?: string
  readonly transform?: string
  readonly threshold?: string
  readonly fantasies?: number
}

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

/** What a Gaussian process learns from in a study; repeats are left out. */
export function gpKnowledge({ history, fidelity }: Pick<SearchContext, 'history' | 'fidelity'>): GpKnowledge {
  const rungs = fidelity?.rungs
  const byNumber = (a: { number: number }, b: { number: number }) => a.number - b.number
  const observations = rungs
    ? observationsByRung(history, rungs).flatMap((all, rung) =>
        all.map(({ number, hyp, fitness }) => ({ number, hyp, rung, fitness })),
      )
    : withoutRungs(history)
  const open = history.open.filter(({ repeats }) => repeats === undefined)
  const running = open.map(({ number, hyp, fidelity: granted }) => ({
    number,
    hyp,
    rung: rungs ? Math.max(0, granted === undefined ? rungs.length - 1 : rungs.indexOf(granted)) : 0,
  }))
  return { observations: observations.sort(byNumber), running, rungCount: rungs?.length ?? 1 }
}

/** A training that was stopped did not promise enough: it counts as a failed one. */
function withoutRungs(history: History): GpObservation[] {
  return history.searched.map((trial) => {
    const fitness = trial.state === 'complete' ? trial.fitness : Number.NEGATIVE_INFINITY
    return { number: trial.number, hyp: trial.hyp, rung: 0, fitness }
  })
}

const mostPoints = 150
const mostFitted = 100

/**
 * Positions, the most promising first.
 *
 * @param knowledge - with at least two observations that did not fail
 */
export function gpDraws(
  cube: UnitCube,
  knowledge: GpKnowledge,
  random: Random,
  settings: GpSettings = {},
): () => ArrayLike<number> {
  const { observations, running, rungCount } = knowledge
  const { fantasies = 8, threshold: kind = 'mean' } = settings
  const space = gpCube(cube)
  const scores = standardised(observations, rungCount, settings)
  const parameters = parametersFor(space, knowledge, settings)
  const kept = chosen(observations, scores, rungCount, mostPoints)
  const data = dataOf(space, observations, scores, rungCount, kept)
  const process = processOf(data, parameters)
  const top = rungCount - 1
  const fulls = kept.filter((i) => observations[i].rung === top)
  const judged = fulls.length > 0 ? fulls : kept
  const prediction: Prediction = { means: new Float64Array(1), variance: 0 }
  const d = space.isChoice.length
  const means = judged.map((i) => {
    process.predict(space.pointOf(observations[i].hyp), prediction)
    return prediction.means[0]
  })
  const order = [...judged.keys()].sort((a, b) => means[b] - means[a])
  const threshold = kind === 'mean' || fulls.length === 0 ? means[order[0]] : Math.max(...fulls.map((i) => scores[i]))
  const incumbents = order.slice(0, 5).map((i) => cube.toPositions(observations[judged[i]].hyp))

  let acquisition = new Acquisition(process, [threshold])
  if (running.length > 0) {
    const points = new Float64Array(running.length * d)
    for (const [i, { hyp }] of running.entries()) points.set(space.pointOf(hyp), i * d)
    const draws = Array.from({ length: fantasies }, () =>
      running.map(() => (fantasies === 1 ? 0 : random.numpy.normal())),
    )
    const seen = process.withRunning(
      points,
      Int32Array.from(running, ({ rung }) => rung),
      draws,
    )
    if (seen) {
      const thresholds = seen.fantasies.map((brought) =>
        brought.reduce((most, each, i) => (running[i].rung === top ? Math.max(most, each) : most), threshold),
      )
      acquisition = new Acquisition(seen.process, thresholds)
    }
  }
  const n = acquisition.process.data.size
  const candidates = Math.round(Math.min(1000, Math.max(150, 6e6 / ((n * n) / 2 + n * (d + 20)))))
  const places = promising(acquisition, space, { candidates, ascents: n > 80 ? 2 : 5, incumbents, random })
  let i = 0
  return () => places[Math.min(i++, places.length - 1)]
}

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
  const d = space.isChoice.length
  const points = new Float64Array(kept.length * d)
  for (const [row, i] of kept.entries()) points.set(space.pointOf(observations[i].hyp), row * d)
  return {
    size: kept.length,
    isChoice: space.isChoice,
    points,
    rungs: Int32Array.from(kept, (i) => observations[i].rung),
    rungCount,
    scores: Float64Array.from(kept, (i) => scores[i]),
  }
}

function standardised(observations: readonly GpObservation[], rungCount: number, settings: GpSettings): Float64Array {
  const scores = Float64Array.from(observations, ({ fitness }) => fitness)
  const byRung = Array.from({ length: rungCount }, (_, rung) =>
    [...observations.keys()].filter((i) => observations[i].rung === rung),
  )
  let squares = 0
  let count = 0
  for (const all of byRung) {
    const finite = all.filter((i) => Number.isFinite(scores[i]))
    if (finite.length === 0) {
      for (const i of all) scores[i] = Number.NaN
      continue
    }
    const worst = finite.reduce((least, i) => Math.min(least, scores[i]), Infinity)
    for (const i of all) if (!Number.isFinite(scores[i])) scores[i] = worst
    const mean = all.reduce((sum, i) => sum + scores[i] / all.length, 0)
    for (const i of all) scores[i] -= mean
    if (all.length > 1) {
      squares += all.reduce((sum, i) => sum + scores[i] ** 2, 0)
      count += all.length
    }
  }
  const scale = Math.sqrt(squares / Math.max(count, 1))
  for (let i = 0; i < scores.length; i++) scores[i] = Number.isNaN(scores[i]) ? -1 : scale > 0 ? scores[i] / scale : 0
  return scores
}

/** All, or a choice of so many: the best of each rung, the newest, and some spread over the others. */
function chosen(
  observations: readonly GpObservation[],
  scores: Float64Array,
  rungCount: number,
  most: number,
): number[] {
  const all = [...observations.keys()]
  if (all.length <= most) return all
  const kept = new Set<number>()
  const third = Math.floor(most / 3)
  const best = [...all].sort((a, b) => observations[b].rung - observations[a].rung || scores[b] - scores[a] || a - b)
  for (const i of best.slice(0, third)) kept.add(i)
  for (let i = all.length - 1; kept.size < 2 * third; i--) kept.add(i)
  const rest = all.filter((i) => !kept.has(i))
  const places = most - kept.size
  for (let k = 0; k < places; k++) kept.add(rest[Math.floor(((k + 0.5) * rest.length) / places)])
  return [...kept].sort((a, b) => a - b)
}

/** So few observations are fitted anew whenever there is one more. */
const alwaysFitted = 40

/** Where there are more, they are fitted when there are about a tenth more. */
const growth = 1.1

interface Fit {
  readonly data: GpData
  readonly parameters: GpParameters
}

/** The last fits of each space: a cache, rebuilt from the observations where it does not fit. */
const fits = new WeakMap<GpCube, Map<string, Fit>>()

/**
 * The parameters for these observations. With many of them they come from the trials below a number that moves on in
 * steps and stays behind the oldest running trial, so that most proposals need no fit; it depends on the history alone.
 */
function parametersFor(space: GpCube, knowledge: GpKnowledge, settings: GpSettings): GpParameters {
  const { rungCount } = knowledge
  const observations = fittedOn(knowledge)
  const scores = standardised(observations, rungCount, settings)
  const kept = chosen(observations, scores, rungCount, mostFitted)
  const data = dataOf(space, observations, scores, rungCount, kept)
  const known = fits.get(space) ?? new Map<string, Fit>()
  fits.set(space, known)
  const name = `${rungCount} ${JSON.stringify(settings)}`
  const before = known.get(name)
  if (before && isSame(before.data, data)) return before.parameters
  const parameters = fitParameters(data, { prior: settings.prior })
  known.set(name, { data, parameters })
  return parameters
}

function fittedOn({ observations, running }: GpKnowledge): readonly GpObservation[] {
  if (observations.length <= alwaysFitted) return observations
  const next = observations.at(-1)!.number + 1
  const settled = Math.max(running[0]?.number ?? next, 0.7 * next)
  const limit = alwaysFitted * growth ** Math.floor(Math.log(settled / alwaysFitted) / Math.log(growth) + 1e-9)
  const fitted = observations.filter(({ number }) => number < limit)
  return isEnough(fitted) ? fitted : observations
}

/** Whether there is anything to learn: two trials that did not fail. */
export const isEnough = (observations: readonly GpObservation[]): boolean =>
  observations.filter(({ fitness }) => fitness > -Infinity).length >= 2

const isSame = (a: GpData, b: GpData) =>
  equals(a.scores, b.scores) && equals(a.rungs, b.rungs) && equals(a.points, b.points)

function equals(a: Float64Array | Int32Array, b: Float64Array | Int32Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
