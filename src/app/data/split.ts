// `hypevolve data split`, and what it shares with `data init`.
import type { SplitSummary } from '../../detect/index.ts'
import type { DataSplitCommandFlags } from '../cli/data-split.ts'
import { splitOptions } from '../cli/data-split-flags.ts'
import { Terminal } from '../console/terminal.ts'
import { counted } from '../console/text.ts'
import { DataProgressBar } from './progress.ts'
import { groupLine, nextLine, splitLines } from './split-table.ts'

/** @returns the exit code */
export async function runDataSplit(place: string, flags: DataSplitCommandFlags): Promise<number> {
  const { splitDataset } = await import('../../detect/index.ts')
  const bar = new DataProgressBar()
  const summary = await splitDataset({
    place,
    split: splitOptions(flags),
    ...(flags.out !== undefined && { out: flags.out }),
    force: flags.force,
    onProgress: (done, total) => bar.tell('labels', done, total),
  })
  bar.finish()
  tellSplits(summary, flags.json)
  return 0
}

/** Prints what was written. */
export function tellSplits(summary: SplitSummary, json: boolean): void {
  const terminal = new Terminal()
  if (json) {
    terminal.line(JSON.stringify(summary, null, 2))
    return
  }
  for (const note of summary.notes) terminal.line(note)
  for (const line of splitLines(summary, terminal.width)) terminal.line(line)
  const { train, val, test } = summary.images
  const grouped = summary.groups && groupLine(summary.groups, train + val + test)
  if (grouped) terminal.line(grouped)
  if (summary.unlabelled > 0) terminal.line(`${counted(summary.unlabelled, 'image')} without labels`)
  terminal.line(`Written: ${terminal.bold(summary.yaml)}`)
  terminal.line(nextLine(summary.yaml))
}
