// Searches whose trainings differ in length: real studies, real processes, trained by a script.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { temporaryFolder, writeText } from '../../test/helpers/data-set.ts'
import { RepeatedFailureError } from '../base/index.ts'
import { defineSpace, float, type Trial } from '../search/index.ts'
import { type CreateStudyOptions, createStudy, type Study } from '../study/index.ts'
import {
  commandTrainer,
  type KeepPolicy,
  type LoopEvent,
  type LoopOptions,
  localExecutor,
  type Outcome,
  planSlots,
  runTrials,
  type Trainer,
  type TrainJob,
} from './index.ts'

const space = defineSpace({
  lr0: float(1e-5, 0.1, { default: 0.01 }),
  warmup_epochs: float(0, 6, { default: 3 }),
})

type Options = Partial<CreateStudyOptions<ReturnType<(typeof space)['toHyp']>, 'random', 'successive-halving'>>

async function newStudy(target: number, options: object = {}): Promise<Study> {
  const study = await createStudy({
    ...{ space, fitness: 'mAP50', name: 'exp', sampler: 'random', epochs: 9, lowest: 1, pruner: 'successive-halving' },
    ...options,
  } as Options & { space: typeof space })
  onTestFinished(() => study.close())
  await study.extend(target)
  return study as unknown as Study
}

/** Says what it was asked, and a curve: the closer lr0 is to 0.02 the better, and the longer. A seed changes it a little. */
const script = `
  import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
  const [epochs, file, seed, out, epochMs] = process.argv.slice(2)
  const hyp = Object.fromEntries(readFileSync(file, 'utf8').trim().split('\\n').map((line) => line.split(': ')))
  writeFileSync(out + '/weights.pt', 'w')
  console.log('asked ' + epochs + ' ' + hyp.warmup_epochs + ' ' + seed)
  for (let epoch = 1; epoch <= Number(epochs); epoch++) {
    const mAP50 = (1 - Math.abs(hyp.lr0 - 0.02)) * (1 - 1 / (1 + epoch)) + seed / 1000
    console.log(JSON.stringify({ epoch, epochs: Number(epochs), mAP50 }))
    await new Promise((resolve) => setTimeout(resolve, Number(epochMs)))
  }`

interface Ran {
  readonly summary: Awaited<ReturnType<typeof runTrials>>
  readonly events: readonly LoopEvent[]
  /** Numbers that evolve.csv gets. */
  readonly written: readonly number[]
  readonly folder: string
}

async function run(
  study: Study,
  { keep, epochMs = 0, ...options }: Partial<LoopOptions> & { epochMs?: number } = {},
): Promise<Ran> {
  const folder = options.folder ?? temporaryFolder()
  const file = writeText(join(temporaryFolder(), 'train.mjs'), script)
  const command = [process.execPath, file, '{epochs}', '{hyp}', '{seed}', '{out}', String(epochMs)]
  const executor = localExecutor(planSlots({ device: 'cpu', jobs: 1, cores: 1, gpus: 0 }).slots, (slot) =>
    commandTrainer({ command, hypKeys: study.space.keys, epochs: 9, imagePx: 64 }, slot),
  )
  const events: LoopEvent[] = []
  const written: number[] = []
  const summary = await runTrials({
    ...{ study, executor, folder, pollMs: 20 },
    ...(keep && { keep }),
    ...options,
    onEvent: (event) => {
      events.push(event)
      options.onEvent?.(event)
    },
    onComplete: async ({ number }) => void written.push(number),
  })
  await executor.close()
  return { summary, events, written, folder }
}

const ends = (events: readonly LoopEvent[]) =>
  events.flatMap((event) =>
    ['complete', 'rung', 'repeat', 'pruned', 'failed'].includes(event.type) && 'trial' in event
      ? [`${event.type} ${event.trial.number}`]
      : [],
  )

const byNumber = async (study: Study): Promise<readonly Trial[]> =>
  [...(await study.trials())].sort((a, b) => a.number - b.number)

const asked = (folder: string, number: number) =>
  /asked (\S+) (\S+) (\S+)/
    .exec(readFileSync(join(folder, 'trials', `${number}`, 'train.log'), 'utf8'))!
    .slice(1)
    .map(Number)

it('trains each rung by itself, with its own epochs, warm-up and end', async () => {
  const study = await newStudy(4)
  const { summary, events, written, folder } = await run(study, { seed: 7 })
  const trials = await byNumber(study)
  const isRung = ({ fidelity }: Trial) => fidelity! < 9
  const [rungs, whole] = [trials.filter(isRung), trials.filter((trial) => !isRung(trial))]
  expect(rungs.length).toBeGreaterThan(5)
  expect(whole.length).toBeGreaterThan(0)
  for (const { number, fidelity, hyp, state } of trials) {
    const [epochs, warmup, seed] = asked(folder, number)
    expect([epochs, seed]).toEqual([fidelity, 7])
    expect(warmup).toBeCloseTo((Number(hyp['warmup_epochs']) * fidelity!) / 9, 4)
    expect(state).toBe(fidelity! < 9 ? 'pruned' : 'complete')
    expect((await study.epochs(number)).map(({ epoch }) => epoch)).toContain(fidelity)
  }
  const numbers = (some: readonly Trial[]) => some.map(({ number }) => number)
  expect(written).toEqual(numbers(whole))
  expect(ends(events)).toEqual(trials.map((trial) => `${isRung(trial) ? 'rung' : 'complete'} ${trial.number}`))
  expect(summary).toEqual({
    ...{ complete: whole.length, rungs: rungs.length, repeats: 0, pruned: 0, failed: 0 },
    ended: 'target',
  })
  // What goes on with a shorter one has its hyp.
  const promoted = trials.filter(({ continues }) => continues !== undefined)
  expect(promoted.length).toBeGreaterThan(0)
  for (const { hyp, continues } of promoted) expect(hyp).toEqual(trials[continues!]!.hyp)
})

it('keeps weights of full trainings only', async () => {
  const study = await newStudy(4)
  const { folder } = await run(study, { keep: { kind: 'best', count: 2 } })
  const kept = readdirSync(join(folder, 'trials')).filter((number) => existsSync(join(folder, 'trials', number, 'out')))
  const best = study.history.fittest(2).map(({ number }) => `${number}`)
  expect(kept.sort()).toEqual(best.sort())
})

it('confirms with other seeds; repeats are told by themselves and not written', async () => {
  const study = await newStudy(6, { confirm: 0.4 })
  const { summary, events, written, folder } = await run(study, { seed: 3 })
  const trials = await byNumber(study)
  const repeats = trials.filter(({ repeats: of }) => of !== undefined)
  expect(repeats.length).toBeGreaterThan(1)
  expect(summary).toMatchObject({ repeats: repeats.length, ended: 'target' })
  expect(ends(events).filter((text) => text.startsWith('repeat'))).toEqual(
    repeats.map((trial) => `repeat ${trial.number}`),
  )
  for (const { number, repetition, repeats: of, hyp } of repeats) {
    expect(asked(folder, number)).toEqual([9, expect.closeTo(Number(hyp['warmup_epochs'])), 3 + repetition!])
    expect(hyp).toEqual(trials[of!]!.hyp)
    expect(written).not.toContain(number)
  }
})

it('keeps the weights of what is being confirmed, until it is finished', async () => {
  const study = await newStudy(6, { confirm: 0.4 })
  const folder = temporaryFolder()
  const stop = new AbortController()
  let during: string[] = []
  const kept = () =>
    readdirSync(join(folder, 'trials')).filter((number) => existsSync(join(folder, 'trials', number, 'out')))
  // Before a confirmation only the caller knows whom it will concern.
  const keep: KeepPolicy = {
    kind: 'best',
    count: 1,
    protect: ({ repeats, complete }) => (repeats.length === 0 ? complete.map(({ number }) => number) : []),
  }
  const options = { folder, keep }
  await run(study, { ...options, signal: stop.signal, onEvent: ({ type }) => type === 'repeat' && stop.abort() })
  during = kept()
  const confirmed = [...study.history.repeats, ...study.history.open].flatMap(({ repeats }) => repeats ?? [])
  expect(confirmed.length).toBeGreaterThan(0)
  for (const number of confirmed) expect(during).toContain(`${number}`)
  await run(study, options)
  expect(study.isFinished).toBe(true)
  expect(kept()).toEqual([`${study.best!.number}`])
})

it('stops trainings at rungs where they are begun at full length', async () => {
  const study = await newStudy(5, { rungs: 'stop' })
  const { summary, events, written, folder } = await run(study, { seed: 0, epochMs: 150 })
  const trials = await byNumber(study)
  for (const { number, hyp } of trials)
    expect(asked(folder, number)).toEqual([9, expect.closeTo(Number(hyp['warmup_epochs'])), 0])
  const pruned = trials.filter((trial) => trial.state === 'pruned')
  expect(pruned.length).toBeGreaterThan(0)
  expect(summary).toMatchObject({ pruned: pruned.length, rungs: 0, failed: 0, ended: 'target' })
  expect(ends(events).filter((text) => text.startsWith('pruned'))).toEqual(
    pruned.map(({ number }) => `pruned ${number}`),
  )
  expect(written).toEqual(study.history.complete.map(({ number }) => number))
  for (const trial of pruned) expect(trial.state === 'pruned' && trial.epochs).toBeLessThan(9)
  // What was saved was spent on others.
  expect(trials.length).toBeGreaterThan(5)
})

it('says once that a trainer trains longer than it is granted', async () => {
  const study = await newStudy(3)
  const trainer: Trainer = {
    name: 'deaf',
    pid: undefined,
    async train(_job, onEpoch) {
      for (let epoch = 1; epoch <= 9; epoch++) onEpoch({ epoch, metrics: { mAP50: 0.5 } })
      return { state: 'complete', metrics: { mAP50: 0.5 } }
    },
    kill: () => {},
    close: async () => {},
  }
  const executor = oneSlot(trainer)
  const warnings: string[] = []
  const onEvent = (event: LoopEvent) => event.type === 'warning' && warnings.push(event.text)
  await runTrials({ study, executor, pollMs: 20, onEvent })
  expect(warnings).toEqual([expect.stringMatching(/^Trial 1 was granted 1 epochs and trained 9: /)])
})

/** In this process, so that a test can say what each training brings. */
const trainerOf = (outcome: (job: TrainJob) => Outcome): Trainer => ({
  name: 'told',
  pid: undefined,
  async train(job, onEpoch) {
    onEpoch({ epoch: job.length!.epochs, metrics: {} })
    return outcome(job)
  },
  kill: () => {},
  close: async () => {},
})
const oneSlot = (trainer: Trainer) =>
  localExecutor(planSlots({ device: 'cpu', jobs: 1, cores: 1, gpus: 0 }).slots, () => trainer)

it('never goes on with a rung that was trained in another way than was asked for', async () => {
  const study = await newStudy(6)
  const reduced = 'with batch 8 instead of 16'
  // Every second training of a new hyp is less than was asked for, and looks best.
  const trainer = trainerOf(({ trial }) =>
    trial % 2 === 1
      ? { state: 'complete', metrics: { mAP50: 0.9 }, reduced }
      : { state: 'complete', metrics: { mAP50: 0.1 + trial / 1000 } },
  )
  const summary = await runTrials({ study, executor: oneSlot(trainer), pollMs: 20 })
  const trials = await byNumber(study)
  expect(summary.ended).toBe('target')
  expect(summary.pruned).toBe(trials.filter(({ number }) => number % 2 === 1).length)
  const promoted = trials.flatMap(({ continues }) => continues ?? [])
  expect(promoted.length).toBeGreaterThan(0)
  expect(promoted.filter((number) => number % 2 === 1)).toEqual([])
})

it('ends a search whose rungs all fail alike', async () => {
  const study = await newStudy(30)
  const trainer = trainerOf(({ trial }) =>
    trial === 0
      ? { state: 'complete', metrics: { mAP50: 0.5 } }
      : { state: 'failed', failure: 'bad-configuration', output: ['no such option: --epochs 1'] },
  )
  const loop = runTrials({ study, executor: oneSlot(trainer), pollMs: 20 })
  await expect(loop).rejects.toThrow(RepeatedFailureError)
  expect(study.history.ended).toHaveLength(11)
})
