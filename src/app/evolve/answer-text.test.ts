import { expect, it, onTestFinished } from 'vitest'
import { defineSpace, float } from '../../search/index.ts'
import { createStudy, type Study } from '../../study/index.ts'
import { answerLines } from './answer-text.ts'

const test = { folder: '.', options: undefined, data: undefined, keep: { kind: 'none' } as const }

/** Of a search whose results are larger for larger x, up to a peak. */
async function answer(peak: number): Promise<string[]> {
  const space = defineSpace({ x: float(0.5, 0.9, { default: 0.6 }) })
  const study = await createStudy({ space, epochs: 3, confirm: 0.2, seed: 3 })
  onTestFinished(() => study.close())
  await study.optimize(({ hyp, number }) => 1 - Math.abs(hyp.x - peak) + 0.001 * Math.sin(99 * number), { trials: 15 })
  return answerLines(study as unknown as Study, test, 120)
}

it('tells what was confirmed, and where the range may have been too narrow', async () => {
  const lines = await answer(2)
  expect(lines.join('\n')).toMatch(/^The answer is trial \d+: .* as the mean of \d trainings?, better than the start/m)
  expect(lines.at(-1)).toBe(
    'Most of the best trials lie at an end of a range: x 0.9000 (upper). Better values may lie beyond it; --set x=low..high ' +
      'begins a study with another range.',
  )
  expect((await answer(0.75)).filter((line) => /range/.test(line))).toEqual([])
})
