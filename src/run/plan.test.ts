import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planOf, revisePlan } from './index.ts'

const request = { trainings: 300, epochs: 10, slots: 4, evolved: ['lr0'], fixed: [{ key: 'lrf', reason: 'gain 0' }] }

it('counts what is to be done and how long it takes', () => {
  expect(planOf({ ...request, secondsPerEpoch: 6 })).toEqual({
    ...request,
    secondsPerEpoch: 6,
    epochsInAll: 3000,
    secondsPerTraining: 60,
    seconds: 75 * 60,
    measured: false,
  })
})

it('says nothing about time if nobody knows', () => {
  expect(planOf(request)).toMatchObject({ epochsInAll: 3000, secondsPerTraining: undefined, seconds: undefined })
})

it('counts the last round as a whole one', () => {
  expect(planOf({ ...request, trainings: 5, secondsPerEpoch: 1 }).seconds).toBe(20)
  expect(planOf({ ...request, trainings: 1, secondsPerEpoch: 1 }).seconds).toBe(10)
})

it('is revised by what trainings took', () => {
  const plan = revisePlan(planOf(request), { secondsPerTraining: 90, trainings: 299 })
  expect(plan).toMatchObject({ trainings: 299, secondsPerTraining: 90, seconds: 75 * 90, measured: true })
  expect(plan.fixed).toEqual(request.fixed)
})

describe('with trainings of different length', () => {
  const schedule = {
    ...{ epochs: 36, lowest: 4, rungs: 'restart' as const },
    ...{ pruner: { name: 'hyperband', options: {} }, confirm: 0.2 },
  }
  const mixed = { ...request, trainings: 40, epochs: 36, slots: 4, schedule, secondsPerEpoch: 10 }
  const now = Date.UTC(2026, 0, 1)

  it('says the rungs, what is kept to confirm, and when it ends', () => {
    const plan = planOf({ ...mixed, now })
    expect(plan).toMatchObject({ rungs: [4, 12, 36], confirmation: 8, epochsInAll: 1440, secondsPerTraining: 360 })
    expect(plan.seconds).toBe((32 / 4 + 8 / 4) * 360)
    expect(plan.end).toBe(now + 3_600_000)
    expect(plan.available).toBeUndefined()
  })

  it('counts the start as a whole training, however many slots there are', () => {
    expect(planOf({ ...mixed, trainings: 6, slots: 16 }).seconds).toBe(360) // 1.2 are too few to confirm
    expect(planOf({ ...mixed, trainings: 10, slots: 16 }).seconds).toBe(2 * 360)
  })

  it('counts whole trainings in turns where nothing shorter is trained', () => {
    const plan = planOf({ ...mixed, trainings: 9, schedule: { ...schedule, pruner: { name: 'none', options: {} } } })
    expect(plan).toMatchObject({ rungs: [36], confirmation: 0, seconds: 3 * 360 })
  })

  it('says what a deadline gives instead', () => {
    const deadline = now + 60 * 3_600_000
    const plan = planOf({ ...mixed, trainings: 300, slots: 1, secondsPerEpoch: 150, now, deadline })
    expect(plan.seconds! / 86_400).toBeCloseTo(18.75)
    expect(plan.available).toEqual({ seconds: 60 * 3600, trainings: 40 })
    const late = planOf({ ...mixed, now, deadline: now - 1 })
    expect(late.available).toEqual({ seconds: 0, trainings: 0 })
    expect(planOf({ ...mixed, secondsPerEpoch: undefined, now, deadline }).available).toBeUndefined()
  })

  it('is revised by the speed that was measured; what is kept to confirm stays', () => {
    const first = planOf({ ...mixed, secondsPerEpoch: undefined, now })
    expect([first.seconds, first.end]).toEqual([undefined, undefined])
    const plan = revisePlan(first, { secondsPerTraining: 720, trainings: 39, now: now + 720_000 })
    expect(plan).toMatchObject({ trainings: 39, confirmation: 8, measured: true, rungs: [4, 12, 36], target: 40 })
    expect(plan.seconds).toBe((31 / 4 + 2) * 720)
    expect(plan.end).toBe(now + 720_000 + 1000 * plan.seconds!)
    const last = revisePlan(plan, { secondsPerTraining: 720, trainings: 3, now })
    expect(last).toMatchObject({ confirmation: 3, seconds: 720 })
    expect(revisePlan(last, { secondsPerTraining: 720, trainings: 0 }).seconds).toBe(0)
  })

  it('never plans what is no time, and less takes no longer', () => {
    const amounts = fc.double({ min: 0, max: 500, noNaN: true })
    fc.assert(
      fc.property(
        amounts,
        amounts,
        fc.integer({ min: 1, max: 64 }),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        (a, b, slots, confirm) => {
          const [less, more] = [Math.min(a, b), Math.max(a, b)].map(
            (trainings) =>
              planOf({ ...mixed, trainings, slots, target: 500, schedule: { ...schedule, confirm } }).seconds!,
          )
          expect(less).toBeGreaterThanOrEqual(0)
          expect(less! <= more! + 1e-6).toBe(true)
        },
      ),
    )
  })
})
