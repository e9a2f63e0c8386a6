// What an evolution is, before it begins: how it searches, for how long it trains, and what makes it the same study as an
// earlier one. Start reading at `definitionOf`.
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { UsageError } from '../../base/index.ts'
import type { TrainerTraits } from '../../run/index.ts'
import {
  parseConstraint,
  parseFitness,
  type Sampler,
  type SamplerName,
  type Schedule,
  type SearchSpace,
  samplers,
} from '../../search/index.ts'
import type { Json, StudyDefinition, StudyOverview } from '../../study/index.ts'
import type { TrainFlags } from '../cli/train-flags.ts'
import { codeVersion } from '../code-version.ts'
import { type ChosenSearch, chooseSearch } from '../search.ts'
import { toSettings } from '../studies/settings.ts'
import { chooseSchedule, traitsOf } from './schedule.ts'
import type { EvolvedTraining } from './training.ts'

/** How an evolution searches, with the lengths of its trainings. */
export interface WholeSearch {
  readonly search: ChosenSearch
  readonly schedule: Schedule | undefined
  readonly traits: TrainerTraits
}

export async function chooseWhole(
  flags: TrainFlags,
  training: EvolvedTraining,
  usual: 'auto' | 'original',
): Promise<WholeSearch> {
  const fix = [...(flags.fix ?? []), ...(training.dead ?? [])]
  const search = await chooseSearch({ ...flags, fix, like: training.like, usual }, training.start, training.space)
  if (flags.space !== undefined) await checkSpace(search.space, training)
  const traits = await traitsOf(training)
  return { search, schedule: await chooseSchedule(flags, search, traits), traits }
}

/**
 * A space file may hold the trainer's hyperparameters and its settings; of anything else it would not take notice.
 *
 * @throws {@link UsageError}
 */
async function checkSpace({ keys, parameters }: SearchSpace, { reads, trainer }: EvolvedTraining): Promise<void> {
  if (reads === undefined) return
  const { settingProblem, trainingSettings } = await import('../../run/index.ts')
  for (const [i, key] of keys.entries()) {
    if (reads.includes(key)) continue
    if (!Object.hasOwn(trainingSettings, key))
      throw new UsageError(
        `The search space has ${key}, which the trainer ${trainer} does not read. It reads ${reads.join(', ')}, ` +
          `and the settings ${Object.keys(trainingSettings).join(', ')}.`,
      )
    const parameter = parameters[i]!
    const values =
      parameter.kind === 'choice'
        ? parameter.choices
        : parameter.kind === 'fixed'
          ? [parameter.start]
          : [parameter.lower ?? parameter.start, parameter.upper ?? parameter.start]
    const problem = values.map((value) => settingProblem(key, value)).find((text) => text !== undefined)
    if (problem !== undefined) throw new UsageError(`The search space: ${problem}.`)
  }
}

/** Whether a study evolves as an original does. */
export const isOriginal = ({ sampler }: StudyDefinition): boolean =>
  (samplers[sampler.name as SamplerName] as Sampler<unknown> | undefined)?.original === true

/**
 * Who repeats the command of an evolution that was begun with the original algorithm, before there was another, or with
 * flags that are now left out, goes on with it.
 */
export async function originalInstead(
  asked: WholeSearch,
  of: {
    readonly flags: TrainFlags
    readonly training: EvolvedTraining
    readonly family: readonly StudyOverview[]
    readonly base: string
  },
): Promise<WholeSearch> {
  const { flags, training, family, base } = of
  if (flags.sampler !== undefined || asked.search.sampler.name !== 'auto' || flags.new) return asked
  const original = await chooseWhole(flags, training, 'original')
  const { isFinished, studyKey } = await import('../../study/index.ts')
  const key = studyKey(definitionOf(original, { flags, training, words: [] }))
  const newest = family.at(-1)
  if (flags.resume === false) return family.some((study) => study.key === key && !isFinished(study)) ? original : asked
  const named = typeof flags.resume === 'string' ? flags.resume : undefined
  const found = named === undefined ? newest : family.find(({ name }) => name === named || basename(name) === named)
  if (found) return isOriginal(found.definition) ? original : asked
  // A folder that no study knows was made by YOLOv5.
  return existsSync(join(named ?? base, 'evolve.csv')) ? original : asked
}

export const goesOnAsOriginal =
  'This evolution was begun with an original algorithm, so it goes on with it. Another one beside it, with auto: add --new.'

export function definitionOf(
  { search, schedule, traits }: WholeSearch,
  {
    flags,
    training,
    words,
  }: { readonly flags: TrainFlags; readonly training: EvolvedTraining; readonly words: readonly string[] },
): StudyDefinition {
  const second = secondObjective(flags.secondObjective)
  return {
    seed: flags.seed,
    space: search.space.toJSON() as Json,
    sampler: search.sampler,
    direction: 'maximize' as const,
    fitness: search.fitness,
    ...(schedule && { schedule }),
    ...(flags.constraint && { constraints: flags.constraint.map((text) => parseConstraint(text).text) }),
    ...(second && { second }),
    identity: training.identity,
    settings: toSettings({
      words: [...words],
      cwd: process.cwd(),
      release: search.release,
      format: search.format,
      ranking: search.ranking,
      code: codeVersion(),
      dataHash: training.dataHash,
      ...(schedule && { seeded: traits.seeded }),
      finalEpochs: flags.finalEpochs,
    }),
  }
}

/**
 * @param text - as `min latency_ms`
 * @throws {@link UsageError}
 */
function secondObjective(text: string | undefined): StudyDefinition['second'] {
  if (text === undefined) return undefined
  const [, direction, expression] = /^\s*(min|max)(?:imize)?\s+(.+)$/is.exec(text) ?? []
  if (direction === undefined || expression === undefined)
    throw new UsageError(
      `--second-objective ${text}: say which way it is better, as in "min latency_ms" or "max recall".`,
    )
  return {
    expression: parseFitness(expression).text,
    direction: direction.toLowerCase() === 'min' ? 'minimize' : 'maximize',
  }
}
