// `hypevolve data stats`.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FileWriteError } from '../../base/index.ts'
import type { Dataset, DatasetSummary, ModelDefinition, Quartiles } from '../../detect/index.ts'
import type { DataStatsFlags } from '../cli/data-stats.ts'
import { type TableColumn, tableLines } from '../console/table.ts'
import { Terminal } from '../console/terminal.ts'
import { counted, numberText } from '../console/text.ts'
import { withDataset } from './open.ts'
import { DataProgressBar } from './progress.ts'

/** Side of one image in samples.jpg. */
const samplePx = 480

/** @returns the exit code */
export const runDataStats = (data: string, flags: DataStatsFlags): Promise<number> =>
  withDataset(data, flags.workers, async (detect, definition, pool) => {
    const model = detect.loadModel(flags.cfg, { classes: definition.names.length })
    const bar = new DataProgressBar()
    const splits = (['train', 'val', 'test'] as const).filter((split) =>
      flags.split === undefined ? definition[split].length > 0 : split === flags.split,
    )
    const datasets: Dataset[] = []
    for (const split of splits)
      datasets.push(
        await detect.openDataset({
          ...{ definition, split, pool },
          onProgress: ({ done, total }) => bar.tell(split, done, total),
        }),
      )
    bar.finish()
    const options = { imagePx: flags.imgsz, model, threshold: flags.anchorT }
    const summaries = datasets.map((dataset) => detect.summariseDataset(dataset, options))
    const terminal = new Terminal()
    if (flags.json) terminal.line(JSON.stringify({ imagePx: flags.imgsz, splits: summaries }, null, 2))
    else tell(summaries, flags, terminal)
    if (flags.out === undefined) return 0
    // One split is drawn: the one that is trained on, or that was asked for.
    const files = await draw(detect, datasets[0]!, model, flags, flags.out)
    if (!flags.json) terminal.line(`Pictures of "${splits[0]}" in ${terminal.bold(flags.out)}: ${files.join(', ')}`)
    return 0
  })

interface Row {
  readonly title: string
  readonly text: (summary: DatasetSummary) => string
}

function tell(summaries: readonly DatasetSummary[], { imgsz, cfg, anchorT }: DataStatsFlags, terminal: Terminal): void {
  const rows: Row[] = [
    { title: 'images', text: ({ images }) => String(images) },
    { title: '  without labels', text: ({ background }) => String(background) },
    { title: 'boxes', text: ({ boxes }) => String(boxes) },
    { title: '  with an outline', text: ({ outlines }) => String(outlines) },
    {
      title: 'boxes per image, mean and most',
      text: ({ boxesPerImage: { mean, most } }) => `${mean.toFixed(1)}, ${most}`,
    },
    { title: 'image sizes', text: ({ imageSizes }) => sizesText(imageSizes) },
    { title: 'box width, part of the image', text: ({ box }) => quartilesText(box.width, 3) },
    { title: 'box height, part of the image', text: ({ box }) => quartilesText(box.height, 3) },
    { title: `box width, px at ${imgsz}`, text: ({ box }) => quartilesText(box.widthPx, 1) },
    { title: `box height, px at ${imgsz}`, text: ({ box }) => quartilesText(box.heightPx, 1) },
    {
      title: `small, medium, large at ${imgsz}`,
      text: ({ box: { small, medium, large } }) => `${small}, ${medium}, ${large}`,
    },
    { title: `anchors of ${cfg}: BPR`, text: ({ anchors, boxes }) => (boxes === 0 ? '-' : anchors.bpr.toFixed(4)) },
    { title: '  anchors per box', text: ({ anchors, boxes }) => (boxes === 0 ? '-' : anchors.aat.toFixed(2)) },
  ]
  for (const line of table('', rows, summaries, terminal.width)) terminal.line(line)
  terminal.line('(boxes: least, quarter, middle, three quarters, largest)')
  terminal.line()
  const classes = (summaries[0]?.names ?? []).map((name, i) => ({
    title: name,
    text: ({ boxesPerClass, imagesPerClass }: DatasetSummary) => `${boxesPerClass[i]} in ${imagesPerClass[i]}`,
  }))
  for (const line of table('boxes in images', classes, summaries, terminal.width)) terminal.line(line)
  const worst = Math.min(...summaries.filter(({ boxes }) => boxes > 0).map(({ anchors }) => anchors.bpr))
  if (worst <= 0.98)
    terminal.line(
      `\nBPR ${numberText(worst)} is below 0.98 (anchor_t ${anchorT}): a training searches better anchors by itself, unless --noautoanchor says no.`,
    )
}

function table(title: string, rows: readonly Row[], summaries: readonly DatasetSummary[], width: number): string[] {
  const columns: TableColumn<Row>[] = [
    { title, align: 'left', text: (row) => row.title },
    ...summaries.map((summary) => ({ title: summary.split, text: (row: Row) => row.text(summary) })),
  ]
  return tableLines(columns, rows, width)
}

const quartilesText = (values: Quartiles, digits: number) => values.map((value) => value.toFixed(digits)).join(' ')

function sizesText(sizes: DatasetSummary['imageSizes']): string {
  const [first, ...rest] = sizes
  if (!first) return '-'
  const more = rest.length > 0 ? ` (${first.images}), ${counted(rest.length, 'other')}` : ''
  return `${first.width}x${first.height}${more}`
}

/** @returns names of the files */
async function draw(
  detect: typeof import('../../detect/index.ts'),
  dataset: Dataset,
  model: ModelDefinition,
  { imgsz, samples, seed }: DataStatsFlags,
  folder: string,
): Promise<string[]> {
  const report = await import('../../report/index.ts')
  const { names, labels, labelStart, sizes } = dataset
  const hint = await report.fontHint(names)
  if (hint) console.error(hint)
  const shown = await detect.sampleImages(dataset, samples, samplePx, seed)
  const pictures: Readonly<Record<string, () => Promise<Uint8Array>>> = {
    'labels.jpg': () => report.labelsFigure({ labels, names }),
    'labels_correlogram.jpg': () => report.labelsCorrelogram({ labels, names }),
    'sizes.png': () =>
      report.sizesFigure({
        boxesPx: detect.labelSizes(dataset, imgsz),
        anchorsPx: model.anchorsPx.flat(),
        boxesPerImage: Array.from(dataset.paths, (_, i) => labelStart[i + 1]! - labelStart[i]!),
        imageSizes: sizes,
        imagePx: imgsz,
      }),
    'samples.jpg': () => report.batchFigure({ ...shown, layout: { kind: 'nhwc' }, names }),
  }
  for (const [name, picture] of Object.entries(pictures)) {
    const bytes = await picture()
    try {
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, name), bytes)
    } catch (cause) {
      throw new FileWriteError(join(folder, name), cause as Error)
    }
  }
  return Object.keys(pictures)
}
