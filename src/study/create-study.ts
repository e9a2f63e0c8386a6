// Studies for programs: named, typed by their search space, continued by name.
import type { z } from 'zod'
import { StudyDiffersError } from '../base/index.ts'
import {
  type Hyp,
  lowestRung,
  type Pruner,
  type PrunerName,
  parseFitness,
  pruners,
  type Sampler,
  type SamplerName,
  type Schedule,
  type SearchSpace,
  samplers,
  scheduleSchema,
} from '../search/index.ts'
import { studyDifferences, studyKey } from './identity.ts'
import { openStorage } from './open-storage.ts'
import { thisWorker } from './process.ts'
import type { Json, Storage, StudyDefinition } from './storage.ts'
import { Study } from './study.ts'

export interface CreateStudyOptions<H extends Hyp, Name extends SamplerName, PrunedBy extends PrunerName = PrunerName>
  extends ScheduleOptions<PrunedBy> {
  /** See {@link defineSpace}. The type of a trial's hyp follows from it. */
  readonly space: SearchSpace<H>
  /** Default `auto`. */
  readonly sampler?: Name
  readonly samplerOptions?: z.input<(typeof samplers)[Name]['options']>
  /** Default `maximize`. */
  readonly direction?: 'maximize' | 'minimize'
  /** What to make of several metrics, as `0.2*recall + 0.8*mAP50`; left out, the objective returns one number. */
  readonly fitness?: string
  /** `memory` (default), a path or URL as for {@link openStorage}, or an open storage (which stays open). */
  readonly storage?: string | Storage
  /** A study of this name is continued, here or by several processes at once. Default `study`. */
  readonly name?: string
  /** Integer in [0, 2^53). Default 0; a study that is continued keeps its own if none is given. */
  readonly seed?: number
}

/**
 * Trainings of different length, for objectives that take epochs (or other steps) and can be asked for fewer of them.
 * With `epochs` or a pruner the study counts what it may cost in full trainings' worth of epochs; without them every call
 * of the objective is one trial.
 */
export interface ScheduleOptions<PrunedBy extends PrunerName = PrunerName> {
  /** Epochs of a full training. A trial says how many of them it is granted: `trial.fidelity`. */
  readonly epochs?: number
  /** Who is trained for how long. Default the one that goes with the sampler, or none. */
  readonly pruner?: PrunedBy
  readonly prunerOptions?: z.input<(typeof pruners)[PrunedBy]['options']>
  /** The shortest training, in epochs. Default a ninth of a full one, 3 at least. */
  readonly lowest?: number
  /**
   * `restart` (default): each call of the objective trains from the beginning to `trial.fidelity` epochs, and what was
   * promising is called for again with more. `stop`: it is always called for all epochs, and `trial.report` answers
   * `stop` where it is not worth going on; for objectives whose course depends on the length.
   */
  readonly rungs?: Schedule['rungs']
  /** Share of the trainings that is kept to confirm the best by repeats, in [0, 0.5]. Default 0. */
  readonly confirm?: number
}

/** @throws ZodError with the option that is wrong, as for options of samplers */
function scheduleOf(options: ScheduleOptions, sampler: Sampler<unknown>): Schedule | undefined {
  const { epochs, pruner, lowest, rungs = 'restart', confirm = 0 } = options
  if (epochs === undefined && pruner === undefined) return undefined
  const name = pruner ?? sampler.pruner ?? 'none'
  const { options: schema } = pruners[name as PrunerName] as Pruner<unknown>
  const shortest = lowest ?? lowestRung(epochs ?? Number.NaN, 0)
  return scheduleSchema.parse({
    epochs,
    lowest: Math.min(shortest, epochs ?? Number.NaN),
    rungs,
    pruner: { name, options: schema.parse(options.prunerOptions ?? {}) },
    confirm,
  })
}

/**
 * Begins a study, or goes on with the one of this name.
 *
 * @throws {@link StudyDiffersError} if the study of this name has another space, sampler, direction, fitness, seed or
 *   lengths of trainings
 * @throws what {@link openStorage} throws
 * @example see examples/tune-a-function.ts
 */
export async function createStudy<
  H extends Hyp,
  Name extends SamplerName = 'auto',
  PrunedBy extends PrunerName = PrunerName,
>(options: CreateStudyOptions<H, Name, PrunedBy>): Promise<Study<H>> {
  const { space, direction = 'maximize', fitness = 'value', name = 'study', seed } = options
  const samplerName = options.sampler ?? 'auto'
  const sampler = samplers[samplerName] as Sampler<unknown>
  const schedule = scheduleOf(options as ScheduleOptions, sampler)
  const definition: StudyDefinition = {
    seed: seed ?? 0,
    space: space.toJSON() as Json,
    sampler: { name: samplerName, options: sampler.options.parse(options.samplerOptions ?? {}) as Json },
    direction,
    fitness: fitness === 'value' ? fitness : parseFitness(fitness).text,
    ...(schedule && { schedule }),
    identity: {},
    settings: {},
  }
  const given = options.storage ?? 'memory'
  const storage = typeof given === 'string' ? await openStorage(given) : given
  try {
    const { study, worker } = await storage.begin(thisWorker(), (studies) => {
      const found = studies.find((each) => each.name === name)
      if (!found) return { create: { name, key: studyKey(definition), definition, target: undefined } }
      const wanted = seed === undefined ? { ...definition, seed: found.definition.seed } : definition
      const differences = studyDifferences(found.definition, wanted)
      if (differences.length > 0) throw new StudyDiffersError(name, '', differences, 'Give the new study another name.')
      return { use: found.id }
    })
    return await Study.open<H>(storage, study, worker, { ownsStorage: typeof given === 'string' })
  } catch (error) {
    if (typeof given === 'string') await storage.close()
    throw error
  }
}
