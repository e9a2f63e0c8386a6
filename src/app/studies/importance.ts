// `hypevolve importance`: which hyperparameters of a study matter, as a table, JSON, CSV, a picture or a smaller space.
import { writeFile } from 'node:fs/promises'
import { FileWriteError, ImportanceTrialsError, UsageError } from '../../base/index.ts'
import type { ChosenTrials, Hyp, Importance, KeyImportance, SearchSpace, Trial } from '../../search/index.ts'
import type { StudyRecord } from '../../study/index.ts'
import type { ImportanceFlags } from '../cli/importance.ts'
import { type TableColumn, tableLines } from '../console/table.ts'
import { counted, numberText } from '../console/text.ts'
import { answerOf } from './answer.ts'
import { withStudy } from './open.ts'
import { readTrials } from './read.ts'

/** @returns the exit code */
export async function runImportance(name: string | undefined, flags: ImportanceFlags): Promise<number> {
  if (flags.json && flags.csv) throw new UsageError('Choose one of --json and --csv.')
  const { study, trials } = await withStudy(name, flags, async (storage, found) => ({
    study: found as StudyRecord,
    trials: await readTrials(storage, found),
  }))
  const found = await importanceOf(study, trials, flags)
  if (flags.narrow !== undefined) await writeNarrowed(found, flags.narrow)
  if (flags.figure !== undefined) await writeFigure(found, flags)
  if (flags.json) console.log(JSON.stringify(importanceJson(found), null, 2))
  else if (flags.csv) process.stdout.write(importanceCsv(found.importance))
  else for (const line of importanceLines(found, { top: flags.top, width: process.stdout.columns })) console.log(line)
  return 0
}

/** What is known of a study's hyperparameters. */
export interface StudyImportance {
  readonly study: StudyRecord
  readonly space: SearchSpace
  readonly chosen: ChosenTrials
  readonly importance: Importance
  /** `fitness`, or the formula. */
  readonly target: string
  /** The best hyp by the study's own fitness, confirmed if it was; of another target the best of the chosen trials. */
  readonly best: { readonly number: number; readonly hyp: Hyp; readonly confirmed: boolean }
}

/**
 * @throws {@link ImportanceTrialsError} if there are too few trials; {@link UsageError} or {@link FitnessInvalidError} for a
 *   target that no trial has
 */
export async function importanceOf(
  study: StudyRecord,
  trials: readonly Trial[],
  { target, method }: Pick<ImportanceFlags, 'target' | 'method'>,
): Promise<StudyImportance> {
  const { comparableTrials, importance, leastTrials, SearchSpace } = await import('../../search/index.ts')
  const score = target === undefined ? undefined : await scoreOf(target, trials)
  const chosen = comparableTrials(trials, score)
  if (chosen.trials.length < leastTrials)
    throw new ImportanceTrialsError(study.name, chosen.full, chosen.shorter, leastTrials)
  const space = SearchSpace.fromJSON(study.definition.space)
  const answer = target === undefined ? answerOf(trials, study.definition) : undefined
  const top = chosen.trials.reduce((a, b) => (b.score > a.score ? b : a))
  const { number, hyp } = answer?.trial ?? top
  return {
    study,
    space,
    chosen,
    importance: importance(space, chosen.trials, { method }),
    target: target ?? 'fitness',
    best: { number, hyp, confirmed: answer?.confirmation?.winner !== undefined },
  }
}

type Measured = Extract<Trial, { metrics: unknown }>

/** A metric by its whole name, whatever signs it has, else a formula. */
async function scoreOf(target: string, trials: readonly Trial[]): Promise<(trial: Measured) => number> {
  const measured = trials.filter((trial): trial is Measured => trial.state === 'complete' || trial.state === 'pruned')
  if (measured.some(({ metrics }) => Object.hasOwn(metrics, target)))
    return ({ metrics }) => metrics[target] ?? Number.NaN
  const { parseFitness } = await import('../../search/index.ts')
  const { evaluate } = parseFitness(target)
  if (measured.length > 0 && !measured.some(({ metrics }) => Number.isFinite(evaluate(metrics)))) {
    const names = [...new Set(measured.flatMap(({ metrics }) => Object.keys(metrics)))]
    throw new UsageError(
      `--target ${target}: no trial has the metrics for it. They have: ${names.join(', ') || 'none, only a fitness'}.`,
    )
  }
  return ({ metrics }) => evaluate(metrics)
}

const percent = (share: number) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`
const interval = ({ low, high }: { readonly low: number; readonly high: number }) =>
  `${(100 * low).toFixed(high < 0.0995 ? 1 : 0)}..${percent(high)}`

/** Below this, what the model says of the hyperparameters means little. */
const littleExplained = 0.2

/** For the terminal. */
export function importanceLines(
  { study, chosen, importance, target, best }: StudyImportance,
  { top, width = 120 }: { readonly top: number; readonly width?: number | undefined },
): string[] {
  const { keys, pairs, method, explained } = importance
  const lines = [
    `What matters for the ${target === 'fitness' ? 'fitness' : target} in ${study.name}: ${trialsText(chosen)}`,
  ]
  if (method === 'fanova')
    lines.push(
      `A forest of regression trees explains ${percent(Math.max(0, explained))} of the differences between trials that it has not seen.`,
    )
  else lines.push('Shares of what sets the best quarter of the trials apart from all of them (PED-ANOVA).')
  if (method === 'fanova' && explained < littleExplained)
    lines.push('That is little: the ranks below are guesses. More trials help, or fewer hyperparameters.')
  if (Number.isFinite(importance.floor))
    lines.push(
      `Trials below ${numberText(importance.floor)} count as ${numberText(importance.floor)}: a few ruined ones would outshine all else.`,
    )
  if (keys.length > 0) lines.push('', ...tableLines(keyColumns(importance, best.hyp), keys.slice(0, top), width))
  const rest = keys.length - top
  if (rest > 0) lines.push(`… and ${counted(rest, 'more hyperparameter')} (--top ${keys.length})`)
  const blurred = keys.filter(({ distinguishable }) => !distinguishable).length
  if (blurred > 0)
    lines.push(
      `? not distinguishable from zero: a hyperparameter without effect could look the same (${blurred} of ${keys.length})`,
    )
  if (importance.constant.length > 0)
    lines.push(`Had one value in all of these trials, so nothing is known: ${importance.constant.join(', ')}`)
  const sure = pairs.filter(({ distinguishable }) => distinguishable).slice(0, 5)
  if (sure.length > 0) {
    lines.push('', 'Act in concert, beyond what each does alone:')
    for (const pair of sure) lines.push(`  ${pair.keys.join(' × ')}  ${percent(pair.importance)} (${interval(pair)})`)
  } else if (method === 'fanova') lines.push('No two of them act in concert by more than chance would show.')
  return lines
}

function trialsText({ trials, epochs, full, shorter }: ChosenTrials): string {
  if (epochs === undefined) return counted(trials.length, 'full training')
  const others = [...shorter].filter(([length]) => length !== epochs).reduce((sum, [, count]) => sum + count, full)
  return `${trials.length} trainings of ${epochs} epochs, since only ${full} are full ones (${others} of other lengths left aside)`
}

function keyColumns({ keys, method }: Importance, best: Hyp): TableColumn<KeyImportance>[] {
  const most = Math.max(...keys.map(({ total }) => total), 0.01)
  const alone = method === 'fanova' ? 'alone' : 'share'
  return [
    {
      title: 'hyperparameter',
      align: 'left',
      text: ({ key, distinguishable }) => (distinguishable ? key : `${key} ?`),
    },
    { title: alone, text: ({ importance }) => percent(importance) },
    { title: 'interval', text: interval },
    ...(method === 'fanova' ? [{ title: 'with others', text: ({ total }: KeyImportance) => percent(total) }] : []),
    { title: '', align: 'left', text: ({ importance, total }) => barText(importance / most, total / most) },
    { title: 'best', text: ({ key }) => (Object.hasOwn(best, key) ? valueText(best[key]!) : '-') },
    { title: 'good towards', align: 'left', text: towardsText },
  ]
}

const barWidth = 20

/** What it explains alone, and behind it what it explains with others. */
function barText(alone: number, total: number): string {
  const solid = Math.round(alone * barWidth)
  return '█'.repeat(solid) + '░'.repeat(Math.max(0, Math.round(total * barWidth) - solid))
}

const valueText = (value: Hyp[string]) => (typeof value === 'number' ? numberText(value) : String(value))

/** The value with the best mean; nothing where that is not told from none. */
function towardsText({ effect, distinguishable }: KeyImportance): string {
  if (!distinguishable || effect.length === 0) return ''
  return valueText(effect.reduce((a, b) => (b.mean > a.mean ? b : a)).value)
}

/** One line per hyperparameter, most important first. */
export function importanceCsv({ keys }: Importance): string {
  const lines = keys.map((each) => [
    ...[each.key, each.importance, each.low, each.high, each.total, each.distinguishable, each.trials],
  ])
  const title = ['hyperparameter', 'importance', 'low', 'high', 'total', 'distinguishable', 'trials']
  return [title, ...lines].map((cells) => `${cells.join(',')}\n`).join('')
}

export function importanceJson({ study, chosen, importance, target, best }: StudyImportance) {
  const { floor, ...rest } = importance
  return {
    study: study.name,
    target,
    epochs: chosen.epochs ?? null,
    best: { number: best.number, hyp: best.hyp },
    ...rest,
    floor: Number.isFinite(floor) ? floor : null,
  }
}

async function writeFigure({ study, chosen, importance, target, best }: StudyImportance, flags: ImportanceFlags) {
  const { importanceFigure } = await import('../../report/index.ts')
  const keys = importance.keys.map((each) => ({
    ...each,
    best: Object.hasOwn(best.hyp, each.key) ? best.hyp[each.key] : undefined,
  }))
  const title = `What matters for the ${target} in ${study.name}: ${trialsText(chosen)}`
  await write(flags.figure!, await importanceFigure({ title, score: target, keys, pairs: importance.pairs }))
  if (!flags.json && !flags.csv) console.log(`Saved ${flags.figure}`)
}

async function writeNarrowed({ study, space, chosen, importance, target, best }: StudyImportance, path: string) {
  const { narrowedSpace } = await import('../../search/index.ts')
  const narrowed = narrowedSpace({
    space,
    trials: chosen.trials,
    importance,
    best: best.hyp,
    heading: [
      `Narrowed from ${study.name} by hypevolve importance: ${trialsText(chosen)}, ranked by ${target}.`,
      `The search starts at trial ${best.number}, ${best.confirmed ? 'which was confirmed' : 'the best so far'}.`,
    ],
  })
  await write(path, narrowed.text)
  const moving = narrowed.space.keys.length - narrowed.space.frozen({ multiplies: false }).length
  console.error(
    `${path}: ${counted(moving, 'hyperparameter')} to search (${narrowed.bounded.length} with closer bounds), ${narrowed.fixed.length} fixed as they do not matter. Search it with --space ${path}`,
  )
}

const write = (path: string, content: string | Uint8Array) =>
  writeFile(path, content).catch((cause: NodeJS.ErrnoException) => {
    throw new FileWriteError(path, cause)
  })
