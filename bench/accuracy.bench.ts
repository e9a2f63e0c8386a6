// Does our training learn as well as YOLOv5's? Blood cells, YOLOv5n from scratch, 160 px, batch 16: several seeds on each
// side, and the 95 % interval of the difference of the means (Welch).
//   npm run bench:accuracy [-- seeds] [-- epochs]
import { bccd, mean, type PeerEvent, runPeer, type Side, variance } from './peers.ts'

const [seeds = 5, epochs = 40] = process.argv.slice(2).map(Number)
const flags = { data: bccd(), imgsz: 160, 'batch-size': 16, epochs, hyp: 'hyp.scratch-low.yaml' }
const measures = { 'mAP50-95': 'metrics/mAP_0.5:0.95', mAP50: 'metrics/mAP_0.5' }

/** Of the last epoch, and of the fittest (0.1 mAP50 + 0.9 mAP50-95), which YOLOv5 keeps as best. */
function outcomes(events: readonly PeerEvent[]) {
  const rows = events.flatMap(({ event, metrics }) => (event === 'epoch' && metrics ? [metrics] : []))
  const fitness = (row: Readonly<Record<string, number>>) =>
    0.1 * row[measures.mAP50]! + 0.9 * row[measures['mAP50-95']]!
  const best = rows.reduce((a, b) => (fitness(b) > fitness(a) ? b : a))
  return { last: rows.at(-1)!, best }
}

const results: Record<Side, ReturnType<typeof outcomes>[]> = { hypevolve: [], yolov5: [] }
for (let seed = 0; seed < seeds; seed++) {
  for (const side of ['hypevolve', 'yolov5'] as const) {
    const began = performance.now()
    const outcome = outcomes(await runPeer(side, { ...flags, seed }))
    results[side].push(outcome)
    const show = (row: Readonly<Record<string, number>>) =>
      `mAP50 ${row[measures.mAP50]!.toFixed(3)}, mAP50-95 ${row[measures['mAP50-95']]!.toFixed(3)}`
    const seconds = ((performance.now() - began) / 1000).toFixed(0)
    console.log(
      `seed ${seed}  ${side.padEnd(9)} last: ${show(outcome.last)}; best: ${show(outcome.best)}  (${seconds} s)`,
    )
  }
}

console.log()
for (const which of ['best', 'last'] as const) {
  for (const [name, key] of Object.entries(measures)) {
    const [ours, theirs] = (['hypevolve', 'yolov5'] as const).map((side) =>
      results[side].map((row) => row[which][key]!),
    )
    const { difference, low, high } = welch(ours!, theirs!)
    console.log(
      `${which} ${name.padEnd(8)} ours ${mean(ours!).toFixed(4)}, YOLOv5 ${mean(theirs!).toFixed(4)}: ` +
        `difference ${difference.toFixed(4)}, 95 % interval [${low.toFixed(4)}, ${high.toFixed(4)}]` +
        (name === 'mAP50-95' ? ` (wanted above -0.03)` : ''),
    )
  }
}

/** Difference of means and its 95 % interval, variances not taken as equal. */
function welch(a: readonly number[], b: readonly number[]) {
  const difference = mean(a) - mean(b)
  const [va, vb] = [variance(a) / a.length, variance(b) / b.length]
  const freedom = (va + vb) ** 2 / (va ** 2 / (a.length - 1) + vb ** 2 / (b.length - 1))
  const half = studentQuantile(freedom) * Math.sqrt(va + vb)
  return { difference, low: difference - half, high: difference + half }
}

/** 97.5 % quantile of Student's t; degrees of freedom rounded down, so the interval is never too narrow. */
function studentQuantile(freedom: number): number {
  const table = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  ]
  return table[Math.min(table.length, Math.max(1, Math.floor(freedom))) - 1]!
}
