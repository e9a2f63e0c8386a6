// Do searches find on a real detector what they find on networks and formulas? Blood cells, YOLOv5n, trained by our own
// trainer: hours. Whatever has been trained stands in a file and is not trained again.
//   npm run bench:reality [-- --methods yolov5,auto] [-- --seeds 1..3] [-- --budget 60] [-- --json FILE] [-- --report]
// bench/reality/README.md says what is measured and how.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Hyp, type SamplerName, samplers } from '../src/search/index.ts'
import { bccd } from './peers.ts'
import { tellReport } from './reality/report.ts'
import { OtherCodeError, runName, runSearch, trialsOf } from './reality/search.ts'
import { incumbentAt, incumbentsOf } from './reality/summary.ts'
import { Interrupted, linesOf, nameOf, type Settings, space, Trainings } from './reality/trainings.ts'

const folder = fileURLToPath(new URL('./reality/', import.meta.url))

const packaged = fileURLToPath(new URL('../assets/weights/yolov5n-digits.safetensors', import.meta.url))

const options = {
  methods: { type: 'string', default: 'yolov5,auto' },
  seeds: { type: 'string', default: '1..3' },
  budget: { type: 'string', default: '60' },
  at: { type: 'string', default: '4,6,8,10,12,16,20,60' },
  confirm: { type: 'string', default: '3' },
  spread: { type: 'string', default: '5' },
  imgsz: { type: 'string', default: '96' },
  epochs: { type: 'string', default: '16' },
  weights: { type: 'string', default: packaged },
  json: { type: 'string', default: join(folder, 'results.jsonl') },
  png: { type: 'string' },
  anew: { type: 'boolean', default: false },
  report: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

const help = `node bench/run.mjs reality [options]
  --methods LIST  samplers, with commas (default yolov5,auto); the first is the one to be reached
  --seeds N       searches of each, or seeds as 2..3 (default 1..3)
  --budget N      of a search, in full trainings (default 60)
  --at LIST       budgets at which the best hyp is confirmed
  --confirm N     trainings with other seeds of each (default 3)
  --spread N      trainings of the default with other seeds, first of all (default 5)
  --imgsz, --epochs, --weights   of a full training (default 96, 16, the packaged weights; '' is from scratch)
  --json FILE     keeps the trainings (default bench/reality/results.jsonl)
  --report        trains nothing, tells what the file has
  --png FILE      and draws it
  --anew          searches on where the code proposes otherwise than when the search began`

/** Wrong words on the command line. */
class UsageError extends Error {}

const wholeOf = (name: string, words: string): number => {
  const number = Number(words)
  if (words.trim() !== '' && Number.isInteger(number) && number >= 0) return number
  throw new UsageError(`--${name} ${words}: give a whole number.`)
}

function seedsOf(words: string): number[] {
  const [first, last] = words.includes('..') ? words.split('..') : ['1', words]
  const from = wholeOf('seeds', first)
  return Array.from({ length: Math.max(0, wholeOf('seeds', last) - from + 1) }, (_, i) => from + i)
}

function methodsOf(words: string): SamplerName[] {
  return words.split(',').map((word) => {
    if (Object.hasOwn(samplers, word)) return word as SamplerName
    throw new UsageError(`--methods ${word}: there are ${Object.keys(samplers).join(', ')}.`)
  })
}

/** Seeds of trainings that no search has: those that confirm. */
const otherSeeds = (count: number) => Array.from({ length: count }, (_, i) => 1001 + i)

async function main(): Promise<void> {
  const { values } = parseArgs({ options, allowPositionals: false })
  if (values.help) return console.log(help)
  const settings: Settings = {
    data: bccd(),
    imagePx: wholeOf('imgsz', values.imgsz),
    epochs: wholeOf('epochs', values.epochs),
    batchSize: 16,
    weights: values.weights,
  }
  const plan = {
    settings,
    budget: wholeOf('budget', values.budget),
    seeds: seedsOf(values.seeds),
    budgets: values.at.split(',').map((each) => wholeOf('at', each)),
    confirm: otherSeeds(wholeOf('confirm', values.confirm)),
    spread: otherSeeds(wholeOf('spread', values.spread)),
  }
  const known = (method: string) => Object.hasOwn(samplers, method)
  const methods = values.report ? values.methods.split(',').filter(known) : methodsOf(values.methods)
  if (!values.report)
    await trainAll({ ...plan, methods: methods as SamplerName[], anew: values.anew, file: values.json })
  const lines = linesOf(values.json, nameOf(settings))
  await tellReport(lines, { ...plan, methods }, (bytes) => {
    if (values.png !== undefined) writeFileSync(values.png, bytes)
  })
}

interface Work {
  readonly settings: Settings
  readonly methods: readonly SamplerName[]
  readonly seeds: readonly number[]
  readonly budget: number
  readonly budgets: readonly number[]
  readonly confirm: readonly number[]
  readonly spread: readonly number[]
  readonly anew: boolean
  readonly file: string
}

async function trainAll(work: Work): Promise<void> {
  const { settings, methods, seeds, budget, budgets, confirm, spread, anew, file } = work
  const { epochs: full } = settings
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  const trainings = new Trainings(settings, file, stop.signal)
  try {
    const again = async (hyp: Hyp, seed: number, what: string) => {
      const { fitness, failure, seconds = 0 } = await trainings.train(hyp, full, seed, { again: true })
      console.error(`${stamp()}  ${what}, seed ${seed}  ${fitness?.toFixed(4) ?? failure}  (${seconds} s)`)
    }
    for (const seed of spread) await again(space.start, seed, 'the default')
    for (const seed of seeds)
      for (const method of methods) {
        const run = runName(method, seed)
        await runSearch(trainings, {
          ...{ method, seed, budget, anew },
          onTrial({ number, epochs, fitness, failure, seconds = 0 }) {
            const brought = fitness?.toFixed(4) ?? failure
            console.error(`${stamp()}  ${run}  trial ${number}  ${epochs} epochs  ${brought}  (${seconds} s)`)
          },
        })
        const incumbents = incumbentsOf(trialsOf(trainings.lines, run), full)
        const handedOver = new Set(budgets.map((at) => incumbentAt(incumbents, at)))
        for (const incumbent of handedOver) {
          if (incumbent === undefined) continue
          const what = `${run}  again the best of ${incumbent.spent.toFixed(1)} trainings`
          for (const other of confirm) await again(incumbent.hyp, other, what)
        }
      }
  } finally {
    await trainings.close()
  }
}

const stamp = () => new Date().toISOString().slice(0, 19)

try {
  await main()
} catch (error) {
  if (error instanceof Interrupted) {
    console.error('Interrupted: the same command goes on from here.')
    process.exitCode = 130
  } else {
    const expected = error instanceof UsageError || error instanceof OtherCodeError
    console.error(expected ? error.message : error)
    process.exitCode = expected ? 2 : 1
  }
}
