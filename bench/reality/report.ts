// What the file has, as a table and as a picture.
import type { Hyp } from '../../src/search/index.ts'
import { type Curve, confirmedOf, curveOf, deviationOf, meanOf, meanWorthAt, neededFor, worthAt } from './summary.ts'
import { type Line, nameOf, type Settings, space } from './trainings.ts'

export interface ReportOptions {
  readonly settings: Settings
  /** The first is the one to be reached. */
  readonly methods: readonly string[]
  readonly seeds: readonly number[]
  readonly budget: number
  readonly budgets: readonly number[]
  /** Seeds of the trainings that confirm. */
  readonly confirm: readonly number[]
  /** Of those of the default. */
  readonly spread: readonly number[]
}

/** Prints the table; draws the picture where there is something to draw. */
export async function tellReport(
  lines: readonly Line[],
  options: ReportOptions,
  onPicture: (png: Uint8Array) => void,
): Promise<void> {
  const { settings, methods, seeds, budget, budgets, confirm, spread } = options
  const full = settings.epochs
  const byHyp = new Map<string, Line>()
  const keyOf = (hyp: Hyp, seed: number) => `${seed} ${space.toValues(hyp).join(' ')}`
  for (const line of lines) if (line.epochs === full) byHyp.set(keyOf(space.toHyp(line.values), line.seed), line)
  const known = (hyp: Hyp, seed: number) => byHyp.get(keyOf(hyp, seed))
  const confirmed = (hyp: Hyp) => confirmedOf(known, hyp, confirm)

  const seconds = lines.flatMap((line) => (line.seconds === undefined ? [] : [line.seconds]))
  const hours = seconds.reduce((sum, each) => sum + each, 0) / 3600
  console.log(`${nameOf(settings)}: ${lines.length} trainings, ${hours.toFixed(1)} h`)
  const defaults = spread.flatMap((seed) => known(space.toHyp(space.toValues(space.start)), seed) ?? [])
  if (defaults.length > 1) {
    const of = (values: number[]) => `${meanOf(values).toFixed(4)} (sd ${deviationOf(values).toFixed(4)})`
    console.log(
      `the default, ${defaults.length} seeds: fitness ${of(defaults.map(({ fitness }) => fitness ?? 0))}, ` +
        `mAP50 ${of(defaults.map(({ mAP50 = 0 }) => mAP50))}`,
    )
  }

  const curves = methods.map((method) => ({
    method,
    of: seeds.map((seed) => curveOf(lines, method, seed, full, confirmed)).filter(({ trainings }) => trainings > 0),
  }))
  const columns = budgets.filter((at) => at <= budget)
  const lastAt = (of: readonly Curve[]) => columns.findLast((at) => meanWorthAt(of, at) !== undefined)
  const title = ['search', 'trainings', ...columns.map(String), 'observed']
  const rows = curves.flatMap(({ method, of }) => [
    ...of.map((curve) => [
      curve.run,
      `${curve.trainings} (${curve.spent.toFixed(1)})`,
      ...columns.map((at) => numberText(worthAt(curve, at))),
      numberText(curve.incumbents.at(-1)?.observed),
    ]),
    ...(of.length > 1
      ? [[`${method}, mean`, '', ...columns.map((at) => numberText(meanWorthAt(of, at))), ''] as string[]]
      : []),
  ])
  if (rows.length > 0) {
    console.log(
      `\nfitness of the hyp that is handed over, mean of ${confirm.length} trainings with other seeds, by trainings' worth of the search\n`,
    )
    console.log(tableText([title, ...rows]))
  }

  const spreadOf = defaults.map(({ fitness }) => fitness ?? 0)
  for (const { method, of } of curves) {
    const last = lastAt(of)
    if (last === undefined || spreadOf.length < 2) continue
    const gain = meanWorthAt(of, last)! - meanOf(spreadOf)
    console.log(
      `\n${method}, ${last} trainings: ${gain.toFixed(4)} above the default, ${(gain / deviationOf(spreadOf)).toFixed(1)} ` +
        'times the spread (sd) of one training',
    )
  }
  const [first, ...others] = curves
  for (const { method, of } of others) {
    const needed = first && neededFor(of, first.of, budget, columns)
    if (!needed) continue
    const last = lastAt(of)
    const { target, budget: at, interval } = needed
    const text = (value: number) => (Number.isFinite(value) ? String(value) : `more than ${last}`)
    console.log(
      `\n${method} is worth what ${first.method} is after ${budget} trainings (${target.toFixed(4)}) after ${text(at)} ` +
        `trainings' worth, 95 % interval [${interval.map(text).join(', ')}] (bootstrap over ${of.length} and ${first.of.length} searches)`,
    )
  }
  if (rows.length > 0) onPicture(await drawCurves(curves, columns))
}

const numberText = (value: number | undefined) => value?.toFixed(4) ?? '-'

function tableText(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)))
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`
  return [line(rows[0]), line(widths.map((width) => '-'.repeat(width))), ...rows.slice(1).map(line)].join('\n')
}

/** Thin steps: the best fitness that each search has seen. Dots: what the hyp is worth, the mean of confirmed searches. */
async function drawCurves(
  curves: readonly { readonly method: string; readonly of: readonly Curve[] }[],
  budgets: readonly number[],
): Promise<Uint8Array> {
  const { renderChart } = await import('../../src/report/chart.ts')
  const colors = ['#7f7f7f', '#1f77b4', '#ff7f0e', '#2ca02c', '#d62728']
  const series = curves.flatMap(({ method, of }, i) => {
    const line = { type: 'line' as const, color: colors[i % colors.length] }
    return [
      ...of.map(({ incumbents, spent }) => ({
        ...line,
        step: 'end' as const,
        showSymbol: false,
        data: [
          ...incumbents.map((each) => [each.spent, each.observed]),
          ...incumbents.slice(-1).map(({ observed }) => [spent, observed]),
        ],
        lineStyle: { width: 1.2, opacity: 0.6 },
      })),
      {
        ...line,
        name: method,
        symbol: 'circle',
        symbolSize: 11,
        data: budgets.map((at) => [at, meanWorthAt(of, at) ?? null]),
        lineStyle: { width: 3 },
      },
    ]
  })
  return renderChart(
    {
      legend: { data: curves.map(({ method }) => method), top: 8 },
      grid: { left: 70, right: 30, top: 50, bottom: 50 },
      xAxis: { type: 'value', name: "full trainings' worth of epochs", nameLocation: 'middle', nameGap: 28 },
      yAxis: { type: 'value', name: 'fitness', scale: true },
      series,
    },
    { width: 800, height: 500 },
  )
}
