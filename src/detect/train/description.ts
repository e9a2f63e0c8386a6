// What a checkpoint says in words, besides its tensors: written by us, but whoever sends a file may have changed it.
import { CheckpointError } from '../../base/index.ts'
import { type OptimizerState, optimizerSlots } from '../../nn/index.ts'
import type { ModelYaml } from '../model/definition.ts'
import type { EpochResults } from './events.ts'
import { type TrainOptions, trainDefaults } from './options.ts'

/** Of the detector. */
export interface Description {
  readonly format: 1
  readonly yaml: ModelYaml
  readonly source: string
  readonly names: readonly string[]
  readonly imagePx: number
  readonly epoch: number
  readonly results?: EpochResults
}

/** Of the training that goes on from it. */
export interface ResumeDescription {
  readonly options: TrainOptions
  readonly epoch: number
  readonly bestFitness: number
  readonly bestEpoch: number
  readonly lastStep: number
  readonly maps?: readonly number[]
  readonly optimizer: OptimizerState['optimizer']
  readonly updates: number
}

type Test = (value: unknown) => boolean

const isText: Test = (value) => typeof value === 'string'
const isRecord: Test = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)
const whole =
  (low: number, high: number = Number.MAX_SAFE_INTEGER): Test =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= low && (value as number) <= high
/** JSON has no NaN: it is written as null. */
const isNumber: Test = (value) => typeof value === 'number' || value === null
const listOf =
  (test: Test): Test =>
  (value) =>
    Array.isArray(value) && value.every(test)
const optional =
  (test: Test): Test =>
  (value) =>
    value === undefined || test(value)

const descriptionTests: Record<keyof Description, Test> = {
  format: whole(1, 1),
  yaml: (value) => isRecord(value) && optional(isText)((value as { darknet?: unknown }).darknet),
  source: isText,
  names: listOf(isText),
  imagePx: whole(1, 1 << 16),
  epoch: whole(-1),
  results: optional(isRecord),
}

const resumeTests: Record<keyof ResumeDescription, Test> = {
  options: isOptions,
  epoch: whole(-1),
  bestFitness: isNumber,
  bestEpoch: whole(-1),
  lastStep: whole(-1),
  maps: optional(listOf(isNumber)),
  optimizer: (value) => isText(value) && Object.hasOwn(optimizerSlots, value as string),
  updates: whole(0),
}

/** Of each option the type is known by its default; a later release may have more of them. */
function isOptions(value: unknown): boolean {
  if (!isRecord(value)) return false
  const options = value as Record<string, unknown>
  const { data, hyp, optimizer } = options
  const numbers = (list: readonly unknown[]) => list.every((number) => Number.isFinite(number))
  if (!isText(data) || !isRecord(hyp) || !numbers(Object.values(hyp as object))) return false
  if (!Object.hasOwn(optimizerSlots, String(optimizer))) return false
  return Object.entries(trainDefaults).every(([key, usual]) => {
    const given = options[key]
    if (given === undefined) return true
    if (Array.isArray(usual)) return listOf(whole(0))(given)
    return typeof given === typeof usual && (typeof given !== 'number' || Number.isFinite(given))
  })
}

/** Nothing that we write nests anywhere near this deep; more could fill the stack. */
const mostLevels = 50

function isNestedTooDeep(content: unknown): boolean {
  let level = [content]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > mostLevels) return true
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []))
  }
  return false
}

function parse<T extends object>(path: string, text: string, tests: Record<keyof T, Test>): T {
  const damaged = (cause?: unknown) => new CheckpointError(path, 'the description in it is damaged.', { cause })
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (cause) {
    throw damaged(cause)
  }
  if (!isRecord(content) || isNestedTooDeep(content)) throw damaged()
  for (const [key, test] of Object.entries(tests) as [keyof T & string, Test][])
    if (!test((content as Record<string, unknown>)[key]))
      throw new CheckpointError(path, `the description in it is damaged: "${key}" cannot be used.`)
  return content as T
}

/**
 * @param path - for messages
 * @throws {@link CheckpointError}
 */
export const parseDescription = (path: string, text: string): Description =>
  parse<Description>(path, text, descriptionTests)

/** Like {@link parseDescription}. */
export const parseResumeDescription = (path: string, text: string): ResumeDescription =>
  parse<ResumeDescription>(path, text, resumeTests)
