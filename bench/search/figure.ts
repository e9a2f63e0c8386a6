// Mean regret over the budget, as a picture: a line for each method with its 95 % interval as bars.
import { renderChart } from '../../src/report/chart.ts'
import { regretsAt, summaryOf } from './statistics.ts'
import type { Row } from './table.ts'

const colors = ['#d62728', '#7f7f7f', '#1f77b4', '#2ca02c', '#9467bd', '#ff7f0e', '#17becf', '#8c564b', '#bcbd22']

/** A PNG; the first row is drawn thick. */
export function figureOf(
  rows: readonly Row[],
  { title, budget, by }: { readonly title: string; readonly budget: number; readonly by: 'spent' | 'time' },
): Promise<Uint8Array> {
  const steps = 50
  const at = Array.from({ length: steps }, (_, i) => ((i + 1) * budget) / steps)
  const few = at.filter((_, i) => i % 10 === 9)
  const series = rows.flatMap(({ method, runs, resumes }, i) => {
    const color = colors[i % colors.length]
    const name = resumes ? `${method} (goes on)` : method
    return [
      {
        type: 'line' as const,
        name,
        color,
        showSymbol: false,
        lineStyle: { width: i === 0 ? 4 : 2 },
        data: at.map((limit) => [limit, summaryOf(regretsAt(runs, limit, by)).mean]),
      },
      ...few.map((limit) => {
        const { interval } = summaryOf(regretsAt(runs, limit, by))
        const x = limit + (i - rows.length / 2) * (budget / 250) // side by side
        return {
          type: 'line' as const,
          color,
          showSymbol: false,
          lineStyle: { width: 1 },
          data: interval.map((y) => [x, y]),
        }
      }),
    ]
  })
  return renderChart(
    {
      title: { text: title, left: 'center', top: 6, textStyle: { fontSize: 15 } },
      legend: { data: rows.map(({ method, resumes }) => (resumes ? `${method} (goes on)` : method)), top: 34 },
      grid: { left: 60, right: 30, top: 80, bottom: 50 },
      xAxis: {
        type: 'value',
        name: by === 'time' ? 'wall clock, in full trainings' : "full trainings' worth of epochs",
        nameLocation: 'middle',
        nameGap: 28,
        max: budget,
      },
      yAxis: { type: 'value', name: 'mean regret' },
      series,
    },
    { width: 900, height: 560 },
  )
}
