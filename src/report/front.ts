// front.png: all trials by two objectives, and those of which none is better in both.
import type { EChartsOption, SeriesOption } from 'echarts'
import { noDataOption, type Panel, panelsOption } from './panels.ts'
import { axisLimits, numericAxis } from './ticks.ts'
import type { FrontTable } from './types.ts'

const size = { width: 1600, height: 1200 }
const px = 26
const rect = { x: 160, y: 90, width: 1390, height: 970 }
const [dark, other, start] = ['#08306b', '#9ecae1', '#e6194b']
/** With more the numbers would hide the points. */
const mostNumbers = 30

type Point = FrontTable['points'][number]

/**
 * Draws front.png (1600 × 1200): a point for each trial, the front as dark ones with the trial's number and the stair that
 * nothing lies beyond; crosses break a constraint; the start has a red ring.
 */
export async function frontFigure(table: FrontTable): Promise<Uint8Array> {
  const { renderChart } = await import('./chart.ts')
  const { drawable, fitText } = await import('./fonts.ts')
  const points = table.points.filter(({ first, second }) => Number.isFinite(first) && Number.isFinite(second))
  const title = fitText(drawable(table.title), size.width - 60, 1.2 * px)
  if (points.length === 0) return renderChart(noDataOption(size, title), size)
  const name = (text: string, room: number) => fitText(drawable(text), room, 1.1 * px)
  return renderChart(
    frontOption({ ...table, title, points, x: name(table.x, rect.width), y: name(table.y, rect.height) }),
    size,
  )
}

function frontOption({ title, x, y, minimize, points }: FrontTable): EChartsOption {
  const panel: Panel = {
    rect,
    title,
    titlePx: 1.2 * px,
    x: numericAxis(axisLimits(points.map(({ second }) => second)), 8),
    y: numericAxis(axisLimits(points.map(({ first }) => first)), 8),
    xName: x,
    yName: y,
    gridLines: true,
  }
  const front = points.filter(({ kind }) => kind === 'front').sort((a, b) => b.first - a.first)
  const worse = points.filter(({ kind }) => kind === 'behind')
  const broken = points.filter(({ kind }) => kind === 'broken')
  const numbers = front.length <= mostNumbers
  return panelsOption(
    [panel],
    px,
    [
      scatter(worse, { symbol: 'circle', symbolSize: 14, itemStyle: { color: other, borderColor: '#4292c6' } }),
      scatter(broken, { symbol: cross, symbolSize: 14, itemStyle: { color: '#9a9a9a' } }),
      stair(front, panel, minimize),
      scatter(front, { symbol: 'circle', symbolSize: 18, itemStyle: { color: dark } }, numbers),
      scatter(
        points.filter(({ isStart }) => isStart),
        { symbol: 'circle', symbolSize: 30, itemStyle: { color: 'transparent', borderColor: start, borderWidth: 4 } },
      ),
    ].map((each) => ({ ...each, xAxisIndex: 0, yAxisIndex: 0, silent: true, z: 5 }) as SeriesOption),
  )
}

const cross = 'path://M0 1L1 0L5 4L9 0L10 1L6 5L10 9L9 10L5 6L1 10L0 9L4 5Z'

const scatter = (points: readonly Point[], look: object, numbers = false) => ({
  type: 'scatter',
  ...look,
  data: points.map(({ first, second, number }) => ({ value: [second, first], name: String(number) })),
  label: {
    show: numbers,
    formatter: ({ name }: { name: string }) => name,
    ...{ position: 'top', distance: 6, fontSize: 0.9 * px, color: '#000' },
  },
  labelLayout: { hideOverlap: true },
})

/** From the edge on the worse side of the second objective to the edge on the worse side of the first. */
function stair(front: readonly Point[], { x, y }: Panel, minimize: boolean) {
  const data: [number, number][] = []
  let at = minimize ? x.max : x.min
  for (const { first, second } of front) {
    data.push([at, first], [second, first])
    at = second
  }
  if (front.length > 0) data.push([at, y.min])
  return { type: 'line', symbol: 'none', lineStyle: { color: dark, width: 3, type: 'dashed' }, data }
}
