// A trial as lists of trials show it: what the study knows about it, flat, with plain values.

import type { Hyp, Metrics, Trial, TrialState } from '../../search/index.ts'
import type { AttemptRecord } from '../../study/index.ts'

/** One element of `hypevolve trials --json`. Keys may be added, never renamed. */
export interface TrialRow {
  readonly number: number
  readonly state: TrialState
  /** Larger is better; null as long as, or if, there is none. */
  readonly fitness: number | null
  /** NaN stands as null in JSON. */
  readonly metrics: Metrics
  readonly hyp: Hyp
  readonly parents: readonly number[]
  readonly mutated: readonly string[]
  /** Epochs that it was granted; null where the study's trainings have no length. */
  readonly fidelity: number | null
  /** The shorter training of the same hyp that it follows. */
  readonly continues: number | null
  /** The trial whose hyp it trains again, and the how-manieth time. */
  readonly repeats: number | null
  readonly repetition: number | null
  /** Of a second objective; larger is better. */
  readonly second: number | null
  /** By how much constraints are broken; null where there are none. */
  readonly violation: number | null
  /** How often it was begun. */
  readonly attempts: number
  /** Class of the last failure, also of one that was retried. */
  readonly failure: string | null
  /** Last lines of what a failed training said. */
  readonly output: readonly string[]
  /** Of its first attempt; ISO 8601. */
  readonly startedAt: string | null
  /** Of its last attempt, once the trial has ended. */
  readonly endedAt: string | null
  /** Of its last attempt. */
  readonly seconds: number | null
  /** `host:pid` of its last attempt. */
  readonly worker: string | null
}

/** @param attempts - of this trial, in order */
export function toTrialRow(trial: Trial, attempts: readonly AttemptRecord[]): TrialRow {
  const first = attempts[0]
  const last = attempts.at(-1)
  const ended = trial.state !== 'waiting' && trial.state !== 'running'
  const failed = [...attempts].reverse().find(({ failure }) => failure !== undefined)
  const scored = trial.state === 'complete' || trial.state === 'pruned' ? trial : undefined
  return {
    number: trial.number,
    state: trial.state,
    fitness: scored?.fitness ?? null,
    metrics: scored?.metrics ?? {},
    hyp: trial.hyp,
    parents: trial.parents,
    mutated: trial.mutated,
    fidelity: trial.fidelity ?? null,
    continues: trial.continues ?? null,
    repeats: trial.repeats ?? null,
    repetition: trial.repetition ?? null,
    second: scored?.second ?? null,
    violation: scored?.violation ?? null,
    attempts: trial.attempt,
    failure: trial.state === 'failed' ? trial.failure : (failed?.failure ?? null),
    output: trial.state === 'failed' ? trial.output : (failed?.output ?? []),
    startedAt: first?.startedAt ?? null,
    endedAt: ended ? (last?.endedAt ?? null) : null,
    seconds: secondsOf(last),
    worker: last?.worker ? `${last.worker.host}:${last.worker.pid}` : null,
  }
}

function secondsOf(attempt: AttemptRecord | undefined): number | null {
  if (attempt?.endedAt === undefined) return null
  return (Date.parse(attempt.endedAt) - Date.parse(attempt.startedAt)) / 1000
}

/** The value of a column by its name: a property, a metric, a hyperparameter. `metrics.box` and `hyp.box` are explicit. */
export function columnValue(row: TrialRow, name: string): number | string | boolean | null | undefined {
  if (name.startsWith('hyp.')) return row.hyp[name.slice(4)]
  if (name.startsWith('metrics.')) return row.metrics[name.slice(8)]
  if (Object.hasOwn(plainColumns, name)) return row[name as PlainColumn]
  return row.metrics[name] ?? row.hyp[name]
}

const plainColumns = {
  number: true,
  state: true,
  fitness: true,
  attempts: true,
  fidelity: true,
  continues: true,
  repeats: true,
  repetition: true,
  second: true,
  violation: true,
  failure: true,
  startedAt: true,
  endedAt: true,
  seconds: true,
  worker: true,
} as const
type PlainColumn = keyof typeof plainColumns

/** All names that {@link columnValue} knows for these rows. */
export function columnNames(rows: readonly TrialRow[]): string[] {
  const names = new Set<string>(Object.keys(plainColumns))
  for (const { metrics, hyp } of rows)
    for (const name of [...Object.keys(metrics), ...Object.keys(hyp)]) names.add(name)
  return [...names]
}
