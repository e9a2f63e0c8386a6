// Some broken inputs for every reader; `npm run fuzz` gives each 10,000.
import { resolve } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { bundleAgainstDist } from '../../scripts/against-dist.mjs'
import { faulty } from './faulty.ts'
import { fuzz } from './fuzz.ts'
import { inputOf, largestInput } from './mutate.ts'
import { utf8 } from './target.ts'
import { targets } from './targets/index.ts'

const child = resolve('node_modules/.cache/hypevolve-fuzz-test/child.mjs')
/** Of each format. */
const inputs = 100

beforeAll(() => bundleAgainstDist(resolve('test/fuzz/child.ts'), child))

it('broken inputs are refused with typed errors, soon, in little memory', async () => {
  const jobs = targets.map(({ name }) => ({ target: name, from: 0, to: inputs }))
  const { faults, figures } = await fuzz({ child, jobs, seed: 1 })
  expect(faults).toEqual([])
  for (const [target, { accepted, refused }] of figures) {
    const all = accepted + Object.values(refused).reduce((sum, count) => sum + count, 0)
    expect([target, all]).toEqual([target, inputs])
  }
  // A reader that refuses nothing, or everything, is not tested at all; these take whatever they get.
  const undiscerning = [...figures].filter(
    ([, { accepted, refused }]) => accepted === 0 || Object.keys(refused).length === 0,
  )
  expect(undiscerning.map(([target]) => target)).toEqual(['image-list', 'labels', 'metric-lines'])
})

describe('what readers must not do is found', () => {
  const generous = { cpuMs: 100_000, wallMs: 100_000, grownBytes: 2 ** 40 }
  it.each([
    ['throws', {}, 'error', /TypeError: not one of ours/],
    ['rejects', {}, 'error', /RangeError: not one of ours/],
    ['warns', {}, 'error', /warned: .*something odd/],
    ['hangs', { cpuMs: 500 }, 'slow', /500 ms of processor time/],
    ['waits', { wallMs: 500 }, 'slow', /more than 500 ms/],
    ['grows', { grownBytes: 100 << 20 }, 'memory', /grew by \d+ MiB/],
    ['fills the heap', { heapMiB: 64 }, 'crash', /heap out of memory/],
    ['dies', {}, 'crash', /SIGABRT/],
  ])('%s', async (name, limits, kind, text) => {
    const jobs = [{ target: `faulty: ${name}`, from: 0, to: 1 }]
    const { faults } = await fuzz({ child, jobs, seed: 1, ...generous, ...limits })
    expect(faults).toEqual([{ target: `faulty: ${name}`, index: 0, kind, text: expect.stringMatching(text) }])
  })
  it('every kind', () => expect(faulty).toHaveLength(8))
  it('and the rest is read all the same', async () => {
    const jobs = ['dies', 'throws'].map((name) => ({ target: `faulty: ${name}`, from: 5, to: 7 }))
    const { faults } = await fuzz({ child, jobs, seed: 1, ...generous })
    expect(faults.map(({ kind, index }) => [kind, index])).toEqual([
      ['crash', 5],
      ['crash', 6],
      ['error', 5],
      ['error', 6],
    ])
  })
})

it('the same seed gives the same inputs', async () => {
  for (const target of targets) {
    const seeds = await target.seeds()
    expect(Math.max(...seeds.map(({ length }) => length))).toBeLessThan(largestInput)
    const inputs = (seed: number) =>
      Array.from({ length: 20 }, (_, i) => Buffer.from(inputOf(target, seeds, seed, i)).toString('base64'))
    expect(inputs(5)).toEqual(inputs(5))
    expect(inputs(5)).not.toEqual(inputs(6))
  }
})

it('inputs stay small', () => {
  const target = { name: 'x', seeds: () => [], run: () => {} }
  for (let i = 0; i < 300; i++) expect(inputOf(target, [utf8('abc')], 1, i).length).toBeLessThanOrEqual(largestInput)
})
