// Which files a release has, and what happens with values that they cannot hold.
import { describe, expect, it } from 'vitest'
import { EvolveTextValueError } from '../../base/index.ts'
import { type CompleteTrial, fitnessPresets, type Hyp, releases } from '../../search/index.ts'
import {
  type EvolveFormat,
  type EvolveRelease,
  evolveFormats,
  evolveTable,
  formatOfRelease,
  pictureTable,
  releaseKeys,
  renderEvolveFiles,
} from './index.ts'

const trial = (number: number, hyp: Hyp, mAP50to95: number, fitness = mAP50to95): CompleteTrial => ({
  state: 'complete',
  number,
  hyp,
  parents: [],
  mutated: [],
  attempt: 1,
  fitness,
  metrics: { precision: 0.5, recall: 0.5, mAP50: 0, mAP50to95, boxLoss: 0, objLoss: 0, clsLoss: 0 },
})

describe('formats', () => {
  it.each(Object.entries(releases))('%s has files that rank by its fitness', (_name, release) => {
    expect(formatOfRelease).toHaveProperty([release.files])
    const format: EvolveFormat = evolveFormats[formatOfRelease[release.files as EvolveRelease]]
    expect(format.weights).toEqual(fitnessPresets[release.fitness].weights)
    expect(format.resultKeys.slice(0, 4)).toEqual(fitnessPresets[release.fitness].metrics)
  })

  it.each(Object.keys(formatOfRelease) as EvolveRelease[])('%s hyps fit its table', (release) => {
    const format: EvolveFormat = evolveFormats[formatOfRelease[release]]
    const keys = releaseKeys[release].required
    const hyp = Object.fromEntries(keys.map((key) => [key, 0.5]))
    const [{ folder, name, text }] = renderEvolveFiles(format, { keys, trials: [trial(0, hyp, 0.25)] })
    expect(`${folder}/${name}`).toBe(format.titled ? 'study/evolve.csv' : 'current/evolve.txt')
    expect(
      text
        .trim()
        .split('\n')
        .at(-1)!
        .split(format.titled ? ',' : /\s+/).length,
    ).toBe(format.resultKeys.length + keys.length)
  })
})

describe('the best row', () => {
  const format = evolveFormats['yolov5-v7.0']
  const trials = [trial(3, { a: 1 }, 0.1000001), trial(1, { a: 2 }, 0.1000002), trial(2, { a: 3 }, 0.05, 0.9)]

  it('is the first of those that the rounded table cannot tell apart, as in the originals', () => {
    const [, { text }] = renderEvolveFiles(format, { keys: ['a'], trials })
    expect(text).toContain('# Best generation: 0\n# Last generation: 2\n')
    expect(text.endsWith('a: 1.0\n')).toBe(true)
  })

  it('is the incumbent where the study has its own fitness, of equals the lowest number', () => {
    const options = { keys: ['a'], trials, ranking: 'trial' } as const
    expect(renderEvolveFiles(format, options)[1].text).toContain('# Best generation: 2\n')
    const equal = { ...options, trials: [trial(3, { a: 1 }, 0.1), trial(1, { a: 2 }, 0.1)] }
    expect(renderEvolveFiles(format, equal)[1].text).toContain('# Best generation: 1\n')
    expect(pictureTable(format, evolveTable(format, equal), 'trial').bestIndex).toBe(1)
  })
})

describe('a winner that is named', () => {
  const trials = [trial(0, { a: 1 }, 0.1), trial(1, { a: 2 }, 0.3), trial(2, { a: 3 }, 0.2)]

  it.each(['yolov5-v7.0', 'yolov5-v4.0'] as const)('is the best row of %s, though another is fitter', (name) => {
    const format = evolveFormats[name]
    const options = { keys: ['a'], trials, ranking: { winner: 2 } } as const
    expect(renderEvolveFiles(format, options)[1].text).toMatch(/\na: 3\.0\n$/)
    const table = evolveTable(format, options)
    expect(table.rows[pictureTable(format, table, options.ranking).bestIndex].number).toBe(2)
  })

  it('that has no row leaves the fittest', () => {
    const options = { keys: ['a'], trials, ranking: { winner: 7 } } as const
    expect(renderEvolveFiles(evolveFormats['yolov5-v7.0'], options)[1].text).toMatch(/\na: 2\.0\n$/)
  })
})

describe('without a trial', () => {
  it('there is a table, but no best hyp', () => {
    expect(renderEvolveFiles(evolveFormats['yolov5-v7.0'], { keys: ['a'], trials: [] })).toMatchObject([
      { name: 'evolve.csv', text: expect.stringMatching(/metrics\/precision.* a\n$/) },
    ])
    expect(renderEvolveFiles(evolveFormats['yolov5-v4.0'], { keys: ['a'], trials: [] })).toMatchObject([{ text: '' }])
  })
})

describe('evolve.txt', () => {
  const format = evolveFormats['yolov5-v4.0']

  it('refuses hyps that are no numbers or lack a key', () => {
    for (const hyp of [{ a: 'sgd' }, { a: true }, {}] as Hyp[])
      expect(() => renderEvolveFiles(format, { keys: ['a'], trials: [trial(0, hyp, 0.1)] })).toThrow(
        EvolveTextValueError,
      )
  })

  it('goes on from an imported table as from its own', () => {
    const keys = ['a']
    const all = [0.31415, 0.27182, 0.1618, 0.31415].map((x, i) => trial(i, { a: x }, x))
    const whole = renderEvolveFiles(format, { keys, trials: all })
    const start = evolveTable(format, { keys, trials: all.slice(0, 2) })
    const imported = start.rows.map((row, i) => trial(i, row.hyp, row.results[3]))
    const continued = renderEvolveFiles(format, { keys, trials: [...imported, ...all.slice(2)], imported: 2 })
    expect(continued).toEqual(whole)
  })
})
