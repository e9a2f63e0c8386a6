import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { randomFor, StorageInvalidError, StudyDiffersError, TrialNotRunningError } from '../base/index.ts'
import {
  choice,
  costOf,
  defineSpace,
  type FailedTrial,
  float,
  integer,
  nextTraining,
  type PrunerName,
  type RunningTrial,
  type Sampler,
  type SamplerName,
  samplers,
} from '../search/index.ts'
import { createStudy } from './create-study.ts'
import { isFinished } from './finished.ts'
import { MemoryStorage } from './memory-storage.ts'
import { Study } from './study.ts'

const space = defineSpace({
  rate: float(1e-4, 1, { log: true, default: 0.01 }),
  layers: integer(1, 8, { default: 2 }),
  kind: choice('sgd', 'adam'),
})

/** Best (0) at rate = 0.1, layers = 5, adam. */
const cost = (hyp: { rate: number; layers: number; kind: 'sgd' | 'adam' }) =>
  Math.log10(hyp.rate / 0.1) ** 2 + (hyp.layers - 5) ** 2 / 10 + (hyp.kind === 'adam' ? 0 : 0.5)

describe('a study', () => {
  it('types hyps by the space', async () => {
    const study = await createStudy({ space })
    const trial = (await study.ask())!
    expectTypeOf(trial.hyp).toEqualTypeOf<{
      readonly rate: number
      readonly layers: number
      readonly kind: 'sgd' | 'adam'
    }>()
    expect(trial.hyp).toEqual({ rate: 0.01, layers: 2, kind: 'sgd' })
    await study.close()
  })

  it('minimizes: the best is the smallest value, in the words of the objective', async () => {
    const study = await createStudy({ space, direction: 'minimize', seed: 3 })
    await study.optimize(({ hyp }) => cost(hyp), { trials: 120 })
    const { best } = study
    expect(best!.value).toBe(cost(best!.hyp))
    const values = (await study.trials()).flatMap((trial) => (trial.state === 'complete' ? [-trial.fitness] : []))
    expect(values).toHaveLength(120)
    expect(best!.value).toBe(Math.min(...values))
    expect(best!.value).toBeLessThan(0.2)
    await study.close()
  })

  it('makes its fitness of metrics by an expression', async () => {
    const study = await createStudy({ space, fitness: 'speed - 2*error' })
    const told = await study.tell((await study.ask())!, { speed: 3, error: 0.5, loss: Number.NaN })
    expect(told).toMatchObject({ state: 'complete', fitness: 2, metrics: { speed: 3, error: 0.5, loss: Number.NaN } })
    expect(study.best).toMatchObject({ number: 0, value: 2 })
    await study.close()
  })

  it.each<[string, number | Record<string, number>, RegExp]>([
    ['a missing metric', { speed: 1 }, /error is missing/],
    ['NaN', { speed: 1, error: Number.NaN }, /error is NaN/],
    ['a number that is not finite', Number.POSITIVE_INFINITY, /returned Infinity/],
  ])('fails a trial as diverged on %s', async (_, outcome, output) => {
    const study = await createStudy({ space, fitness: 'speed - error' })
    const told = await study.tell((await study.ask())!, outcome)
    expect(told).toMatchObject({ state: 'failed', failure: 'diverged', output: [expect.stringMatching(output)] })
    expect(study.best).toBe(undefined)
    expect(await study.counts()).toEqual({ waiting: 0, running: 0, complete: 0, pruned: 0, failed: 1 })
    await study.close()
  })

  it('refuses a second tell, and one of an attempt that was given up', async () => {
    const study = await createStudy({ space })
    const trial = (await study.ask())!
    await study.tell(trial, 1)
    await expect(study.tell(trial, 2)).rejects.toThrow(TrialNotRunningError)
    const other = (await study.ask())!
    await study.fail(other, { failure: 'crash', output: [], retry: true })
    const again = (await study.ask())!
    expect([again.number, again.attempt, again.hyp]).toEqual([1, 2, other.hyp])
    await expect(study.tell(other, 2)).rejects.toThrow('running, as attempt 2 (this is attempt 1)')
    await expect(study.report(other, 1, {})).rejects.toThrow(TrialNotRunningError)
    expect(await study.prune(again, { epochs: 3, metrics: { a: 1 } })).toMatchObject({ state: 'pruned', epochs: 3 })
    expect((await study.attempts(1)).map(({ ending, output }) => [ending, output])).toEqual([
      ['failed', ['It failed without a word.']],
      ['pruned', []],
    ])
    expect(study.history.ended.map(({ number }) => number)).toEqual([0, 1])
    await study.close()
  })

  it('keeps its history in step with other processes', async () => {
    const storage = new MemoryStorage()
    const [a, b] = [await createStudy({ space, storage }), await createStudy({ space, storage })]
    const first = (await a.ask())!
    const second = (await b.ask())!
    expect([first.number, second.number]).toEqual([0, 1])
    await b.tell(second, 5)
    expect(a.history.ended).toEqual([])
    await a.tell(first, 7)
    expect(a.history.ended.map(({ number }) => number)).toEqual([1, 0])
    expect(await b.incumbent()).toMatchObject({ number: 0, fitness: 7 })
    await a.requestStop()
    expect([await b.stopRequested(), await b.ask()]).toEqual([true, undefined])
    await a.close()
    await b.close()
  })

  it.each(Object.keys(samplers))('%s: the same finished trials and number give the same proposal', async (name) => {
    const numeric = defineSpace({ rate: float(1e-4, 1, { default: 0.01 }), size: float(1, 9) })
    const study = await createStudy({ space: numeric, sampler: name as 'yolov5', seed: 11 })
    const running = []
    for (let i = 0; i < 70; i++) {
      running.push((await study.ask())!)
      // results come out of order, several trials run at once, some fail
      if (running.length < 4) continue
      const [trial] = running.splice((i * 7) % 4, 1)
      if (i % 9 === 0) await study.fail(trial, { failure: 'crash', output: ['x'] })
      else await study.tell(trial, Math.sin(trial.hyp.rate * 50) + trial.hyp.size)
    }
    const again = await Study.open(study.storage, (await study.storage.studies())[0])
    for (const trial of await study.trials()) {
      const history = await again.historyBefore(trial.number)
      expect(history.size).toBe(trial.number)
      const rngOf = (number: number) => randomFor(11, number)
      const context = { space: numeric, number: trial.number, history, rng: rngOf(trial.number), rngOf }
      const sampler = samplers[name as 'yolov5'] as Sampler<unknown>
      const { hyp, parents } = sampler.propose(context, study.definition.sampler.options)
      expect([trial.number, hyp, parents]).toEqual([trial.number, trial.hyp, trial.parents])
    }
    await study.close()
  })
})

describe('a study with trainings of different length', () => {
  const numeric = defineSpace({ rate: float(1e-4, 1, { log: true, default: 0.01 }), size: float(1, 9) })
  /** Best at rate = 0.1; more epochs bring more. */
  const after = (epochs: number, hyp: { readonly rate: number }) => -(Math.log10(hyp.rate / 0.1) ** 2) - 1 / epochs

  it('counts full trainings, and is finished when nothing more fits', async () => {
    const study = await createStudy({ space: numeric, sampler: 'random', pruner: 'hyperband', epochs: 27, seed: 2 })
    expect(study.schedule).toEqual({
      ...{ epochs: 27, lowest: 3, rungs: 'restart', confirm: 0 },
      pruner: { name: 'hyperband', options: { mode: 'sync' } },
    })
    const lengths: (number | undefined)[] = []
    await study.optimize(
      ({ hyp, fidelity }) => {
        lengths.push(fidelity)
        return after(fidelity!, hyp)
      },
      { trials: 12.5, parallel: 3 },
    )
    expect(lengths[0]).toBe(27)
    expect(new Set(lengths)).toEqual(new Set([3, 9, 27]))
    const trials = await study.trials()
    for (const trial of trials) {
      if (trial.state === 'complete') expect(trial.fidelity).toBe(27)
      else
        expect(trial).toMatchObject({
          state: 'pruned',
          epochs: trial.fidelity,
          fitness: after(trial.fidelity!, trial.hyp),
        })
      if (trial.continues === undefined) continue
      const before = (await study.trial(trial.continues))!
      expect([trial.hyp, before.fidelity]).toEqual([before.hyp, trial.fidelity! / 3])
    }
    const cost = trials.reduce((sum, trial) => sum + costOf(trial, study.schedule!), 0)
    expect(study.spent).toBeCloseTo(cost, 9)
    expect(study.spent).toBeLessThanOrEqual(12.5)
    expect(study.spent).toBeGreaterThan(11.5)
    expect(study.isFinished).toBe(true)
    const [overview] = await study.storage.studies()
    expect([overview.spent, overview.finishedTarget, isFinished(overview)]).toEqual([study.spent, 12.5, true])
    const { length } = trials
    await study.optimize(({ hyp, fidelity }) => after(fidelity!, hyp), { trials: 12.5 })
    expect((await study.trials()).length).toBe(length)
    expect(await study.setTarget(20)).toBe(20)
    expect([study.isFinished, (await study.ask())?.number]).toEqual([false, length])
    expect(await study.setTarget(1)).toBe(study.spent)
    await study.close()
  })

  it.each<[SamplerName, PrunerName, 'restart' | 'stop']>([
    ['random', 'hyperband', 'restart'],
    ['priorband', 'hyperband', 'restart'],
    ['tpe', 'successive-halving', 'restart'],
    ['cmaes', 'median', 'restart'],
    ['random', 'median', 'stop'],
  ])('%s with %s, %s: the same history, number and target give the same training', async (sampler, pruner, rungs) => {
    const study = await createStudy({ space: numeric, sampler, pruner, rungs, epochs: 18, seed: 11 })
    await study.extend(16)
    const running: RunningTrial<typeof numeric.start>[] = []
    for (let i = 0; ; i++) {
      const trial = await study.ask()
      if (trial) running.push(trial)
      if (!trial && running.length === 0) break
      // results come out of order, several trials run at once, some fail, some are stopped
      if (trial && running.length < 4) continue
      const [ended] = running.splice((i * 7) % running.length, 1)
      const value = after(ended.fidelity!, ended.hyp)
      if (i % 9 === 5) await study.fail(ended, { failure: 'crash', output: ['x'] })
      else if (i % 7 === 3) await study.prune(ended, { epochs: 2, metrics: value })
      else await study.tell(ended, value)
    }
    expect(study.isFinished).toBe(true)
    const again = await Study.open(study.storage, (await study.storage.studies())[0])
    const trials = await study.trials()
    expect(trials.some(({ continues }) => continues !== undefined)).toBe(rungs === 'restart')
    for (const { number, hyp, parents, fidelity, continues } of trials) {
      const history = await again.historyBefore(number)
      const proposal = nextTraining({
        ...{ space: numeric, history, number, seed: 11, target: 16, schedule: again.schedule },
        sampler: samplers[sampler] as Sampler<unknown>,
        samplerOptions: study.definition.sampler.options,
      })!
      const { hyp: same, parents: from, fidelity: granted, continues: rung } = proposal
      expect([number, same, from, granted, rung]).toEqual([number, hyp, parents, fidelity, continues])
    }
    await study.close()
  })

  it.each(['maximize', 'minimize'] as const)(
    'stops what is behind the others, those of other processes too (%s)',
    async (direction) => {
      const sign = direction === 'maximize' ? 1 : -1
      const storage = new MemoryStorage()
      const options = { space: numeric, storage, direction, epochs: 9, rungs: 'stop', pruner: 'median' } as const
      const [one, two] = [await createStudy(options), await createStudy(options)]
      /** The start is never stopped; the others are given by their number, the last is the worst. */
      const train = async (study: typeof one, quality: number) => {
        const trial = (await study.ask())!
        expect(trial.fidelity).toBe(9)
        for (let epoch = 1; epoch <= 9; epoch++) {
          const verdict = await study.report(trial, epoch, sign * (quality + epoch / 10))
          if (verdict === 'stop') return study.prune(trial, { epochs: epoch, metrics: sign * quality })
        }
        return study.tell(trial, sign * quality)
      }
      for (let i = 0; i < 6; i++) expect((await train(i % 2 === 0 ? one : two, i)).state).toBe('complete')
      expect(await train(one, 1)).toMatchObject({ state: 'pruned', epochs: 3, fitness: 1 })
      expect((await train(two, 9)).state).toBe('complete')
      // a process that comes later knows as much
      const later = await createStudy(options)
      expect(await train(later, 0.5)).toMatchObject({ state: 'pruned', epochs: 3, fitness: 0.5 })
      expect(later.best?.value).toBe(sign * 9)
      // and what is stopped costs what it was trained
      expect(later.spent).toBeCloseTo(7 + 2 / 3, 9)
    },
  )

  it('lets an objective return what it reached when it is stopped', async () => {
    const study = await createStudy({
      ...{ space: numeric, sampler: 'random', epochs: 9, rungs: 'stop', pruner: 'median' },
      ...{ fitness: '2*score', seed: 4 },
    })
    const stopped = new Map<number, number>()
    await study.optimize(
      async (trial) => {
        for (let epoch = 1; ; epoch++) {
          const score = after(epoch, trial.hyp)
          const verdict = await trial.report(epoch, { score })
          if (verdict === 'stop') stopped.set(trial.number, epoch)
          if (verdict === 'stop' || epoch === 9) return { score }
        }
      },
      { trials: 12, parallel: 2 },
    )
    expect(stopped.size).toBeGreaterThan(2)
    expect(study.isFinished).toBe(true)
    for (const trial of await study.trials()) {
      const epochs = stopped.get(trial.number)
      const score = after(epochs ?? 9, trial.hyp)
      const state = epochs === undefined ? { state: 'complete' } : { state: 'pruned', epochs }
      expect(trial).toMatchObject({ ...state, fitness: 2 * score, metrics: { score } })
    }
    expect((await study.epochs(0)).map(({ fitness }) => fitness)).toHaveLength(9)
    await study.close()
  })

  it('keeps a share for repeats of the best at full length, which samplers do not see', async () => {
    const study = await createStudy({
      ...{ space: numeric, sampler: 'random', pruner: 'hyperband', epochs: 9, confirm: 0.3, seed: 6 },
    })
    await study.optimize(
      ({ hyp, number, fidelity }) => after(fidelity!, hyp) + Math.sin(number) / 50, // noise
      { trials: 20, parallel: 2 },
    )
    const repeats = (await study.trials()).filter(({ repeats }) => repeats !== undefined)
    expect(repeats.length).toBeGreaterThan(3)
    for (const { hyp, fidelity, repeats: of, repetition, state } of repeats) {
      const original = await study.trial(of!)
      expect([hyp, fidelity, state, original?.state]).toEqual([original?.hyp, 9, 'complete', 'complete'])
      expect(repetition).toBeGreaterThan(0)
    }
    expect(study.history.repeats.length).toBe(repeats.length)
    expect(study.history.searched.length + repeats.length).toBe(study.history.ended.length)
    expect(repeats.map(({ number }) => number)).not.toContain(study.best!.number)
    expect(study.spent).toBeLessThanOrEqual(20)
    expect(study.isFinished).toBe(true)
    await study.close()
  })

  it('refuses lengths that make no sense, and another schedule for the same study', async () => {
    await expect(createStudy({ space, pruner: 'hyperband' })).rejects.toThrow(/epochs/)
    await expect(createStudy({ space, epochs: 9, confirm: 0.7 })).rejects.toThrow(/confirm/)
    await expect(createStudy({ space, epochs: 0.5 })).rejects.toThrow(/epochs/)
    const storage = new MemoryStorage()
    await createStudy({ space, storage, epochs: 9, pruner: 'hyperband' })
    await expect(createStudy({ space, storage })).rejects.toThrow(StudyDiffersError)
    await expect(createStudy({ space, storage, epochs: 27, pruner: 'hyperband' })).rejects.toThrow(
      /epochs of a full training: 9 there, 27 here/,
    )
    expect((await createStudy({ space, storage, epochs: 9, pruner: 'hyperband', lowest: 3 })).id).toBe(1)
  })

  it('says so if a later release stored lengths that this one does not know', async () => {
    const study = await createStudy({ space, epochs: 9 })
    const [record] = await study.storage.studies()
    const stored = (change: object) => ({
      ...record,
      definition: { ...record.definition, schedule: { ...record.definition.schedule!, ...change } },
    })
    await expect(Study.open(study.storage, stored({ rungs: 'pause' as never }))).rejects.toThrow(StorageInvalidError)
    const unknown = Study.open(study.storage, stored({ pruner: { name: 'wish', options: {} } }))
    await expect(unknown).rejects.toThrow(/pruner wish, unknown to this release/)
    await study.close()
  })
})

describe('a study with constraints and a second objective', () => {
  const open = async (direction: 'maximize' | 'minimize' = 'minimize') => {
    const storage = new MemoryStorage()
    const definition = {
      ...(await createStudy({ space, fitness: 'score' })).definition,
      constraints: ['ms <= 10', 'mb < 4'],
      second: { expression: 'ms', direction },
    }
    const { study } = await storage.begin(undefined, () => ({
      create: { name: 'both', key: 'k', definition, target: undefined },
    }))
    return Study.open(storage, study)
  }

  it('tells by how much they are broken, and the second as larger is better', async () => {
    const study = await open()
    const tell = async (metrics: Record<string, number>) => study.tell((await study.ask())!, metrics)
    expect(await tell({ score: 1, ms: 8, mb: 2 })).toMatchObject({ state: 'complete', second: -8, violation: 0 })
    expect(await tell({ score: 3, ms: 15, mb: 6 })).toMatchObject({ fitness: 3, second: -15, violation: 1 })
    // a constraint that cannot be told is broken beyond measure
    expect(await tell({ score: 2, ms: 8 })).toMatchObject({ violation: Number.POSITIVE_INFINITY })
    expect((await study.incumbent())?.number).toBe(0)
    const pruned = await study.prune((await study.ask())!, { epochs: 2, metrics: { score: 0, ms: 20, mb: 1 } })
    expect(pruned).toMatchObject({ fitness: 0, second: -20, violation: 1 })
    expect(study.history.ended.map(({ number }) => number)).toEqual([0, 1, 2, 3])
    await study.close()
  })

  it('fails a trial whose second objective is missing', async () => {
    const study = await open('maximize')
    const told = await study.tell((await study.ask())!, { score: 1, mb: 2 })
    expect(told).toMatchObject({ state: 'failed', failure: 'diverged' })
    expect((told as FailedTrial).output).toEqual(['No second objective: ms is missing.'])
    await study.close()
  })
})

describe('createStudy', () => {
  it('goes on with the study of the same name, and with its seed', async () => {
    const storage = new MemoryStorage()
    const one = await createStudy({ space, storage, name: 'mine', seed: 5 })
    await one.optimize(({ hyp }) => -cost(hyp), { trials: 10 })
    await one.close()
    const two = await createStudy({ space, storage, name: 'mine' })
    expect([two.id, two.seed, two.history.size]).toEqual([one.id, 5, 10])
    let called = 0
    await two.optimize(({ hyp }) => -cost(hyp) + 0 * called++, { trials: 12 })
    expect([called, two.history.size]).toEqual([2, 12])
    await two.close()
  })

  it('refuses to mix two searches, and says what differs', async () => {
    const storage = new MemoryStorage()
    await createStudy({ space, storage, name: 'mine' })
    const other = defineSpace({ rate: float(1e-4, 1), layers: integer(1, 9), kind: choice('sgd', 'adam') })
    const attempt = createStudy({ space: other, storage, name: 'mine', sampler: 'random', direction: 'minimize' })
    await expect(attempt).rejects.toThrow(StudyDiffersError)
    await expect(attempt).rejects.toThrow(/sampler: auto there, random here[\s\S]*hyperparameter layers/)
  })

  it('checks the options of the sampler', async () => {
    await expect(createStudy({ space, sampler: 'yolov5', samplerOptions: { poolSize: 0 } as never })).rejects.toThrow(
      /poolSize/,
    )
  })
})

describe('optimize', () => {
  it('runs several trials at once, each once', async () => {
    const study = await createStudy({ space })
    let now = 0
    let most = 0
    const seen: number[] = []
    await study.optimize(
      async ({ hyp, number }) => {
        seen.push(number)
        most = Math.max(most, ++now)
        await delay(2)
        now--
        return -cost(hyp)
      },
      { trials: 23, parallel: 4 },
    )
    expect(most).toBe(4)
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 23 }, (_, i) => i))
    await study.close()
  })

  it('records an error of the objective and ends with it, after the others', async () => {
    const study = await createStudy({ space })
    const objective = async ({ number }: { number: number }) => {
      if (number === 2) throw new Error('no such file')
      await delay(5)
      return number
    }
    await expect(study.optimize(objective, { trials: 50, parallel: 3 })).rejects.toThrow('no such file')
    expect(await study.counts()).toMatchObject({ failed: 1, running: 0 })
    const failed = (await study.trial(2)) as FailedTrial
    expect([failed.failure, failed.output[0]]).toEqual(['crash', 'Error: no such file'])
    expect(failed.output.length).toBeGreaterThan(1)
    await study.close()
  })

  it('goes on after errors that may be', async () => {
    const study = await createStudy({ space })
    const objective = ({ number }: { number: number }) => {
      if (number % 3 === 1) throw new RangeError('too large')
      return number
    }
    await study.optimize(objective, { trials: 9, catch: (error) => error instanceof RangeError })
    expect(await study.counts()).toMatchObject({ complete: 6, failed: 3 })
    await study.close()
  })

  it('stops at a signal; what was in progress waits for the next run', async () => {
    const study = await createStudy({ space })
    const stop = new AbortController()
    await study.optimize(
      async ({ number, signal }) => {
        if (number === 3) setTimeout(() => stop.abort(), 5)
        await delay(number < 3 ? 0 : 60_000, undefined, { signal })
        return number
      },
      { trials: 100, parallel: 2, signal: stop.signal },
    )
    expect(await study.counts()).toMatchObject({ complete: 3, waiting: 2, running: 0 })
    await study.optimize(({ number }) => number, { trials: 6 })
    expect(await study.counts()).toMatchObject({ complete: 6, waiting: 0 })
    await study.close()
  })

  it('ends when nothing untried is left', async () => {
    const small = defineSpace({ a: choice('x', 'y', 'z'), b: choice(true, false) })
    const study = await createStudy({ space: small, sampler: 'random' })
    await study.optimize(() => 1, { trials: 100 })
    const trials = await study.trials()
    expect(new Set(trials.map(({ hyp }) => JSON.stringify(hyp))).size).toBe(trials.length)
    expect(trials).toHaveLength(6)
    await study.close()
  })

  it('keeps what is reported', async () => {
    const study = await createStudy({ space })
    await study.optimize(
      async (trial) => {
        for (let epoch = 1; epoch <= 2; epoch++) expect(await trial.report(epoch, { x: epoch })).toBe('continue')
        return 1
      },
      { trials: 2 },
    )
    expect(await study.epochs(1)).toEqual([
      { trial: 1, attempt: 1, epoch: 1, metrics: { x: 1 } },
      { trial: 1, attempt: 1, epoch: 2, metrics: { x: 2 } },
    ])
    await study.close()
  })
})
