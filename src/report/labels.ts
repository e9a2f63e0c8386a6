// labels.jpg and labels_correlogram.jpg: what the labels of a data set look like as a whole.
import type { EChartsOption, SeriesOption } from 'echarts'
import { classColor } from './colors.ts'
import { histogram1d, histogram2d, rectangles } from './histogram.ts'
import { noDataOption, type Panel, panelRects, panelsOption } from './panels.ts'
import { axisLimits, numericAxis, wholeNumbers } from './ticks.ts'
import type { LabelTable } from './types.ts'

const size = { width: 1600, height: 1600 }
const px = 22

/** At most this many boxes are drawn over each other (v7.0). */
const drawnBoxes = 1000

/**
 * Draws labels.jpg (1600 × 1600): labels per class; the first 1000 boxes about a common centre; where centres lie; how wide and
 * high boxes are (2-D histograms, dark = many).
 */
export async function labelsFigure(table: LabelTable): Promise<Uint8Array> {
  const { renderChart } = await import('./chart.ts')
  const { drawableNames, fitText } = await import('./fonts.ts')
  const columns = columnsOf(table.labels)
  if (columns.class.length === 0) return renderChart(noDataOption(size, 'Labels'), size, 'jpeg')
  const names = drawableNames(table.names).map((name) => fitText(name, 150, px))
  return renderChart(labelsOption(columns, names), size, 'jpeg')
}

/** Draws labels_correlogram.jpg (1600 × 1600): x, y, width and height of all boxes against each other, histograms on the diagonal. */
export async function labelsCorrelogram(table: LabelTable): Promise<Uint8Array> {
  const { renderChart } = await import('./chart.ts')
  const columns = columnsOf(table.labels)
  if (columns.class.length === 0) return renderChart(noDataOption(size, 'Labels correlogram'), size, 'jpeg')
  return renderChart(correlogramOption(columns), size, 'jpeg')
}

interface LabelColumns {
  readonly class: readonly number[]
  readonly x: readonly number[]
  readonly y: readonly number[]
  readonly width: readonly number[]
  readonly height: readonly number[]
}

function columnsOf(labels: ArrayLike<number>): LabelColumns {
  const count = Math.floor(labels.length / 5)
  const column = (at: number) => Array.from({ length: count }, (_, i) => labels[i * 5 + at]!)
  return { class: column(0), x: column(1), y: column(2), width: column(3), height: column(4) }
}

function labelsOption(columns: LabelColumns, names: readonly string[]): EChartsOption {
  const classCount = columns.class.reduce((count, index) => Math.max(count, index + 1), names.length)
  const counts = Array.from({ length: classCount }, () => 0)
  for (const index of columns.class) counts[index]!++

  const namedClasses = classCount < 30
  const classAxis = namedClasses
    ? { min: -0.5, max: classCount - 0.5, ticks: counts.map((_, i) => i), label: (i: number) => names[i] ?? String(i) }
    : numericAxis({ min: -0.5, max: classCount - 0.5 }, 6)
  // Class names stand upright where they are too many to lie side by side.
  const upright = namedClasses && classCount > 6
  const rects = panelRects(
    size,
    { columns: 2, rows: 2 },
    { left: 130, right: 40, top: 40, bottom: 100, betweenX: 150, betweenY: upright ? 190 : 110 },
  )
  const countAxis = wholeNumbers(numericAxis({ min: 0, max: Math.max(...counts) * 1.05 }, 7))
  const unit = numericAxis({ min: 0, max: 1 }, 5)
  const panels: Panel[] = [
    { rect: rects[0]!, x: classAxis, y: countAxis, yName: 'instances', ...(namedClasses ? {} : { xName: 'classes' }) },
    { rect: rects[1]!, x: unit, y: unit, xTicks: false, yTicks: false },
    { rect: rects[2]!, ...histogramAxes(columns.x, columns.y), xName: 'x', yName: 'y' },
    { rect: rects[3]!, ...histogramAxes(columns.width, columns.height), xName: 'width', yName: 'height' },
  ]
  const option = panelsOption(panels, px, [
    ...rectangles(
      0,
      counts.map((count, i) => ({ x: i - 0.4, y: 0, width: 0.8, height: count, color: classColor(i) })),
    ),
    ...boxOutlines(1, columns),
    ...rectangles(2, histogram2d(columns.x, columns.y)),
    ...rectangles(3, histogram2d(columns.width, columns.height)),
  ])
  const axes = option.xAxis as Record<string, Record<string, unknown>>[]
  if (upright) axes[0]!['axisLabel'] = { ...axes[0]!['axisLabel'], rotate: 90, interval: 0 }
  return option
}

const histogramAxes = (x: readonly number[], y: readonly number[]) => ({
  x: numericAxis(axisLimits(x), 6),
  y: numericAxis(axisLimits(y), 7),
})

function correlogramOption(columns: LabelColumns): EChartsOption {
  const variables = ['x', 'y', 'width', 'height'] as const
  const rects = panelRects(
    size,
    { columns: 4, rows: 4 },
    { left: 120, right: 30, top: 40, bottom: 100, betweenX: 50, betweenY: 50 },
  )
  const panels: Panel[] = []
  const series: SeriesOption[] = []
  variables.forEach((rowName, row) => {
    variables.slice(0, row + 1).forEach((columnName, column) => {
      const index = panels.length
      const bars = row === column ? histogram1d(columns[rowName]) : undefined
      const top = bars ? Math.max(...bars.map((bar) => bar.height)) : 1
      panels.push({
        rect: rects[row * 4 + column]!,
        x: numericAxis(axisLimits(columns[columnName]), 3),
        y: bars ? numericAxis({ min: 0, max: top * 1.05 }, 4) : numericAxis(axisLimits(columns[rowName]), 4),
        xTicks: row === 3,
        yTicks: column === 0 && !bars,
        ...(row === 3 ? { xName: columnName } : {}),
        ...(column === 0 ? { yName: rowName } : {}),
      })
      series.push(...rectangles(index, bars ?? histogram2d(columns[columnName], columns[rowName])))
    })
  })
  return panelsOption(panels, px, series)
}

/** The first boxes, all about the centre of the panel, in the colours of their classes. */
function boxOutlines(panel: number, { class: classes, width, height }: LabelColumns): SeriesOption[] {
  const count = Math.min(drawnBoxes, classes.length)
  return [
    {
      type: 'custom',
      xAxisIndex: panel,
      yAxisIndex: panel,
      silent: true,
      clip: true,
      data: Array.from({ length: count }, (_, i) => [width[i]!, height[i]!]),
      renderItem: ({ dataIndex }, api) => {
        const [centreX, centreY] = api.coord([0.5, 0.5]) as [number, number]
        const [w, h] = api.size!([api.value(0), api.value(1)]) as [number, number]
        return {
          type: 'rect',
          shape: { x: centreX - w / 2, y: centreY - h / 2, width: w, height: h },
          style: { fill: 'none', stroke: classColor(classes[dataIndex]!), lineWidth: 1.5, opacity: 0.7 },
        }
      },
    },
  ]
}
