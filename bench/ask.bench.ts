// How long each sampler of the registry takes for a proposal when a study has many trials.
//   npm run bench:ask [-- --trials 1000] [-- --asks 40] [-- --samplers tpe,cmaes]
// Each sampler asks after a history that it did not make itself (every hyp drawn evenly), in three spaces: YOLOv5's own,
// 30 numbers, and 30 hyperparameters of all kinds, some under conditions. "first" is a new process's first proposal from
// a stored study: nothing compiled, nothing cached.
import { spawnSync } from 'node:child_process'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { randomFor } from '../src/base/index.ts'
import {
  choice,
  defineSpace,
  float,
  History,
  type Hyp,
  integer,
  type Sampler,
  type SearchSpace,
  samplers,
  type Trial,
  yolov5Space,
} from '../src/search/index.ts'
import { median } from './peers.ts'

const { values } = parseArgs({
  options: {
    trials: { type: 'string', default: '1000' },
    asks: { type: 'string', default: '40' },
    samplers: { type: 'string', default: Object.keys(samplers).join(',') },
    /** Of a process that this program starts: sampler and space. */
    measure: { type: 'string' },
  },
})
const [trials, asks] = [Number(values.trials), Number(values.asks)]
const wantedMs = 50

const times = <T>(count: number, prefix: string, make: (i: number) => T): Record<string, T> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, make(i)]))

const spaces: Record<string, SearchSpace> = {
  'yolov5 v7.0': yolov5Space({
    ...{ lr0: 0.01, lrf: 0.01, momentum: 0.937, weight_decay: 0.0005, warmup_epochs: 3, warmup_momentum: 0.8 },
    ...{ warmup_bias_lr: 0.1, box: 0.05, cls: 0.5, cls_pw: 1, obj: 1, obj_pw: 1, iou_t: 0.2, anchor_t: 4, anchors: 3 },
    ...{ fl_gamma: 0, hsv_h: 0.015, hsv_s: 0.7, hsv_v: 0.4, degrees: 0, translate: 0.1, scale: 0.5, shear: 0 },
    ...{ perspective: 0, flipud: 0, fliplr: 0.5, mosaic: 1, mixup: 0, copy_paste: 0 },
  }),
  '30 numbers': defineSpace(times(30, 'x', () => float(0, 1))) as SearchSpace,
  '30 of all kinds': defineSpace({
    ...times(10, 'float', () => float(0, 1)),
    ...times(6, 'log', () => float(1e-6, 1, { log: true })),
    ...times(6, 'integer', (i) => integer(0, 2 ** (i + 2))),
    ...times(4, 'choice', (i) => choice([...'abcdef'].slice(0, i + 2))),
    ...times(4, 'only', () => float(0, 1, { when: { choice0: ['a'] } })),
  }) as SearchSpace,
}

/** Studies by name; of those with rungs two thirds of the trainings are of the first, a ninth is whole. */
const studies: Record<string, { readonly space: SearchSpace; readonly rungs?: readonly number[] }> = {
  ...Object.fromEntries(Object.entries(spaces).map(([name, space]) => [name, { space }])),
  '30, three rungs': { space: spaces['30 numbers']!, rungs: [4, 12, 36] },
}
type Study = (typeof studies)[string]

const random = samplers.random as Sampler<unknown>

/** The trials of a study, told without the sampler that is measured. */
function historyOf({ space, rungs }: Study): History {
  const history = new History()
  const options = random.options.parse({})
  for (let number = 0; number < trials; number++) {
    const rngOf = (n: number) => randomFor(1, n)
    const { hyp } = random.propose({ space, number, history, rng: rngOf(number), rngOf }, options)
    history.set(told({ number, hyp, rungs }))
  }
  return history
}

function told({ number, hyp, rungs }: { number: number; hyp: Hyp; rungs: Study['rungs'] }): Trial {
  const fidelity = rungs?.[number % 9 === 0 ? 2 : number % 9 < 7 ? 0 : 1]
  const trial = { number, hyp, parents: [], mutated: [], attempt: 1, ...(fidelity === undefined ? {} : { fidelity }) }
  const fitness = randomFor(1, number + 1e6).numpy.random()
  if (number % 20 === 19) return { ...trial, state: 'failed', failure: 'crash', output: ['?'] }
  if (fidelity !== undefined && fidelity < rungs!.at(-1)!)
    return { ...trial, state: 'pruned', epochs: fidelity, fitness, metrics: {} }
  return { ...trial, state: 'complete', fitness, metrics: {} }
}

interface Ask {
  readonly ms: number
  /** Of all threads of the process: what the time would be on a machine that does nothing else, and a little more. */
  readonly cpuMs: number
}

/** What each proposal takes; between two the earlier one is told. */
function measure(name: string, study: Study): Ask[] {
  const { space, rungs } = study
  const sampler = samplers[name as keyof typeof samplers] as Sampler<unknown>
  const options = sampler.options.parse({})
  const history = historyOf(study)
  const fidelity = rungs && { epochs: rungs.at(-1)!, rungs }
  return Array.from({ length: asks }, (_, i) => {
    const number = trials + i
    const rngOf = (n: number) => randomFor(2, n)
    const context = { space, number, history, rng: rngOf(number), rngOf, ...(fidelity ? { fidelity } : {}) }
    const [cpu, began] = [process.cpuUsage(), performance.now()]
    const { hyp } = sampler.propose(context, options)
    const [ms, { user, system }] = [performance.now() - began, process.cpuUsage(cpu)]
    history.set(told({ number, hyp, rungs }))
    return { ms, cpuMs: (user + system) / 1000 }
  })
}

if (values.measure !== undefined) {
  const [name, space] = JSON.parse(values.measure) as [string, string]
  console.log(JSON.stringify(measure(name, studies[space]!)))
} else {
  console.log(`${trials} trials; ${cpus()[0]?.model ?? 'processor'}, load ${loadavg()[0]!.toFixed(1)}`)
  console.log('sampler    | space           | first ms (processor) | median ms (processor) | longest later ms')
  let slow = false
  for (const name of values.samplers.split(','))
    for (const space of Object.keys(studies)) {
      const words = ['--trials', values.trials, '--asks', values.asks, '--measure', JSON.stringify([name, space])]
      const child = spawnSync(process.execPath, [process.argv[1]!, ...words], { encoding: 'utf8' })
      if (child.status !== 0) throw new Error(`${name} on ${space}: ${child.stderr}`)
      const [first, ...later] = JSON.parse(child.stdout) as Ask[]
      const middle = { ms: median(later.map(({ ms }) => ms)), cpuMs: median(later.map(({ cpuMs }) => cpuMs)) }
      slow ||= middle.ms > wantedMs
      const cell = ({ ms, cpuMs }: Ask) => `${ms.toFixed(1).padStart(6)} (${cpuMs.toFixed(1)})`
      const longest = Math.max(...later.map(({ ms }) => ms)).toFixed(1)
      console.log([name.padEnd(10), space.padEnd(15), cell(first!), cell(middle), longest].join(' | '))
    }
  console.log(slow ? `slower than the wanted ${wantedMs} ms` : `all within the wanted ${wantedMs} ms`)
}
