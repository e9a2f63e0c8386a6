// `hypevolve show`: everything about one trial.
import { TrialNotFoundError } from '../../base/index.ts'
import type { HypValue, Metrics, Trial } from '../../search/index.ts'
import type { ArtifactRecord, AttemptRecord, EpochRecord, Storage, StudyRecord } from '../../study/index.ts'
import type { ShowFlags } from '../cli/show.ts'
import type { TrialReference } from '../cli/study-flags.ts'
import { type TableColumn, tableLines } from '../console/table.ts'
import { durationText, momentText, numberText } from '../console/text.ts'
import { withStudy } from './open.ts'
import { readTrials } from './read.ts'
import { trialFolder } from './settings.ts'
import { metricsText } from './status.ts'
import { toTrialRow } from './trial-row.ts'

interface TrialDetails {
  readonly study: StudyRecord
  readonly trial: Trial
  readonly parents: readonly Trial[]
  readonly attempts: readonly AttemptRecord[]
  readonly epochs: readonly EpochRecord[]
  readonly artifacts: readonly ArtifactRecord[]
  /** How many trials had ended when this one was proposed. */
  readonly seen: number
}

/** @returns the exit code */
export const runShow = ({ study: name, trial: number }: TrialReference, flags: ShowFlags): Promise<number> =>
  withStudy(name, flags, async (storage, study) => {
    const details = await readDetails(storage, study, number)
    if (flags.json) console.log(JSON.stringify(toObject(details), null, 2))
    else for (const line of detailLines(details)) console.log(line)
    return 0
  })

/** The trial with this number. @throws {@link TrialNotFoundError} */
export function findTrial(trials: readonly Trial[], number: number, study: StudyRecord): Trial {
  const trial = trials.find((candidate) => candidate.number === number)
  if (!trial) throw new TrialNotFoundError(number, study.name, trials.length)
  return trial
}

/** All that is known of a trial. @throws {@link TrialNotFoundError} */
export async function readDetails(storage: Storage, study: StudyRecord, number: number): Promise<TrialDetails> {
  const trials = await readTrials(storage, study)
  const trial = findTrial(trials, number, study)
  return {
    study,
    trial,
    parents: trial.parents.flatMap((parent) => trials.find((other) => other.number === parent) ?? []),
    attempts: await storage.attempts(study.id, number),
    epochs: await storage.epochs(study.id, number),
    artifacts: await storage.artifacts(study.id, number),
    seen: await storage.seen(study.id, number),
  }
}

export function detailLines(details: TrialDetails, now = new Date()): string[] {
  const { study, trial, parents, attempts, epochs, artifacts, seen } = details
  const lines = [`Trial ${trial.number} of ${study.name}: ${trial.state}${lengthText(trial, study)}`]
  if (trial.state === 'complete' || trial.state === 'pruned') {
    if (trial.fitness !== undefined) lines.push(`  fitness ${numberText(trial.fitness)}`)
    if (trial.second !== undefined) lines.push(`  second objective ${numberText(trial.second)} (larger is better)`)
    if (trial.violation !== undefined && trial.violation !== 0) lines.push('  breaks a constraint')
    for (const [key, value] of Object.entries(trial.metrics))
      if (!key.includes('/')) lines.push(`  ${key} ${numberText(value)}`)
  }
  if (trial.state === 'failed') {
    lines.push(`  ${trial.failure}; the last it said:`, ...trial.output.map((text) => `    ${text}`))
  }
  lines.push('', originText(trial, seen))
  lines.push(...hypTable(trial, parents).map((line) => `  ${line}`))
  if (trial.state === 'complete' || trial.state === 'pruned') {
    const classes = classTable(trial.metrics)
    if (classes.length > 0) lines.push('', 'Classes:', ...classes.map((line) => `  ${line}`))
  }
  lines.push('', 'Attempts:')
  if (attempts.length === 0) lines.push('  none')
  for (const attempt of attempts) lines.push(`  ${attemptText(attempt, now)}`)
  const measured = epochs.filter(({ metrics }) => Object.keys(metrics).length > 0)
  if (measured.length > 1) {
    lines.push('', 'Epochs:')
    for (const { attempt, epoch, metrics } of measured)
      lines.push(`  ${attempts.length > 1 ? `attempt ${attempt}, ` : ''}${epoch}: ${metricsText(metrics)}`)
  }
  lines.push('', `Folder: ${trialFolder(study, trial.number)}`)
  for (const { kind, path } of artifacts) lines.push(`  ${kind}: ${path}`)
  return lines
}

function originText({ number, parents, mutated }: Trial, seen: number): string {
  const after = seen === 0 ? '' : `, proposed when ${seen} had ended`
  if (parents.length === 0)
    return number === 0 ? 'Hyperparameters, where the search starts:' : `Hyperparameters, without a parent${after}:`
  const from = `from ${parents.length === 1 ? 'trial' : 'trials'} ${parents.join(', ')}`
  return `Hyperparameters, ${from}, ${mutated.length} of them moved${after}:`
}

function hypTable(trial: Trial, parents: readonly Trial[]): string[] {
  const [parent] = parents
  const only = parents.length === 1 ? parent : undefined
  const rows = Object.entries(trial.hyp)
  const columns: TableColumn<[string, HypValue]>[] = [
    { title: 'key', align: 'left', text: ([key]) => key },
    { title: 'value', text: ([, value]) => String(value) },
  ]
  if (only) {
    columns.push({ title: `in ${only.number}`, text: ([key]) => String(only.hyp[key] ?? '-') })
    columns.push({ title: 'change', text: ([key, value]) => changeText(value, only.hyp[key]) })
  } else columns.push({ title: '', align: 'left', text: ([key]) => (trial.mutated.includes(key) ? 'moved' : '') })
  return tableLines(columns, rows)
}

/** ', 12 of 36 epochs' of a study whose trainings differ in length, and what it goes on from or repeats. */
function lengthText({ fidelity, continues, repeats, repetition }: Trial, { definition }: StudyRecord): string {
  const full = definition.schedule?.epochs
  return [
    ...(fidelity === undefined || full === undefined ? [] : [`, ${fidelity} of ${full} epochs`]),
    ...(continues === undefined ? [] : [`, what trial ${continues} was a shorter training of`]),
    ...(repeats === undefined ? [] : [`, trial ${repeats} once more with the seed + ${repetition}`]),
  ].join('')
}

/** Metrics of classes, `mAP50/car`: one line per class. */
function classTable(metrics: Metrics): string[] {
  const rows = new Map<string, Map<string, number>>()
  const kinds = new Set<string>()
  for (const [key, value] of Object.entries(metrics)) {
    const slash = key.indexOf('/')
    if (slash < 0) continue
    const [kind, name] = [key.slice(0, slash), key.slice(slash + 1)]
    kinds.add(kind)
    rows.set(name, (rows.get(name) ?? new Map<string, number>()).set(kind, value))
  }
  if (rows.size === 0) return []
  const columns: TableColumn<[string, Map<string, number>]>[] = [
    { title: 'class', align: 'left', text: ([name]) => name },
    ...[...kinds].map((kind) => ({
      title: kind,
      text: ([, values]: [string, Map<string, number>]) => (values.has(kind) ? numberText(values.get(kind)!) : '-'),
    })),
  ]
  return tableLines(columns, [...rows])
}

function changeText(value: HypValue, before: HypValue | undefined): string {
  if (before === undefined || value === before) return ''
  if (typeof value !== 'number' || typeof before !== 'number') return 'changed'
  return before === 0 ? `+${value}` : `× ${(value / before).toFixed(3)}`
}

function attemptText(
  { attempt, worker, startedAt, endedAt, ending, failure, output }: AttemptRecord,
  now: Date,
): string {
  const by = worker ? ` by ${worker.host}:${worker.pid}` : ''
  const began = `${attempt}: begun ${momentText(startedAt, now)}${by}`
  const end = endedAt === undefined ? now.getTime() : Date.parse(endedAt)
  const took = durationText((end - Date.parse(startedAt)) / 1000)
  if (ending === undefined) return `${began}, running for ${took}`
  const why = failure === undefined ? '' : ` (${failure}: ${output.at(-1) ?? ''})`
  return `${began}, ${ending === 'lost' ? 'its process vanished' : ending} after ${took}${why}`
}

const toObject = ({ study, trial, attempts, epochs, artifacts, seen }: TrialDetails) => ({
  study: study.name,
  ...toTrialRow(trial, attempts),
  seen,
  folder: trialFolder(study, trial.number),
  attemptRecords: attempts,
  epochs,
  artifacts,
})
