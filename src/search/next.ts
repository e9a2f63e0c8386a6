// What a study trains next: a new hyp, one a rung further, or one again to confirm it. Pure; `Study` asks it inside the
// transaction that gives a trial out.
import { randomFor } from '../base/index.ts'
import type { History } from './history.ts'
import { asOneNumber } from './objectives.ts'
import type { Pruner } from './pruner.ts'
import { pruners } from './pruners/index.ts'
import { usableRungs } from './rung-quality.ts'
import type { Proposal, Sampler, SearchContext } from './sampler.ts'
import { rungsOf, type Schedule } from './schedule.ts'
import type { SearchSpace } from './space.ts'
import type { ProposedTrial } from './trial.ts'

export interface NextRequest {
  readonly space: SearchSpace
  readonly sampler: Sampler<unknown>
  /** Checked by the sampler's schema. */
  readonly samplerOptions: unknown
  /** Left out: trainings have no length. */
  readonly schedule?: Schedule | undefined
  readonly history: History
  /** Of the study. */
  readonly seed: number
  /** Of the trial to come. */
  readonly number: number
  /** With a schedule: full trainings' worth of epochs that the study may cost, confirmation included; else trials. */
  readonly target: number | undefined
}

/**
 * Full trainings' worth that a trial costs: what it was granted, or was trained if that was less. One that was taken over
 * from elsewhere (it had no attempt here) cost this study nothing.
 */
export const costOf = (trial: ProposedTrial & { readonly epochs?: number }, { epochs }: Schedule): number =>
  trial.attempt === 0 ? 0 : Math.min(trial.epochs ?? Number.POSITIVE_INFINITY, trial.fidelity ?? epochs) / epochs

/** Random numbers of pruners: apart from those of samplers and trainings. */
const prunerStream = 2 ** 31
/** Of the weighting of two objectives. */
const objectivesStream = 3 * 2 ** 30

/** @returns `undefined` if the budget leaves room for nothing more */
export function nextTraining(request: NextRequest): Proposal | undefined {
  const { space, sampler, samplerOptions, schedule, seed, number, target } = request
  const history = asOneNumber(request.history, randomFor(seed, number + objectivesStream))
  const rngOf = (trial: number) => randomFor(seed, trial)
  const context: SearchContext = { space, number, history, rng: rngOf(number), rngOf }
  if (schedule === undefined) return sampler.propose(context, samplerOptions)

  const all = [...history.searched, ...history.open.filter(({ repeats }) => repeats === undefined)]
  const spent = all.reduce((sum, trial) => sum + costOf(trial, schedule), 0)
  const planned = target === undefined ? undefined : target * (1 - schedule.confirm)
  const rungs = usableRungs(request.history, rungsOf(schedule))
  const full = schedule.epochs
  const withPlan = { ...context, ...(planned === undefined ? {} : { planned }) }
  const atFull = { ...withPlan, fidelity: { epochs: full, rungs } }
  if (number === 0 || schedule.rungs === 'stop' || sampler.wantsFull?.(atFull, samplerOptions))
    return fits(full) ? { ...sampler.propose(atFull, samplerOptions), fidelity: full } : undefined

  const pruner = pruners[schedule.pruner.name as keyof typeof pruners] as Pruner<unknown>
  const rng = randomFor(seed, number + prunerStream)
  const grant = pruner.grant({ rungs, number, history, rng }, pruner.options.parse(schedule.pruner.options))
  if (!fits(grant.epochs)) return undefined
  if (grant.promote !== undefined)
    return {
      hyp: history.get(grant.promote)!.hyp,
      parents: [grant.promote],
      fidelity: grant.epochs,
      continues: grant.promote,
    }
  const fidelity = { epochs: grant.epochs, rungs }
  return { ...sampler.propose({ ...withPlan, fidelity }, samplerOptions), fidelity: grant.epochs }

  function fits(epochs: number): boolean {
    return planned === undefined || number === 0 || spent + epochs / full <= planned + 1e-9
  }
}
