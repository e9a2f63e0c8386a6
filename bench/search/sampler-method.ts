// A sampler of src as a method: asked as a study asks it, trainings of any length included.
import {
  eta,
  History,
  type NextRequest,
  nextTraining,
  type ProposedTrial,
  type Pruner,
  pruners,
  rungsOf,
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
  readonly pruner?: Schedule['pruner']
  /** Whether a rung is a training of its own (default), or a point at which a whole one may be stopped. */
  readonly rungs?: Schedule['rungs']
}

/** The shortest rung in epochs: rounded down, or from 51 epochs a third of a third would not be one. */
const lowestOf = ({ epochs, firstEpoch }: Setting): number => Math.max(firstEpoch, Math.floor(epochs / eta ** 2), 1)

export function samplerSearch(of: SamplerSearchOptions, setting: Setting): Search {
  const { space, epochs, budget, seed } = setting
  const { rungs = 'restart' } = of
  const sampler = samplers[of.sampler] as Sampler<unknown>
  const schedule: Schedule = {
    epochs,
    lowest: lowestOf(setting),
    rungs,
    pruner: of.pruner ?? { name: sampler.pruner ?? 'none', options: {} },
    confirm: 0,
  }
  const history = new History()
  const proposed = new Map<number, ProposedTrial>()
  const samplerOptions = sampler.options.parse(of.options ?? {})

  return {
    ask(number, running): Ask | 'done' | undefined {
      const target = budget / epochs
      const request: NextRequest = { space, sampler, samplerOptions, schedule, history, seed, number, target }
      const proposal = nextTraining(request)
      // What runs may yet leave room: stopped, or followed by something shorter.
      if (proposal === undefined) return running.length > 0 ? undefined : 'done'
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
    ...(rungs === 'stop' && stopping(schedule)),
  }

  /** As a study does it that can only stop trainings: `Stopper` of src/study. */
  function stopping({ pruner: { name, options } }: Schedule): Pick<Search, 'report' | 'stopped'> {
    const pruner = pruners[name as keyof typeof pruners] as Pruner<unknown>
    const prunerOptions = pruner.options.parse(options)
    const curves = new Map<number, (number | undefined)[]>()
    return {
      report({ number }: Job, epoch: number, score: number) {
        const curve = curves.get(number) ?? []
        curves.set(number, curve)
        curve[epoch] = score
        const others = new Map(curves)
        others.delete(number)
        return pruner.verdict({ rungs: rungsOf(schedule), number, epoch, curve, others }, prunerOptions) === 'stop'
      },
      stopped({ number }: Job, epoch: number, score: number) {
        history.set({ ...proposed.get(number)!, state: 'pruned', epochs: epoch, fitness: score, metrics: {} })
        proposed.delete(number)
      },
    }
  }
}

/**
 * A sampler with another pruner than its own, as `tpe+hyperband`, `tpe+hyperband:async` or `tpe+median:stop`; `stop` means
 * that trainings are stopped in their course, any other word is the pruner's mode.
 *
 * @returns a sentence that says what is wrong if it is none
 */
export function parseCombination(text: string): (SamplerSearchOptions & { readonly name: string }) | string {
  const [sampler, words = '', ...more] = text.split('+')
  const [pruner, ...modes] = words.split(':')
  if (!Object.hasOwn(samplers, sampler))
    return `no sampler is called ${sampler}, but ${Object.keys(samplers).join(', ')}.`
  if (more.length > 0 || !Object.hasOwn(pruners, pruner))
    return `no pruner is called ${[pruner, ...more].join('+')}, but ${Object.keys(pruners).join(', ')}.`
  const stops = modes.includes('stop')
  const others = modes.filter((mode) => mode !== 'stop')
  const options = others.length > 0 ? { mode: others.join(':') } : {}
  const { data, success } = (pruners[pruner as keyof typeof pruners] as Pruner<unknown>).options.safeParse(options)
  if (!success || (others.length > 0 && !Object.hasOwn(data as object, 'mode')))
    return `${pruner} has no mode ${others.join(':')}.`
  return {
    name: text,
    sampler: sampler as SamplerName,
    pruner: { name: pruner, options },
    rungs: stops ? 'stop' : 'restart',
  }
}
