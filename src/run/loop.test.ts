import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { canMount, mountedFolder, temporaryFolder, writeText } from '../../test/helpers/data-set.ts'
import { DiskSpaceError, RepeatedFailureError } from '../base/index.ts'
import { defineSpace, float, type Hyp } from '../search/index.ts'
import { createStudy, MemoryStorage, type Storage, type Study } from '../study/index.ts'
import {
  type LoopOptions,
  localExecutor,
  type Outcome,
  parseKeep,
  planSlots,
  runTrials,
  type SlotResources,
  type Trainer,
  type TrainJob,
} from './index.ts'

const space = defineSpace({
  lr0: float(1e-5, 0.1, { default: 0.01 }),
  lrf: float(0.01, 1, { default: 0.5 }),
})

const newStudy = (target: number, more: { seed?: number; storage?: Storage; name?: string } = {}): Promise<Study> =>
  createStudy({ space, sampler: 'yolov5', fitness: 'mAP50', name: 'exp', ...more }).then(async (study) => {
    onTestFinished(() => study.close())
    await study.extend(target)
    return study as unknown as Study
  })

const slots = (jobs: number) => planSlots({ device: 'cpu', jobs, cores: jobs, gpus: 0 }).slots
const complete = (mAP50: number): Outcome => ({ state: 'complete', metrics: { mAP50 } })
const crash = (...output: string[]): Outcome => ({ state: 'failed', failure: 'crash', output })

/** Trains a formula: the closer lr0 is to 0.02, the better. Two epochs of a few milliseconds. */
class FormulaTrainer implements Trainer {
  readonly name = 'formula'
  readonly pid = undefined
  readonly jobs: TrainJob[] = []
  closed = false
  killed = false

  constructor(
    readonly outcome: (job: TrainJob) => Outcome = ({ hyp }) => complete(1 - Math.abs(Number(hyp.lr0) - 0.02)),
    readonly epochs = 2,
  ) {}

  async train(job: TrainJob, onEpoch: Parameters<Trainer['train']>[1], signal: AbortSignal): Promise<Outcome> {
    this.jobs.push(job)
    for (let epoch = 1; epoch <= this.epochs; epoch++) {
      await delay(2)
      if (signal.aborted) return { state: 'interrupted' }
      onEpoch({ epoch, epochs: this.epochs, metrics: { mAP50: epoch / 10 } })
    }
    return this.outcome(job)
  }

  kill(): void {
    this.killed = true
  }

  async close(): Promise<void> {
    this.closed = true
  }
}

type Run = Partial<LoopOptions> & { trainer?: (slot: SlotResources) => Trainer; jobs?: number }

/** Runs the loop and tells its events in short. */
async function run(study: Study, { trainer = () => new FormulaTrainer(), jobs = 1, onEvent, ...options }: Run = {}) {
  const events: string[] = []
  const summary = await runTrials({
    study,
    executor: localExecutor(slots(jobs), trainer),
    pollMs: 20,
    ...options,
    onEvent: (event) => {
      events.push('trial' in event ? `${event.type} ${event.trial.number}` : event.type)
      onEvent?.(event)
    },
  })
  return { summary, events }
}

/** Trainings of other kinds, of which most studies here have none. */
const none = { rungs: 0, repeats: 0 }

const states = async (study: Study) =>
  [...(await study.trials())].sort((a, b) => a.number - b.number).map(({ state }) => state)

describe('runTrials', () => {
  it('trains until the study has its trials, one event after the other', async () => {
    const study = await newStudy(2)
    const told: string[] = []
    const { summary, events } = await run(study, {
      onComplete: async ({ number, fitness }) => void told.push(`${number} ${fitness}`),
      onEvent: ({ type }) => type === 'complete' && told.push(type),
    })
    expect(summary).toEqual({ ...none, complete: 2, pruned: 0, failed: 0, ended: 'target' })
    const one = (n: number) => [`started ${n}`, `epoch ${n}`, `epoch ${n}`, `complete ${n}`]
    expect(events).toEqual([...one(0), ...one(1)])
    expect(told).toEqual([`0 0.99`, 'complete', expect.stringMatching(/^1 /), 'complete'])
    expect((await study.trial(0))?.hyp).toEqual({ lr0: 0.01, lrf: 0.5 })
    expect(await study.epochs(0)).toEqual(
      [1, 2].map((epoch) => ({ trial: 0, attempt: 1, epoch, metrics: { mAP50: epoch / 10 } })),
    )
  })

  it('uses all slots, each with its own trainer, and closes them', async () => {
    const study = await newStudy(10)
    const trainers: FormulaTrainer[] = []
    const executor = localExecutor(slots(3), ({ slot }) => (trainers[slot] = new FormulaTrainer()))
    let running = 0
    let most = 0
    await runTrials({
      study,
      executor,
      onEvent: ({ type }) => {
        if (type === 'started') most = Math.max(most, ++running)
        if (type === 'complete') running--
      },
    })
    expect([most, trainers.length]).toEqual([3, 3])
    expect(await states(study)).toEqual(Array(10).fill('complete'))
    const hyps = (await study.trials()).map(({ hyp }) => JSON.stringify(hyp))
    expect(new Set(hyps).size).toBe(10)
    executor.kill()
    expect(trainers.every(({ killed }) => killed)).toBe(true)
    await executor.close()
    expect(trainers.every(({ closed }) => closed)).toBe(true)
  })

  it('proposes the same in one go and in two', async () => {
    const [whole, parts] = [await newStudy(6, { seed: 5 }), await newStudy(2, { seed: 5 })]
    await run(whole)
    await run(parts)
    await parts.extend(6)
    await run(parts)
    expect(await parts.trials()).toEqual(await whole.trials())
  })

  it('gives every training its number, attempt, seed and title', async () => {
    const study = await newStudy(2)
    const trainer = new FormulaTrainer()
    await run(study, { trainer: () => trainer, seed: 7, title: 'exp2' })
    expect(trainer.jobs).toMatchObject([
      { trial: 0, attempt: 1, seed: 7, title: 'exp2 trial 0', hyp: { lr0: 0.01 } },
      { trial: 1, attempt: 1, seed: 7, title: 'exp2 trial 1' },
    ])
  })

  it('does not wait for the storage with epochs of no length, and keeps the last', async () => {
    const study = await newStudy(1)
    const trainer: Trainer = {
      name: 'fast',
      pid: undefined,
      train: async (_job, onEpoch) => {
        for (let epoch = 1; epoch <= 5000; epoch++) onEpoch({ epoch, metrics: { mAP50: epoch } })
        return complete(1)
      },
      kill: () => {},
      close: async () => {},
    }
    await run(study, { trainer: () => trainer })
    const epochs = (await study.epochs(0)).map(({ epoch }) => epoch)
    expect(epochs[0]).toBe(1)
    expect(epochs.at(-1)).toBe(5000)
    expect(epochs.length).toBeLessThan(100)
  })
})

describe('a training that fails', () => {
  it('is recorded, and the next one begins', async () => {
    const study = await newStudy(6)
    const diverged: Outcome = { state: 'failed', failure: 'diverged', output: ['loss is nan'] }
    const trainer = new FormulaTrainer(({ trial }) => (trial % 2 === 0 ? diverged : complete(trial)))
    const { summary, events } = await run(study, { trainer: () => trainer })
    expect(summary).toEqual({ ...none, complete: 3, pruned: 0, failed: 3, ended: 'target' })
    expect(events.filter((event) => event.startsWith('retry'))).toEqual([])
    expect((await study.incumbent())?.number).toBe(5)
    expect(await study.trial(2)).toMatchObject({ state: 'failed', failure: 'diverged', output: ['loss is nan'] })
  })

  it('is tried again once if that may help, with its number', async () => {
    const study = await newStudy(3)
    const trainer = new FormulaTrainer(({ trial, attempt }) => {
      if (trial === 1 && attempt === 1) return { state: 'failed', failure: 'out-of-memory', output: [] }
      return trial === 2 ? crash(`attempt ${attempt}`) : complete(1)
    })
    const { summary, events } = await run(study, { trainer: () => trainer })
    expect(summary).toEqual({ ...none, complete: 2, pruned: 0, failed: 1, ended: 'target' })
    expect(events.filter((event) => !event.startsWith('epoch'))).toEqual(
      ['started 0', 'complete 0', 'started 1', 'retry 1', 'started 1', 'complete 1'].concat([
        'started 2',
        'retry 2',
        'started 2',
        'failed 2',
      ]),
    )
    const [first, second] = trainer.jobs.filter(({ trial }) => trial === 1)
    expect([first!.attempt, second!.attempt, second!.hyp]).toEqual([1, 2, first!.hyp])
    expect((await study.attempts(1)).map(({ ending, failure, output }) => [ending, failure, output])).toEqual([
      ['failed', 'out-of-memory', ['The training failed without a word.']],
      ['complete', undefined, []],
    ])
    expect(await study.trial(2)).toMatchObject({ state: 'failed', output: ['attempt 2'] })
  })

  it('has another attempt too if others were interrupted', async () => {
    const study = await newStudy(1)
    const stop = new AbortController()
    const trainer = new FormulaTrainer(({ attempt }) => (attempt < 3 ? crash('x') : complete(1)))
    await run(study, {
      trainer: () => trainer,
      signal: stop.signal,
      onEvent: ({ type }) => type === 'epoch' && stop.abort(),
    })
    const { events } = await run(study, { trainer: () => trainer })
    expect(events.filter((event) => !event.startsWith('epoch'))).toEqual([
      'started 0',
      'retry 0',
      'started 0',
      'complete 0',
    ])
  })

  it('fails as diverged if its metrics give no fitness', async () => {
    const study = await newStudy(2)
    const trainer = new FormulaTrainer(({ trial }) =>
      trial === 0 ? complete(1) : { state: 'complete', metrics: { mAP50: Number.NaN } },
    )
    const { summary, events } = await run(study, { trainer: () => trainer })
    expect(summary).toMatchObject({ complete: 1, failed: 1 })
    expect(events.at(-1)).toBe('failed 1')
    expect(await study.trial(1)).toMatchObject({ failure: 'diverged' })
  })

  it('whose training was less than asked for is kept, and never the best', async () => {
    const study = await newStudy(3)
    const warnings: string[] = []
    const reduced = 'with batch 8 instead of 16'
    const trainer = () =>
      new FormulaTrainer(({ trial }) =>
        trial === 1
          ? { state: 'complete', metrics: { mAP50: 0.999 }, reduced }
          : { state: 'complete', metrics: { mAP50: 0.5 } },
      )
    const { summary } = await run(study, {
      trainer,
      onEvent: (event) => event.type === 'warning' && warnings.push(event.text),
    })
    expect(summary).toMatchObject({ complete: 2, pruned: 1, failed: 0 })
    expect(await study.trial(1)).toMatchObject({ state: 'pruned', metrics: { mAP50: 0.999 } })
    expect(warnings).toEqual([expect.stringContaining(reduced)])
    expect(study.best?.number).not.toBe(1)
  })

  it('stops the search with the first three if they fail alike', async () => {
    const study = await newStudy(300)
    const trainer = () => new FormulaTrainer(({ trial }) => crash(`trial ${trial}`, 'no such file: data.yaml'))
    const loop = run(study, { trainer, jobs: 2 })
    await expect(loop).rejects.toThrow(RepeatedFailureError)
    await expect(loop).rejects.toThrow('no such file: data.yaml')
    const counts = await study.counts()
    expect([3, 4]).toContain(counts.failed) // the other slot's may have ended at the same time
    expect([counts.running, counts.complete]).toEqual([0, 0])
    // Resumed and still failing, it stops with the next.
    await expect(run(study, { trainer })).rejects.toThrow(/[45] trainings in a row/)
    expect((await study.counts()).failed).toBe(counts.failed + 1)
  })

  it('stops it later on with ten in a row', async () => {
    const study = await newStudy(300)
    const trainer = new FormulaTrainer(({ trial }) => (trial === 0 ? complete(0.5) : crash('the disk is gone')))
    await expect(run(study, { trainer: () => trainer })).rejects.toThrow('10 trainings in a row')
  })
})

describe('stopping', () => {
  it('gives an interrupted trial out again, first', async () => {
    const study = await newStudy(5)
    const stop = new AbortController()
    const { summary, events } = await run(study, {
      signal: stop.signal,
      onEvent: (event) => event.type === 'epoch' && event.trial.number === 1 && stop.abort(),
    })
    expect(summary).toEqual({ ...none, complete: 1, pruned: 0, failed: 0, ended: 'interrupted' })
    expect(events.at(-1)).toBe('released 1')
    const interrupted = await study.trial(1)
    expect(interrupted?.state).toBe('waiting')
    await run(study)
    expect(await states(study)).toEqual(Array(5).fill('complete'))
    expect((await study.trial(1))?.hyp).toEqual(interrupted?.hyp)
  })

  it('before the beginning trains nothing', async () => {
    const study = await newStudy(5)
    expect((await run(study, { signal: AbortSignal.abort() })).summary.ended).toBe('interrupted')
    expect(await states(study)).toEqual([])
  })

  it('follows a request from elsewhere, in the middle of trainings', async () => {
    const storage = new MemoryStorage()
    const [study, other] = [await newStudy(9, { storage }), await newStudy(9, { storage })]
    const { summary, events } = await run(study, {
      jobs: 2,
      trainer: () => new FormulaTrainer(undefined, 10_000),
      onEvent: ({ type }) => type === 'started' && void other.requestStop(),
    })
    expect(summary).toEqual({ ...none, complete: 0, pruned: 0, failed: 0, ended: 'stopped' })
    expect(events.filter((event) => event.startsWith('released')).length).toBeGreaterThan(0)
    expect((await study.counts()).running).toBe(0)
  })

  it('prunes a training that the study gives up', async () => {
    const study = await newStudy(2)
    // The place of a pruner, which answers `report`.
    const report = study.report.bind(study)
    study.report = async (trial, epoch, metrics) => {
      await report(trial, epoch, metrics)
      return trial.number === 1 && epoch >= 3 ? 'stop' : 'continue'
    }
    const { summary, events } = await run(study, { trainer: () => new FormulaTrainer(undefined, 40) })
    expect(summary).toEqual({ ...none, complete: 1, pruned: 1, failed: 0, ended: 'target' })
    expect(events.at(-1)).toBe('pruned 1')
    const pruned = await study.trial(1)
    if (pruned?.state !== 'pruned') throw new Error(JSON.stringify(pruned))
    expect(pruned.epochs).toBeGreaterThanOrEqual(3)
    expect(pruned.epochs).toBeLessThan(40)
    expect(pruned.metrics).toEqual({ mAP50: pruned.epochs / 10 })
  })

  it('comes too if a result cannot be kept or the executor is broken, and loses no trial', async () => {
    const study = await newStudy(9)
    const onComplete = async () => {
      throw new Error('disk full')
    }
    await expect(run(study, { jobs: 2, onComplete })).rejects.toThrow('disk full')
    const broken = Object.assign(new FormulaTrainer(), { train: () => Promise.reject(new Error('no python')) })
    await expect(run(study, { trainer: () => broken })).rejects.toThrow('no python')
    expect((await study.counts()).running).toBe(0)
    await run(study)
    expect(await states(study)).toEqual(Array(9).fill('complete'))
  })
})

describe('several processes', () => {
  it('share the trials, and one takes over what another leaves', async () => {
    const storage = new MemoryStorage()
    const [one, two] = [await newStudy(6, { storage }), await newStudy(6, { storage })]
    const stop = new AbortController()
    const slow = run(one, {
      trainer: () => new FormulaTrainer(undefined, 10_000),
      signal: stop.signal,
    })
    await delay(50)
    const { summary, events } = await run(two, { onEvent: ({ type }) => type === 'waiting' && stop.abort() })
    expect((await slow).summary.ended).toBe('interrupted')
    expect(summary).toEqual({ ...none, complete: 6, pruned: 0, failed: 0, ended: 'target' })
    expect(events.filter((event) => event === 'waiting')).toHaveLength(1)
    expect(await states(two)).toEqual(Array(6).fill('complete'))
  })

  it('do not quarrel over a trial that was given away meanwhile', async () => {
    const study = await newStudy(2)
    let taken = false
    const { summary, events } = await run(study, {
      onEvent: async ({ type }) => {
        if (type !== 'epoch' || taken) return
        taken = true
        // As if this process had slept longer than its lease.
        for (const { id } of await study.workers()) await study.storage.endWorker(id)
      },
    })
    expect(events).toContain('lost 0')
    expect(summary).toMatchObject({ complete: 2, failed: 0 })
    expect((await study.attempts(0)).length).toBe(2)
  })
})

describe('folders of trials', () => {
  /** Leaves weights, an output and a log, as trainers do. */
  class WritingTrainer extends FormulaTrainer {
    override async train(...args: Parameters<Trainer['train']>): Promise<Outcome> {
      const [{ directory }] = args
      writeText(join(directory!, 'weights', 'last.safetensors'), 'w')
      writeText(join(directory!, 'out', 'deep', 'x'), 'o')
      writeText(join(directory!, 'train.log'), 'said')
      return super.train(...args)
    }
  }
  /** Fitness by number. */
  const fitness = [0.3, 0.5, 0.2, 0.9, 0.5, 0.1]
  const graded = ({ trial }: TrainJob): Outcome =>
    trial === 5 ? { state: 'failed', failure: 'diverged', output: ['x'] } : complete(fitness[trial]!)

  const kept = (folder: string, name: string) =>
    readdirSync(join(folder, 'trials'))
      .filter((number) => existsSync(join(folder, 'trials', number, name)))
      .map(Number)
      .sort((a, b) => a - b)

  it.each([
    ['none', []],
    ['last', [4]],
    ['best', [3]],
    ['best:3', [1, 3, 4]],
    ['all', [0, 1, 2, 3, 4, 5]],
  ])('--keep %s', async (keep, numbers) => {
    const folder = temporaryFolder()
    const study = await newStudy(6)
    await run(study, { folder, keep: parseKeep(keep), trainer: () => new WritingTrainer(graded) })
    expect(kept(folder, 'weights')).toEqual(numbers)
    expect(kept(folder, 'out')).toEqual(numbers)
    expect(kept(folder, 'train.log')).toEqual([0, 1, 2, 3, 4, 5])
    expect(readFileSync(join(folder, 'trials', '0', 'hyp.yaml'), 'utf8')).toBe('lr0: 0.01\nlrf: 0.5\n')
    const noted = (await study.artifacts()).filter(({ kind }) => kind === 'weights')
    expect(noted.map(({ trial, path }) => [trial, path])).toEqual(
      numbers
        .filter((number) => number !== 5)
        .map((number) => [number, join(folder, 'trials', String(number), 'weights')]),
    )
  })

  it('removes what a crash or another process left, but nothing of trials that are not over', async () => {
    const folder = temporaryFolder()
    const study = await newStudy(3)
    const stop = new AbortController()
    await run(study, {
      folder,
      keep: parseKeep('all'),
      trainer: () => new WritingTrainer(),
      signal: stop.signal,
      onEvent: (event) => event.type === 'epoch' && event.trial.number === 2 && stop.abort(),
    })
    mkdirSync(join(folder, 'trials', 'notes'))
    expect(kept(folder, 'weights')).toEqual([0, 1, 2])
    await run(study, { folder, keep: parseKeep('none'), signal: AbortSignal.abort() })
    expect(kept(folder, 'weights')).toEqual([2]) // its checkpoint: it goes on later
    await run(study, { folder, keep: parseKeep('none') })
    expect(kept(folder, 'weights')).toEqual([])
    expect(existsSync(join(folder, 'trials', 'notes'))).toBe(true)
  })

  it.each(['best:0', 'best:', 'best:-1', 'some', '', 'best:1.5'])('refuses --keep %j', (text) => {
    expect(() => parseKeep(text)).toThrow(/--keep/)
  })

  it.skipIf(!canMount())('begins no training on a full disk', async () => {
    const folder = mountedFolder('8m')
    const study = await newStudy(5)
    const options: Run = { folder, minFreeBytes: 4e6, keep: parseKeep('all') }
    const trainer = new FormulaTrainer(({ directory }) => {
      writeFileSync(writeText(join(directory!, 'weights', 'w'), ''), Buffer.alloc(1.9e6))
      return complete(1)
    })
    const error = await run(study, { ...options, trainer: () => trainer }).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(DiskSpaceError)
    expect((error as Error).message).toMatch(
      /only 3 MB left; below 4 MB[\s\S]*resume[\s\S]*trials\/0\/weights \(2 MB\)/,
    )
    expect(await states(study)).toEqual(['complete', 'complete', 'complete'])
    // Room was made: it goes on.
    await run(study, { ...options, keep: parseKeep('none') })
    expect(await states(study)).toEqual(Array(5).fill('complete'))
  })
})

it('takes studies of any space', async () => {
  const typed = await createStudy({ space: defineSpace({ x: float(0, 1, { default: 0.5 }) }) })
  const asHyp: Hyp = (await typed.ask())!.hyp
  expect(asHyp).toEqual({ x: 0.5 })
  await typed.close()
})
