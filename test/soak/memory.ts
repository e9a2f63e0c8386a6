// `npm run soak -- --memory`: does a search grow? 50 generations of a small training, and the memory of the coordinator and
// its slot after each.
//   npm run soak -- --memory [--generations 50] [--scenario same,anchors,failures]
// same: one graph for all trainings. anchors: their number changes from one to the next, and with it the graph.
// failures: every fifth training diverges. Linux only (/proc).
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeDigits } from '../../src/detect/digits/index.ts'
import { loadHyp, type TrainOptions, trainDefaults } from '../../src/detect/index.ts'
import { embeddedTrainers, localExecutor, runTrials, type Trainer, type TrainJob } from '../../src/run/index.ts'
import { type Hyp, yolov5Space } from '../../src/search/index.ts'
import { createStudy } from '../../src/study/index.ts'
import { type Growth, growthOf } from './growth.ts'

/** Numbers of anchors in turn: so many graphs. */
const anchorCounts = [2, 3, 4, 5]

/** What each scenario does to the hyp of a trial. */
const scenarios = {
  same: (hyp: Hyp) => hyp,
  anchors: (hyp: Hyp, trial: number) => ({ ...hyp, anchors: anchorCounts[trial % anchorCounts.length]! }),
  failures: (hyp: Hyp, trial: number) => (trial % 5 === 3 ? { ...hyp, lr0: 1e30, warmup_bias_lr: 1e30 } : hyp),
} as const satisfies Record<string, (hyp: Hyp, trial: number) => Hyp>
type Scenario = keyof typeof scenarios

const { values } = parseArgs({
  options: {
    generations: { type: 'string', default: '50' },
    scenario: { type: 'string', default: Object.keys(scenarios).join() },
  },
})
const generations = Number(values.generations)
const chosen = values.scenario.split(',')
if (!Number.isInteger(generations) || generations < 20 || chosen.some((name) => !Object.hasOwn(scenarios, name))) {
  console.error(`usage: npm run soak -- --memory [--generations N, at least 20] [--scenario ${Object.keys(scenarios)}]`)
  process.exit(2)
}

const residentBytes = (pid: number) =>
  1024 * Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1])

interface Series {
  readonly coordinator: number[]
  readonly slot: number[]
  readonly slotProcesses: number
  readonly failed: number
}

async function evolve(scenario: Scenario, folder: string): Promise<Series> {
  const { hyp } = loadHyp('scratch-low')
  const data = await writeDigits(join(folder, 'digits'), [
    { split: 'train', pool: 'train', seed: 1, count: 48 },
    { split: 'val', pool: 'val', seed: 1, count: 16 },
  ])
  const options: TrainOptions = {
    ...trainDefaults,
    ...{ data, cfg: 'yolov5n.yaml', hyp, imagePx: 64, epochs: 2, cache: 'ram' },
    ...{ workers: 1, threads: 1, plots: false, patience: 0, validate: 'last', autoAnchor: scenario === 'anchors' },
  }
  const study = await createStudy({
    space: yolov5Space({ ...hyp }, { noAutoAnchor: true }),
    sampler: 'yolov5',
    fitness: '0.1*mAP50 + 0.9*mAP50to95',
    storage: join(folder, 'soak.db'),
  })
  await study.extend(generations)
  const make = embeddedTrainers(options)
  let trainer: Trainer | undefined
  const executor = localExecutor([{ slot: 0, device: 'cpu', threads: 1 }], (resources) => {
    const slot = make(resources)
    trainer = slot
    const changed = (job: TrainJob) => ({ ...job, hyp: scenarios[scenario](job.hyp, job.trial) })
    return {
      name: slot.name,
      get pid() {
        return slot.pid
      },
      train: (job, ...rest) => slot.train(changed(job), ...rest),
      kill: () => slot.kill(),
      close: () => slot.close(),
    }
  })
  const pids = new Set<number>()
  const series = { coordinator: [] as number[], slot: [] as number[] }
  let failed = 0
  try {
    await runTrials({
      study,
      executor,
      folder,
      onEvent: ({ type }) => {
        if (type !== 'complete' && type !== 'failed') return
        if (type === 'failed') failed++
        const pid = trainer!.pid!
        pids.add(pid)
        series.coordinator.push(process.memoryUsage.rss())
        series.slot.push(residentBytes(pid))
      },
    })
    return { ...series, slotProcesses: pids.size, failed }
  } finally {
    await executor.close()
    await study.close()
  }
}

const mb = (bytes: number) => (bytes / 1e6).toFixed(0)

function tell(name: string, series: readonly number[], from: number): Growth {
  const growth = growthOf(series.slice(from))
  console.log(`  ${name}, MB: ${series.map(mb).join(' ')}`)
  console.log(
    `    after generation 5: ${mb(series[4]!)} MB, ${series.length}: ${mb(series.at(-1)!)} MB; from generation ${from + 1} on ` +
      `${(growth.slope / 1e6).toFixed(2)} MB per generation (95 %: ${growth.interval.map((bytes) => (bytes / 1e6).toFixed(2)).join(' to ')}): ` +
      (growth.flat ? 'flat' : 'GROWS'),
  )
  return growth
}

for (const scenario of chosen as Scenario[]) {
  const folder = mkdtempSync(join(tmpdir(), 'hypevolve-soak-'))
  try {
    const began = performance.now()
    const { coordinator, slot, slotProcesses, failed } = await evolve(scenario, folder)
    console.log(
      `\n${scenario}: ${slot.length} generations in ${((performance.now() - began) / 1000).toFixed(0)} s, ${failed} failed, ` +
        `${slotProcesses} slot ${slotProcesses === 1 ? 'process' : 'processes'}`,
    )
    // What is built once, each graph twice, is there by then.
    const from = Math.max(9, 2 * anchorCounts.length)
    const growths = [tell('coordinator', coordinator, from), tell('slot', slot, from)]
    if (growths.some(({ flat }) => !flat) || slot.length !== generations || slotProcesses !== 1) process.exitCode = 1
  } finally {
    rmSync(folder, { recursive: true })
  }
}
