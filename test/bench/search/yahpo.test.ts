import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InferenceSession } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { openScenario, tasksOf } from '../../../bench/search/problems/index.ts'
import { readConfigSpace, ScenarioError, Surrogate, yahpoScenario } from '../../../bench/search/problems/yahpo.ts'
import columns from '../../../bench/search/problems/yahpo-columns.json' with { type: 'json' }
import { SearchSpace } from '../../../src/search/index.ts'
import { tinyNetwork } from './tiny-network.ts'

const lcbench =
  process.env['HYPEVOLVE_SEARCH_BENCH'] ??
  fileURLToPath(new URL('../../../../shared/bench/yahpo/lcbench', import.meta.url))
const here = existsSync(lcbench)
if (!here) console.warn(`There is no ${lcbench}: what is measured on LCBench's surrogate is not tested here.`)

/** A made-up scenario: a learner with a tree's depth or a linear one's penalty, on shares of the data. */
const space = {
  hyperparameters: [
    { name: 'task_id', type: 'categorical', choices: ['7', '8'], default: '7', probabilities: null },
    { name: 'learner', type: 'categorical', choices: ['linear', 'tree'], default: 'linear', probabilities: null },
    { name: 'booster', type: 'categorical', choices: ['plain', 'dart'], default: 'plain', probabilities: null },
    { name: 'depth', type: 'uniform_int', log: false, lower: 1, upper: 15, default: 8 },
    { name: 'penalty', type: 'uniform_float', log: true, lower: 0.001, upper: 1000, default: 1 },
    { name: 'drop', type: 'uniform_float', log: false, lower: 0, upper: 1, default: 0.5 },
    { name: 'trainsize', type: 'uniform_float', log: false, lower: 0.03, upper: 1, default: 0.5 },
    { name: 'repl', type: 'uniform_int', log: false, lower: 1, upper: 10, default: 6 },
  ],
  conditions: [
    { child: 'depth', parent: 'learner', type: 'IN', values: ['tree'] },
    { child: 'penalty', parent: 'learner', type: 'EQ', value: 'linear' },
    { child: 'booster', parent: 'learner', type: 'EQ', value: 'tree' },
    {
      child: 'drop',
      type: 'AND',
      conditions: [
        { child: 'drop', parent: 'learner', type: 'EQ', value: 'tree' },
        { child: 'drop', parent: 'booster', type: 'EQ', value: 'dart' },
      ],
    },
  ],
  forbiddens: [],
}

const encoding = {
  task_id: { '#na#': 0, '7': 1, '8': 2 },
  learner: { '#na#': 0, linear: 1, tree: 2 },
  booster: { '#na#': 0, dart: 1, plain: 2 },
}

const made = {
  task: 'task_id',
  categories: ['task_id', 'learner', 'booster'],
  numbers: ['depth', 'penalty', 'drop', 'trainsize', 'repl'],
  outputs: ['error', 'seconds'],
  score: 'error',
  minimize: true,
  time: 'seconds',
  fidelity: 'trainsize',
  held: { repl: 10 },
}

/** error = task + 10 learner + 100 booster + depth - 50 trainsize + repl; seconds = 4 trainsize + 1 */
const network = tinyNetwork(
  [
    [1, 0],
    [10, 0],
    [100, 0],
  ],
  [
    [1, 0],
    [0, 0],
    [0, 0],
    [-50, 4],
    [1, 0],
  ],
  [0, 1],
)

function folder(
  change: { readonly space?: object; readonly columns?: object; readonly encoding?: object } = {},
): string {
  const path = mkdtempSync(join(tmpdir(), 'hypevolve-scenario-'))
  writeFileSync(join(path, 'config_space.json'), JSON.stringify({ ...space, ...change.space }))
  writeFileSync(join(path, 'encoding.json'), JSON.stringify({ ...encoding, ...change.encoding }))
  writeFileSync(join(path, 'columns.json'), JSON.stringify({ ...made, ...change.columns }))
  writeFileSync(join(path, 'model.onnx'), network)
  return path
}

describe('a space as ConfigSpace writes it', () => {
  it('keeps kinds, bounds, logarithms, starts and conditions, all of which must hold', () => {
    expect(Object.fromEntries(readConfigSpace(space, 'it'))).toEqual({
      task_id: { kind: 'choice', choices: ['7', '8'], start: '7' },
      learner: { kind: 'choice', choices: ['linear', 'tree'], start: 'linear' },
      booster: { kind: 'choice', choices: ['plain', 'dart'], start: 'plain', when: { learner: ['tree'] } },
      depth: { kind: 'integer', lower: 1, upper: 15, start: 8, when: { learner: ['tree'] } },
      penalty: { kind: 'float', lower: 0.001, upper: 1000, start: 1, log: true, when: { learner: ['linear'] } },
      drop: { kind: 'float', lower: 0, upper: 1, start: 0.5, when: { learner: ['tree'], booster: ['dart'] } },
      trainsize: { kind: 'float', lower: 0.03, upper: 1, start: 0.5 },
      repl: { kind: 'integer', lower: 1, upper: 10, start: 6 },
    })
  })

  it('is a space of ours', () => {
    const ours = new SearchSpace(Object.fromEntries(readConfigSpace(space, 'it')))
    expect(ours.start).toEqual({ task_id: '7', learner: 'linear', penalty: 1, trainsize: 0.5, repl: 6 })
  })

  it('refuses what it does not know', () => {
    const unknown = { ...space, hyperparameters: [{ name: 'x', type: 'normal_float', mu: 0, sigma: 1, default: 0 }] }
    expect(() => readConfigSpace(unknown, 'space.json')).toThrow(/space\.json is no space that can be read: at hyp/)
    expect(() => readConfigSpace({ ...space, forbiddens: [{}] }, 'space.json')).toThrow(/forbids combinations/)
  })
})

describe('a scenario that is mixed and conditional', () => {
  it('searches all but task, fidelity and what is held', async () => {
    const scenario = await yahpoScenario(folder())
    expect(scenario.tasks).toEqual(['7', '8'])
    const problem = await scenario.problem('8', 'good', 1)
    expect(problem.space.keys).toEqual(['learner', 'booster', 'depth', 'penalty', 'drop'])
    expect({ ...problem, space: 0, name: 0, train: 0, regret: 0, best: 0, median: 0 }).toMatchObject({
      epochs: 50,
      firstEpoch: 2,
      resumable: false,
    })
  })

  it('gives the network 0 and #na# for what a hyp does not have', async () => {
    const problem = await (await yahpoScenario(folder())).problem('8', 'good', 1)
    const linear = await problem.train({ learner: 'linear', penalty: 3 }, [50])
    expect(linear.scores[50]).toBeCloseTo(-(2 + 10 + 0 + 0 - 50 + 10), 4)
    const tree = await problem.train({ learner: 'tree', booster: 'dart', depth: 5, drop: 0.3 }, [25, 50])
    expect(tree.scores[50]).toBeCloseTo(-(2 + 20 + 100 + 5 - 50 + 10), 4)
    expect(tree.scores[25]).toBeCloseTo(-(2 + 20 + 100 + 5 - 25 + 10), 4)
    expect(tree.scores[30]).toBeNaN() // was not asked for
    expect([tree.times![50], tree.times![25]].map((time) => Number(time.toFixed(4)))).toEqual([1, 0.6])
  })

  it('has regret 0 at the best and 1 at the median of its random hyps, and a default of the quality asked for', async () => {
    const scenario = await yahpoScenario(folder())
    const regrets = []
    for (const quality of ['good', 'medium', 'bad'] as const) {
      const problem = await scenario.problem('7', quality, 1)
      expect(problem.regret(problem.best)).toBe(0)
      expect(problem.regret(problem.median)).toBe(1)
      const { scores } = await problem.train(problem.space.start, [problem.epochs])
      regrets.push(problem.regret(scores[problem.epochs]))
    }
    expect(regrets[0]).toBe(0) // more than 15 % of the hyps are linear, and all of these equally good
    expect(regrets[1]).toBeLessThan(regrets[2])
  })

  it('says what is wrong with a folder', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'hypevolve-scenario-'))
    await expect(openScenario(empty)).rejects.toThrow(/no config_space\.json/)
    await expect(openScenario('no-such-thing')).rejects.toThrow(ScenarioError)
    await expect(yahpoScenario(folder({ columns: { numbers: ['depth'] } }))).rejects.toThrow(
      /x_cont has 5 columns, and 1/,
    )
    await expect(yahpoScenario(folder({ columns: { fidelity: 'booster' } }))).rejects.toThrow(
      /is no number of its space/,
    )
    const { booster: _, ...less } = encoding
    const lacking = folder()
    writeFileSync(join(lacking, 'encoding.json'), JSON.stringify(less))
    await expect(yahpoScenario(lacking)).rejects.toThrow(/lacks booster/)
    const cut = folder()
    writeFileSync(join(cut, 'model.onnx'), '')
    await expect(yahpoScenario(cut)).rejects.toThrow(/model\.onnx cannot be loaded \(is it whole\?\)/)
    const scenario = await yahpoScenario(folder())
    expect(() => tasksOf(scenario, '9')).toThrow(/has no task 9/)
    expect(tasksOf(scenario, 'all:1')).toEqual(['7'])
  })
})

describe('the columns of published scenarios', () => {
  it.each(Object.entries(columns))('%s: the score and the time are outputs, the fidelity is a number', (_, each) => {
    expect(each.outputs).toContain(each.score)
    expect(each.outputs).toContain(each.time)
    expect(each.numbers).toContain(each.fidelity)
    if (each.task !== null) expect(each.categories).toContain(each.task)
  })
})

describe.skipIf(!here)('LCBench', () => {
  it('gives what onnxruntime of Python gives', async () => {
    const session = await InferenceSession.create(join(lcbench, 'model.onnx'))
    const codes = JSON.parse(readFileSync(join(lcbench, 'encoding.json'), 'utf8'))
    const surrogate = new Surrogate(session, { ...columns.lcbench, held: {}, epochs: [2, 51] }, codes, 'it')
    const hyp = {
      ...{ batch_size: 91, learning_rate: 0.0031622777, momentum: 0.545, weight_decay: 0.050005 },
      ...{ num_layers: 3, max_units: 256, max_dropout: 0.5 },
    }
    const rows = [
      ['3945', 2],
      ['3945', 17],
      ['3945', 51],
      ['189909', 51],
      ['167190', 6],
    ] as const
    const { scores, times } = await surrogate.predict(
      rows.map(([task, epoch]) => ({ ...hyp, OpenML_task_id: task, epoch })),
    )
    // onnxruntime 1.32.0 of Python, columns val_accuracy and time
    const accuracy = [76.44290161132812, 91.6650161743164, 93.38562774658203, 64.4801254272461, 71.847900390625]
    const seconds = [23.022850036621094, 84.11740112304688, 162.85198974609375, 140.23367309570312, 30.62689971923828]
    for (const [i, expected] of accuracy.entries()) expect(scores[i]).toBeCloseTo(expected, 3)
    for (const [i, expected] of seconds.entries()) expect(times![i]).toBeCloseTo(expected, 2)
  })

  it('has the tasks, epochs and defaults of its description', async () => {
    const scenario = await yahpoScenario(lcbench)
    expect([tasksOf(scenario, 'dev').length, tasksOf(scenario, 'final').length]).toEqual([17, 17])
    expect(tasksOf(scenario, 'dev:2')).toEqual(['3945', '7593'])
    const problem = await scenario.problem('7593', 'good', 1)
    expect([problem.firstEpoch, problem.epochs, problem.space.keys.length]).toEqual([2, 51, 7])
    const training = await problem.train(problem.space.start, [problem.epochs])
    const regret = problem.regret(training.scores[51])
    expect(regret).toBeGreaterThan(0)
    expect(regret).toBeLessThan(1)
    const middling = await scenario.problem('7593', 'medium', 1)
    expect(middling.regret((await middling.train(middling.space.start, [51])).scores[51])).toBeCloseTo(1, 2)
    const bad = await scenario.problem('7593', 'bad', 1)
    expect(bad.regret((await bad.train(bad.space.start, [51])).scores[51])).toBeGreaterThan(1)
  })
})
