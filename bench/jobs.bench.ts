// Trials per hour of one training with all cores against several side by side: what --jobs brings. Built-in digits,
// YOLOv5n at 128 px, the whole way of a trial (ask, train, validate, tell) on a database.
//   npm run bench:jobs [-- --blocks 3] [-- --trials 8] [-- --epochs 5] [-- --jobs 2] [-- --anchors] [-- --workers 2]
// Blocks alternate, each in a process of its own. The first trial of every slot compiles the model; figures are given with
// and without those. With --anchors their number evolves too, as by default: slots then compile at different times.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadHyp, type TrainOptions, trainDefaults } from '../src/detect/index.ts'
import { embeddedTrainers, localExecutor, planSlots, runTrials } from '../src/run/index.ts'
import { yolov5Space } from '../src/search/index.ts'
import { createStudy } from '../src/study/index.ts'

const { values } = parseArgs({
  options: {
    blocks: { type: 'string', default: '3' },
    trials: { type: 'string', default: '8' },
    epochs: { type: 'string', default: '5' },
    jobs: { type: 'string', default: '2' },
    workers: { type: 'string', default: '2' },
    anchors: { type: 'boolean', default: false },
    /** Of a process that this program starts: measure so many jobs. */
    measure: { type: 'string' },
  },
})
const cores = availableParallelism()
const wanted = 1.25

/** What one block says. */
interface Measured {
  readonly jobs: number
  readonly trials: number
  /** From the first ask to the last tell. */
  readonly seconds: number
  /** Trials, and seconds from the last first trial of a slot to the last tell. */
  readonly warm: { readonly trials: number; readonly seconds: number }
  readonly trialSeconds: readonly number[]
}

async function measure(jobs: number): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'hypevolve-bench-'))
  const { hyp } = loadHyp('scratch-low')
  const study = await createStudy({
    space: yolov5Space({ ...hyp }, { noAutoAnchor: !values.anchors }),
    fitness: '0.1*mAP50 + 0.9*mAP50to95',
    storage: join(folder, 'bench.db'),
  })
  await study.extend(Number(values.trials))
  const options: TrainOptions = {
    ...trainDefaults,
    ...{ data: 'digits', cfg: 'yolov5n.yaml', weights: 'yolov5n-digits.safetensors', hyp },
    ...{ imagePx: 128, epochs: Number(values.epochs), cache: 'ram', workers: Number(values.workers) },
    ...{ validate: 'last', plots: false, patience: 0, autoAnchor: values.anchors },
  }
  const { slots } = planSlots({ device: 'cpu', jobs, cores, gpus: 0 })
  const executor = localExecutor(slots, embeddedTrainers(options))
  const began = performance.now()
  const ends: number[] = []
  const trialSeconds: number[] = []
  try {
    const { complete } = await runTrials({
      study,
      executor,
      folder,
      onEvent: (event) => {
        if (event.type === 'failed' || event.type === 'retry') throw new Error(`trial ${event.trial.number} failed`)
        if (event.type !== 'complete') return
        ends.push((performance.now() - began) / 1000)
        trialSeconds.push(event.durationMs / 1000)
      },
    })
    const warmFrom = ends[jobs - 1]!
    return {
      jobs,
      trials: complete,
      seconds: ends.at(-1)!,
      warm: { trials: complete - jobs, seconds: ends.at(-1)! - warmFrom },
      trialSeconds,
    }
  } finally {
    await executor.close()
    await study.close()
    rmSync(folder, { recursive: true })
  }
}

function measureInChild(jobs: number): Measured {
  const words = process.argv.slice(1).concat('--measure', String(jobs))
  const { status, stdout } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error(`measuring ${jobs} jobs failed`)
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Measured
}

const perHour = ({ trials, seconds }: { trials: number; seconds: number }) => (3600 * trials) / seconds
const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!
const mean = (numbers: readonly number[]) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length

if (values.measure !== undefined) {
  console.log(JSON.stringify(await measure(Number(values.measure))))
} else {
  const jobs = Number(values.jobs)
  console.log(
    `YOLOv5n, digits, 128 px, ${values.epochs} epochs a trial: ${values.blocks} blocks of ${values.trials} trials, ` +
      `1 job with ${cores} threads against ${jobs} jobs on ${cores} cores`,
  )
  const ratios = { all: [] as number[], warm: [] as number[] }
  for (let block = 1; block <= Number(values.blocks); block++) {
    // Each goes first in turn, so that a machine that slows down favours neither.
    const order = block % 2 === 1 ? [1, jobs] : [jobs, 1]
    const measured = new Map<number, Measured>()
    for (const each of order) {
      const result = measureInChild(each)
      measured.set(each, result)
      const rest = result.trialSeconds.slice(each)
      console.log(
        `block ${block}  ${String(each).padStart(2)} job${each === 1 ? ' ' : 's'}  ${perHour(result).toFixed(0).padStart(5)} trials per hour ` +
          `(${perHour(result.warm).toFixed(0)} once warm; first trial ${result.trialSeconds[0]!.toFixed(1)} s, later ones ${mean(rest).toFixed(1)} s)`,
      )
    }
    ratios.all.push(perHour(measured.get(jobs)!) / perHour(measured.get(1)!))
    ratios.warm.push(perHour(measured.get(jobs)!.warm) / perHour(measured.get(1)!.warm))
  }
  const text = (list: readonly number[]) => `${median(list).toFixed(2)} x (${list.map((r) => r.toFixed(2)).join(', ')})`
  console.log(
    `trials per hour with ${jobs} jobs: ${text(ratios.all)} of 1 job, wanted ${wanted}; once warm ${text(ratios.warm)}`,
  )
}
