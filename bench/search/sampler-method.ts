// A sampler of src as a method: asked as a study asks it, trainings of any length included.
import {
  History,
  type NextRequest,
  nextTraining,
  type ProposedTrial,
  type Sampler,
  type SamplerName,
  type Schedule,
  samplers,
} from '../../src/search/index.ts'
import type { Ask, Job, Search, Setting } from './method.ts'

export interface SamplerSearchOptions {
  readonly sampler: SamplerName
  readonly options?: unknown
  /** Default: the one that goes with the sampler. */
  readonly pruner?: { readonly name: string; readonly options: Schedule['pruner']['options'] }
}

export function samplerSearch({ sampler: name, options = {}, pruner }: SamplerSearchOptions, setting: Setting): Search {
  const { space, epochs, firstEpoch, budget, seed } = setting
  const sampler = samplers[name] as Sampler<unknown>
  const schedule: Schedule = {
    epochs,
    lowest: Math.max(firstEpoch, Math.ceil(epochs / 9 - 0.5)),
    rungs: 'restart',
    pruner: pruner ?? { name: sampler.pruner ?? 'none', options: {} },
    confirm: 0,
  }
  const history = new History()
  const proposed = new Map<number, ProposedTrial>()
  const samplerOptions = sampler.options.parse(options)

  return {
    ask(number): Ask | 'done' {
      const target = budget / epochs
      const request: NextRequest = { space, sampler, samplerOptions, schedule, history, seed, number, target }
      const proposal = nextTraining(request)
      if (proposal === undefined) return 'done'
      const trial: ProposedTrial = { number, mutated: [], attempt: 1, ...proposal }
      proposed.set(number, trial)
      history.set({ ...trial, state: 'running' })
      return { hyp: proposal.hyp, epochs: proposal.fidelity ?? epochs }
    },
    tell({ number, epochs: trained }: Job, score: number) {
      const trial = proposed.get(number)!
      if (trained < epochs) history.set({ ...trial, state: 'pruned', epochs: trained, fitness: score, metrics: {} })
      else history.set({ ...trial, state: 'complete', fitness: score, metrics: {} })
      proposed.delete(number)
    },
  }
}
