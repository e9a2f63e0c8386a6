// importance.png: which hyperparameters matter, which act in concert, and what their values mean.
import type { CustomSeriesOption, EChartsOption, SeriesOption } from 'echarts'
import { formatG } from '../base/index.ts'
import { noDataOption, type Panel, panelRects, panelsOption, type Rect } from './panels.ts'
import { type Axis, axisLimits, numericAxis, withMinusSign } from './ticks.ts'
import type { ImportanceTable } from './types.ts'

const size = { width: 2400, height: 1800 }
const px = 24
const [strong, pale, line] = ['#2171b5', '#c6dbef', '#08306b']
const [strongPair, palePair] = ['#d94801', '#fdd0a2']
const [faint, paleFaint] = ['#9a9a9a', '#e2e2e2']
const bestColor = '#e6194b'

const mostBars = 16
const mostPairs = 12
/** Panels of effects, four in a row. */
const mostEffects = 8

interface Texts {
  readonly width: (text: string, px: number) => number
  readonly fit: (text: string, width: number, px: number) => string
}

/**
 * Draws importance.png (2400 × 1800): bars of the share that each hyperparameter explains alone and with others, with
 * intervals, grey where it cannot be told from nothing; the strongest pairs; and what the values of the eight most
 * important ones mean for the score, with the value of the best trial.
 */
export async function importanceFigure(table: ImportanceTable): Promise<Uint8Array> {
  const { renderChart } = await import('./chart.ts')
  const { drawable, fitText, textWidth } = await import('./fonts.ts')
  if (table.keys.length === 0) return renderChart(noDataOption(size, table.title), size)
  const shown: ImportanceTable = {
    ...table,
    title: drawable(table.title),
    keys: table.keys.map((each) => ({ ...each, key: drawable(each.key) })),
    pairs: table.pairs.map((each) => ({ ...each, keys: each.keys.map(drawable) })),
  }
  return renderChart(importanceOption(shown, { width: textWidth, fit: fitText }), size)
}

function importanceOption(table: ImportanceTable, texts: Texts): EChartsOption {
  const panels: Panel[] = []
  const series: SeriesOption[] = []
  const add = (panel: Panel, of: (index: number) => readonly SeriesOption[]) => {
    series.push(...of(panels.length))
    panels.push(panel)
  }
  const names = Math.min(420, Math.max(...table.keys.slice(0, mostBars).map(({ key }) => texts.width(key, px))) + 30)
  const withPairs = table.pairs.length > 0
  const bars: Rect = { x: names + 20, y: 110, width: (withPairs ? 1330 : 2340) - names, height: 690 }
  const effects = table.keys.slice(0, mostEffects).filter(({ effect }) => effect.length > 1)

  const keys = table.keys.slice(0, mostBars)
  add(
    barPanel(bars, 'How much each explains: alone (dark), with others (light)', keys, ({ key }) =>
      texts.fit(key, names - 30, px),
    ),
    (index) => barSeries(index, keys, ({ distinguishable }) => (distinguishable ? [strong, pale] : [faint, paleFaint])),
  )
  if (withPairs) {
    const pairs = table.pairs.slice(0, mostPairs).map((pair) => ({ ...pair, total: pair.importance }))
    const label = ({ keys: both }: { readonly keys: readonly string[] }) => texts.fit(both.join(' × '), 400, px)
    const room = Math.max(...pairs.map((pair) => texts.width(label(pair), px)))
    const rect = { x: 1440 + room, y: 110, width: 2360 - 1440 - room, height: 690 }
    add(barPanel(rect, 'What two explain in concert', pairs, label), (index) =>
      barSeries(index, pairs, ({ distinguishable }) => (distinguishable ? [strongPair, palePair] : [faint, paleFaint])),
    )
  }

  const means = effects.flatMap(({ effect }) => effect.flatMap(({ low, high }) => [low, high]))
  const y = numericAxis(axisLimits(means), 5)
  const yLabels = Math.max(...y.ticks.map((tick) => texts.width(y.label(tick), px)), 0)
  const rows = effects.length > 4 ? 2 : 1
  const rects = panelRects(
    { width: size.width, height: 880 },
    { columns: 4, rows },
    { left: 60 + yLabels, right: 40, top: 70, bottom: 60, betweenX: 50, betweenY: 130 },
  )
  effects.forEach(({ key, effect, best }, i) => {
    const rect = { ...rects[i]!, y: rects[i]!.y + 900 }
    const { at, axis, place } = abscissa(
      effect.map(({ value }) => value),
      rect.width,
      texts,
    )
    const title = texts.fit(best === undefined ? key : `${key} (best ${valueText(best)})`, rect.width, px * 1.1)
    add({ rect, title, titlePx: px * 1.1, x: axis, y, yTicks: i % 4 === 0 }, (index) => [
      band(index, at, effect),
      {
        type: 'line',
        xAxisIndex: index,
        yAxisIndex: index,
        silent: true,
        symbol: effect.length < 8 ? 'circle' : 'none',
        symbolSize: 12,
        lineStyle: { color: line, width: 4 },
        itemStyle: { color: line },
        data: effect.map(({ mean }, k) => [at[k]!, mean]),
      },
      ...(best === undefined ? [] : [upright(index, place(best))]),
    ])
  })
  const option = panelsOption(panels, px, series)
  const heading = { text: table.title, left: size.width / 2, top: 14, padding: 0, textAlign: 'center' as const }
  const above = `Mean ${table.score} by value, with its interval; dashed: the best trial`
  const style = { fontSize: px * 1.3, fontWeight: 'normal' as const, color: '#000' }
  return {
    ...option,
    title: [
      ...(option.title as object[]),
      { ...heading, textStyle: style },
      ...(effects.length === 0
        ? []
        : [{ ...heading, text: above, top: 880, textStyle: { ...style, fontSize: px * 1.12 } }]),
    ],
  }
}

interface Bar {
  readonly importance: number
  readonly low: number
  readonly high: number
  readonly total: number
  readonly distinguishable: boolean
}

/** Bars lie one below the other, the first on top. */
function barPanel<B extends Bar>(rect: Rect, title: string, bars: readonly B[], name: (bar: B) => string): Panel {
  const most = Math.max(...bars.map(({ total, high }) => Math.max(total, high)), 0.01)
  const x = numericAxis({ min: 0, max: most * 1.04 }, 6)
  return {
    rect,
    title,
    titlePx: px * 1.12,
    x: { ...x, label: (value) => `${formatG(100 * value, 3)} %` },
    y: {
      min: -bars.length + 0.5,
      max: 0.5,
      ticks: bars.map((_, i) => -i),
      label: (value) => name(bars[Math.round(-value)]!),
    },
  }
}

function barSeries<B extends Bar>(
  index: number,
  bars: readonly B[],
  colors: (bar: B) => readonly [alone: string, total: string],
): SeriesOption[] {
  const renderItem: CustomSeriesOption['renderItem'] = (_, api) => {
    const bar = bars[api.value(0) as number]!
    const row = -(api.value(0) as number)
    const [alone, total] = colors(bar)
    const at = (x: number) => api.coord([x, row]) as [number, number]
    const [left, middle] = at(0)
    const height = Math.min(26, Math.abs(at(0)[1] - (api.coord([0, row - 1]) as [number, number])[1]) * 0.62)
    const rect = (x: number, fill: string) => ({
      type: 'rect' as const,
      shape: { x: left, y: middle - height / 2, width: at(x)[0] - left, height },
      style: { fill },
    })
    const stroke = (x1: number, y1: number, x2: number, y2: number) => ({
      type: 'line' as const,
      shape: { x1, y1, x2, y2 },
      style: { stroke: '#222', lineWidth: 2.5 },
    })
    const [from, to] = [at(bar.low)[0], at(bar.high)[0]]
    const cap = height * 0.28
    return {
      type: 'group',
      children: [
        rect(bar.total, total),
        rect(bar.importance, alone),
        stroke(from, middle, to, middle),
        stroke(from, middle - cap, from, middle + cap),
        stroke(to, middle - cap, to, middle + cap),
      ],
    }
  }
  return [
    {
      type: 'custom',
      xAxisIndex: index,
      yAxisIndex: index,
      silent: true,
      renderItem,
      data: bars.map((_, i) => [i, -i]),
    },
  ]
}

type Value = number | string | boolean

/** Where the values lie: in the logarithm where they span much, choices side by side. */
function abscissa(
  values: readonly Value[],
  width: number,
  texts: Texts,
): { at: number[]; axis: Axis; place: (value: Value) => number } {
  const fits = (labels: readonly string[], apart: number) =>
    labels.every((label) => texts.width(label, px) + px * 0.6 < apart * width)
  if (!values.every((value) => typeof value === 'number')) {
    const names = values.map((value) => texts.fit(String(value), width / values.length - 8, px))
    return {
      at: values.map((_, i) => i),
      axis: {
        min: -0.5,
        max: values.length - 0.5,
        ticks: values.map((_, i) => i),
        label: (i) => names[Math.round(i)]!,
      },
      place: (value) => values.indexOf(value),
    }
  }
  const [low, high] = [Math.min(...values), Math.max(...values)]
  if (low > 0 && high / low >= 10 && isGeometric(values)) {
    const log = (value: Value) => Math.log10(Number(value))
    const at = values.map(log)
    const limits = axisLimits(at)
    const first = Math.ceil(limits.min)
    const ticks = Array.from({ length: Math.max(0, Math.floor(limits.max) - first + 1) }, (_, i) => first + i)
    return { at, axis: { ...limits, ticks, label: (tick) => withMinusSign(formatG(10 ** tick, 3)) }, place: log }
  }
  return { at: [...values], axis: numericAxis(axisLimits(values), 5, fits), place: Number }
}

/** Values that lie evenly along an axis of logarithms have the middle one at their geometric mean. */
function isGeometric(values: readonly number[]): boolean {
  const middle = values[(values.length - 1) >> 1]!
  const [first, last] = [values[0]!, values.at(-1)!]
  return Math.abs(middle - Math.sqrt(first * last)) < Math.abs(middle - (first + last) / 2)
}

function band(
  index: number,
  at: readonly number[],
  effect: readonly { readonly low: number; readonly high: number }[],
): SeriesOption {
  const renderItem: CustomSeriesOption['renderItem'] = (_, api) => ({
    type: 'polygon',
    shape: {
      points: [
        ...effect.map(({ high }, i) => api.coord([at[i]!, high]) as [number, number]),
        ...effect.map(({ low }, i) => api.coord([at[i]!, low]) as [number, number]).reverse(),
      ],
    },
    style: { fill: pale, opacity: 0.8 },
  })
  return {
    type: 'custom',
    xAxisIndex: index,
    yAxisIndex: index,
    silent: true,
    renderItem,
    data: [[at[0]!, effect[0]!.low]],
  }
}

/** A dashed line from bottom to top. */
const upright = (index: number, x: number): SeriesOption => ({
  type: 'scatter',
  xAxisIndex: index,
  yAxisIndex: index,
  silent: true,
  data: [],
  markLine: {
    silent: true,
    symbol: 'none',
    label: { show: false },
    lineStyle: { color: bestColor, width: 3, type: 'dashed' },
    data: [{ xAxis: x }],
  },
})

const valueText = (value: Value) => (typeof value === 'number' ? withMinusSign(formatG(value, 3)) : String(value))
