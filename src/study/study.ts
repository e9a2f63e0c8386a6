// A search and its memory: ask for a hyp to try, tell what it brought.
import type { z } from 'zod'
import { randomFor, StudyKeysError } from '../base/index.ts'
import {
  type FinishedTrial,
  finishedTrials,
  fitness,
  type Proposal,
  type Results,
  type RunningTrial,
  resultKeys,
  type Sampler,
  type SamplerName,
  type SearchSpace,
  samplers,
  type Trial,
  tablePrecision,
} from '../search/index.ts'
import type { Storage } from './storage.ts'

export interface StudyOptions<Name extends SamplerName = SamplerName> {
  readonly space: SearchSpace
  /** Where trials are remembered; a study that is already there goes on. */
  readonly storage: Storage
  /** Seed of a study that begins now; one that goes on keeps its own. */
  readonly seed?: number
  readonly sampler?: Name
  readonly samplerOptions?: z.input<(typeof samplers)[Name]['options']>
}

type Propose = (history: readonly Trial[], number: number) => Proposal

/**
 * One search. `ask` and `tell` may be called by several slots at once, in any order.
 *
 * @example see examples/search.ts
 */
export class Study {
  readonly space: SearchSpace
  readonly seed: number
  readonly #storage: Storage
  readonly #propose: Propose

  private constructor(space: SearchSpace, seed: number, storage: Storage, propose: Propose) {
    this.space = space
    this.seed = seed
    this.#storage = storage
    this.#propose = propose
  }

  /**
   * Begins a study or goes on with the one in the storage.
   *
   * @throws {@link StudyKeysError} if the storage holds a study of other hyperparameters
   */
  static async open<Name extends SamplerName = 'yolov5'>(options: StudyOptions<Name>): Promise<Study> {
    const { space, storage, seed = 0 } = options
    const sampler = samplers[options.sampler ?? 'yolov5'] as Sampler<unknown>
    const samplerOptions = sampler.options.parse(options.samplerOptions ?? {})
    const study = await storage.openStudy({ seed, keys: space.keys })
    if ([...study.keys].sort().join() !== [...space.keys].sort().join())
      throw new StudyKeysError(study.keys, space.keys)
    return new Study(space, study.seed, storage, (history, number) =>
      sampler.propose({ space, history, rng: randomFor(study.seed, number) }, samplerOptions),
    )
  }

  /** The next trial to train: one whose training was interrupted, else a new one. */
  async ask(): Promise<RunningTrial> {
    for (;;) {
      const claimed = await this.#storage.claimTrial()
      if (claimed) return claimed
      const history = await this.#storage.trials()
      const number = history.length
      const { hyp, parents } = this.#propose(history, number)
      const added = await this.#storage.addTrial(number, hyp, parents)
      if (added) return added
    }
  }

  /**
   * Tells how a trial that `ask` gave out ended: with results of a training, or with a fitness (larger is better). The
   * fitness of results is YOLOv5's, of the numbers as evolve.csv holds them.
   *
   * @throws {@link TrialNotRunningError}
   */
  async tell(trial: RunningTrial, outcome: Results | number): Promise<FinishedTrial> {
    const { number, hyp, parents } = trial
    const result =
      typeof outcome === 'number'
        ? { fitness: outcome }
        : { fitness: fitness(resultKeys.map((key) => tablePrecision(outcome[key]))), results: onlyResults(outcome) }
    await this.#storage.finishTrial(number, result)
    return { state: 'finished', number, hyp, parents, ...result }
  }

  /** Tells that the training of a trial failed, with the last lines of what it said. */
  async fail(trial: RunningTrial, output: readonly string[]): Promise<void> {
    await this.#storage.failTrial(trial.number, output)
  }

  /** Gives a trial back whose training was interrupted; `ask` will give it out again. */
  async release(trial: RunningTrial): Promise<void> {
    await this.#storage.releaseTrial(trial.number)
  }

  /** All trials: told ones in the order in which they were told, then the others by number. */
  trials(): Promise<readonly Trial[]> {
    return this.#storage.trials()
  }

  /** The best finished trial so far, the first of several. */
  async incumbent(): Promise<FinishedTrial | undefined> {
    let best: FinishedTrial | undefined
    for (const trial of finishedTrials(await this.trials())) {
      if (Number.isNaN(trial.fitness)) continue
      if (!best || trial.fitness > best.fitness) best = trial
    }
    return best
  }
}

/** Trainers may know more about an epoch than a study keeps. */
const onlyResults = (results: Results) =>
  Object.fromEntries(resultKeys.map((key) => [key, results[key]])) as unknown as Results
