import { describe, expect, it } from 'vitest'
import { type CompleteTrial, confirmationOf, History } from '../../search/index.ts'
import { probabilityText } from '../console/text.ts'
import { confirmationLines, stopText } from './confirmation-text.ts'

const complete = (number: number, fitness: number, rest: Partial<CompleteTrial> = {}): CompleteTrial => ({
  attempt: 1,
  parents: [],
  mutated: [],
  metrics: {},
  state: 'complete',
  number,
  fitness,
  hyp: { x: number },
  ...rest,
})
const search = [0.398, 0.431, 0.405, 0.38, 0.371, 0.36, 0.352, 0.34, 0.33, 0.32].map((fitness, i) =>
  complete(i, fitness),
)
const again = (repeats: number, fitnesses: readonly number[]): CompleteTrial[] =>
  fitnesses.map((fitness, i) =>
    complete(10 + 5 * repeats + i, fitness, { repeats, repetition: i + 1, hyp: { x: repeats } }),
  )
const linesOf = (...trials: CompleteTrial[]) => {
  const ordered = [...search, ...trials].map((trial, number) => ({ ...trial, number }))
  return confirmationLines(confirmationOf(new History(ordered)), { results: 10 })
}

describe('the text of a confirmation', () => {
  it('has a table, the answer, and what it means', () => {
    const lines = linesOf(...again(0, [0.395, 0.402]), ...again(1, [0.418, 0.412, 0.421]), ...again(2, [0.397, 0.404]))
    expect(lines).toMatchInlineSnapshot(`
      [
        "    Trial  in the search  less luck  again    mean  ± (one training)  better than the start  the best",
        "0 (start)         0.3980                 2  0.3983            0.0035                            < 1 %",
        "        1         0.4310     0.4282      3  0.4170            0.0046                 > 99 %    > 99 %",
        "        2         0.4050     0.4033      2  0.4005            0.0049                   72 %     < 1 %",
        "The answer is trial 1: 0.4170 as the mean of 3 trainings, better than the start (0.3983 as the mean of 3 trainings) with a probability of > 99 %.",
        "With another seed expect 0.4199; its true mean lies in 0.4116 to 0.4273 with a probability of 95 %. The 0.4310 that the search saw was partly luck.",
        "Noise: two trainings alike differ by about 0.0060 (standard deviation of one training 0.0043, from 5 degrees of freedom).",
      ]
    `)
  })

  it('says that the start stays where nothing is better', () => {
    expect(linesOf(...again(0, [0.395, 0.402]), ...again(1, [0.385, 0.392]))).toMatchInlineSnapshot(`
      [
        "    Trial  in the search  less luck  again    mean  ± (one training)  better than the start  the best",
        "0 (start)         0.3980                 2  0.3983            0.0035                             54 %",
        "        1         0.4310     0.4050      2  0.3885            0.0049                   46 %      46 %",
        "The answer is the start: nothing is more likely better than not (trial 1: 46 %).",
        "With another seed expect 0.3983; its true mean lies in 0.3672 to 0.4294 with a probability of 95 %.",
        "Noise: two trainings alike differ by about 0.0057 (standard deviation of one training 0.0040, from 3 degrees of freedom).",
      ]
    `)
  })

  it('says that it is not sure', () => {
    const [, , , answer] = linesOf(...again(0, [0.38, 0.41]), ...again(1, [0.393, 0.41]))
    expect(answer).toMatch(/^The answer is trial 1: .* That is not sure/)
  })

  it('says that nothing was trained again, or that it brought the same', () => {
    expect(linesOf()).toMatchInlineSnapshot(`
      [
        "Not confirmed: trial 1 had 0.4310, but the best of 10 results is likely too good: expect about 0.4079. Nothing was trained again.",
      ]
    `)
    expect(linesOf(...again(0, [0.398]), ...again(1, [0.431]))).toMatchInlineSnapshot(`
      [
        "The answer is trial 1 with 0.4310. Trained again it gave exactly the same: there is no noise, so what was kept to confirm the answer went to the search.",
      ]
    `)
    expect(confirmationLines(confirmationOf(new History()))).toEqual([])
  })

  it('says what failed, and that seeds were not controlled', () => {
    const failed = [0, 1].map(
      (i) => ({ ...again(1, [0, 0])[i], state: 'failed', failure: 'crash', output: ['x'] }) as const,
    )
    const trials = [...search, ...again(0, [0.395, 0.402]), ...failed].map((trial, number) => ({ ...trial, number }))
    const lines = confirmationLines(confirmationOf(new History(trials), { seedsControlled: false }))
    expect(lines.join('\n')).toContain('0, 2 failed')
    expect(lines.join('\n')).toContain('takes no seed')
  })

  it('speaks of probabilities as of something that is never certain', () => {
    expect([1, 0.996, 0.97, 0.5, 0.001].map(probabilityText)).toEqual(['> 99 %', '> 99 %', '97 %', '50 %', '< 1 %'])
  })

  it('says why a search ended early', () => {
    const facts = { spent: 61.3, sinceBetter: 40.2, best: 17 }
    expect(stopText({ reason: 'budget', ...facts }, 100)).toBeUndefined()
    expect(stopText({ reason: 'stagnation', ...facts }, 100)).toBe(
      "The search ended early, after 61 trainings' worth of 100: nothing got better than trial 17 in the last 40 trainings' worth, beyond what chance explains.",
    )
    expect(stopText({ reason: 'default-wins', ...facts })).toBe(
      "The search ended early, after 61 trainings' worth: nothing was better than the start, beyond what chance explains.",
    )
  })
})
