// What an evolution is going to do, told before it begins.
import type { Plan } from '../../run/index.ts'
import { amountText } from '../studies/progress.ts'
import { counted, durationText } from './text.ts'

/**
 * Lines for the start: how many trainings, what is evolved, and what stays as it is and why.
 *
 * @param width - columns to fill
 */
export function planLines(plan: Plan, width = 120): string[] {
  const { trainings, epochs, epochsInAll, slots, evolved, fixed, schedule } = plan
  const what = schedule
    ? `${amountText(trainings)} trainings' worth of ${counted(epochs, 'epoch')}`
    : `${counted(trainings, 'training')} of ${counted(epochs, 'epoch')}`
  const atOnce = slots > 1 ? `, ${slots} at once` : ''
  const lines = [
    `Plan: ${what}, ${counted(epochsInAll, 'epoch')} in all${atOnce}${timeText(plan)}`,
    ...wrapped(`Evolved, ${evolved.length}: ${evolved.join(', ')}`, width),
  ]
  const byReason = new Map<string, string[]>()
  for (const { key, reason } of fixed) byReason.set(reason, [...(byReason.get(reason) ?? []), key])
  if (fixed.length > 0)
    lines.push(
      ...wrapped(
        `Fixed, ${fixed.length}: ${[...byReason].map(([reason, keys]) => `${keys.join(', ')} (${reason})`).join('; ')}`,
        width,
      ),
    )
  return lines
}

/** ': about 3 h 20 min, 4 min each'; nothing if nobody can tell yet. */
function timeText({ seconds, secondsPerTraining }: Plan): string {
  if (seconds === undefined || secondsPerTraining === undefined) return ''
  return `: about ${durationText(seconds)}, ${durationText(secondsPerTraining)} each`
}

/** Broken between words; lines after the first are indented. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = `  ${word}`
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
