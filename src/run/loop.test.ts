import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { RepeatedFailureError } from '../base/index.ts'
import { type Results, SearchSpace } from '../search/index.ts'
import { MemoryStorage, Study } from '../study/index.ts'
import { type LoopEvent, localExecutor, type Outcome, runTrials, type Trainer, type TrainJob } from './index.ts'

const space = new SearchSpace(
  { lr0: 0.01, lrf: 0.5 },
  {
    lr0: { gain: 1, lower: 1e-5, upper: 0.1 },
    lrf: { gain: 1, lower: 0.01, upper: 1 },
  },
)

const results = (mAP: number): Results => ({
  precision: mAP,
  recall: mAP,
  mAP50: mAP,
  mAP50to95: mAP,
  boxLoss: 0,
  objLoss: 0,
  clsLoss: 0,
})

/** Trains a formula: the closer lr0 is to 0.02, the better. One epoch takes a few milliseconds. */
class FormulaTrainer implements Trainer {
  readonly name = 'formula'
  closed = false
  constructor(
    readonly outcome: (job: TrainJob) => Outcome = ({ hyp }) => ({
      state: 'finished',
      results: results(1 - Math.abs(hyp.lr0 - 0.02)),
    }),
  ) {}

  async train(job: TrainJob, onEpoch: Parameters<Trainer['train']>[1], signal: AbortSignal): Promise<Outcome> {
    for (let epoch = 1; epoch <= 2; epoch++) {
      await delay(2)
      if (signal.aborted) return { state: 'interrupted' }
      onEpoch({ epoch, epochs: 2 })
    }
    return this.outcome(job)
  }

  async close(): Promise<void> {
    this.closed = true
  }
}

const newStudy = (seed = 1) => Study.open({ space, storage: new MemoryStorage(), seed })

describe('runTrials', () => {
  it('does what it is asked, one event after the other', async () => {
    const study = await newStudy()
    const events: string[] = []
    const executor = localExecutor(1, () => new FormulaTrainer())
    const summary = await runTrials({
      study,
      executor,
      trials: 2,
      onFinished: async (trial) => void events.push(`kept ${trial.number}`),
      onEvent: (event) => events.push(`${event.type} ${event.trial.number}`),
    })
    expect(summary).toEqual({ finished: 2, failed: 0, interrupted: false })
    const one = (n: number) => [`started ${n}`, `epoch ${n}`, `epoch ${n}`, `kept ${n}`, `finished ${n}`]
    expect(events).toEqual([...one(0), ...one(1)])
    expect((await study.trials())[0].hyp).toEqual({ lr0: 0.01, lrf: 0.5 })
    await executor.close()
  })

  it('uses all slots, each with its own trainer, and closes them', async () => {
    const study = await newStudy()
    const trainers: FormulaTrainer[] = []
    let running = 0
    let most = 0
    const executor = localExecutor(3, (slot) => (trainers[slot] = new FormulaTrainer()))
    await runTrials({
      study,
      executor,
      trials: 10,
      onEvent: ({ type }) => {
        if (type === 'started') most = Math.max(most, ++running)
        if (type === 'finished') running--
      },
    })
    expect([most, trainers.length]).toEqual([3, 3])
    expect((await study.trials()).map(({ number }) => number).sort((a, b) => a - b)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ])
    // the start is trained once, although two more were asked for before it had finished
    expect((await study.trials()).filter(({ hyp }) => hyp.lr0 === 0.01 && hyp.lrf === 0.5)).toHaveLength(1)
    await executor.close()
    expect(trainers.every(({ closed }) => closed)).toBe(true)
  })

  it('proposes the same in one go and in two', async () => {
    const [whole, parts] = [await newStudy(5), await newStudy(5)]
    const run = (study: Study, trials: number) =>
      runTrials({ study, trials, executor: localExecutor(1, () => new FormulaTrainer()) })
    await run(whole, 6)
    await run(parts, 2)
    await run(parts, 4)
    expect(await parts.trials()).toEqual(await whole.trials())
  })

  it('records a failing training and goes on', async () => {
    const study = await newStudy()
    const trainer = new FormulaTrainer(({ trial }) =>
      trial % 2 === 0
        ? { state: 'failed', output: ['NaN', `trial ${trial}`] }
        : { state: 'finished', results: results(trial) },
    )
    const summary = await runTrials({ study, trials: 6, executor: localExecutor(1, () => trainer) })
    expect(summary).toEqual({ finished: 3, failed: 3, interrupted: false })
    expect((await study.incumbent())?.number).toBe(5)
  })

  it('stops after three equal failures at the start', async () => {
    const study = await newStudy()
    const trainer = new FormulaTrainer(() => ({ state: 'failed', output: ['no such file: data.yaml'] }))
    const run = runTrials({ study, trials: 300, executor: localExecutor(2, () => trainer) })
    await expect(run).rejects.toThrow(RepeatedFailureError)
    await expect(run).rejects.toThrow('no such file: data.yaml')
    expect((await study.trials()).filter(({ state }) => state === 'failed').length).toBeLessThanOrEqual(4)
  })

  it('stops after ten equal failures in a row later on', async () => {
    const study = await newStudy()
    const trainer = new FormulaTrainer(({ trial }) =>
      trial === 0 ? { state: 'finished', results: results(0.5) } : { state: 'failed', output: ['the disk is gone'] },
    )
    const run = runTrials({ study, trials: 300, executor: localExecutor(1, () => trainer) })
    await expect(run).rejects.toThrow('10 trainings in a row')
  })

  it('gives an interrupted trial out again, first', async () => {
    const study = await newStudy()
    const stop = new AbortController()
    const events: LoopEvent[] = []
    const executor = localExecutor(1, () => new FormulaTrainer())
    const summary = await runTrials({
      study,
      executor,
      trials: 5,
      signal: stop.signal,
      onEvent: (event) => {
        events.push(event)
        if (event.type === 'epoch' && event.trial.number === 1) stop.abort()
      },
    })
    expect(summary).toEqual({ finished: 1, failed: 0, interrupted: true })
    expect(events.at(-1)?.type).toBe('interrupted')
    const interrupted = (await study.trials())[1]
    expect(interrupted.state).toBe('waiting')

    await runTrials({ study, executor, trials: 2 })
    const trials = await study.trials()
    expect(trials.map(({ number, state }) => [number, state])).toEqual([0, 1, 2].map((n) => [n, 'finished']))
    expect(trials[1].hyp).toEqual(interrupted.hyp)
  })

  it('stops when a result cannot be kept or the executor is broken, and loses no trial', async () => {
    const study = await newStudy()
    const executor = localExecutor(2, () => new FormulaTrainer())
    const onFinished = async () => {
      throw new Error('disk full')
    }
    await expect(runTrials({ study, executor, trials: 9, onFinished })).rejects.toThrow('disk full')
    const broken: Trainer = {
      name: 'broken',
      train: () => Promise.reject(new Error('no python')),
      close: async () => {},
    }
    await expect(runTrials({ study, executor: localExecutor(1, () => broken), trials: 1 })).rejects.toThrow('no python')
    expect((await study.trials()).filter(({ state }) => state === 'running')).toEqual([])
  })
})
