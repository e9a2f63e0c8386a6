// Scenarios of YAHPO Gym's data (Pfisterer et al., AutoML 2022; github.com/slds-lmu/yahpo_data, release 1.0.2): a folder
// with a search space, the codes of its categories and a neural network that was fitted to real trainings.
import { existsSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { z } from 'zod'
import { NumpyRandom } from '../../../src/base/index.ts'
import { type Hyp, type HypValue, type Parameter, SearchSpace } from '../../../src/search/index.ts'
import { type DefaultQuality, indexAt, median, type Problem, percentiles, regretOf, type Scenario } from '../problem.ts'
import { startingAt, UnitCube } from '../unit-cube.ts'
import known from './yahpo-columns.json' with { type: 'json' }

/** The folder is no scenario that can be read, or the words name no task of it. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError'
}

/** Random hyps that say what good, middling and bad is. */
export const randomHyps = 4000

/** The machine is shared, and these networks are small. */
const threads = { intraOpNumThreads: 1, interOpNumThreads: 1 }

/** Epochs that stand for a full training where the fidelity is a share of the data. */
const stepsOfShare = 50

const value = z.union([z.string(), z.number(), z.boolean()])

/**
 * What the network's columns are: the files do not say it. yahpo-columns.json has those of the published scenarios; a
 * folder of another kind says its own in columns.json.
 */
const columnsSchema = z.strictObject({
  /** The hyperparameter that names the task; null where there is one task. */
  task: z.string().nullish(),
  /** Columns of `x_cat` and `x_cont`, in order. */
  categories: z.array(z.string()),
  numbers: z.array(z.string()),
  /** Columns of the output, in order. */
  outputs: z.array(z.string()).min(1),
  /** The output that is searched for, and whether less of it is better. */
  score: z.string(),
  minimize: z.boolean(),
  /** The output that is the time. */
  time: z.string().optional(),
  /** What stands for the length of a training: a whole number of epochs, or the share of the data. */
  fidelity: z.string(),
  /** Hyperparameters that are not searched (rbv2's `repl`, a second fidelity: at its upper bound). */
  held: z.record(z.string(), value).default({}),
  /** The first and the last epoch to use, where these are not the bounds. */
  epochs: z.tuple([z.int(), z.int()]).optional(),
  development: z.array(z.string()).optional(),
})

export type Columns = z.infer<typeof columnsSchema>

const conditionSchema = z.union([
  z.looseObject({ type: z.literal('EQ'), child: z.string(), parent: z.string(), value }),
  z.looseObject({ type: z.literal('IN'), child: z.string(), parent: z.string(), values: z.array(value) }),
])

/** The JSON of Python's ConfigSpace, format 0.2. */
const configSpaceSchema = z.looseObject({
  hyperparameters: z.array(
    z.union([
      z.looseObject({
        type: z.enum(['uniform_float', 'uniform_int']),
        name: z.string(),
        log: z.boolean().default(false),
        lower: z.number(),
        upper: z.number(),
        default: z.number(),
      }),
      z.looseObject({ type: z.literal('categorical'), name: z.string(), choices: z.array(value), default: value }),
      z.looseObject({ type: z.literal('ordinal'), name: z.string(), sequence: z.array(value), default: value }),
      z.looseObject({ type: z.literal('constant'), name: z.string(), value }),
    ]),
  ),
  conditions: z.array(
    z.union([
      conditionSchema,
      z.looseObject({ type: z.literal('AND'), child: z.string(), conditions: z.array(conditionSchema) }),
    ]),
  ),
  forbiddens: z.array(z.unknown()),
})

type ConfigSpace = z.infer<typeof configSpaceSchema>

/** A space as ConfigSpace wrote it, as hyperparameters of ours. */
export function readConfigSpace(json: unknown, file: string): Map<string, Parameter> {
  const read = configSpaceSchema.safeParse(json)
  if (!read.success) {
    const { path, message } = read.error.issues[0]
    throw new ScenarioError(`${file} is no space that can be read: at ${path.join('.') || 'its top'}, ${message}.`)
  }
  if (read.data.forbiddens.length > 0) throw new ScenarioError(`${file} forbids combinations, which is not supported.`)
  const when = conditionsOf(read.data)
  return new Map(
    read.data.hyperparameters.map((each): [string, Parameter] => {
      const condition = when.get(each.name)
      return [each.name, { ...parameterOf(each), ...(condition === undefined ? {} : { when: condition }) }]
    }),
  )
}

function parameterOf(each: ConfigSpace['hyperparameters'][number]): Parameter {
  switch (each.type) {
    case 'uniform_float':
    case 'uniform_int': {
      const { lower, upper, log, default: start } = each
      return { kind: each.type === 'uniform_int' ? 'integer' : 'float', lower, upper, start, ...(log ? { log } : {}) }
    }
    case 'categorical':
      return { kind: 'choice', choices: each.choices, start: each.default }
    case 'ordinal':
      return { kind: 'choice', choices: each.sequence, start: each.default }
    case 'constant':
      return { kind: 'fixed', start: each.value }
  }
}

/** For each conditional hyperparameter the values of others under which it exists. All conditions on one must hold. */
function conditionsOf({ conditions }: ConfigSpace): Map<string, Record<string, HypValue[]>> {
  const all = new Map<string, Record<string, HypValue[]>>()
  for (const each of conditions.flatMap((one) => (one.type === 'AND' ? one.conditions : [one]))) {
    const values = each.type === 'EQ' ? [each.value] : each.values
    const before = all.get(each.child) ?? {}
    const allowed = before[each.parent]?.filter((one) => values.includes(one)) ?? values
    all.set(each.child, { ...before, [each.parent]: allowed })
  }
  return all
}

/** @throws {@link ScenarioError} if it is no scenario, with what is wrong */
export async function yahpoScenario(folder: string): Promise<Scenario> {
  const path = (file: string) => join(folder, file)
  const name = basename(resolve(folder))
  for (const file of ['config_space.json', 'encoding.json', 'model.onnx'])
    if (!existsSync(path(file)))
      throw new ScenarioError(`${folder} is no scenario: there is no ${file}. Name a folder as of yahpo_data's.`)
  const columns = readColumns(folder, name)
  const parameters = readConfigSpace(readJson(path('config_space.json')), path('config_space.json'))
  const codes = z.record(z.string(), z.record(z.string(), z.int())).parse(readJson(path('encoding.json')))
  const session = await InferenceSession.create(path('model.onnx'), threads).catch((error: Error) => {
    throw new ScenarioError(`${path('model.onnx')} cannot be loaded (is it whole?): ${error.message}`)
  })
  const surrogate = new Surrogate(session, columns, codes, path('model.onnx'))

  const fidelity = parameters.get(columns.fidelity)
  if (fidelity?.kind !== 'float' && fidelity?.kind !== 'integer')
    throw new ScenarioError(`${folder}: its fidelity ${columns.fidelity} is no number of its space.`)
  const tasks = tasksOf(columns, parameters, folder)
  const length = lengthOf(fidelity, columns)

  // Searched is what is neither task nor fidelity nor held.
  const searched = new SearchSpace(
    Object.fromEntries(
      [...parameters].filter(
        ([key]) => key !== columns.fidelity && key !== columns.task && !Object.hasOwn(columns.held, key),
      ),
    ),
    { source: folder },
  )
  const problems = new Map<string, Promise<Problem>>()

  const build = async (task: string, quality: DefaultQuality): Promise<Problem> => {
    const fixed = { ...columns.held, ...(columns.task ? { [columns.task]: task } : {}) }
    const inputOf = (hyp: Hyp, epoch: number): Hyp => ({ ...hyp, ...fixed, [columns.fidelity]: length.inputAt(epoch) })
    const cube = new UnitCube(searched)
    const random = new NumpyRandom([randomHyps, 1])
    const hyps = Array.from({ length: randomHyps }, () => cube.toHyp(cube.draw(() => random.random())))
    const full = await surrogate.predict(hyps.map((hyp) => inputOf(hyp, length.epochs)))
    const order = [...hyps.keys()].sort((a, b) => full.scores[a] - full.scores[b])
    const best = full.scores[order[randomHyps - 1]]
    const middle = median(full.scores)
    const unit = full.times && Math.max(1e-9, median(full.times))
    const chosen = hyps[order[indexAt(percentiles[quality], randomHyps)]]

    return {
      name: columns.task ? `${name}/${task}` : name,
      space: startingAt(searched, chosen),
      epochs: length.epochs,
      firstEpoch: length.firstEpoch,
      resumable: length.resumable,
      best,
      median: middle,
      regret: regretOf(best, middle),
      async train(hyp, epochs) {
        const { scores, times } = await surrogate.predict(epochs.map((epoch) => inputOf(hyp, epoch)))
        const byEpoch = (values: readonly number[]) => {
          const all = Array<number>(length.epochs + 1).fill(Number.NaN)
          for (const [i, epoch] of epochs.entries()) all[epoch] = values[i]
          return all
        }
        if (times === undefined || unit === undefined) return { scores: byEpoch(scores) }
        return { scores: byEpoch(scores), times: byEpoch(times.map((time) => Math.max(1e-6, time / unit))) }
      },
    }
  }

  return {
    name,
    tasks,
    development: columns.development ?? tasks,
    problem(task, quality) {
      if (!tasks.includes(task)) throw new ScenarioError(`${name} has no task ${task}; it has ${tasks.join(', ')}.`)
      const key = `${task} ${quality}`
      const problem = problems.get(key) ?? build(task, quality)
      problems.set(key, problem)
      return problem
    },
  }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new ScenarioError(`${file} cannot be read as JSON: ${(error as Error).message}`)
  }
}

function readColumns(folder: string, name: string): Columns {
  const own = join(folder, 'columns.json')
  const given = existsSync(own) ? readJson(own) : (known as Record<string, unknown>)[name]
  if (given === undefined)
    throw new ScenarioError(
      `${folder}: the columns of its network are not known. Its name should be one of ${Object.keys(known).join(', ')}, ` +
        'or it needs a columns.json (bench/search/README.md).',
    )
  const read = columnsSchema.safeParse(given)
  if (read.success) return read.data
  throw new ScenarioError(
    `${own} does not fit at ${read.error.issues[0].path.join('.')}: ${read.error.issues[0].message}`,
  )
}

function tasksOf({ task }: Columns, parameters: ReadonlyMap<string, Parameter>, folder: string): string[] {
  if (!task) return ['only']
  const parameter = parameters.get(task)
  if (parameter?.kind !== 'choice') throw new ScenarioError(`${folder}: its task ${task} is no choice of its space.`)
  return parameter.choices.map(String)
}

interface Length {
  readonly epochs: number
  readonly firstEpoch: number
  readonly resumable: boolean
  /** What the network gets for an epoch. */
  inputAt(epoch: number): number
}

function lengthOf(fidelity: Extract<Parameter, { kind: 'float' | 'integer' }>, columns: Columns): Length {
  if (fidelity.kind === 'integer') {
    const [firstEpoch, epochs] = columns.epochs ?? [fidelity.lower, fidelity.upper]
    return { firstEpoch, epochs, resumable: true, inputAt: (epoch) => epoch }
  }
  const firstEpoch = Math.max(1, Math.ceil((fidelity.lower / fidelity.upper) * stepsOfShare - 1e-9))
  // a longer training has other data: it cannot go on where a shorter one ended
  return {
    firstEpoch,
    epochs: stepsOfShare,
    resumable: false,
    inputAt: (epoch) => (epoch / stepsOfShare) * fidelity.upper,
  }
}

/** The network: from hyps (with task and fidelity) to scores and times. */
export class Surrogate {
  readonly #session: InferenceSession
  readonly #columns: Columns
  readonly #codes: Readonly<Record<string, Readonly<Record<string, number>>>>

  constructor(
    session: InferenceSession,
    columns: Columns,
    codes: Readonly<Record<string, Readonly<Record<string, number>>>>,
    file: string,
  ) {
    this.#session = session
    this.#columns = columns
    this.#codes = codes
    const metadata = [...session.inputMetadata, ...session.outputMetadata]
    const wanted = { x_cat: columns.categories.length, x_cont: columns.numbers.length, output: columns.outputs.length }
    for (const [name, width] of Object.entries(wanted)) {
      const tensor = metadata.find((each) => each.name === name)
      const has = tensor?.isTensor ? tensor.shape.at(-1) : undefined
      if (has !== width && !(has === undefined && width === 0))
        throw new ScenarioError(`${file}: ${name} has ${has ?? 'no'} columns, and ${width} are known by name.`)
    }
    for (const key of columns.categories)
      if (codes[key] === undefined) throw new ScenarioError(`${file}: encoding.json beside it lacks ${key}.`)
  }

  /** Inactive numbers are 0 and inactive categories `#na#`, as YAHPO Gym gives them. Scores: larger is better. */
  async predict(hyps: readonly Hyp[]): Promise<{ scores: number[]; times: number[] | undefined }> {
    const { categories, numbers, outputs, score, minimize, time } = this.#columns
    const codes = new Int32Array(hyps.length * categories.length)
    const values = new Float32Array(hyps.length * numbers.length)
    for (const [row, hyp] of hyps.entries()) {
      for (const [i, key] of categories.entries()) codes[row * categories.length + i] = this.#codeOf(key, hyp[key])
      for (const [i, key] of numbers.entries()) values[row * numbers.length + i] = Number(hyp[key] ?? 0)
    }
    const feeds: Record<string, Tensor> = {}
    if (categories.length > 0) feeds['x_cat'] = new Tensor('int32', codes, [hyps.length, categories.length])
    if (numbers.length > 0) feeds['x_cont'] = new Tensor('float32', values, [hyps.length, numbers.length])
    const { output } = await this.#session.run(feeds)
    const table = output.data as Float32Array
    const column = (name: string) => {
      const i = outputs.indexOf(name)
      return hyps.map((_, row) => table[row * outputs.length + i])
    }
    const scores = column(score)
    return {
      scores: minimize ? scores.map((each) => -each) : scores,
      times: time === undefined ? undefined : column(time),
    }
  }

  #codeOf(key: string, given: HypValue | undefined): number {
    const name = given === undefined ? '#na#' : String(given)
    const code = this.#codes[key][name]
    if (code === undefined) throw new ScenarioError(`encoding.json has no number for ${key} = ${name}.`)
    return code
  }
}
