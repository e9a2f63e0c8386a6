// Whole epochs (augmentation, training, validation) on blood cells at 160 px, batch 16, YOLOv5n: ours against live
// YOLOv5 7.0.14 on PyTorch, in alternating blocks, each in a process of its own.
//   npm run bench:epoch [-- blocks] [-- epochs per block]
// YOLOv5 sets PyTorch to one thread fewer than there are cores; it is measured like that and with as many threads as
// cores, and the ratio is taken against the faster.
import { availableParallelism } from 'node:os'
import { bccd, mean, median, type PeerEvent, runPeer } from './peers.ts'

const [blocks = 3, epochs = 6] = process.argv.slice(2).map(Number)
const cores = availableParallelism()
const flags = { data: bccd(), imgsz: 160, 'batch-size': 16, epochs, workers: Math.min(2, cores) }

const contestants = {
  hypevolve: () => runPeer('hypevolve', { ...flags, threads: cores }),
  'yolov5, its own threads': () => runPeer('yolov5', flags),
  [`yolov5, ${cores} threads`]: () => runPeer('yolov5', { ...flags, threads: cores }),
}

/** Seconds per epoch of one block; the first epoch, which warms up, does not count. */
function epochSeconds(events: readonly PeerEvent[]): number {
  const at = events.filter(({ event }) => event === 'epoch').map((event) => event.at!)
  return (at.at(-1)! - at[0]!) / (at.length - 1)
}

const seconds: Record<string, number[]> = {}
const memory: Record<string, number[]> = {}
const waits: number[] = []
console.log(
  `YOLOv5n, BCCD, ${flags.imgsz} px, batch ${flags['batch-size']}: ${blocks} blocks of ${epochs} epochs, ${cores} cores`,
)
for (let block = 0; block < blocks; block++) {
  for (const [name, run] of Object.entries(contestants)) {
    const events = await run()
    const perEpoch = epochSeconds(events)
    ;(seconds[name] ??= []).push(perEpoch)
    ;(memory[name] ??= []).push(events.at(-1)!.peak_rss_mb!)
    const ours = events.filter(({ event, seconds: parts }) => event === 'epoch' && parts).map((event) => event.seconds!)
    waits.push(...ours.slice(1).map(({ train, val, waitForData }) => waitForData / (train + val)))
    const parts =
      ours.length > 1
        ? ` (train ${mean(ours.slice(1).map((s) => s.train)).toFixed(2)}, val ${mean(ours.slice(1).map((s) => s.val)).toFixed(2)})`
        : ''
    console.log(`block ${block + 1}  ${name.padEnd(24)} ${perEpoch.toFixed(2)} s per epoch${parts}`)
  }
}

console.log()
for (const [name, values] of Object.entries(seconds))
  console.log(
    `${name.padEnd(24)} ${median(values).toFixed(2)} s per epoch, ${(3600 / median(values)).toFixed(0)} epochs per hour, ` +
      `${median(memory[name]!).toFixed(0)} MB`,
  )
const opponents = Object.entries(seconds).filter(([name]) => name !== 'hypevolve')
const faster = opponents.reduce((a, b) => (median(a[1]) <= median(b[1]) ? a : b))
const ratios = seconds['hypevolve']!.map((ours, block) => faster[1][block]! / ours)
console.log(
  `epochs per hour against ${faster[0]}: ${median(ratios).toFixed(2)} x (blocks ${ratios.map((r) => r.toFixed(2)).join(', ')}; wanted 1.3)`,
)
console.log(`ours waits for data ${(100 * mean(waits)).toFixed(1)} % of its time (wanted below 10)`)
