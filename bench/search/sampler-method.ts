// A sampler of src as a method: asked as a study asks it, for full trainings.
import { History, type ProposedTrial, type SamplerName, suggest } from '../../src/search/index.ts'
import type { Ask, Job, Search, Setting } from './method.ts'

export function samplerSearch(sampler: SamplerName, options: unknown, setting: Setting): Search {
  const { space, epochs, seed } = setting
  const history = new History()
  const proposed = new Map<number, ProposedTrial>()

  return {
    ask(number): Ask {
      const { hyp, parents, mutated = [] } = suggest({ space, sampler, options, history, seed, number })
      const trial: ProposedTrial = { number, hyp, parents, mutated, attempt: 1 }
      proposed.set(number, trial)
      history.set({ ...trial, state: 'running' })
      return { hyp, epochs }
    },
    tell({ number }: Job, score: number) {
      history.set({ ...proposed.get(number)!, state: 'complete', fitness: score, metrics: {} })
      proposed.delete(number)
    },
  }
}
