// Searches that are to be over at a given time, on a clock of their own: an epoch takes a minute of it.
import { describe, expect, it, onTestFinished } from 'vitest'
import { defineSpace, float } from '../search/index.ts'
import { createStudy, MemoryStorage, type Study } from '../study/index.ts'
import { localExecutor, planSlots, runTrials, type Trainer } from './index.ts'

const space = defineSpace({ lr0: float(1e-5, 0.1, { default: 0.01 }), lrf: float(0.01, 1, { default: 0.5 }) })
const minute = 60_000

async function newStudy(target: number, options: object = {}): Promise<Study> {
  const study = await createStudy({ space, fitness: 'mAP50', name: 'exp', sampler: 'random', ...options })
  onTestFinished(() => study.close())
  await study.extend(target)
  return study as unknown as Study
}

const withRungs = { epochs: 9, lowest: 1, pruner: 'successive-halving' }

interface Timed {
  /** Minutes after the start; `undefined`: none. */
  readonly deadline: (minutes: number) => number | undefined
  readonly jobs?: number
  readonly clock?: { now: number }
}

const start = Date.UTC(2026, 0, 1)
const newClock = () => ({ now: start })

/** @returns how it ended, the minutes at which trainings began, and the minute of the end */
async function run(study: Study, { deadline, jobs = 1, clock = newClock() }: Timed) {
  const minutes = () => (clock.now - start) / minute
  const begun: number[] = []
  const trainer: Trainer = {
    name: 'clock',
    pid: undefined,
    async train({ hyp, length }, onEpoch) {
      begun.push(minutes())
      const epochs = length?.epochs ?? 9
      const before = clock.now
      await new Promise((resolve) => setTimeout(resolve, 5)) // the other slots begin
      const metrics = { mAP50: 1 - Math.abs(Number(hyp['lr0']) - 0.02) }
      clock.now = Math.max(clock.now, before + epochs * minute)
      onEpoch({ epoch: epochs, epochs, metrics })
      return { state: 'complete', metrics }
    },
    kill: () => {},
    close: async () => {},
  }
  const executor = localExecutor(planSlots({ device: 'cpu', jobs, cores: jobs, gpus: 0 }).slots, () => trainer)
  const events: string[] = []
  const summary = await runTrials({
    ...{ study, executor, pollMs: 5, now: () => clock.now },
    deadline: () => {
      const at = deadline(minutes())
      return at === undefined ? undefined : start + at * minute
    },
    onEvent: (event) => events.push(event.type),
  })
  return { ended: summary.ended, begun, end: minutes(), events }
}

describe('a deadline', () => {
  it('lets begin what ends in time', async () => {
    const study = await newStudy(100)
    expect(await run(study, { deadline: () => 30 })).toMatchObject({ ended: 'deadline', begun: [0, 9, 18], end: 27 })
    expect(study.history.complete).toHaveLength(3)
  })

  it('may be overrun by a tenth of a training', async () => {
    expect(await run(await newStudy(100), { deadline: () => 26.2 })).toMatchObject({ begun: [0, 9, 18], end: 27 })
    expect(await run(await newStudy(100), { deadline: () => 26 })).toMatchObject({ begun: [0, 9], end: 18 })
  })

  it('that has passed lets nothing begin; none lets all', async () => {
    expect(await run(await newStudy(3), { deadline: () => 0 })).toMatchObject({ ended: 'deadline', begun: [] })
    expect(await run(await newStudy(3), { deadline: () => undefined })).toMatchObject({ ended: 'target', end: 27 })
  })

  it('is asked anew each time', async () => {
    const deadline = (minutes: number) => (minutes < 10 ? undefined : 20)
    expect(await run(await newStudy(100), { deadline })).toMatchObject({ ended: 'deadline', begun: [0, 9], end: 18 })
  })

  it('does not count where all is done', async () => {
    expect(await run(await newStudy(3), { deadline: () => 27 })).toMatchObject({ ended: 'target', end: 27 })
  })

  it('holds for all slots', async () => {
    const { ended, begun, end } = await run(await newStudy(100), { deadline: () => 30, jobs: 3 })
    expect([ended, end]).toEqual(['deadline', 27])
    expect(begun).toEqual([0, 0, 0, 9, 9, 9, 18, 18, 18])
  })

  it('measures short trainings by their epochs, and gives back what would not end in time', async () => {
    const study = await newStudy(100, withRungs)
    // The start takes 9 minutes; then rungs of 1, 3 and 9.
    const { ended, end, events } = await run(study, { deadline: () => 20 })
    expect(ended).toBe('deadline')
    expect(end).toBeLessThanOrEqual(20.9)
    expect(end).toBeGreaterThan(11)
    expect(events).not.toContain('released')
    const { waiting, running } = await study.counts()
    expect([waiting <= 1, running]).toEqual([true, 0])
    // Whoever goes on begins with it.
    const more = await run(study, { deadline: () => 30 })
    expect(more.begun.length).toBeGreaterThan(0)
    expect((await study.counts()).running).toBe(0)
  })

  it('knows how long trainings took before', async () => {
    const clock = newClock()
    const storage = new MemoryStorage({ clock: () => clock.now })
    const study = await newStudy(100, { storage })
    expect(await run(study, { deadline: () => 12, clock })).toMatchObject({ begun: [0], end: 9 })
    expect(await run(study, { deadline: () => 15, clock })).toMatchObject({ begun: [], ended: 'deadline' })
    expect(await run(study, { deadline: () => 18, clock })).toMatchObject({ begun: [9], end: 18 })
  })
})
