// `hypevolve status`: one study on one screen.
import {
  type CompleteTrial,
  type FailedTrial,
  History,
  type Metrics,
  type RungCorrelation,
  remainingOf,
  rungCorrelations,
  rungsOf,
  SearchSpace,
  type Trial,
} from '../../search/index.ts'
import type { AttemptRecord, EpochRecord, Storage, StudyOverview } from '../../study/index.ts'
import type { StatusFlags } from '../cli/status.ts'
import { counted, durationText, momentText, numberText, probabilityText } from '../console/text.ts'
import { type Answer, answerOf } from './answer.ts'
import { withStudy } from './open.ts'
import { secondsLeft, secondsPerTrial } from './outlook.ts'
import { doneText, stateText, studyState } from './progress.ts'
import { readTrials } from './read.ts'
import { settingsOf } from './settings.ts'

/** What `--json` prints, and what the screen is made of. */
export interface StudyStatus {
  readonly study: StudyOverview
  readonly failures: readonly {
    readonly failure: string
    readonly trials: readonly number[]
    readonly output: readonly string[]
  }[]
  /** Trial 0, if it is complete. */
  readonly start: CompleteTrial | undefined
  readonly best: CompleteTrial | undefined
  /** What is known beyond its first result, if it was trained again. */
  readonly confirmation: Answer['confirmation']
  /** Trainings that were to be short and came to their end. */
  readonly short: number
  /** Trainings that confirm. */
  readonly repeats: number
  /** How the order at one length of training agrees with that at a longer one. */
  readonly lengths: readonly RungCorrelation[]
  readonly running: readonly RunningNow[]
  readonly secondsPerTrial: number | undefined
  /** When all trials will have ended, if it goes on as it does; `undefined` if nobody works on it. */
  readonly endsAt: Date | undefined
}

interface RunningNow {
  readonly number: number
  readonly attempt: number
  readonly startedAt: string
  readonly worker: string
  readonly epoch: EpochRecord | undefined
  /** Epochs that it was granted. */
  readonly fidelity: number | undefined
}

/** @returns the exit code */
export const runStatus = (name: string | undefined, flags: StatusFlags): Promise<number> =>
  withStudy(name, flags, async (storage, study) => {
    const status = await readStatus(storage, study)
    if (flags.json) console.log(JSON.stringify(toObject(status), null, 2))
    else
      for (const line of statusLines(status, { width: process.stdout.columns ?? 120, now: new Date() }))
        console.log(line)
    return 0
  })

export async function readStatus(storage: Storage, study: StudyOverview, now = new Date()): Promise<StudyStatus> {
  const trials = await readTrials(storage, study)
  const attempts = await storage.attempts(study.id)
  const running = await readRunning(storage, study, trials, attempts)
  const { schedule } = study.definition
  const worth = (number: number) => (schedule ? (trials[number]?.fidelity ?? schedule.epochs) / schedule.epochs : 1)
  const perTrial = secondsPerTrial(attempts, schedule && worth)
  const left = remaining(study, trials)
  const answer = answerOf(trials, study.definition)
  const runningSeconds = running.map(({ startedAt }) => (now.getTime() - Date.parse(startedAt)) / 1000)
  const goesOn = study.workers.length > 0 && running.length > 0 && !study.stopping
  return {
    study,
    failures: failuresOf(trials),
    start: trials[0]?.state === 'complete' ? trials[0] : undefined,
    best: answer?.trial,
    confirmation: answer?.confirmation,
    short: trials.filter((trial) => trial.state === 'pruned' && trial.epochs === trial.fidelity).length,
    repeats: trials.filter(({ state, repeats }) => state === 'complete' && repeats !== undefined).length,
    lengths: schedule ? rungCorrelations(new History(trials), rungsOf(schedule)) : [],
    running,
    secondsPerTrial: perTrial,
    endsAt:
      goesOn && perTrial !== undefined && left !== undefined
        ? new Date(now.getTime() + 1000 * secondsLeft(perTrial, { left, atOnce: running.length, runningSeconds }))
        : undefined,
  }
}

/** What may still follow, in the unit of the target. */
function remaining({ definition, target, spent, patienceFrom }: StudyOverview, trials: readonly Trial[]) {
  const { schedule, space } = definition
  if (!schedule) return target === undefined ? undefined : target - spent
  const { start } = SearchSpace.fromJSON(space)
  return remainingOf({ history: new History(trials), schedule, target, patienceFrom, start })
}

async function readRunning(
  storage: Storage,
  study: StudyOverview,
  trials: readonly Trial[],
  attempts: readonly AttemptRecord[],
): Promise<RunningNow[]> {
  const current = new Map(attempts.map((attempt) => [`${attempt.trial}/${attempt.attempt}`, attempt]))
  const found: RunningNow[] = []
  for (const trial of trials) {
    if (trial.state !== 'running') continue
    const attempt = current.get(`${trial.number}/${trial.attempt}`)
    const epochs = (await storage.epochs(study.id, trial.number)).filter((epoch) => epoch.attempt === trial.attempt)
    found.push({
      number: trial.number,
      attempt: trial.attempt,
      startedAt: attempt?.startedAt ?? study.createdAt,
      worker: attempt?.worker ? `${attempt.worker.host}:${attempt.worker.pid}` : 'unknown',
      epoch: epochs.at(-1),
      fidelity: trial.fidelity,
    })
  }
  return found
}

function failuresOf(trials: readonly Trial[]): StudyStatus['failures'] {
  const found = new Map<string, FailedTrial[]>()
  for (const trial of trials)
    if (trial.state === 'failed') found.set(trial.failure, [...(found.get(trial.failure) ?? []), trial])
  return [...found]
    .map(([failure, failed]) => ({
      failure,
      trials: failed.map(({ number }) => number),
      output: failed.at(-1)!.output,
    }))
    .sort((a, b) => b.trials.length - a.trials.length)
}

/** Of a list of trials, as many are named. */
const namedTrials = 6

/** Last lines of what a failed training said; the very last may say its exit code only. */
const shownOutput = 2

export function statusLines(status: StudyStatus, { width, now }: { width: number; now: Date }): string[] {
  const { study, failures, start, best, running } = status
  const lines: string[] = []
  const say = (title: string, text: string) => lines.push(cut(`${title.padEnd(9)} ${text}`, width))

  lines.push(cut(`${study.name} (study ${study.id}): ${stateText(study)}`, width))
  for (const text of aboutLines(study)) say('', text)
  const { complete, pruned, failed, waiting } = study.counts
  const { short, repeats } = status
  const parts = [`${complete - repeats} complete`]
  if (short > 0) parts.push(`${short} short`)
  if (repeats > 0) parts.push(`${repeats} to confirm`)
  parts.push(`${failed} failed`)
  if (pruned > short) parts.push(`${pruned - short} pruned`)
  parts.push(`${running.length} running`)
  if (waiting > 0) parts.push(`${waiting} waiting`)
  say('done', `${doneShare(study)}: ${parts.join(', ')}`)
  for (const { failure, trials, output } of failures) {
    const names = trials.length > namedTrials ? [...trials.slice(0, namedTrials), '…'] : trials
    say('failed', `${trials.length} × ${failure} (${trials.length === 1 ? 'trial' : 'trials'} ${names.join(', ')})`)
    for (const line of output.slice(-shownOutput)) say('', `  ${line}`)
  }
  if (start) say('start', `trial ${start.number}: ${fitnessText(start)}`)
  if (best && best !== start) say('best', `trial ${best.number}: ${fitnessText(best, gainText(start, best))}`)
  else if (best) say('best', 'the start, so far')
  const confirmed = best && status.confirmation?.candidates.find(({ number }) => number === best.number)
  if (confirmed && confirmed.repeats.length > 0) {
    const spread = confirmed.sd === undefined ? '' : ` ± ${numberText(confirmed.sd)}`
    const better =
      confirmed.better === undefined ? '' : `, better than the start with ${probabilityText(confirmed.better)}`
    say('confirmed', `${confirmed.repeats.length} × again: ${numberText(confirmed.mean!)}${spread}${better}`)
  }
  for (const each of status.lengths) if (each.pairs > 0) say('lengths', correlationText(each))
  for (const trial of running) say('running', runningText(trial, trial.fidelity ?? epochsOf(study), now))
  if (status.secondsPerTrial !== undefined) say('time', timeText(status, now))
  if (studyState(study) === 'stopped') say('', `Nobody works on it. Go on with: hypevolve resume ${study.name}`)
  return lines
}

/** What is trained, and how it is searched. */
function aboutLines({ definition, createdAt }: StudyOverview): string[] {
  const { identity, sampler, fitness } = definition
  const named = (key: string, text = (value: unknown) => String(value)) =>
    identity[key] === undefined || identity[key] === null || identity[key] === '' ? [] : [text(identity[key])]
  const trained = [
    ...named('data', (value) => String(value).split('/').slice(-2).join('/')),
    ...named('cfg'),
    ...named('weights'),
    ...named('epochs', (value) => counted(Number(value), 'epoch')),
    ...named('imgsz', (value) => `${value} px`),
    ...named('batch', (value) => `batch ${value}`),
  ]
  const { release } = settingsOf(definition)
  const searched = [
    `sampler ${sampler.name}${release === undefined ? '' : ` as ${release}`}`,
    `fitness ${fitness}`,
    `begun ${momentText(createdAt)}`,
  ]
  return [...(trained.length > 0 ? [trained.join(', ')] : []), searched.join(', ')]
}

const epochsOf = ({ definition }: StudyOverview) =>
  typeof definition.identity['epochs'] === 'number' ? definition.identity['epochs'] : undefined

function doneShare(study: StudyOverview): string {
  const { definition, spent, target } = study
  const unit = definition.schedule ? " trainings' worth" : ''
  const share = target === undefined ? '' : ` (${Math.floor((100 * spent) / Math.max(1, target))} %)`
  return `${doneText(study)}${unit}${share}`
}

function fitnessText({ fitness, metrics }: CompleteTrial, gain = ''): string {
  const shown = metricsText(metrics)
  return `fitness ${numberText(fitness)}${gain}${shown === '' ? '' : ` (${shown})`}`
}

/** The four that YOLO users look at, else the first ones. */
export function metricsText(metrics: Metrics): string {
  const known = ['mAP50to95', 'mAP50', 'precision', 'recall'].filter((key) => metrics[key] !== undefined)
  const keys = known.length > 0 ? known : Object.keys(metrics).slice(0, 4)
  return keys.map((key) => `${key} ${numberText(metrics[key]!)}`).join(', ')
}

function gainText(start: CompleteTrial | undefined, best: CompleteTrial): string {
  if (!start || start.fitness <= 0) return ''
  return `, ${(100 * (best.fitness / start.fitness - 1)).toFixed(1)} % above the start`
}

/** '12 → 36 epochs: the order agrees by 0.71 (0.40 to 0.87), 9 pairs'. */
function correlationText({ lower, upper, pairs, rho, interval, dropped }: RungCorrelation): string {
  const lengths = `${lower} → ${upper} epochs`
  if (rho === undefined || interval === undefined)
    return `${lengths}: ${counted(pairs, 'hyp')} trained at both, too few to compare`
  const [low, high] = interval.map((value) => value.toFixed(2))
  const last = dropped ? '; it tells too little, so it is not used any more' : ''
  return `${lengths}: rank correlation ${rho.toFixed(2)} (${low} to ${high}) by ${counted(pairs, 'pair')}${last}`
}

function runningText(
  { number, attempt, startedAt, worker, epoch }: RunningNow,
  epochs: number | undefined,
  now: Date,
): string {
  const at = epoch ? `epoch ${epoch.epoch}${epochs === undefined ? '' : ` of ${epochs}`}` : 'starting'
  const since = durationText((now.getTime() - Date.parse(startedAt)) / 1000)
  return `trial ${number}: ${at}, for ${since}, by ${worker}${attempt > 1 ? `, attempt ${attempt}` : ''}`
}

function timeText({ study, secondsPerTrial: each, endsAt, running }: StudyStatus, now: Date): string {
  const text = `${durationText(each!)} per ${study.definition.schedule ? 'full training' : 'trial'}${running.length > 1 ? `, ${running.length} at once` : ''}`
  if (!endsAt) return text
  const left = durationText((endsAt.getTime() - now.getTime()) / 1000)
  return `${text}; ends at about ${momentText(endsAt, now)}, in ${left}`
}

const cut = (text: string, width: number) => (text.length > width ? `${text.slice(0, width - 1)}…` : text.trimEnd())

function toObject({
  study,
  failures,
  start,
  best,
  confirmation,
  short,
  repeats,
  lengths,
  running,
  secondsPerTrial: each,
  endsAt,
}: StudyStatus) {
  const inBrief = (trial: CompleteTrial | undefined) =>
    trial ? { number: trial.number, fitness: trial.fitness, metrics: trial.metrics, hyp: trial.hyp } : null
  return {
    id: study.id,
    name: study.name,
    state: studyState(study),
    target: study.target ?? null,
    spent: study.spent,
    counts: study.counts,
    processes: study.workers.map(({ host, pid }) => ({ host, pid })),
    failures,
    start: inBrief(start),
    best: inBrief(best),
    confirmation: confirmation ?? null,
    short,
    repeats,
    lengths,
    running: running.map(({ number, attempt, startedAt, worker, epoch }) => ({
      number,
      attempt,
      startedAt,
      worker,
      epoch: epoch?.epoch ?? null,
    })),
    secondsPerTrial: each ?? null,
    endsAt: endsAt?.toISOString() ?? null,
    createdAt: study.createdAt,
  }
}
