// What must hold after every kill, as functions from plain records to a list of faults (empty: all is well).
import { isDeepStrictEqual } from 'node:util'
import type { CompleteTrial, Trial } from '../../src/search/index.ts'

/** A coordinator said that this trial is complete. */
export interface Acknowledged {
  readonly number: number
  readonly attempt: number
}

/** A training said that it measured this, in a log of its own (training.mjs). */
export interface Measured {
  readonly trial: number
  readonly attempt: number
  /** As text, because JSON has no NaN. */
  readonly value: string
  readonly hyp: Readonly<Record<string, number>>
}

/** A study as its storage has it, and what others know about it. */
export interface Evidence {
  /** Ended ones in the order in which they were told, others anywhere between them. */
  readonly trials: readonly Trial[]
  readonly target: number
  readonly acknowledged: readonly Acknowledged[]
  readonly measured: readonly Measured[]
  /** What an earlier look at the same study saw. */
  readonly before?: readonly Trial[]
}

const ended = ({ state }: Trial) => state === 'complete' || state === 'failed' || state === 'pruned'
const isComplete = (trial: Trial): trial is CompleteTrial => trial.state === 'complete'

/** Faults of a study at any time. */
export function faultsOf({ trials, target, acknowledged, measured, before = [] }: Evidence): string[] {
  const faults: string[] = []
  const byNumber = new Map(trials.map((trial) => [trial.number, trial]))

  const numbers = trials.map(({ number }) => number).sort((a, b) => a - b)
  if (!isDeepStrictEqual(numbers, [...numbers.keys()])) faults.push(`numbers have gaps or duplicates: ${numbers}`)
  if (trials.length > target) faults.push(`${trials.length} trials, but ${target} were asked for`)

  const hyps = new Map<string, number>()
  for (const { number, hyp } of trials) {
    const text = JSON.stringify(hyp)
    if (hyps.has(text)) faults.push(`trials ${hyps.get(text)} and ${number} have the same hyp`)
    hyps.set(text, number)
  }

  const told = new Set<number>()
  for (const { number, attempt } of acknowledged) {
    const trial = byNumber.get(number)
    if (told.has(number)) faults.push(`trial ${number} was counted twice`)
    told.add(number)
    if (!trial || !isComplete(trial)) faults.push(`trial ${number} was complete, but is ${trial?.state ?? 'lost'}`)
    else if (trial.attempt !== attempt) faults.push(`trial ${number} changed: attempt ${attempt} -> ${trial.attempt}`)
  }

  for (const trial of trials.filter(isComplete)) {
    const said = measured.find((entry) => entry.trial === trial.number && entry.attempt === trial.attempt)
    if (!said) faults.push(`trial ${trial.number} is complete, but attempt ${trial.attempt} measured nothing`)
    else if (!isDeepStrictEqual(said.hyp, trial.hyp)) faults.push(`trial ${trial.number} was trained with another hyp`)
    else if (said.value !== String(trial.metrics['mAP50to95']))
      faults.push(`trial ${trial.number}: measured ${said.value}, kept ${trial.metrics['mAP50to95']}`)
    // The default fitness, of two equal numbers.
    else if (Math.abs(trial.fitness - Number(said.value)) > 1e-9)
      faults.push(`trial ${trial.number}: measured ${said.value}, its fitness is ${trial.fitness}`)
  }

  const endedNow = trials.filter(ended)
  for (const [place, was] of before.filter(ended).entries())
    if (!isDeepStrictEqual(plain(endedNow[place]), plain(was))) faults.push(`trial ${was.number} changed after its end`)
  return faults
}

/** More faults of a study that reached its target while nobody disturbed it at the end. */
export function faultsAtTheEnd({ trials, target }: Pick<Evidence, 'trials' | 'target'>): string[] {
  const open = trials.filter((trial) => !ended(trial)).map(({ number, state }) => `trial ${number} is ${state}`)
  return trials.length === target ? open : [`${trials.length} trials of ${target}`, ...open]
}

/** Whether evolve.csv holds exactly the complete trials of the study, in the order in which they were told. */
export function faultsOfTable(text: string, trials: readonly Trial[]): string[] {
  const [head = '', ...lines] = text.split('\n').filter((line) => line !== '')
  const titles = head.split(',').map((title) => title.trim())
  const complete = trials.filter(isComplete)
  if (lines.length !== complete.length) return [`evolve.csv has ${lines.length} rows for ${complete.length} trials`]
  // %20.5g: five digits; where two are equally near either will do, as C and JavaScript choose differently.
  const isWritten = (cell: number | undefined, value: unknown) =>
    cell !== undefined &&
    cell === Number(cell.toPrecision(5)) &&
    Math.abs(cell - Number(value)) <= Math.abs(Number(Number(value).toPrecision(5)) - Number(value)) * (1 + 1e-6)
  return complete.flatMap(({ number, hyp, metrics: { mAP50, mAP50to95 } }, row) => {
    const cells = lines[row]!.split(',').map(Number)
    const written = Object.fromEntries(titles.map((title, column) => [title, cells[column]]))
    const expected: Record<string, unknown> = { 'metrics/mAP_0.5': mAP50, 'metrics/mAP_0.5:0.95': mAP50to95, ...hyp }
    return Object.entries(expected)
      .filter(([title, value]) => !isWritten(written[title], value))
      .map(([title, value]) => `evolve.csv, trial ${number}: ${title} is ${written[title]}, not ${value}`)
  })
}

/** Trials of a storage may parse their parts when they are looked at. */
const plain = (trial: Trial | undefined) =>
  trial && { ...JSON.parse(JSON.stringify(trial)), hyp: trial.hyp, metrics: 'metrics' in trial ? trial.metrics : null }
