// evolve.png: fitness over every hyperparameter, and the lines that go with it on the console.
import type { EChartsOption, SeriesOption } from 'echarts'
import { formatG } from '../base/index.ts'
import { viridis } from './colors.ts'
import { density } from './density.ts'
import { noDataOption, type Panel, panelRects, panelsOption } from './panels.ts'
import { axisLimits, numericAxis, withMinusSign } from './ticks.ts'
import type { EvolveTable } from './types.ts'

/** Pixels of evolve.png, as in v7.0. */
export const evolveSize = { width: 2000, height: 2400 }

const pointPx = 16.7 // 36 square points at 200 dpi
const plusPx = 41.7 // 15 points
const fontPx = 22 // 8 points

type TextWidth = (text: string, px: number) => number

/**
 * Draws evolve.png (2000 × 2400): one panel per hyperparameter, x its value, y the fitness, points coloured by how crowded
 * their place is (viridis, per panel), the best row a black `+`, title `name = value`. The grid fits the number of
 * parameters (29: 6 × 5 as in v7.0). Rows whose fitness or value is not finite are left out.
 */
export async function evolveFigure(table: EvolveTable): Promise<Uint8Array> {
  const { renderChart } = await import('./chart.ts')
  const { drawable, fitText, textWidth } = await import('./fonts.ts')
  return renderChart(evolveOption({ ...table, keys: table.keys.map(drawable) }, textWidth, fitText), evolveSize)
}

function evolveOption(
  table: EvolveTable,
  textWidth: TextWidth,
  fitText: (text: string, width: number, px: number) => string,
): EChartsOption {
  const { keys, rows, bestIndex } = table
  const fitness = Array.from(table.fitness)
  if (keys.length === 0 || !fitness.some(Number.isFinite)) return noDataOption(evolveSize, 'Hyperparameter evolution')

  const grid = gridFor(keys.length)
  const scale = Math.min(1.8, Math.min(evolveSize.width / grid.columns, evolveSize.height / grid.rows) / 400)
  const px = Math.max(13, fontPx * scale)
  const titlePx = px * 1.13
  const y = numericAxis(axisLimits(fitness), 6)
  const yLabels = Math.max(...y.ticks.map((tick) => textWidth(y.label(tick), px)))
  const rects = panelRects(evolveSize, grid, {
    left: px * 1.5 + yLabels,
    right: px * 1.1,
    top: px * 2.6,
    bottom: px * 2.3,
    betweenX: px * 2.9,
    betweenY: px * 4.5,
  })

  const panels: Panel[] = []
  const series: SeriesOption[] = []
  keys.forEach((key, column) => {
    const rect = rects[column]!
    const values = rows.map((row) => row[column] ?? Number.NaN)
    const shown = values.map((value, i) => (Number.isFinite(fitness[i]) ? value : Number.NaN))
    const x = numericAxis(axisLimits(shown), Math.min(9, rect.width / (px * 3)), (labels, apart) =>
      labels.every((label) => textWidth(label, px) + px * 0.5 < apart * rect.width),
    )
    const best = values[bestIndex] ?? Number.NaN
    panels.push({
      rect,
      ...titleThatFits(key, best, rect.width + px * 2.4, titlePx, textWidth, fitText),
      x,
      y,
      yTicks: column % grid.columns === 0,
    })
    series.push(points(column, shown, fitness, pointPx * scale))
    const bestFitness = fitness[bestIndex] ?? Number.NaN
    if (Number.isFinite(best) && Number.isFinite(bestFitness))
      series.push(plus(column, [best, bestFitness], plusPx * scale, Math.max(1.5, 2.8 * scale)))
  })
  return panelsOption(panels, px, series)
}

function points(panel: number, x: readonly number[], y: readonly number[], size: number): SeriesOption {
  const crowd = density(x, y)
  const finite = crowd.filter(Number.isFinite)
  const least = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const most = finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  return {
    type: 'scatter',
    xAxisIndex: panel,
    yAxisIndex: panel,
    symbolSize: size,
    silent: true,
    clip: false,
    itemStyle: { opacity: 0.8 },
    data: x.flatMap((value, i) =>
      Number.isFinite(crowd[i])
        ? [
            {
              value: [value, y[i]!],
              itemStyle: { color: viridis(most > least ? (crowd[i]! - least) / (most - least) : 0) },
            },
          ]
        : [],
    ),
  }
}

const plus = (panel: number, at: readonly [number, number], size: number, line: number): SeriesOption => ({
  type: 'scatter',
  xAxisIndex: panel,
  yAxisIndex: panel,
  symbol: 'path://M0,-1L0,1M-1,0L1,0',
  symbolSize: size,
  silent: true,
  clip: false,
  z: 5,
  itemStyle: { color: 'transparent', borderColor: '#000', borderWidth: line, opacity: 1 },
  data: [[...at]],
})

/** Columns and rows that give the largest panels. */
function gridFor(count: number): { columns: number; rows: number } {
  let best = { columns: 1, rows: count }
  const smallestSide = ({ columns, rows }: { columns: number; rows: number }) =>
    Math.min(evolveSize.width / columns, evolveSize.height / rows)
  for (let columns = 2; columns <= count; columns++) {
    const grid = { columns, rows: Math.ceil(count / columns) }
    if (smallestSide(grid) > smallestSide(best) + 1e-9) best = grid
  }
  return best
}

/** `name = value`, smaller if it must be, at last with the name cut. */
function titleThatFits(
  key: string,
  best: number,
  width: number,
  px: number,
  textWidth: TextWidth,
  fitText: (text: string, width: number, px: number) => string,
): { title: string; titlePx: number } {
  const value = ` = ${withMinusSign(formatG(best, 3))}`
  for (const size of [px, px * 0.9, px * 0.8, px * 0.7])
    if (textWidth(key + value, size) <= width) return { title: key + value, titlePx: size }
  const smallest = px * 0.7
  return { title: fitText(key, width - textWidth(value, smallest), smallest) + value, titlePx: smallest }
}

/**
 * What v7.0 prints beside the picture: `Best results from row 40 of evolve.csv:`, then `%15s: %.3g` per hyperparameter.
 * @param file - name of the table as the line says it
 */
export function evolveConsoleLines(
  { keys, rows, bestIndex }: Pick<EvolveTable, 'keys' | 'rows' | 'bestIndex'>,
  file = 'evolve.csv',
): string[] {
  const best = rows[bestIndex]
  if (!best) return []
  return [
    `Best results from row ${bestIndex} of ${file}:`,
    ...keys.map((key, i) => `${key.padStart(15)}: ${formatG(best[i] ?? Number.NaN, 3)}`),
  ]
}
