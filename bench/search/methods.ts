// All methods by name: every sampler of src, the baselines, and the peers.
import { type SamplerName, samplers } from '../../src/search/index.ts'
import { asha } from './baselines/asha.ts'
import { hyperband } from './baselines/hyperband.ts'
import { oneEpochTopK } from './baselines/one-epoch.ts'
import { priorBand } from './baselines/priorband.ts'
import { randomSearch } from './baselines/random.ts'
import type { Method, Search, Setting } from './method.ts'
import { parseCombination, samplerSearch } from './sampler-method.ts'

/** Texts that change with the code of the samplers and of the bench. */
export interface Versions {
  readonly samplers: string
  readonly baselines: string
}

/** `baseline:` tells them apart from samplers of the same name. */
export function localMethods({ samplers: ours, baselines: own }: Versions): Method[] {
  const baseline = (name: string, summary: string, start: Method['start']): Method => ({
    name: `baseline:${name}`,
    summary,
    version: own,
    start,
  })
  /** In two rows: begun anew at every rung, or gone on with. */
  const rungs = (
    name: string,
    summary: string,
    start: (setting: Setting, options: { readonly resumes: boolean }) => Search,
  ): Method[] => [
    baseline(name, `${summary}; every rung begins anew`, (setting) => start(setting, { resumes: false })),
    {
      ...baseline(`${name}-resume`, `${summary}; rungs go on`, (setting) => start(setting, { resumes: true })),
      resumes: true,
      unfit: ({ resumable }) => (resumable ? undefined : 'trainings of this scenario cannot go on'),
    },
  ]
  return [
    ...Object.keys(samplers).map(
      (name): Method => ({
        name,
        summary: samplers[name as SamplerName].summary,
        version: ours,
        start: (setting) => samplerSearch({ sampler: name as SamplerName }, setting),
      }),
    ),
    baseline('random', 'random hyps at full length', randomSearch),
    baseline('one-epoch-top-3', 'random hyps for one epoch, the best three of a round at full length', oneEpochTopK),
    ...rungs('hyperband', 'Hyperband with random hyps', hyperband),
    ...rungs('asha', 'asynchronous successive halving with random hyps', asha),
    ...rungs('priorband', 'Hyperband with hyps near the default and the incumbent', priorBand),
  ]
}

/**
 * A sampler with another pruner; see {@link parseCombination}.
 *
 * @returns a sentence that says what is wrong if it is none
 */
export function combinedMethod(text: string, { samplers: version }: Versions): Method | string {
  const of = parseCombination(text)
  if (typeof of === 'string') return of
  const { name, sampler, pruner, rungs } = of
  const stops = rungs === 'stop'
  return {
    name,
    version,
    summary: `${samplers[sampler].summary}; with ${pruner!.name}${stops ? ', stops trainings in their course' : ''}`,
    // What is stopped costs what a resumed training does, never what one that begins anew costs.
    resumes: stops,
    unfit: ({ resumable }) =>
      stops && !resumable ? 'trainings of this scenario cannot be stopped in their course' : undefined,
    start: (setting) => samplerSearch(of, setting),
  }
}
