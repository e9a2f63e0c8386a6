// Studies for programs: named, typed by their search space, continued by name.
import type { z } from 'zod'
import { StudyDiffersError } from '../base/index.ts'
import { type Hyp, parseFitness, type Sampler, type SamplerName, type SearchSpace, samplers } from '../search/index.ts'
import { studyDifferences, studyKey } from './identity.ts'
import { openStorage } from './open-storage.ts'
import { thisWorker } from './process.ts'
import type { Json, Storage, StudyDefinition } from './storage.ts'
import { Study } from './study.ts'

export interface CreateStudyOptions<H extends Hyp, Name extends SamplerName> {
  /** See {@link defineSpace}. The type of a trial's hyp follows from it. */
  readonly space: SearchSpace<H>
  /** Default `yolov5`, the genetic algorithm of YOLOv5. */
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
 * Begins a study, or goes on with the one of this name.
 *
 * @throws {@link StudyDiffersError} if the study of this name has another space, sampler, direction, fitness or seed
 * @throws what {@link openStorage} throws
 * @example see examples/tune-a-function.ts
 */
export async function createStudy<H extends Hyp, Name extends SamplerName = 'yolov5'>(
  options: CreateStudyOptions<H, Name>,
): Promise<Study<H>> {
  const { space, direction = 'maximize', fitness = 'value', name = 'study', seed } = options
  const samplerName = options.sampler ?? 'yolov5'
  const sampler = samplers[samplerName] as Sampler<unknown>
  const definition: StudyDefinition = {
    seed: seed ?? 0,
    space: space.toJSON() as Json,
    sampler: { name: samplerName, options: sampler.options.parse(options.samplerOptions ?? {}) as Json },
    direction,
    fitness: fitness === 'value' ? fitness : parseFitness(fitness).text,
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
