// What "the same study" is, and what a command that is typed again means: docs/storage.md has the table of cases.
import { createHash } from 'node:crypto'
import { type StudyDifference, StudyDiffersError } from '../base/index.ts'
import { type Parameter, parameterSchema, type Schedule } from '../search/index.ts'
import { endedCount, isFinished } from './finished.ts'
import { thisWorker } from './process.ts'
import type { ImportedTrial, Json, Storage, StudyChoice, StudyDefinition, StudyOverview } from './storage.ts'
import { Study } from './study.ts'

/** What a command asks for. */
export interface StudyRequest {
  readonly definition: StudyDefinition
  /** Trials of the study in all; with a schedule, full trainings' worth of epochs. */
  readonly target?: number
  /** Or: so many more than have ended, or trainings' worth more than are spent (`--evolve N --resume`). */
  readonly more?: number
  /** Name of the first study of this kind, as `runs/evolve/exp`; later ones are `runs/evolve/exp2` and so on. */
  readonly base: string
  /** Releases before v6.0 go on with their one table: the same command again after the end means as many trials more. */
  readonly oneFolder?: boolean
  /** Whether a name is in use outside of the storage: such a folder exists. */
  isTaken(name: string): boolean
  /** `--new`: another study whatever there is. */
  readonly forceNew?: boolean
  /** `--resume`: this study and no other. */
  readonly resume?: number
  /**
   * Trials that a new study begins with, and settings that go with them; `target` comes on top. Called inside the
   * transaction and only if a study is made; what it throws is thrown, and none is made. Pure.
   */
  firstTrials?(studies: readonly StudyOverview[]): FirstTrials | undefined
}

export interface FirstTrials {
  readonly trials: readonly ImportedTrial[]
  /** Hyps to try before the sampler's own. */
  readonly enqueued?: NonNullable<StudyDefinition['enqueued']>
  readonly settings: StudyDefinition['settings']
}

/** Which of the cases it was. */
export type StudyCase = 'created' | 'joined' | 'continued' | 'extended'

export interface Decision {
  readonly case: StudyCase
  readonly choice: StudyChoice
  /** For the console: "joins runs/evolve/exp (3 of 300 done, 2 processes)". */
  readonly message: string
}

/** Values of identity that tell what is trained on. */
const dataKeys = ['data', 'dataHash']

/** Hash of all that makes two studies the same search. */
export const studyKey = (definition: StudyDefinition): string =>
  createHash('sha256')
    .update(canonical(facts(definition)))
    .digest('hex')
    .slice(0, 16)

/** What is left out has no part in the text, so that a study without a schedule has the key that it always had. */
const facts = (definition: StudyDefinition): Json => {
  const { seed, space, sampler, direction, fitness, identity, schedule, constraints, second } = definition
  const later = { schedule, constraints: constraints && [...constraints].sort(), second }
  return {
    identity,
    seed,
    space,
    sampler,
    direction,
    fitness,
    ...(later as unknown as { readonly [name: string]: Json }),
  }
}

/** JSON with the keys of objects in order, so that equal values have equal texts. */
function canonical(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const object = value as { readonly [key: string]: Json }
  const keys = Object.keys(object).filter((key) => object[key] !== undefined)
  return `{${keys
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(object[key])}`)
    .join(',')}}`
}

/** In what two studies differ, for people. */
export function studyDifferences(stored: StudyDefinition, wanted: StudyDefinition): StudyDifference[] {
  const named = (definition: StudyDefinition): Record<string, Json> => {
    const { seed, sampler, direction, fitness, identity, schedule, constraints = [], second } = definition
    return {
      ...identity,
      sampler: sampler.name,
      ...prefixed('sampler option', sampler.options),
      ...(schedule && scheduleEntries(schedule)),
      direction,
      fitness,
      ...(constraints.length > 0 && { constraints: [...constraints].sort().join(', ') }),
      ...(second && { 'second objective': `${second.direction} ${second.expression}` }),
      seed,
    }
  }
  return [
    ...compare(named(stored), named(wanted)),
    ...compare(spaceEntries(stored.space), spaceEntries(wanted.space), parameterTexts),
  ]
}

function scheduleEntries({ epochs, lowest, rungs, pruner, confirm, patience }: Schedule): Record<string, Json> {
  return {
    'epochs of a full training': epochs,
    'lowest rung': lowest,
    rungs,
    pruner: pruner.name,
    ...prefixed('pruner option', pruner.options),
    confirm,
    ...(patience !== undefined && { patience }),
  }
}

/** Two values that differ, each as a text. */
type Texts = (stored: Json | undefined, wanted: Json | undefined) => readonly [string, string]

const plainText = (value: Json | undefined) =>
  value === undefined ? 'nothing' : typeof value === 'string' ? value : canonical(value)

function compare(
  stored: Record<string, Json>,
  wanted: Record<string, Json>,
  texts: Texts = (there, here) => [plainText(there), plainText(here)],
): StudyDifference[] {
  return [...new Set([...Object.keys(stored), ...Object.keys(wanted)])]
    .filter((key) => canonical(stored[key]) !== canonical(wanted[key]))
    .map((key) => {
      const [there, here] = texts(stored[key], wanted[key])
      return { what: key, stored: there, wanted: here }
    })
}

/** As `evolved in 0.00001..0.1 with gain 1` and `fixed at 0.01`; if only the start differs, that alone. */
function parameterTexts(stored: Json | undefined, wanted: Json | undefined): readonly [string, string] {
  const [there, here] = [parameterText(stored), parameterText(wanted)]
  if (there !== here) return [there, here]
  const start = (value: Json | undefined) => (isObject(value) ? value['start'] : undefined)
  const onlyStart =
    isObject(stored) && isObject(wanted) && canonical({ ...stored, start: start(wanted)! }) === canonical(wanted)
  if (onlyStart) return [`starts at ${plainText(start(stored))}`, `starts at ${plainText(start(wanted))}`]
  return [plainText(stored), plainText(wanted)]
}

function parameterText(value: Json | undefined): string {
  if (value === undefined) return 'not there'
  const read = parameterSchema.safeParse(value)
  if (!read.success) return plainText(value)
  const { data: parameter } = read
  const condition = Object.entries(parameter.when ?? {}).map(([key, values]) => `${key} is ${values.join(' or ')}`)
  return `${rangeText(parameter)}${condition.length > 0 ? ` if ${condition.join(' and ')}` : ''}`
}

function rangeText(parameter: Parameter): string {
  if (parameter.kind === 'fixed') return `fixed at ${parameter.start}`
  if (parameter.kind === 'choice') return `one of ${parameter.choices.join(', ')}`
  const { kind, lower = '', upper = '' } = parameter
  const bounds = lower === '' && upper === '' ? 'without bounds' : `in ${lower}..${upper}`
  if (kind === 'range')
    return parameter.gain === 0 ? `fixed at ${parameter.start}` : `evolved ${bounds} with gain ${parameter.gain}`
  return `${kind === 'integer' ? 'a whole number' : 'a number'} ${bounds}${parameter.log ? ', log' : ''}`
}

const isObject = (value: Json | undefined): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const prefixed = (prefix: string, value: Json) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [`${prefix} ${key}`, each as Json]))
    : { [prefix]: value }

/** The hyperparameters of a space by name, what else it has beside them. */
function spaceEntries(space: Json): Record<string, Json> {
  if (typeof space !== 'object' || space === null || Array.isArray(space)) return { space }
  const { parameters, ...rest } = space as { readonly [key: string]: Json }
  const pairs = (Array.isArray(parameters) ? parameters : []) as readonly (readonly [string, Json])[]
  return {
    ...Object.fromEntries(pairs.map(([key, value]) => [`hyperparameter ${key}`, value])),
    ...prefixed('space', rest),
  }
}

/**
 * What to do about a request, given the studies of the storage. Pure.
 *
 * @throws {@link StudyDiffersError} if the request would mix two searches
 */
export function decide(studies: readonly StudyOverview[], request: StudyRequest): Decision {
  const { definition, base, forceNew = false, resume } = request
  const key = studyKey(definition)
  if (resume !== undefined) {
    const study = studies.find(({ id }) => id === resume)
    if (!study) throw new Error(`there is no study of number ${resume}`)
    if (study.key !== key) throw differs(study, definition)
    return goOn(study, request)
  }
  // Latest first. Names are those of the same --project and --name.
  const family = studies.filter(({ name }) => isOfBase(name, base)).sort((a, b) => b.id - a.id)
  if (forceNew) return create(studies, key, request)

  const unfinished = family.filter((study) => !isFinished(study))
  const same = unfinished.find((study) => study.key === key)
  if (same) return goOn(same, request)
  const other = unfinished.find(({ definition: stored }) => isSameData(stored, definition))
  if (other) throw differs(other, definition)

  const finished = family.find((study) => study.key === key)
  const total = finished && wantedTotal(finished, request)
  if (finished && total !== undefined && total > finished.target!) return goOn(finished, request)
  return create(studies, key, request)
}

const isOfBase = (name: string, base: string) => name.startsWith(base) && /^\d*$/.test(name.slice(base.length))

const isSameData = (stored: StudyDefinition, wanted: StudyDefinition) =>
  dataKeys.every((key) => canonical(stored.identity[key]) === canonical(wanted.identity[key]))

/** The total that the request leads to; `undefined`: as it is. */
function wantedTotal(study: StudyOverview, { target, more, oneFolder = false }: StudyRequest): number | undefined {
  const { spent, workers } = study
  if (more !== undefined) return (workers.length > 0 ? (study.target ?? spent) : spent) + more
  if (target !== undefined && oneFolder && isFinished(study)) return spent + target
  return target
}

function goOn(study: StudyOverview, request: StudyRequest): Decision {
  const wanted = wantedTotal(study, request)
  const { name, counts, workers, target, definition, spent } = study
  const given = definition.schedule ? spent : endedCount(counts) + counts.running + counts.waiting
  // Only --resume makes a total smaller, and never smaller than what there is.
  const total = wanted === undefined ? target : Math.max(wanted, request.more === undefined ? (target ?? 0) : given)
  const use = total === target || total === undefined ? { use: study.id } : { use: study.id, target: total }
  const progress = progressText(study, total)
  const grows = target !== undefined && total !== undefined && total > target
  const amount = (number: number) => amountText(number, definition)
  const more = grows ? `; ${amount(total)} instead of ${rounded(target)}` : ''
  const kept = wanted !== undefined && total !== undefined && wanted < total ? `; it keeps its ${amount(total)}` : ''
  if (workers.length > 0) return { case: 'joined', choice: use, message: `joins ${name} (${progress}${more}${kept})` }
  if (grows && isFinished(study))
    return { case: 'extended', choice: use, message: `extends ${name} from ${rounded(target)} to ${amount(total)}` }
  return { case: 'continued', choice: use, message: `continues ${name} (${progress}${more}${kept})` }
}

function create(studies: readonly StudyOverview[], key: string, request: StudyRequest): Decision {
  const { base, definition, isTaken } = request
  const { trials: earlier = [], enqueued, settings } = request.firstTrials?.(studies) ?? {}
  const asked = request.target ?? request.more
  // With a schedule trainings from elsewhere cost nothing of the target: see `costOf`.
  const given = definition.schedule ? 0 : earlier.length
  const target = asked === undefined ? undefined : asked + given
  const names = new Set(studies.map(({ name }) => name))
  let name = base
  for (let n = 2; names.has(name) || isTaken(name); n++) name = `${base}${n}`
  const trials = target === undefined ? '' : ` (${amountText(target, definition)})`
  return {
    case: 'created',
    choice: {
      create: {
        name,
        key,
        definition: {
          ...definition,
          settings: { ...definition.settings, ...settings },
          ...(enqueued && enqueued.length > 0 && { enqueued }),
        },
        target,
        trials: earlier,
      },
    },
    message: `begins ${name}${trials}`,
  }
}

/** With one decimal at most. */
const rounded = (number: number) => String(Math.round(number * 10) / 10)

/** As `300 trials` or `37.4 trainings' worth`. */
function amountText(number: number, { schedule }: StudyDefinition): string {
  const one = rounded(number) === '1'
  if (schedule) return `${rounded(number)} ${one ? "training's" : "trainings'"} worth`
  return `${number} ${one ? 'trial' : 'trials'}`
}

function progressText({ spent, workers, definition }: StudyOverview, total: number | undefined): string {
  const unit = definition.schedule ? " trainings' worth" : ''
  const done =
    total === undefined ? `${rounded(spent)}${unit} done` : `${rounded(spent)} of ${rounded(total)}${unit} done`
  if (workers.length === 0) return done
  return `${done}, ${workers.length} other ${workers.length === 1 ? 'process' : 'processes'}`
}

function differs(study: StudyOverview, wanted: StudyDefinition): StudyDiffersError {
  return new StudyDiffersError(
    study.name,
    progressText(study, study.target),
    studyDifferences(study.definition, wanted),
    'To continue it, use its flags (hypevolve resume does). To start another study beside it, add --new or another --name.',
  )
}

/** A study that this process works on now, and how it came to that. */
export interface BegunStudy {
  readonly study: Study
  readonly case: StudyCase
  /** For the console. */
  readonly message: string
}

/**
 * Begins a study or goes on with one, as the request and what is there demand. Processes that do so at the same moment
 * decide one after the other: the same command four times makes one study.
 *
 * @throws {@link StudyDiffersError} if the request would mix two searches
 */
export async function beginStudy(storage: Storage, request: StudyRequest): Promise<BegunStudy> {
  let decision: Decision | undefined
  const { study, worker } = await storage.begin(thisWorker(), (studies) => {
    decision = decide(studies, request)
    return decision.choice
  })
  const { case: which, message } = decision!
  return { study: await Study.open(storage, study, worker), case: which, message }
}
