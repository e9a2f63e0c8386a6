// Histograms as filled rectangles: what the figures of labels and sizes are made of.
import type { SeriesOption } from 'echarts'
import { blues } from './colors.ts'
import type { Rect } from './panels.ts'

const bins = 50

export type ColoredRect = Rect & { readonly color: string }

/** Filled rectangles in the coordinates of a panel; `y` is the lower edge. */
export function rectangles(panel: number, cells: readonly ColoredRect[]): SeriesOption[] {
  return [
    {
      type: 'custom',
      xAxisIndex: panel,
      yAxisIndex: panel,
      silent: true,
      clip: true,
      data: cells.map(({ x, y, width, height }) => [x, y, x + width, y + height]),
      renderItem: ({ dataIndex }, api) => {
        const [left, bottom] = api.coord([api.value(0), api.value(1)]) as [number, number]
        const [right, top] = api.coord([api.value(2), api.value(3)]) as [number, number]
        return {
          type: 'rect',
          shape: { x: left, y: top, width: right - left, height: bottom - top },
          style: { fill: cells[dataIndex]!.color },
        }
      },
    },
  ]
}

/** How many pairs of values fall into each of 50 × 50 cells: dark = many. */
export function histogram2d(x: readonly number[], y: readonly number[]): ColoredRect[] {
  const binX = binning(x)
  const binY = binning(y)
  const counts = new Int32Array(bins * bins)
  for (let i = 0; i < x.length; i++) counts[binX.of(x[i]!) * bins + binY.of(y[i]!)]!++
  const most = counts.reduce((a, b) => Math.max(a, b), 1)
  const cells: ColoredRect[] = []
  for (let at = 0; at < counts.length; at++) {
    if (counts[at] === 0) continue
    cells.push({
      x: binX.start + Math.floor(at / bins) * binX.step,
      y: binY.start + (at % bins) * binY.step,
      width: binX.step,
      height: binY.step,
      color: blues(0.3 + 0.7 * (counts[at]! / most)),
    })
  }
  return cells
}

/** Bars of 50 equal bins. */
export function histogram1d(values: readonly number[]): ColoredRect[] {
  const bin = binning(values)
  const counts = new Int32Array(bins)
  for (const value of values) counts[bin.of(value)]!++
  return Array.from(counts, (count, i) => ({
    x: bin.start + i * bin.step,
    y: 0,
    width: bin.step,
    height: count,
    color: blues(0.65),
  }))
}

/** Equal bins between the smallest and the largest value; equal values lie in the middle of a narrow range around them. */
function binning(values: readonly number[]): { start: number; step: number; of: (value: number) => number } {
  let min = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  let max = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  if (max - min < 1e-9) {
    min -= 0.025
    max += 0.025
  }
  const step = (max - min) / bins
  return { start: min, step, of: (value) => Math.min(bins - 1, Math.max(0, Math.floor((value - min) / step))) }
}
