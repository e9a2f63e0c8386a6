// Some broken inputs for every reader; `npm run fuzz` gives each 10,000.
import { resolve } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { bundleAgainstDist } from '../../scripts/against-dist.mjs'
import { faulty } from './faulty.ts'
import { fuzz } from './fuzz.ts'
import { inputOf } from './mutate.ts'
import { utf8 } from './target.ts'
import { targets } from './targets/index.ts'

const child = resolve('node_modules/.cache/hypevolve-fuzz-test/child.mjs')
beforeAll(() => bundleAgainstDist(resolve('test/fuzz/child.ts'), child))

it('broken inputs are refused with typed errors, soon, in little memory', async () => {
  const jobs = targets.map(({ name }) => ({ target: name, from: 0, to: 150 }))
  const { faults, figures } = await fuzz({ child, jobs, seed: 1 })
  expect(faults).toEqual([])
  for (const [target, { accepted, refused }] of figures) {
    const all = accepted + Object.values(refused).reduce((sum, count) => sum + count, 0)
    expect([target, all]).toEqual([target, 150])
  }
  // A reader that refuses nothing, or everything, is not tested at all; these two take whatever they get.
  const undiscerning = [...figures].filter(
    ([, { accepted, refused }]) => accepted === 0 || Object.keys(refused).length === 0,
  )
  expect(undiscerning.map(([target]) => target)).toEqual(['names', 'image-list', 'labels', 'metric-lines'])
})

describe('what readers must not do is found', () => {
  const found = async (name: string) => {
    const jobs = [{ target: `faulty: ${name}`, from: 0, to: 2 }]
    const { faults } = await fuzz({ child, jobs, seed: 1, cpuMs: 1000, wallMs: 3000, grownBytes: 100 << 20 })
    return faults.map(({ index, kind, text }) => [index, kind, text] as const)
  }
  it.each([
    ['throws', 'error', /TypeError: not one of ours/],
    ['rejects', 'error', /RangeError: not one of ours/],
    ['warns', 'error', /warned: .*something odd/],
    ['hangs', 'slow', /1000 ms of processor time/],
    ['waits', 'slow', /more than 3000 ms/],
    ['grows', 'memory', /grew by \d+ MiB/],
    ['fills the heap', 'crash', /heap out of memory/],
    ['dies', 'crash', /SIGABRT/],
  ])('%s', async (name, kind, text) => {
    expect(await found(name)).toEqual([0, 1].map((index) => [index, kind, expect.stringMatching(text)]))
  })
  it('every kind', () => expect(faulty).toHaveLength(8))
})

it('the same seed gives the same inputs', async () => {
  for (const target of targets) {
    const seeds = await target.seeds()
    const inputs = (seed: number) =>
      Array.from({ length: 20 }, (_, i) => Buffer.from(inputOf(target, seeds, seed, i)).toString('base64'))
    expect(inputs(5)).toEqual(inputs(5))
    expect(inputs(5)).not.toEqual(inputs(6))
  }
})

it('inputs stay small', () => {
  const target = { name: 'x', seeds: () => [], run: () => {} }
  for (let i = 0; i < 300; i++) expect(inputOf(target, [utf8('abc')], 1, i).length).toBeLessThanOrEqual(1 << 18)
})
