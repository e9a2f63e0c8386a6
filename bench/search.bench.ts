// How good searches are for the trainings that they cost: every sampler, baselines and peers on the same problems.
//   node bench/run.mjs search [--scenario DIR] [--tasks dev:4] [--samplers a,b] [--budget 50] [--workers 1] [--seeds 5]
//     [--default good] [--json FILE]
// bench/search/README.md says what is measured and how to read the table.
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { samplers } from '../src/search/index.ts'
import { figureOf } from './search/figure.ts'
import type { Method } from './search/method.ts'
import { combinedMethod, localMethods, type Versions } from './search/methods.ts'
import { isPeer, openPeers, type Peers, PeersError, setUpPeers } from './search/peers.ts'
import { type DefaultQuality, defaultQualities, type Scenario } from './search/problem.ts'
import { madeScenarios, openScenario, ScenarioError, tasksOf } from './search/problems/index.ts'
import { codeDigest, type Result, Results, type RunKey } from './search/results.ts'
import { runSeed, simulate } from './search/simulate.ts'
import { differencesTo, tableOf } from './search/table.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const options = {
  scenario: { type: 'string', multiple: true },
  tasks: { type: 'string', default: 'dev' },
  samplers: { type: 'string' },
  pruner: { type: 'string', multiple: true },
  budget: { type: 'string', default: '50' },
  workers: { type: 'string', default: '1' },
  seeds: { type: 'string', default: '5' },
  default: { type: 'string', default: 'good' },
  clock: { type: 'string', default: 'surrogate' },
  at: { type: 'string' },
  targets: { type: 'string', default: '.2,.1' },
  against: { type: 'string' },
  figure: { type: 'string' },
  json: { type: 'string' },
  list: { type: 'boolean', default: false },
  'setup-peers': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

const help = `node bench/run.mjs search [options]
  --scenario DIR   a folder of YAHPO's data, or ${madeScenarios.join(', ')}; more than once
                   for several (default: the LCBench of HYPEVOLVE_SEARCH_BENCH, or beside the checkout)
  --tasks WHICH    dev, final, all, the first few as dev:4, or names with commas (default dev)
  --samplers LIST  names with commas; --list shows them (default: all but the peers)
  --pruner NAME    gives every sampler of the list this pruner instead of its own, as hyperband,
                   hyperband:async or median:stop (stops trainings in their course); more than
                   once for several. Rows are called tpe+hyperband:async; --samplers takes such names too
  --budget N       in full trainings (default 50)
  --workers N      trainings at the same time (default 1)
  --seeds N        runs per task, or seeds as 6..10 (default 5)
  --default WHICH  good, medium or bad: where the search starts (default good)
  --clock WHICH    surrogate or jitter (default surrogate, where the scenario has times)
  --at LIST        columns of the table: budgets, or with several workers times
  --targets LIST   regrets to reach (default .2,.1)
  --against NAME   a second table: by how much the others differ from this one, run by run
  --figure FILE    draws the mean regrets over the budget as PNG
  --json FILE      keeps the runs; those that are there are not run again
  --list           the methods, and what keeps one from running
  --setup-peers    installs Optuna and NePS into .peers/search`

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>['values']

/** Wrong words on the command line. */
class UsageError extends Error {}

const numberOf = (name: string, words: string, least: number): number => {
  const number = Number(words)
  if (words.trim() !== '' && Number.isFinite(number) && number >= least) return number
  throw new UsageError(`--${name} ${words}: give a number of at least ${least}.`)
}

const listOf = (name: string, words: string): number[] =>
  words.split(',').map((each) => numberOf(name, each, Number.MIN_VALUE))

function seedsOf(words: string): number[] {
  const [first, last] = words.includes('..') ? words.split('..') : ['1', words]
  const from = Math.floor(numberOf('seeds', first, 0))
  const to = Math.floor(numberOf('seeds', last, from))
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

function chosenOf<T extends string>(name: string, words: string, choices: readonly T[]): T {
  const found = choices.find((each) => each === words)
  if (found !== undefined) return found
  throw new UsageError(`--${name} ${words}: give ${choices.join(', ')}.`)
}

interface Choice {
  readonly samplers: string | undefined
  readonly pruners: readonly string[]
  readonly versions: Versions
}

function chosenMethods({ samplers: words, pruners, versions }: Choice, all: readonly Method[], peers: Peers): Method[] {
  const combined = (text: string): Method => {
    const method = combinedMethod(text, versions)
    if (typeof method === 'string') throw new UsageError(`${text}: ${method}`)
    return method
  }
  /** What a pruner goes with: samplers of ours, if they have not got one by name. */
  const takesPruner = ({ name }: Method) => Object.hasOwn(samplers, name)
  const withPruners = (method: Method): Method[] =>
    pruners.length > 0 && takesPruner(method) ? pruners.map((pruner) => combined(`${method.name}+${pruner}`)) : [method]
  if (words === undefined) return all.filter((method) => !peers.methods.includes(method)).flatMap(withPruners)
  const chosen = words.split(',').flatMap((word) => {
    const name = word.trim()
    const found = all.find((method) => method.name === name)
    if (found) return withPruners(found)
    if (name.includes('+')) return [combined(name)]
    if (!isPeer(name))
      throw new UsageError(`--samplers ${name}: there is none of this name, but ${all.map((m) => m.name).join(', ')}.`)
    console.error(
      `${name} is left out. ${peers.missing ?? 'It is not installed, or there is no such peer (see --list).'}`,
    )
    return []
  })
  if (chosen.length === 0) throw new UsageError('No method is left.')
  return chosen
}

/** Budgets for the table; with several workers times up to the end of the budget. */
function columnsOf(words: string | undefined, budget: number, workers: number): number[] {
  if (words !== undefined) {
    const columns = listOf('at', words).sort((a, b) => a - b)
    if (workers === 1 && columns.at(-1)! > budget)
      throw new UsageError(`--at ${words}: the budget ends at ${budget}; give a larger --budget.`)
    return columns
  }
  const usual = [10, 20, 30, 50, 100].filter((each) => each <= budget)
  if (workers === 1) return usual.length > 0 ? usual : [budget]
  return [0.24, 0.48, 0.96].map((share) => Math.max(0.5, Math.round((2 * share * budget) / workers) / 2))
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options, allowPositionals: false })
  if (values.help) return console.log(help)
  if (values['setup-peers']) return setUpPeers(root)
  const peers = await openPeers(root)
  try {
    await bench(values, peers)
  } finally {
    peers.end()
  }
}

async function bench(values: Values, peers: Peers): Promise<void> {
  const shared = ['method.ts', 'problem.ts', 'simulate.ts', 'unit-cube.ts', 'problems'].map(
    (it) => `bench/search/${it}`,
  )
  const versions: Versions = {
    samplers: codeDigest(root, [...shared, 'bench/search/sampler-method.ts', 'dist/search', 'dist/base/random']),
    baselines: codeDigest(root, [...shared, 'bench/search/baselines', 'dist/base/random']),
  }
  const all = [...localMethods(versions), ...peers.methods]
  if (values.list) {
    for (const { name, summary, version } of all) console.log(`${name.padEnd(30)} ${summary} [${version}]`)
    if (peers.missing !== undefined) console.log(peers.missing)
    return
  }
  const methods = chosenMethods({ samplers: values.samplers, pruners: values.pruner ?? [], versions }, all, peers)
  if (values.against !== undefined && !methods.some(({ name }) => name === values.against))
    throw new UsageError(`--against ${values.against}: it is none of ${methods.map(({ name }) => name).join(', ')}.`)
  const budget = numberOf('budget', values.budget, 1)
  const workers = Math.floor(numberOf('workers', values.workers, 1))
  const seeds = seedsOf(values.seeds)
  const quality = chosenOf('default', values.default, defaultQualities)
  const clock = chosenOf('clock', values.clock, ['surrogate', 'jitter'])
  const columns = columnsOf(values.at, budget, workers)
  const targets = listOf('targets', values.targets)
  const lcbench = process.env['HYPEVOLVE_SEARCH_BENCH'] ?? join(root, '../shared/bench/yahpo/lcbench')
  const results = new Results(values.json)
  if (results.broken > 0) console.error(`${results.broken} broken lines of ${values.json} are ignored.`)

  for (const words of values.scenario ?? [lcbench]) {
    const scenario = await openScenario(words)
    const tasks = tasksOf(scenario, values.tasks)
    const plan = { scenario, tasks, seeds, quality, budget, workers, clock }
    const rows = []
    for (const method of methods) {
      const unfit = method.unfit?.(await scenario.problem(tasks[0], quality, seeds[0]))
      if (unfit === undefined) rows.push({ method, runs: await runsOf(method, plan, results) })
      else console.error(`${method.name} is left out: ${unfit}`)
    }
    const what = `${scenario.name}, ${tasks.length} tasks x ${seeds.length} seeds, ${quality} default, ${workers} workers`
    console.log(`\n${what}, budget ${budget} trainings: mean regret [95 % interval] (median)\n`)
    const by = workers === 1 ? 'spent' : 'time'
    const of = rows.map(({ method: { name, resumes = false }, runs }) => ({ method: name, resumes, runs }))
    console.log(tableOf(of, { columns, by, targets }))
    if (values.against !== undefined && of.some(({ method }) => method === values.against))
      console.log(`\n${differencesTo(values.against, of, { columns, by })}`)
    if (values.figure !== undefined)
      writeFileSync(values.figure, await figureOf(of, { title: what, budget: columns.at(-1)!, by }))
  }
}

interface Plan {
  readonly scenario: Scenario
  readonly tasks: readonly string[]
  readonly seeds: readonly number[]
  readonly quality: DefaultQuality
  readonly budget: number
  readonly workers: number
  readonly clock: 'surrogate' | 'jitter'
}

/** The runs of a method, by task and seed; those that are known are not run. */
async function runsOf(method: Method, plan: Plan, results: Results): Promise<Result['steps'][]> {
  const { scenario, tasks, seeds, quality, budget, workers, clock } = plan
  const keys = tasks.flatMap((task) =>
    seeds.map((seed): RunKey => {
      const { name, version } = method
      return { scenario: scenario.name, task, quality, method: name, version, seed, budget, workers, clock }
    }),
  )
  const outdated = results.outdated(keys)
  if (outdated > 0) console.error(`${method.name}: ${outdated} runs of other code are not used.`)
  const began = performance.now()
  const runs: Result[] = []
  for (const key of keys) {
    const known = results.get(key)
    if (known) {
      runs.push(known)
      continue
    }
    const problem = await scenario.problem(key.task, quality, key.seed)
    const from = performance.now()
    const run = await simulate(problem, method, { budget, workers, seed: runSeed(key.task, key.seed), clock })
    const result = { key, seconds: Math.round(performance.now() - from) / 1000, ...run }
    results.add(result)
    runs.push(result)
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  console.error(`${scenario.name}: ${method.name}, ${runs.length} runs, ${seconds} s`)
  return runs.map(({ steps }) => steps)
}

try {
  await main()
} catch (error) {
  const expected =
    error instanceof UsageError ||
    error instanceof ScenarioError ||
    error instanceof PeersError ||
    /^(ERR_PARSE_ARGS.*|E[A-Z]+)$/.test((error as NodeJS.ErrnoException).code ?? '') // wrong options, files
  console.error(expected ? (error as Error).message : error)
  process.exitCode = expected ? 2 : 1
}
