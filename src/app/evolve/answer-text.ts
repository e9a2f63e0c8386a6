// What an evolution answers at its end: why it ended, what was confirmed, and what the winner does on the test split.
import { confirmationOf, edgesOf, type Hyp, stopReason } from '../../search/index.ts'
import type { Study } from '../../study/index.ts'
import { numberText } from '../console/text.ts'
import { settingsOf } from '../studies/settings.ts'
import { confirmationLines, stopText } from './confirmation-text.ts'
import { type TestSplitOptions, testSplitLines } from './test-split.ts'

/**
 * Lines for the console. None for an original: it answers with its fittest trial, as it always did.
 *
 * @param test - what the test split needs
 */
export async function answerLines(
  study: Study,
  test: Omit<TestSplitOptions, 'study' | 'confirmation'>,
  width: number,
): Promise<string[]> {
  const { schedule, history, definition, space } = study
  if (schedule === undefined || history.complete.length === 0) return []
  const lines = earlyEnd(study)
  if (definition.second || schedule.confirm === 0) return lines
  const { seeded = true } = settingsOf(definition)
  const { start } = space
  const confirmation = confirmationOf(history, { seedsControlled: seeded, start })
  const toValue = (fitness: number) => study.valueOf({ fitness })
  lines.push(...confirmationLines(confirmation, { toValue, width, results: history.complete.length }))
  if (confirmation.winner && !confirmation.winner.isStart) lines.push(...edgeLines(study, confirmation.winner.hyp))
  lines.push(...(await testSplitLines({ ...test, study, confirmation })))
  return lines
}

function earlyEnd({ history, schedule, target, space: { start }, patienceFrom }: Study): string[] {
  const stop = stopReason({ history, schedule: schedule!, target, start, patienceFrom })
  const text = stop && stopText(stop, target)
  return text === undefined ? [] : [`${text} A larger --evolve goes on; --no-early-end never ends so.`]
}

/** As many of the best trials are looked at. */
const good = 5

/** Ranges that may have been too narrow. */
function edgeLines({ space, history }: Study, winner: Hyp): string[] {
  const edges = edgesOf(
    space,
    winner,
    history.fittest(good).map(({ hyp }) => hyp),
  )
  if (edges.length === 0) return []
  const [{ key }] = edges
  const named = edges.map(({ key, end, bound }) => `${key} ${numberText(bound)} (${end})`)
  return [
    `Most of the best trials lie at an end of a range: ${named.join(', ')}. Better values may lie beyond it; ` +
      `--set ${key}=low..high begins a study with another range.`,
  ]
}
