// evolve.png: fitness over every hyperparameter, and the lines that go with it on the console.
import type { EChartsOption, SeriesOption } from 'echarts'
import { formatG } from '../base/index.ts'
import type { Size } from './chart.ts'
import { viridis } from './colors.ts'
import { density } from './density.ts'
import { type EvolveStyle, type EvolveStyleSpec, evolveStyles } from './evolve-styles.ts'
import { noDataOption, type Panel, panelRects, panelsOption } from './panels.ts'
import { type Axis, axisLimits, numericAxis, withMinusSign } from './ticks.ts'
import type { EvolveTable } from './types.ts'

// sizes at 200 dpi
const pointPx = 16.7 // 36 square points
const plusPx = 41.7 // 15 points
const dotPx = 11.1 // half of 6 points, and the edge
const bigDotPx = 30.6 // 10 points, and the edge
const fontPx = 22 // 8 points
const [blue, orange] = ['#1f77b4', '#ff7f0e']

/** More points than this cannot be told apart; of more rows an even part is drawn, and the best. */
const drawnRows = 4000

interface Texts {
  readonly width: (text: string, px: number) => number
  readonly fit: (text: string, width: number, px: number) => string
}

/**
 * Draws evolve.png as the release does (v6.0 and later: 2000 × 2400): one panel per hyperparameter, x its value, y the
 * fitness, title `name = value` of the best row. The grid is the release's if its rows fit the number of parameters, else
 * the one with the largest panels. Rows whose fitness is not finite, and values that are not, are left out; texts and
 * truth values get a tick each.
 */
export async function evolveFigure(table: EvolveTable, style: EvolveStyle = 'yolov5-v6.1'): Promise<Uint8Array> {
  const { renderChart } = await import('./chart.ts')
  const { drawable, fitText, textWidth } = await import('./fonts.ts')
  const spec: EvolveStyleSpec = evolveStyles[style]
  const rows = table.rows.map((row) =>
    Array.from({ length: table.keys.length }, (_, i) => (typeof row[i] === 'string' ? drawable(row[i]) : row[i])),
  )
  const option = evolveOption({ ...table, keys: table.keys.map(drawable), rows }, spec, {
    width: textWidth,
    fit: fitText,
  })
  return renderChart(option, spec.size)
}

function evolveOption(table: EvolveTable, style: EvolveStyleSpec, texts: Texts): EChartsOption {
  const { keys, rows, bestIndex } = table
  const { size } = style
  const fitness = Array.from(table.fitness)
  if (keys.length === 0 || !fitness.some(Number.isFinite)) return noDataOption(size, 'Hyperparameter evolution')

  const grid = gridFor(keys.length, style)
  const scale = Math.min(1.8, Math.min(size.width / grid.columns, size.height / grid.rows) / 400)
  const px = Math.max(13, fontPx * scale)
  const titlePx = px * 1.13
  const y = numericAxis(axisLimits(fitness), 6)
  const yLabels = Math.max(...y.ticks.map((tick) => texts.width(y.label(tick), px)))
  const rects = panelRects(size, grid, {
    left: px * 1.5 + yLabels,
    right: px * 1.1,
    top: px * 2.6,
    bottom: px * 2.3,
    betweenX: style.yTicks === 'all' ? px * 2 + yLabels : px * 2.9,
    betweenY: px * 4.5,
  })

  const panels: Panel[] = []
  const series: SeriesOption[] = []
  const bestFitness = fitness[bestIndex] ?? Number.NaN
  keys.forEach((key, column) => {
    const rect = rects[column]!
    const { values, axis } = columnOf(
      rows.map((row) => row[column]),
      fitness,
      rect.width,
      px,
      texts,
    )
    const best = values[bestIndex] ?? Number.NaN
    panels.push({
      rect,
      ...titleThatFits(key, rows[bestIndex]?.[column], rect.width + px * 2.4, titlePx, texts),
      x: axis,
      y,
      yTicks: style.yTicks === 'all' || column % grid.columns === 0,
    })
    const at = Number.isFinite(best) && Number.isFinite(bestFitness) ? [best, bestFitness] : undefined
    const drawn = drawnIndexes(values.length, bestIndex)
    if (style.points === 'density') {
      series.push(crowdedPoints(column, values, fitness, drawn, pointPx * scale))
      if (at) series.push(plus(column, at, plusPx * scale, Math.max(1.5, 2.8 * scale)))
    } else {
      if (at) series.push(dots(column, [at], bigDotPx * scale, blue))
      const points = drawn.flatMap((i) => (Number.isFinite(values[i]) ? [[values[i]!, fitness[i]!]] : []))
      series.push(dots(column, points, dotPx * scale, orange))
    }
  })
  return panelsOption(panels, px, series)
}

const inOrder = new Intl.Collator('en', { numeric: true }).compare // c2 before c10

/** Where the rows lie on the x axis of a hyperparameter (NaN: nowhere), and that axis. */
function columnOf(
  cells: readonly (number | string | boolean | undefined)[],
  fitness: readonly number[],
  width: number,
  px: number,
  texts: Texts,
): { values: number[]; axis: Axis } {
  const shown = cells.map((cell, i) => (Number.isFinite(fitness[i]) ? cell : undefined))
  if (!shown.some((cell) => typeof cell === 'string' || typeof cell === 'boolean')) {
    const values = shown.map((cell) => (Number.isFinite(cell) ? (cell as number) : Number.NaN))
    const axis = numericAxis(axisLimits(values), Math.min(9, width / (px * 3)), (labels, apart) =>
      labels.every((label) => texts.width(label, px) + px * 0.5 < apart * width),
    )
    return { values, axis }
  }
  const names = [...new Set(shown.filter((cell) => cell !== undefined).map(String))].sort(inOrder)
  const place = new Map(names.map((name, i) => [name, i]))
  const values = shown.map((cell) => (cell === undefined ? Number.NaN : place.get(String(cell))!))
  const every = Math.ceil((names.length * px * 2.5) / width) // labels narrower than this say nothing
  const room = (width * every) / names.length - px * 0.5
  const labels = names.map((name) => texts.fit(name, room, px))
  return {
    values,
    axis: {
      min: -0.5,
      max: names.length - 0.5,
      ticks: names.flatMap((_, i) => (i % every === 0 ? [i] : [])),
      label: (value) => labels[Math.round(value)] ?? '',
    },
  }
}

function drawnIndexes(count: number, best: number): number[] {
  const every = Math.ceil(count / drawnRows)
  return Array.from({ length: count }, (_, i) => i).filter((i) => i % every === 0 || i === best)
}

function crowdedPoints(
  panel: number,
  x: readonly number[],
  y: readonly number[],
  drawn: readonly number[],
  size: number,
): SeriesOption {
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
    data: drawn.flatMap((i) =>
      Number.isFinite(crowd[i])
        ? [
            {
              value: [x[i]!, y[i]!],
              itemStyle: { color: viridis(most > least ? (crowd[i]! - least) / (most - least) : 0) },
            },
          ]
        : [],
    ),
  }
}

const dots = (panel: number, points: readonly (readonly number[])[], size: number, color: string): SeriesOption => ({
  type: 'scatter',
  xAxisIndex: panel,
  yAxisIndex: panel,
  symbolSize: size,
  silent: true,
  clip: false,
  itemStyle: { color, opacity: 1 },
  data: points.map((point) => [...point]),
})

const plus = (panel: number, at: readonly number[], size: number, line: number): SeriesOption => ({
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

/** The release's grid if the panels need all its rows, else the columns and rows that give the largest panels. */
function gridFor(count: number, { grid, size }: EvolveStyleSpec): { columns: number; rows: number } {
  if (Math.ceil(count / grid.columns) === grid.rows) return grid
  let best = { columns: 1, rows: count }
  const smallestSide = ({ columns, rows }: { columns: number; rows: number }, { width, height }: Size) =>
    Math.min(width / columns, height / rows)
  for (let columns = 2; columns <= count; columns++) {
    const other = { columns, rows: Math.ceil(count / columns) }
    if (smallestSide(other, size) > smallestSide(best, size) + 1e-9) best = other
  }
  return best
}

const valueText = (value: number | string | boolean | undefined): string =>
  typeof value === 'number' ? formatG(value, 3) : String(value ?? 'none')

/** `name = value`, smaller if it must be, at last with the name cut. */
function titleThatFits(
  key: string,
  best: number | string | boolean | undefined,
  width: number,
  px: number,
  texts: Texts,
): { title: string; titlePx: number } {
  const text = valueText(best)
  const value = ` = ${typeof best === 'number' ? withMinusSign(text) : texts.fit(text, width / 2, px * 0.7)}`
  for (const size of [px, px * 0.9, px * 0.8, px * 0.7])
    if (texts.width(key + value, size) <= width) return { title: key + value, titlePx: size }
  const smallest = px * 0.7
  return { title: texts.fit(key, width - texts.width(value, smallest), smallest) + value, titlePx: smallest }
}

/**
 * What the release prints beside the picture, with line ends: `%15s: %.3g` per hyperparameter of the best row; v6.1 and
 * later before it `Best results from row 40 of evolve.csv:`. Empty without a best row.
 */
export function evolveText(
  { keys, rows, bestIndex }: Pick<EvolveTable, 'keys' | 'rows' | 'bestIndex'>,
  options: { readonly style?: EvolveStyle; readonly table?: string; readonly picture?: string } = {},
): string {
  const { style = 'yolov5-v6.1', table = 'evolve.csv', picture = 'evolve.png' } = options
  const best = rows[bestIndex]
  if (!best) return ''
  const facts = { bestIndex, table, picture }
  const lines = keys.map((key, i) => `${key.padStart(15)}: ${valueText(best[i])}\n`)
  return evolveStyles[style].before(facts) + lines.join('') + evolveStyles[style].after(facts)
}
