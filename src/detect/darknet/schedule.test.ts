import { describe, expect, it } from 'vitest'
import { loadHyp } from '../hyp.ts'
import { Yolov3Schedule } from './schedule.ts'

const { hyp } = loadHyp('yolov3@01dbdc45')
const schedule = (changes: Record<string, number> = {}, epochs = 100) =>
  new Yolov3Schedule({ epochs, batches: 20, batchSize: 16, cosLr: false, hyp: { ...hyp, ...changes } })

describe('the learning rate of YOLOv3', () => {
  it('falls in two steps to lr0 · 10^lrf', () => {
    const factors = [0, 79, 80, 89, 90, 99].map((epoch) => schedule().learningRateFactor(epoch))
    expect(factors).toEqual([1, 1, 1e-2, 1e-2, 1e-4, 1e-4].map((each) => expect.closeTo(each, 12)))
    // lrf -2: the rates of January 2020.
    expect([85, 95].map((epoch) => schedule({ lrf: -2 }).learningRateFactor(epoch))).toEqual([
      expect.closeTo(0.1, 12),
      expect.closeTo(0.01, 12),
    ])
  })

  it('takes a positive lrf as the end of a cosine', () => {
    const own = schedule({ lrf: 0.05 })
    expect([0, 50, 100].map((epoch) => own.learningRateFactor(epoch))).toEqual(
      [1, 0.525, 0.05].map((each) => expect.closeTo(each, 12)),
    )
  })

  it('warms up for at most half of a short training', () => {
    expect(schedule().burnIn).toBe(500)
    expect(schedule({}, 10).burnIn).toBe(100)
    const now = schedule({}, 10).at(50)
    expect(now.learningRate.decayed).toBeCloseTo(hyp['lr0']! / 2, 12)
    expect(now).toMatchObject({ overlapRatio: 0.5, weightDecay: hyp['weight_decay']! / 2 })
    expect(schedule({}, 10).at(101)).toMatchObject({ overlapRatio: 1, accumulate: 4, momentum: hyp['momentum'] })
  })

  it('updates the weights at every iteration that its accumulation divides', () => {
    const steps = (from: number) => [0, 1, 2, 3, 4].map((i) => schedule().steps(from + i))
    expect(steps(0)).toEqual([true, true, true, true, true])
    expect(steps(600)).toEqual([true, false, false, false, true])
    expect(steps(602)).toEqual([false, false, true, false, false])
  })
})
