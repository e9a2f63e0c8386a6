import { expect, it } from 'vitest'
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
