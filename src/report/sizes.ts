// sizes.png: how large boxes and images of a data set are, and where the anchors lie among the boxes.
import type { EChartsOption, SeriesOption } from 'echarts'
import { blues } from './colors.ts'
import { type ColoredRect, histogram1d, histogram2d, rectangles } from './histogram.ts'
import { noDataOption, type Panel, panelRects, panelsOption } from './panels.ts'
import { type Axis, axisLimits, numericAxis, wholeNumbers } from './ticks.ts'
import type { SizeTable } from './types.ts'

const size = { width: 1600, height: 1600 }
const px = 22

/**
 * Draws sizes.png (1600 × 1600): width and height of boxes at training size with the anchors (logarithmic); the side of a
 * square of a box's area, with COCO's limits of small and large; boxes per image; sizes of
 * the images, the more of them the larger the disc.
 */
export async function sizesFigure(table: SizeTable): Promise<Uint8Array> {
  const { renderChart } = await import('./chart.ts')
  if (table.imageSizes.length === 0 || table.boxesPx.length === 0) return renderChart(noDataOption(size, 'Sizes'), size)
  return renderChart(sizesOption(table), size)
}

function sizesOption({ boxesPx, anchorsPx, boxesPerImage, imageSizes, imagePx }: SizeTable): EChartsOption {
  // A side of nothing has no logarithm; it counts as a quarter of a pixel.
  const log = (values: readonly number[]) => values.map((value) => Math.log2(Math.max(value, 0.25)))
  const [boxWidths, boxHeights] = [log(columnOf(boxesPx, 0)), log(columnOf(boxesPx, 1))]
  const [anchorWidths, anchorHeights] = [log(columnOf(anchorsPx, 0)), log(columnOf(anchorsPx, 1))]
  const sides = boxWidths.map((width, i) => (width + boxHeights[i]!) / 2)
  const [widths, heights] = [columnOf(imageSizes, 0), columnOf(imageSizes, 1)]
  const sideBars = histogram1d(sides)
  const countBars = wholeBars(boxesPerImage)
  const rects = panelRects(
    size,
    { columns: 2, rows: 2 },
    { left: 130, right: 40, top: 70, bottom: 100, betweenX: 170, betweenY: 170 },
  )
  const panels: Panel[] = [
    {
      rect: rects[0]!,
      x: powersOfTwo([...boxWidths, ...anchorWidths]),
      y: powersOfTwo([...boxHeights, ...anchorHeights]),
      title: `Boxes and anchors at ${imagePx} px`,
      xName: 'width, px',
      yName: 'height, px',
    },
    {
      rect: rects[1]!,
      x: powersOfTwo([...sides, ...limits]),
      y: counts(sideBars),
      title: `Box size at ${imagePx} px; lines at 32 and 96`,
      xName: 'square root of area, px',
      yName: 'boxes',
    },
    {
      rect: rects[2]!,
      x: wholeNumbers(numericAxis(barLimits(countBars), 8)),
      y: counts(countBars),
      title: 'Boxes per image',
      xName: 'boxes',
      yName: 'images',
    },
    {
      rect: rects[3]!,
      x: wholeNumbers(numericAxis(axisLimits(widths), 5)),
      y: wholeNumbers(numericAxis(axisLimits(heights), 7)),
      title: 'Image sizes (area: how many)',
      xName: 'width, px',
      yName: 'height, px',
    },
  ]
  return panelsOption(panels, px, [
    ...rectangles(0, histogram2d(boxWidths, boxHeights)),
    marks(anchorWidths.map((width, i) => [width, anchorHeights[i]!])),
    ...rectangles(1, sideBars),
    ...limits.map((limit) => upright(limit)),
    ...rectangles(2, countBars),
    discs(3, widths, heights),
  ])
}

/** Sides of COCO's limits of small and medium objects. */
const limits = [Math.log2(32), Math.log2(96)]

const columnOf = (pairs: ArrayLike<number>, at: 0 | 1) =>
  Array.from({ length: Math.floor(pairs.length / 2) }, (_, i) => pairs[2 * i + at]!)

const counts = (bars: readonly ColoredRect[]) =>
  wholeNumbers(numericAxis({ min: 0, max: bars.reduce((most, bar) => Math.max(most, bar.height), 1) * 1.05 }, 7))

/** An axis of binary logarithms: ticks at powers of two, in pixels. */
function powersOfTwo(values: readonly number[]): Axis {
  const range = axisLimits(values)
  const step = Math.max(1, Math.ceil((range.max - range.min) / 8))
  const first = Math.ceil(range.min)
  const ticks = Array.from(
    { length: Math.max(0, Math.floor((range.max - first) / step) + 1) },
    (_, i) => first + i * step,
  )
  return { ...range, ticks, label: (value) => String(Number((2 ** value).toPrecision(3))) }
}

/** A bar for each number that occurs, or for each range where there are many. */
function wholeBars(values: ArrayLike<number>): ColoredRect[] {
  const most = Array.from(values).reduce((a, b) => Math.max(a, b), 0)
  const step = Math.ceil((most + 1) / 50)
  const heights = new Int32Array(Math.floor(most / step) + 1)
  for (let i = 0; i < values.length; i++) heights[Math.floor(values[i]! / step)]!++
  return Array.from(heights, (height, i) => ({
    x: i * step - 0.45,
    y: 0,
    width: step - 0.1,
    height,
    color: blues(0.65),
  }))
}

const barLimits = (bars: readonly ColoredRect[]) => ({ min: -1, max: bars.at(-1)!.x + bars.at(-1)!.width + 0.5 })

function marks(points: readonly (readonly [number, number])[]): SeriesOption {
  return {
    type: 'scatter',
    xAxisIndex: 0,
    yAxisIndex: 0,
    silent: true,
    z: 5,
    symbol: 'rect',
    symbolSize: 13,
    itemStyle: { color: 'transparent', borderColor: '#e6194b', borderWidth: 3 },
    data: points.map((point) => [...point]),
  }
}

/** A disc for every pair of values, its area by how often it occurs. */
function discs(panel: number, x: readonly number[], y: readonly number[]): SeriesOption {
  const counts = new Map<string, number>()
  x.forEach((value, i) => {
    const key = `${value} ${y[i]}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  })
  const most = Math.max(...counts.values())
  return {
    type: 'scatter',
    xAxisIndex: panel,
    yAxisIndex: panel,
    silent: true,
    itemStyle: { color: blues(0.65), opacity: 0.75 },
    symbolSize: ([, , count]: readonly number[]) => 8 + 40 * Math.sqrt(count! / most),
    data: [...counts].map(([key, count]) => [...key.split(' ').map(Number), count]),
  }
}

/** A line from the bottom to the top of the second panel. */
function upright(x: number): SeriesOption {
  return {
    type: 'scatter',
    xAxisIndex: 1,
    yAxisIndex: 1,
    silent: true,
    data: [],
    markLine: {
      silent: true,
      symbol: 'none',
      label: { show: false },
      lineStyle: { color: '#e6194b', width: 2.5, type: 'dashed' },
      data: [{ xAxis: x }],
    },
  }
}
