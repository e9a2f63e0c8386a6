// The search that --evolve makes if no original is named, as a user types it, with a program that trains in no time: short
// and whole trainings, the confirmation, a kill in the middle, constraints, two objectives.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cli, kill9, scratch, startCli, tinyFlags, tinyProject } from './helpers.ts'

/** A learning curve whose height depends on lr0 and momentum, with noise by the seed. */
const program = `
const [epochs, seed, pause] = process.argv.slice(2).map(Number)
const hyp = JSON.parse(process.env.HYPEVOLVE_HYP_JSON)
const quality = 0.6 - 0.16 * (Math.log10(hyp.lr0) + 1.5) ** 2 - (hyp.momentum - 0.8) ** 2
const noise = 0.004 * Math.sin(1000 * seed + 1e5 * hyp.lr0)
for (let epoch = 1; epoch <= epochs; epoch++) {
  const mAP50to95 = Math.max(0, quality * (1 - Math.exp(-epoch / 12)) + noise)
  console.log(JSON.stringify({ epoch, precision: 0.5, recall: 0.4, mAP50: mAP50to95, mAP50to95, latency_ms: 10 * hyp.momentum }))
  if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause))
}
`
const trainer = (...words: string[]) => ['--trainer', 'command', '--', process.execPath, 'train.mjs', ...words]
const usual = trainer('{epochs}', '{seed}')
/** Few enough for short trainings. */
const few = ['--only', 'lr0,lrf,momentum,weight_decay,scale']

interface Row {
  readonly number: number
  readonly state: string
  readonly fitness: number | null
  readonly hyp: Record<string, number>
  readonly fidelity: number | null
  readonly continues: number | null
  readonly repeats: number | null
  readonly repetition: number | null
  readonly second: number | null
  readonly violation: number | null
  readonly attempts: number
}

function project() {
  const { folder, remove } = scratch()
  writeFileSync(join(folder, 'train.mjs'), program)
  const good = async (...words: string[]) => {
    const { status, stdout, stderr } = await cli(words, folder)
    expect(status, stdout + stderr).toBe(0)
    return stdout
  }
  const trials = async (name = 'exp') => JSON.parse(await good('trials', name, '--json')) as Row[]
  const read = (...path: string[]) => readFileSync(join(folder, ...path), 'utf8')
  return { folder, remove, good, trials, read }
}

describe('twenty trainings’ worth', () => {
  const { folder, remove, good, trials, read } = project()
  let said = ''
  let rows: Row[] = []

  beforeAll(async () => {
    said = await good('train', '--evolve', '20', '--epochs', '36', '--jobs', '2', ...few, ...usual)
    rows = await trials()
  })
  afterAll(remove)

  it('says how it searches, what the number means, and how to get the original', () => {
    expect(said).toMatch(/^Searches with auto, .* --sampler yolov5$/m)
    expect(said).toMatch(
      /^20 trainings means as many epochs .* \(720\); the last 4 train the best and the start again/m,
    )
    expect(said).toMatch(/^Trainings may be short: 12 epochs, /m)
    expect(said).toMatch(/^trial \d+ after 12 epochs: fitness /m)
    expect(said).toMatch(/ once more: fitness /)
  })

  it('begins with the start at full length, then looks around with short ones', () => {
    expect(rows[0]).toMatchObject({ state: 'complete', fidelity: 36, hyp: { lr0: 0.01 } })
    const short = rows.filter(({ fidelity }) => fidelity === 12)
    expect(short.length).toBeGreaterThan(1)
    for (const row of short) expect(row).toMatchObject({ state: 'pruned', fitness: expect.any(Number) })
    for (const { hyp, continues } of rows.filter((row) => row.continues !== null))
      expect(rows[continues!]).toMatchObject({ hyp, fidelity: 12 })
  })

  it('costs what was asked for, the confirmation included', () => {
    const worth = rows.reduce((sum, { fidelity }) => sum + fidelity! / 36, 0)
    expect(worth).toBeLessThanOrEqual(20 + 1e-9)
    expect(worth).toBeGreaterThan(18)
    const repeats = rows.filter((row) => row.repeats !== null)
    expect(repeats).toHaveLength(4)
    for (const { repeats: of, hyp, fidelity } of repeats)
      expect({ hyp, fidelity }).toEqual({ hyp: rows[of!].hyp, fidelity: 36 })
    expect(repeats.some((row) => row.repeats === 0)).toBe(true)
  })

  it('puts whole trainings into evolve.csv, and the confirmed winner into hyp_evolve.yaml', async () => {
    const csv = read('runs/evolve/exp/evolve.csv').trim().split('\n')
    const whole = rows.filter(({ state, repeats }) => state === 'complete' && repeats === null)
    expect(csv).toHaveLength(1 + whole.length)
    const best = JSON.parse(await good('best', '--json'))
    const yaml = read('runs/evolve/exp/hyp_evolve.yaml')
    expect(Number(/^lr0: (\S+)$/m.exec(yaml)?.[1])).toBeCloseTo(best.hyp.lr0, 5)
    expect(best.confirmation).toMatchObject({ confirmed: true, winner: { number: best.number } })
    expect(await good('best')).toMatch(/trained (once|\d times) more: 0\.\d+/)
    const status = await good('status')
    expect(status).toMatch(/^confirmed \d × again: 0\.\d+/m)
    expect(status).toMatch(/^done .*: \d+ complete, \d+ short, 4 to confirm, 0 failed, 0 running$/m)
    expect(said.trim().split('\n').at(-1)).toMatch(/^Train with the best: /)
  })

  it('is shown with its lengths', async () => {
    expect(await good('trials')).toMatch(/^trial +state +epochs +fitness /)
    const repeat = rows.find((row) => row.repeats !== null)!
    expect(await good('show', String(repeat.number))).toMatch(
      /36 of 36 epochs, trial \d+ once more with the seed \+ \d/,
    )
    expect(await good('reproduce', String(repeat.number))).toMatch(/train\.mjs 36 [1-4]$/m)
  })

  it('is done when repeated, and goes on with a larger number', async () => {
    const more = await good('train', '--evolve', '32', '--epochs', '36', ...few, ...usual)
    expect(more).toMatch(/extends runs\/evolve\/exp from 20 to 32 trainings' worth/)
    const later = await trials()
    expect(later.slice(0, rows.length)).toEqual(rows)
    expect(later.length).toBeGreaterThan(rows.length)
  })

  it('tells what matters, draws it, and writes a smaller space that can be searched', async () => {
    const told = await good('importance', 'exp', '--figure', 'importance.png', '--narrow', 'next.yaml')
    expect(told).toMatch(/^What matters for the fitness in runs\/evolve\/exp: \d+ full trainings$/m)
    expect(told).toMatch(/^lr0 .* % /m)
    const { keys } = JSON.parse(await good('importance', '--json'))
    expect(keys.map(({ key }: { key: string }) => key).sort()).toEqual(few[1]!.split(',').sort())
    expect(keys[0].importance).toBeGreaterThan(0)
    expect(keys[0].importance).toBeLessThanOrEqual(1)
    expect(await sharp(join(folder, 'importance.png')).metadata()).toMatchObject({ format: 'png' })
    await good('train', '--evolve', '3', '--epochs', '36', '--space', 'next.yaml', '--name', 'next', ...usual)
    const next = (await trials('next')).filter(({ state }) => state === 'complete')
    expect(next.length).toBeGreaterThan(1)
    expect(next[0].hyp).toMatchObject(JSON.parse(await good('best', 'exp', '--json')).hyp)
  })
})

it('a study that was killed goes on with the same proposals', { timeout: 120_000 }, async () => {
  const [whole, killed] = [project(), project()]
  const words = ['train', '--evolve', '12', '--epochs', '36', ...few, ...trainer('{epochs}', '{seed}', '2')]
  await whole.good(...words)
  for (const after of [2, 9]) {
    const running = startCli(after === 2 ? words : ['resume'], killed.folder)
    await running.until(new RegExp(`^trial ${after} `, 'm'))
    await new Promise((resolve) => setTimeout(resolve, 150))
    kill9(running.child.pid!)
    await running.finished
  }
  await killed.good('resume')
  const [expected, found] = [await whole.trials(), await killed.trials()]
  const told = ({ number, hyp, fidelity, continues, repeats, repetition, fitness }: Row) => ({
    ...{ number, hyp, fidelity, continues, repeats, repetition, fitness },
  })
  expect(found.map(told)).toEqual(expected.map(told))
  expect(found.some(({ attempts }) => attempts > 1)).toBe(true)
  whole.remove()
  killed.remove()
})

it('our own trainer takes optimizer and image size from the search', { timeout: 120_000 }, async () => {
  const { folder, remove, good, trials } = project()
  await tinyProject(folder)
  const space =
    'lr0: { float: [0.001, 0.1], log: true }\noptimizer: { choice: [SGD, AdamW] }\nimgsz: { choice: [64, 128] }\n'
  writeFileSync(join(folder, 'space.yaml'), space)
  const words = ['--space', 'space.yaml', '--hyp', 'scratch-low', '--second-objective', 'min gflops']
  await good('train', ...tinyFlags, '--epochs', '1', '--evolve', '5', '--jobs', '2', ...words)
  const rows = await trials()
  const sizes = new Map(rows.map(({ hyp, second }) => [hyp['imgsz'], second]))
  expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(['complete']))
  if (sizes.size === 2) expect(sizes.get(64)!).toBeGreaterThan(sizes.get(128)!)
  writeFileSync(join(folder, 'wrong.yaml'), 'lr0: { float: [0.001, 0.1] }\nlayers: { integer: [1, 4] }\n')
  const { status, stderr } = await cli(
    ['train', ...tinyFlags, '--evolve', '2', '--space', 'wrong.yaml', '--new'],
    folder,
  )
  expect(status).toBe(2)
  expect(stderr).toMatch(/has layers, which the trainer embedded does not read/)
  remove()
})

describe('other ways', () => {
  const { folder, remove, good, trials } = project()
  afterAll(remove)

  it('stops what cannot be asked for another length', async () => {
    const said = await good(
      'train',
      '--evolve',
      '12',
      '--epochs',
      '36',
      '--name',
      'stop',
      ...few,
      ...trainer('36', '0', '1'),
    )
    expect(said).toMatch(/^Trainings are stopped after 12 of 36 epochs where they do not promise enough\./m)
    const rows = await trials('stop')
    const stopped = rows.filter(({ state }) => state === 'pruned')
    expect(stopped.length).toBeGreaterThan(0)
    expect(rows.every(({ fidelity }) => fidelity === 36)).toBe(true)
  })

  it('trains in full where there are many hyperparameters, and says so', async () => {
    const said = await good('train', '--evolve', '4', '--epochs', '36', '--name', 'many', ...usual)
    expect(said).toMatch(/^Every training is a whole one: with so many hyperparameters/m)
    expect((await trials('many')).map(({ fidelity }) => fidelity)).toEqual([36, 36, 36, 36])
  })

  it('keeps to a constraint', async () => {
    const words = ['--constraint', 'latency_ms <= 8', '--name', 'kept']
    await good('train', '--evolve', '15', '--epochs', '36', ...words, ...usual)
    const best = JSON.parse(await good('best', 'kept', '--json'))
    expect(best.metrics.latency_ms).toBeLessThanOrEqual(8)
    const rows = await trials('kept')
    expect(rows[0].violation).toBeGreaterThan(0) // the start, momentum 0.937
    const { status, stderr } = await cli(['best', 'kept', '--figure', 'none.png'], folder)
    expect([status, stderr]).toEqual([2, expect.stringMatching(/^.*--figure draws the front of two objectives, and /)])
  })

  it('finds the front of two objectives', async () => {
    const words = ['--second-objective', 'min latency_ms', '--name', 'front', '--no-confirm']
    await good('train', '--evolve', '15', '--epochs', '36', ...words, ...usual)
    const { front } = JSON.parse(await good('best', 'front', '--json'))
    expect(front.length).toBeGreaterThan(1)
    for (const [i, { fitness, second }] of front.entries()) {
      if (i === 0) continue
      expect(fitness).toBeLessThan(front[i - 1].fitness)
      expect(second).toBeGreaterThan(front[i - 1].second)
    }
    expect(await good('best', 'front', '--figure', 'seen.png')).toMatch(/^# The front of .* and latency_ms/m)
    for (const file of ['seen.png', 'runs/evolve/front/front.png'])
      expect(await sharp(join(folder, file)).metadata()).toMatchObject({ format: 'png', width: 1600 })
  })

  it('goes on with an original that was begun as one', async () => {
    const words = ['--epochs', '2', '--name', 'classic', ...usual]
    const running = startCli(['train', '--evolve', '40', '--sampler', 'yolov5', ...words], folder)
    await running.until(/^trial 1 complete/m)
    running.child.kill('SIGINT')
    await running.finished
    const more = startCli(['train', '--evolve', '40', ...words], folder)
    await more.until(/^This evolution was begun with an original algorithm/m)
    await more.until(/continues runs\/evolve\/classic \(\d+ of 40 done\)/)
    more.child.kill('SIGINT')
    await more.finished
  })

  it.each([
    [['--pruner', 'hyperbend'], /there is no such pruner\. Choose one of /],
    [['--pruner-option', 'size=3'], /the pruner hyperband has no such option/],
    [['--sampler-option', 'gamma'], /write name=value/],
    [['--constraint', 'latency'], /The constraint "latency" cannot be used/],
    [['--second-objective', 'latency_ms'], /say which way it is better/],
    [['--confirm', '80'], /--confirm/],
  ])('refuses %j with one clear line', async (words, message) => {
    const { status, stderr } = await cli(['train', '--evolve', '5', '--epochs', '36', ...words, ...usual], folder)
    expect(status).toBeGreaterThan(0)
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/^ +at /m)
  })
})
