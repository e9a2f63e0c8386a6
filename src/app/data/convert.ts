// `hypevolve data convert`.
import type { Conversion } from '../../detect/index.ts'
import type { DataConvertFlags } from '../cli/data-convert.ts'
import { splitOptions } from '../cli/data-split-flags.ts'
import { tableLines } from '../console/table.ts'
import { Terminal } from '../console/terminal.ts'
import { counted } from '../console/text.ts'
import { DataProgressBar } from './progress.ts'
import { nextLine } from './split-table.ts'

/**
 * @param divides - whether a flag of splits was given
 * @returns the exit code
 */
export async function runDataConvert(source: string, flags: DataConvertFlags, divides: boolean): Promise<number> {
  const { convertDataset, leftOut } = await import('../../detect/index.ts')
  const bar = new DataProgressBar()
  const fallback = splitOptions(flags)
  const result = await convertDataset({
    ...{ from: flags.from, source, to: flags.to, images: flags.images, boxes: flags.boxes, force: flags.force },
    ...(flags.imageFolder && { imageFolders: flags.imageFolder }),
    ...(flags.names && { names: flags.names }),
    ...(divides && { split: fallback }),
    fallback,
    onProgress: (phase, done, total) => bar.tell(phase === 'read' ? 'annotations' : 'images', done, total),
  })
  bar.finish()
  const terminal = new Terminal()
  if (flags.json) terminal.line(JSON.stringify(result, null, 2))
  else tell(result, leftOut, terminal)
  return 0
}

function tell(result: Conversion, titles: Readonly<Record<string, string>>, terminal: Terminal): void {
  const { names, images, objects, outlines } = result
  for (const note of result.notes) terminal.line(note)
  const rows = names.map((name, i) => ({ name, count: objects[i]! }))
  const table = tableLines(
    [
      { title: 'class', align: 'left', text: ({ name }: (typeof rows)[number]) => name },
      { title: 'objects', text: ({ count }) => String(count) },
    ],
    [...rows, { name: 'all', count: objects.reduce((a, b) => a + b, 0) }],
    terminal.width,
  )
  for (const line of table) terminal.line(line)
  if (outlines > 0) terminal.line(`${counted(outlines, 'object')} with an outline`)
  for (const { reason, count, example } of result.leftOut)
    terminal.warn(`${count} left out: ${titles[reason]}, as in ${example}`)
  const splits = `${images.train} images to train on, ${images.val} to validate${images.test > 0 ? `, ${images.test} to test` : ''}`
  terminal.line(`${splits}${result.ownSplits ? ' (splits of the source)' : ''}`)
  terminal.line(`Written: ${terminal.bold(result.yaml)}`)
  terminal.line(nextLine(result.yaml))
}
