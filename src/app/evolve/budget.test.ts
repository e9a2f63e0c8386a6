import { describe, expect, it } from 'vitest'
import { UsageError } from '../../base/index.ts'
import { Pace } from '../../run/index.ts'
import { defineSpace, float } from '../../search/index.ts'
import { createStudy, type Study } from '../../study/index.ts'
import { BudgetClock, budgetOf, firstTarget, workedMs } from './budget.ts'

const hour = 3_600_000
const now = Date.parse('2027-03-01T10:00:00Z')
const search = { trials: 300, epochs: 36 }

describe('the target of a new study', () => {
  it.each([
    [{}, 300],
    [{ budget: '40trainings' }, 40],
    [{ budget: '72epochs' }, 2],
    [{ budget: '40', evolve: 30 }, 30],
    [{ budget: '24h' }, undefined],
    [{ budget: '24h', evolve: 50 }, 50],
    [{ budget: '24h', evolve: true as const }, undefined],
  ])('with %j is %s', (flags, target) => {
    expect(firstTarget(flags, budgetOf(flags, now), search)).toBe(target)
  })

  it('takes one of --budget and --until', () => {
    expect(() => budgetOf({ budget: '1h', until: '08:00' }, now)).toThrow(UsageError)
  })
})

describe('a budget of time', () => {
  const slots = [{ slot: 0, device: 'cpu', threads: 1 }]

  async function clockOf(more: { cap?: number; usedMs?: number } = {}) {
    const space = defineSpace({ x: float(0, 1) })
    const study = (await createStudy({ space, sampler: 'random', epochs: 10, confirm: 0 })) as unknown as Study
    const pace = new Pace(study.schedule)
    const budget = budgetOf({ budget: '10h' }, now)!
    const options = { study, budget, slots, pace, atOnce: () => 2, cap: more.cap, usedMs: more.usedMs ?? 0 }
    const train = async (ms: number) => {
      const trial = (await study.ask())!
      await study.tell(trial, 1)
      pace.add(trial, ms)
    }
    return { study, train, clock: new BudgetClock(options, now) }
  }

  it('becomes a number of trainings after the first one, and follows the time that is left', async () => {
    const { study, train, clock } = await clockOf()
    expect(clock.deadline()).toBe(now + 10 * hour)
    expect(await clock.revise(now)).toBeUndefined()
    await train(hour)
    expect(await clock.revise(now + hour)).toMatch(/^A full training takes 1 h.* about 19 trainings' worth\.$/)
    expect(study.target).toBe(1 + 18)
    await train(3 * hour) // two hours each, by the mean
    expect(await clock.revise(now + 4 * hour)).toBeUndefined()
    expect(study.target).toBe(2 + 6)
  })

  it('ends by a number that was said too, and counts the time of earlier runs', async () => {
    const { study, train, clock } = await clockOf({ cap: 5, usedMs: 4 * hour })
    expect(clock.deadline()).toBe(now + 6 * hour)
    await train(hour)
    await clock.revise(now)
    expect(study.target).toBe(5)
  })

  it('of GPUs wants one', async () => {
    const { study } = await clockOf()
    const options = { study, slots, pace: new Pace(study.schedule), atOnce: () => 1, cap: undefined, usedMs: 0 }
    expect(() => new BudgetClock({ ...options, budget: budgetOf({ budget: '5gpuh' }, now)! }, now)).toThrow(UsageError)
  })
})

it('counts the time that a study was worked on once', () => {
  const at = (hours: number) => new Date(now + hours * hour).toISOString()
  const worker = (from: number, beat: number, end?: number) => ({
    registeredAt: at(from),
    heartbeatAt: at(beat),
    endedAt: end === undefined ? undefined : at(end),
  })
  expect(workedMs([worker(4, 6), worker(0, 1.9, 2), worker(1, 2.9, 3)])).toBe(5 * hour)
  expect(workedMs([])).toBe(0)
})
