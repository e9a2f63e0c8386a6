// What Hypevolve adds to the trainings of an outside trainer: from the end of one to the start of the next, and its own
// processor time. The trainer is a program that sleeps, so that all that is measured is ours.
//   npm run bench:overhead [-- --trials 6] [-- --seconds 60] [-- --epochs 10]
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from './peers.ts'

const { values } = parseArgs({
  options: {
    trials: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '60' },
    epochs: { type: 'string', default: '10' },
  },
})
const [trials, seconds, epochs] = [values.trials, values.seconds, values.epochs].map(Number) as [number, number, number]
const wanted = { gapMs: 200, cpuPercent: 1 }

/** Says when it begins and ends, and measures an epoch now and then, in a table as the trainers of this machine write it. */
const training = `
out=$1; epochs=$2; pause=$3; times=$4
date +%s%N | sed 's/^/start /' >> "$times"
echo 'epoch,  metrics/mAP_0.5, metrics/mAP_0.5:0.95' > "$out/results.csv"
i=0
while [ $i -lt $epochs ]; do sleep $pause; echo "$i, 0.5, 0.3" >> "$out/results.csv"; echo "epoch $i"; i=$((i + 1)); done
date +%s%N | sed 's/^/end /' >> "$times"
`

const folder = mkdtempSync(join(tmpdir(), 'hypevolve-bench-'))
try {
  const script = join(folder, 'train.sh')
  const times = join(folder, 'times')
  writeFileSync(script, training)
  const main = fileURLToPath(new URL('../dist/app/cli/main.js', import.meta.url))
  const words = [
    ...['train', '--evolve', String(trials), '--epochs', String(epochs), '--storage', join(folder, 'bench.db')],
    ...['--trainer', 'command', '--metrics', 'csv:results.csv:mAP50=metrics/mAP_0.5,mAP50to95=metrics/mAP_0.5:0.95'],
    ...['--', 'sh', script, '{out}', '{epochs}', String(seconds / epochs), times],
  ]
  const child = spawn(process.execPath, [main, ...words], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  let cpu: CpuTime[] = []
  const watch = setInterval(() => (cpu = [...cpu, cpuOf(child.pid!)].filter(({ ms }) => ms > 0)), 500)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearInterval(watch)
  if (code !== 0) throw new Error(`hypevolve ended with ${code}`)

  const lines = readFileSync(times, 'utf8').trim().split('\n')
  const at = (kind: string) =>
    lines.filter((line) => line.startsWith(kind)).map((line) => Number(BigInt(line.split(' ')[1]!) / 1000n) / 1000)
  const [starts, ends] = [at('start'), at('end')]
  if (starts.length !== trials) throw new Error(`${starts.length} trainings instead of ${trials}`)
  const gaps = starts.slice(1).map((start, i) => start - ends[i]!)
  // Between the first training's end and the last one's beginning: start and end of the program are not what a training costs.
  const steady = cpu.filter(({ atMs }) => atMs > ends[0]! && atMs < starts.at(-1)!)
  const [first, last] = [steady[0]!, steady.at(-1)!]
  const percent = (100 * (last.ms - first.ms)) / (last.atMs - first.atMs)
  console.log(
    `${trials} trainings of ${seconds} s and ${epochs} epochs, one at a time; load ${loadavg()[0]!.toFixed(1)}`,
  )
  console.log(
    `from one to the next: median ${median(gaps).toFixed(0)} ms, longest ${Math.max(...gaps).toFixed(0)} ms (wanted ${wanted.gapMs})`,
  )
  console.log(
    `own processor time: ${percent.toFixed(2)} % of a core (wanted ${wanted.cpuPercent}), ` +
      `${((last.ms - first.ms) / (trials - 2)).toFixed(0)} ms a training`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}

interface CpuTime {
  readonly atMs: number
  /** Of the process without its children; 0 if it is gone. */
  readonly ms: number
}

function cpuOf(pid: number): CpuTime {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return { atMs: Date.now(), ms: (Number(fields[11]) + Number(fields[12])) * 10 }
  } catch {
    return { atMs: Date.now(), ms: 0 }
  }
}
