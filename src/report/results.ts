// results.png: losses and metrics over the epochs, from results.csv.
import type { SeriesOption } from 'echarts'
import { classColor } from './colors.ts'
import { noDataOption, type Panel, panelRects, panelsOption } from './panels.ts'
import { axisLimits, numericAxis, wholeNumbers } from './ticks.ts'
import type { ResultsTable } from './types.ts'

const size = { width: 2400, height: 1200 }

// Panels of v7.0, two rows of five.
const panelColumns = [
  ...['train/box_loss', 'train/obj_loss', 'train/cls_loss', 'metrics/precision', 'metrics/recall'],
  ...['val/box_loss', 'val/obj_loss', 'val/cls_loss', 'metrics/mAP_0.5', 'metrics/mAP_0.5:0.95'],
]
const lineColors = ['#1f77b4', ...[3, 2, 4, 9].map(classColor)]

/**
 * Draws results.png (2400 × 1200): ten panels over the epoch. Columns are found by title; one that is missing leaves its panel
 * saying so. Where the epoch starts again (results.csv of an evolution holds all trainings) a new line begins.
 */
export async function resultsFigure(table: ResultsTable): Promise<Uint8Array> {
  const { renderChart } = await import('./chart.ts')
  const { textWidth } = await import('./fonts.ts')
  if (table.rows.length === 0) return renderChart(noDataOption(size, 'Training results'), size)

  const titles = table.columns.map((title) => title.trim())
  const column = (title: string): number[] | undefined => {
    const index = titles.indexOf(title)
    return index < 0 ? undefined : table.rows.map((row) => row[index] ?? Number.NaN)
  }
  const epochs = column('epoch') ?? table.rows.map((_, i) => i)
  const runs = runsOf(epochs)

  const px = 20
  const rects = panelRects(
    size,
    { columns: 5, rows: 2 },
    { left: 90, right: 30, top: 64, bottom: 52, betweenX: 96, betweenY: 110 },
  )
  const panels: Panel[] = []
  const series: SeriesOption[] = []
  const x = wholeNumbers(numericAxis(axisLimits(epochs), 5))
  panelColumns.forEach((title, index) => {
    const values = column(title)
    const y = numericAxis(axisLimits(values ?? []), 7)
    const shortened = values === undefined ? `${title} (not in file)` : title
    panels.push({
      rect: rects[index]!,
      title: shortened,
      titlePx: titleSize(shortened, rects[index]!.width, textWidth),
      x,
      y,
    })
    if (values === undefined) return
    runs.forEach(([from, to], run) => {
      series.push({
        type: 'line',
        xAxisIndex: index,
        yAxisIndex: index,
        data: epochs.slice(from, to).map((epoch, i) => [epoch, finiteOrGap(values[from + i]!)]),
        symbol: 'circle',
        symbolSize: runs.length > 5 ? 5 : 9,
        showAllSymbol: true,
        showSymbol: true,
        silent: true,
        clip: false,
        lineStyle: { width: runs.length > 5 ? 2 : 4, color: lineColors[run % lineColors.length]! },
        itemStyle: { color: lineColors[run % lineColors.length]!, borderWidth: 0 },
      })
    })
  })
  return renderChart(panelsOption(panels, px, series), size)
}

const finiteOrGap = (value: number) => (Number.isFinite(value) ? value : '-')

const titleSize = (title: string, width: number, textWidth: (text: string, px: number) => number) =>
  Math.min(26, (26 * (width + 60)) / Math.max(1, textWidth(title, 26)))

/** [from, to) of each training: the epoch falls where the next one starts. */
function runsOf(epochs: readonly number[]): [number, number][] {
  const starts = epochs.map((_, i) => i).filter((i) => i === 0 || epochs[i]! <= epochs[i - 1]!)
  return starts.map((from, i) => [from, starts[i + 1] ?? epochs.length])
}
