// PR_curve.png, F1_curve.png, P_curve.png, R_curve.png: one line per class, a thick one for all classes.
import type { EChartsOption, SeriesOption } from 'echarts'
import { classColor } from './colors.ts'
import { noDataOption, panelsOption } from './panels.ts'
import { numericAxis } from './ticks.ts'
import type { ClassCurves } from './types.ts'

const size = { width: 2250, height: 1500 }
const px = 30
const frame = { x: 150, y: 90, width: 1500, height: 1270 }
const legendLeft = frame.x + frame.width + 40

/** More classes than this are drawn in grey, without names (v7.0). */
const namedClasses = 20

/** Draws PR_curve.png (2250 × 1500): precision over recall, AP at IoU 0.5 in the legend. */
export const precisionRecallFigure = (curves: ClassCurves): Promise<Uint8Array> =>
  curvesFigure(curves, { title: 'Precision-Recall Curve', xName: 'Recall', yName: 'Precision', summary: 'mAP' })

/** Draws F1_curve.png (2250 × 1500): F1 over confidence; the legend names the best confidence. */
export const f1Figure = (curves: ClassCurves): Promise<Uint8Array> =>
  curvesFigure(curves, { title: 'F1-Confidence Curve', xName: 'Confidence', yName: 'F1', summary: 'peak' })

/** Draws P_curve.png (2250 × 1500): precision over confidence. */
export const precisionFigure = (curves: ClassCurves): Promise<Uint8Array> =>
  curvesFigure(curves, {
    title: 'Precision-Confidence Curve',
    xName: 'Confidence',
    yName: 'Precision',
    summary: 'peak',
  })

/** Draws R_curve.png (2250 × 1500): recall over confidence. */
export const recallFigure = (curves: ClassCurves): Promise<Uint8Array> =>
  curvesFigure(curves, { title: 'Recall-Confidence Curve', xName: 'Confidence', yName: 'Recall', summary: 'peak' })

interface CurveText {
  readonly title: string
  readonly xName: string
  readonly yName: string
  /** What the legend says of all classes: mean AP, or the highest point and where it is. */
  readonly summary: 'mAP' | 'peak'
}

async function curvesFigure(curves: ClassCurves, text: CurveText): Promise<Uint8Array> {
  const { renderChart } = await import('./chart.ts')
  const { drawableNames, fitText } = await import('./fonts.ts')
  if (curves.rows.length === 0 || curves.x.length === 0) return renderChart(noDataOption(size, text.title), size)
  const names = drawableNames(curves.names)
  const fit = (label: string) => fitText(label, size.width - legendLeft - 90, px * 0.9)
  return renderChart(
    curvesOption(curves, text, (index) => names[index] ?? String(index), fit),
    size,
  )
}

function curvesOption(
  { x: abscissa, rows, classes, ap50 }: ClassCurves,
  { title, xName, yName, summary }: CurveText,
  nameOf: (index: number) => string,
  fit: (label: string) => string,
): EChartsOption {
  const named = rows.length <= namedClasses
  const classOf = (row: number) => classes?.[row] ?? row
  const mean = Array.from(
    { length: abscissa.length },
    (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length,
  )
  // The confidence curves are judged, and drawn, smoothed over 5 % of the range (v7.0 plot_mc_curve).
  const all = summary === 'peak' ? smooth(mean, 0.05) : mean
  const lines: SeriesOption[] = rows.map((row, i) => {
    const label = ap50 && summary === 'mAP' ? `${nameOf(classOf(i))} ${fixed(ap50[i]!, 3)}` : nameOf(classOf(i))
    return line(named ? fit(label) : '', abscissa, row, named ? classColor(classOf(i)) : '#b4b4b4', named ? 3 : 2)
  })
  const label = fit(`all classes ${summary === 'mAP' ? meanAp(ap50) : peak(abscissa, all)}`)
  lines.push(line(label, abscissa, all, '#0000ff', 8))

  const unit = numericAxis({ min: 0, max: 1 }, 5)
  const option = panelsOption([{ rect: frame, title, titlePx: px * 1.2, x: unit, y: unit, xName, yName }], px, lines)
  return {
    ...option,
    legend: {
      left: legendLeft,
      top: frame.y,
      orient: 'vertical',
      icon: 'rect',
      itemWidth: 50,
      itemHeight: 8,
      itemGap: 36,
      data: lines.map((entry) => String(entry.name)).filter((name) => name !== ''),
      textStyle: { fontSize: px * 0.9, color: '#000' },
    },
  }
}

const line = (
  name: string,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  color: string,
  width: number,
): SeriesOption => ({
  type: 'line',
  name,
  xAxisIndex: 0,
  yAxisIndex: 0,
  data: Array.from({ length: Math.min(x.length, y.length) }, (_, i) => [x[i]!, y[i]!]),
  showSymbol: false,
  symbol: 'none',
  silent: true,
  lineStyle: { width, color },
  itemStyle: { color },
})

const fixed = (value: number, digits: number) => (Number.isFinite(value) ? value.toFixed(digits) : 'nan')

const meanAp = (ap50: ArrayLike<number> | undefined) =>
  ap50 && ap50.length > 0 ? `${fixed(Array.from(ap50).reduce((a, b) => a + b, 0) / ap50.length, 3)} mAP@0.5` : 'mean'

function peak(x: ArrayLike<number>, y: readonly number[]): string {
  const best = y.indexOf(Math.max(...y))
  return `${fixed(y[best] ?? Number.NaN, 2)} at ${fixed(x[best] ?? Number.NaN, 3)}`
}

/** Mean over a window of `fraction` of the curve, an odd number of points; the ends are continued by their values (v7.0 smooth). */
function smooth(values: readonly number[], fraction: number): number[] {
  const half = Math.floor((Math.floor(Math.round(values.length * fraction * 2) / 2) + 1) / 2)
  const window = 2 * half + 1
  const at = (i: number) => values[Math.min(values.length - 1, Math.max(0, i))]!
  return values.map((_, i) => {
    let sum = 0
    for (let k = -half; k <= half; k++) sum += at(i + k)
    return sum / window
  })
}
