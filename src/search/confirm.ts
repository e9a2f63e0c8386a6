// Confirmation: before a search gives its answer, the start and the best hyps are trained again at full length, each with
// further seeds. All of it is a function of the history. Start reading at `nextRepeat` and `confirmationOf`.
import type { History } from './history.ts'
import type { Hyp } from './hyp.ts'
import { hypDigest } from './hyp-digest.ts'
import { compare, noiseOf, type Sample, spreadOf } from './noise.ts'
import { isFeasible } from './objectives.ts'
import type { Proposal } from './sampler.ts'
import type { CompleteTrial, Trial } from './trial.ts'

/** A hyp that is trained again, and what is known of it. All fitnesses: larger is better. */
export interface ConfirmedCandidate {
  /** Of the trial that found it. */
  readonly number: number
  readonly hyp: Hyp
  /** It is the hyp that the search started with. */
  readonly isStart: boolean
  /** It keeps to the study's constraints. */
  readonly isFeasible: boolean
  /** What the search measured. Of all but the start likely too good: they were selected by it. */
  readonly first: number
  /** What `first` alone lets expect; undefined for the start, whose `first` is as good as any repeat. */
  readonly shrunken: number | undefined
  /** Fitnesses of the repeats, in the order in which they ended. */
  readonly repeats: readonly number[]
  /** Repeats that brought no result. */
  readonly failed: number
  /** Repeats in training. */
  readonly running: number
  /** Of the repeats, for the start of `first` too; undefined without any. */
  readonly mean: number | undefined
  /** Standard deviation of what `mean` is the mean of; undefined for less than two. */
  readonly sd: number | undefined
  /** Standard error of `mean`, by the noise of all candidates together; undefined if that is not known. */
  readonly se: number | undefined
  /** What a further training can be expected to bring, from all that is known: not too good even for the winner. */
  readonly expected: number
  /** `expected` lies in between with a probability of 95 %. */
  readonly interval: readonly [low: number, high: number]
  /** Probability to be better than the start; undefined for the start, and if that has no result. */
  readonly better: number | undefined
  /** Probability to be the best of the candidates. */
  readonly best: number
  /** It failed too often to be the answer. */
  readonly isUnreliable: boolean
}

/** The answer of a search, and how sure it is. */
export interface Confirmation {
  /** The start first, then by what the search measured, best first. */
  readonly candidates: readonly ConfirmedCandidate[]
  /** One of the candidates; undefined if no training of full length has a result. */
  readonly winner: ConfirmedCandidate | undefined
  /** Whether anything was trained again, and the winner among it. */
  readonly confirmed: boolean
  /** Standard deviation of one training, pooled over all that was repeated; undefined if nothing was. */
  readonly sigma: number | undefined
  readonly degreesOfFreedom: number
  /** Repeats gave exactly the same: there is nothing to confirm. */
  readonly deterministic: boolean
  /** Whether each repeat had a seed of its own; if not, repeats differ by whatever the trainer draws from. */
  readonly seedsControlled: boolean
}

export interface ConfirmationOptions {
  /** How many hyps beside the start and what was repeated. Default: none if one was repeated, else 3 */
  readonly count?: number
  /** Whether trainings have the seeds that they are given. Default true */
  readonly seedsControlled?: boolean
  /** Where the search started; default: what trial 0 has. A study that began with results from elsewhere must say it. */
  readonly start?: Hyp | undefined
}

/** With fewer trainings nothing is confirmed: one for the start, one for the best. */
export const fewestRepeats = 2

/**
 * How many full trainings of a target are kept for the confirmation: the share, in whole trainings; none where that is
 * too few to say anything.
 *
 * @param target - in full trainings
 * @param confirm - the share, as of the schedule
 */
export function confirmationTrainings(target: number, confirm: number): number {
  const trainings = Math.floor(target * confirm + 1e-9)
  return trainings < fewestRepeats ? 0 : trainings
}

/** How many hyps are confirmed beside the start, if so many trainings can be had for it. */
export function candidateCount(trainings: number): number {
  if (trainings < fewestRepeats) return 0
  if (trainings < 5) return 1
  return trainings < 8 ? 2 : 3
}

/** Who falls below this probability to be the best is not trained again. */
const hopeless = 0.05

/**
 * The next training of the confirmation, for a worker that is free: the candidates in turn, once each, then as long as
 * they may still be the best; at least two go on, so that the last trainings sharpen what is decided between.
 *
 * @param trainings - full trainings that the confirmation may take in all, those behind it included
 * @param start - where the search started; default: what trial 0 has
 * @returns `undefined` if there is nothing more to confirm
 */
export function nextRepeat(history: History, trainings: number, start?: Hyp): Proposal | undefined {
  const given = history.repeats.length + history.open.filter(({ repeats }) => repeats !== undefined).length
  if (given + 1 > trainings + 1e-9) return undefined
  const { candidates, deterministic } = confirmationOf(history, { count: candidateCount(trainings), start })
  if (deterministic || candidates.length < 2) return undefined
  const reliable = candidates.filter(({ isUnreliable }) => !isUnreliable)
  const ranked = [...reliable].sort((a, b) => b.best - a.best)
  const inRunning = reliable.filter(
    (each) => timesRepeated(each) === 0 || each.best >= hopeless || ranked.indexOf(each) < 2,
  )
  if (inRunning.length === 0) return undefined
  const next = inRunning.reduce((a, b) => (timesGiven(b) < timesGiven(a) ? b : a))
  return {
    hyp: next.hyp,
    parents: [next.number],
    repeats: next.number,
    repetition: 1 + lastRepetition(history, next),
  }
}

const timesRepeated = ({ repeats, failed, running }: ConfirmedCandidate) => repeats.length + failed + running

/** The start's own training counts, for it was not selected by that. */
const timesGiven = (each: ConfirmedCandidate) => Number(each.isStart) + timesRepeated(each)

function lastRepetition(history: History, { hyp }: ConfirmedCandidate): number {
  const digest = hypDigest(hyp)
  let last = 0
  for (const trial of [...history.repeats, ...history.open])
    if (trial.repeats !== undefined && digestOf(trial) === digest) last = Math.max(last, trial.repetition ?? 0)
  return last
}

/**
 * What the trainings of full length say about the best hyps: the answer of the search. Never the best of many noisy
 * results: a winner was trained again, or, where nothing was, what it brought is shrunken towards the others.
 *
 * Candidates are the start, the fittest hyps, and whatever was repeated before. The start wins unless another
 * one is more likely better than not.
 */
export function confirmationOf(
  history: History,
  { count, seedsControlled = true, start: startHyp }: ConfirmationOptions = {},
): Confirmation {
  const repeats = repeatsByHyp(history)
  const startTrial = startOf(history, startHyp)
  const startDigest = startTrial && digestOf(startTrial)
  const isBegun = [...repeats].some(
    ([digest, group]) => digest !== startDigest && group.some(({ state }) => state === 'complete'),
  )
  const found = candidateTrials(history, { start: startTrial, count: count ?? (isBegun ? 0 : 3), repeats })
  const results = found.map((trial) => ({
    isStart: trial === startTrial,
    ...resultsOf(trial, repeats.get(digestOf(trial)) ?? []),
  }))
  const samples = results.map(({ isStart, first, repeats }): Sample => {
    return isStart ? { values: [first, ...repeats] } : { values: repeats, selected: first }
  })
  const others = seedsControlled ? [] : sameHyps(history, found)
  const noise = noiseOf([...samples.map(({ values }) => values), ...others])
  const deterministic = isDeterministic(results)
  const full = history.complete.filter(isFeasible).map(({ fitness }) => fitness)
  const start = results.findIndex(({ isStart }) => isStart)
  const reference = start < 0 ? undefined : start
  const beliefs = deterministic
    ? exact(results, reference)
    : compare(samples, { spread: spreadOf(full), reference, others })
  const candidates = results.map((each, i): ConfirmedCandidate => {
    const { values } = samples[i]
    const { mean: expected, ...belief } = beliefs[i]
    return {
      ...each,
      ...belief,
      expected,
      mean: values.length > 0 ? meanOf(values) : undefined,
      sd: noiseOf([values]).sigma,
      se: values.length > 0 && noise.sigma !== undefined ? noise.sigma / Math.sqrt(values.length) : undefined,
    }
  })
  const winner = winnerOf(candidates)
  return {
    candidates,
    winner,
    confirmed: winner !== undefined && (deterministic || winner.repeats.length > 0),
    ...noise,
    ...(deterministic && { sigma: 0 }),
    deterministic,
    seedsControlled,
  }
}

/**
 * The start, unless another one that keeps to the constraints is more likely better than not. Once others were trained
 * again, none wins that was not.
 */
function winnerOf(candidates: readonly ConfirmedCandidate[]): ConfirmedCandidate | undefined {
  const start = candidates.find(({ isStart }) => isStart)
  const startStands = start?.isFeasible && !start.isUnreliable
  const others = candidates.filter(({ isStart }) => !isStart)
  const repeated = others.filter(({ repeats }) => repeats.length > 0)
  const rivals = (repeated.length > 0 ? repeated : others).filter(
    (each) => each.isFeasible && !each.isUnreliable && (!startStands || each.better! > 0.5),
  )
  if (rivals.length > 0) return rivals.reduce((a, b) => (b.expected > a.expected ? b : a))
  return start ?? candidates[0]
}

type Results = Pick<
  ConfirmedCandidate,
  'number' | 'hyp' | 'isStart' | 'isFeasible' | 'first' | 'repeats' | 'failed' | 'running' | 'isUnreliable'
>

/** The first full training of the hyp that the search started with, if it has a result. */
export function startOf(history: History, start?: Hyp): CompleteTrial | undefined {
  const first = history.get(0)
  if (start === undefined || (first && digestOf(first) === hypDigest(start)))
    return first?.state === 'complete' ? first : undefined
  const digest = hypDigest(start)
  return history.complete.find((trial) => digestOf(trial) === digest)
}

function resultsOf(trial: CompleteTrial, again: readonly Trial[]): Omit<Results, 'isStart'> {
  const repeats = again.flatMap((each) => (each.state === 'complete' ? [each.fitness] : []))
  const failed = again.filter(({ state }) => state === 'failed' || state === 'pruned').length
  return {
    number: trial.number,
    hyp: trial.hyp,
    isFeasible: isFeasible(trial),
    first: trial.fitness,
    repeats,
    failed,
    running: again.length - repeats.length - failed,
    isUnreliable: failed >= 2 && failed > repeats.length,
  }
}

/** The start, the fittest other hyps, and what was repeated before; each hyp once. */
function candidateTrials(
  history: History,
  {
    start,
    count,
    repeats,
  }: { readonly start: CompleteTrial | undefined; readonly count: number; readonly repeats: Map<number, unknown> },
): CompleteTrial[] {
  const chosen = new Map<number, CompleteTrial>()
  if (start) chosen.set(digestOf(start), start)
  const missing = new Set(repeats.keys())
  for (const digest of chosen.keys()) missing.delete(digest)
  let others = 0
  for (const trial of history.fittest(history.complete.length)) {
    if (others >= count && missing.size === 0) break
    const digest = digestOf(trial)
    if (chosen.has(digest)) continue
    if (!missing.delete(digest) && (others >= count || !isFeasible(trial))) continue
    chosen.set(digest, trial)
    others++
  }
  return [...chosen.values()]
}

function repeatsByHyp(history: History): Map<number, Trial[]> {
  const groups = new Map<number, Trial[]>()
  for (const trial of [...history.repeats, ...history.open]) {
    if (trial.repeats === undefined) continue
    const digest = digestOf(trial)
    const group = groups.get(digest)
    if (group) group.push(trial)
    else groups.set(digest, [trial])
  }
  return groups
}

/**
 * Full trainings that the search gave to one hyp more than once. They tell the noise only if they did not have the same
 * seed.
 */
function sameHyps(history: History, found: readonly CompleteTrial[]): number[][] {
  const selected = new Set(found.map(digestOf))
  const groups = new Map<number, number[]>()
  for (const trial of history.complete) {
    const digest = digestOf(trial)
    if (!selected.has(digest)) groups.set(digest, [...(groups.get(digest) ?? []), trial.fitness])
  }
  return [...groups.values()].filter((values) => values.length > 1)
}

/** Two hyps that gave the same each time, or one that did three times; none that did not. */
function isDeterministic(results: readonly Results[]): boolean {
  const repeated = results.filter(({ repeats }) => repeats.length > 0)
  if (repeated.some(({ first, repeats }) => repeats.some((value) => value !== first))) return false
  return repeated.length >= 2 || repeated.some(({ repeats }) => repeats.length >= 2)
}

/** Without noise what was measured is the truth. */
function exact(results: readonly Results[], reference: number | undefined) {
  const top = Math.max(...results.map(({ first }) => first))
  const tied = results.filter(({ first }) => first === top).length
  return results.map(({ first, isStart }) => ({
    mean: first,
    interval: [first, first] as const,
    better: reference === undefined || isStart ? undefined : first > results[reference].first ? 1 : 0,
    best: first === top ? 1 / tied : 0,
    shrunken: isStart ? undefined : first,
  }))
}

/** Trials do not change, so each is digested once. */
const digests = new WeakMap<Trial, number>()

function digestOf(trial: Trial): number {
  let digest = digests.get(trial)
  if (digest === undefined) {
    digest = hypDigest(trial.hyp)
    digests.set(trial, digest)
  }
  return digest
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
