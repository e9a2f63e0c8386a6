import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { EvolveTextValueError, FileReadError, UsageError } from '../base/index.ts'
import { rawHyp } from '../detect/index.ts'
import type { Hyp } from '../search/index.ts'
import type { SearchFlags } from './cli/search-flags.ts'
import { defaultHyp } from './evolve/training.ts'
import { chooseSearch } from './search.ts'

const start = { hyp: rawHyp('scratch-low').hyp as Hyp, source: 'scratch-low' }
const choose = (flags: Parameters<typeof chooseSearch>[0] = {}) => chooseSearch(flags, start)

describe('a search without flags', () => {
  it("is v7.0's, with its faults mended", async () => {
    const search = await choose()
    expect(search.sampler).toMatchObject({ name: 'yolov5', options: { mode: 'native', parent: 'single', sigma: 0.2 } })
    expect(search).toMatchObject({ release: undefined, format: 'yolov5-v7.0', ranking: 'trial', trials: 300 })
    expect(search.space.keys).toHaveLength(29)
    expect(search.frozen.map(({ key }) => key)).toContain('degrees')
  })
})

describe('--release', () => {
  it('replays sampler, ranges, fitness and files', async () => {
    const search = await chooseSearch({ release: 'v3.0' }, { hyp: rawHyp('v3.0/scratch').hyp as Hyp, source: 'v3.0' })
    expect(search.sampler).toMatchObject({ name: 'yolov5', options: { mode: 'replay', mutationProbability: 0.9 } })
    expect(search).toMatchObject({ release: 'yolov5-v3.0', format: 'yolov5-v3.0', ranking: 'table', trials: 100 })
    expect(search.space.keys).toHaveLength(22)
  })

  it('makes one training per start where that release did, and says how to get more', async () => {
    const start = { hyp: rawHyp('yolov3@01dbdc45').hyp as Hyp, source: 'yolov3@01dbdc45' }
    const replay = await chooseSearch({ release: 'yolov3-2020-01', evolve: true }, start)
    expect(replay).toMatchObject({ trials: 1, notes: [expect.stringMatching(/--evolve 300 makes 300 in all/)] })
    const more = await chooseSearch({ release: 'yolov3-2020-01', evolve: 7 }, start)
    expect(more).toMatchObject({ trials: 7, notes: [] })
    const native = await chooseSearch({ like: 'yolov3-2020-01', evolve: true }, start)
    expect(native).toMatchObject({ trials: 300, notes: [] })
  })

  it('starts from what that release shipped', async () => {
    const names = ['v1.0', 'v3.0', 'v5.0', 'v6.0', 'v6.1', 'v7.0', 'master', 'yolov3-v8', 'yolov3-v9.6.0', '01dbdc45']
    const counts = await Promise.all(
      names.map(async (release) => Object.keys(rawHyp(await defaultHyp({ release })).hyp).length),
    )
    expect(counts).toEqual([18, 22, 27, 28, 28, 28, 28, 18, 28, 18])
    expect(await defaultHyp({})).toBe('scratch-low')
  })

  it('ranks by a formula of one’s own if there is one', async () => {
    const search = await choose({ release: 'v7.0', fitness: '0.5*recall + 0.5*mAP50' })
    expect(search).toMatchObject({ fitness: '0.5*recall + 0.5*mAP50', ranking: 'trial' })
    expect(search.sampler.options).toMatchObject({ mode: 'replay', fitness: 'study' })
  })

  it('as a likeness gives ranges and files, and replays nothing', async () => {
    const search = await chooseSearch({ like: 'yolov5-v5.0' }, { hyp: rawHyp('v5.0/scratch').hyp as Hyp, source: 'x' })
    expect(search).toMatchObject({ release: undefined, format: 'yolov5-v4.0' })
    expect(search.sampler.options).toMatchObject({ mode: 'native' })
  })

  it('with a text table takes numbers only', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hypevolve-search-'))
    afterAll(() => rmSync(folder, { recursive: true }))
    const space = join(folder, 'space.yaml')
    writeFileSync(space, 'lr0: { float: [0.001, 0.1], default: 0.01 }\noptimizer: { choice: [sgd, adam] }\n')
    await expect(chooseSearch({ space, release: 'v5.0' }, undefined)).rejects.toThrow(EvolveTextValueError)
    const search = await chooseSearch({ space }, undefined)
    expect(search.space.keys).toEqual(['lr0', 'optimizer'])
  })
})

describe('options of the sampler', () => {
  it('come from the flags', async () => {
    const { sampler } = await choose({
      sampler: 'yolov3',
      method: 3,
      parent: 'weighted',
      mutationProbability: 0.9,
      sigma: 0.04,
    })
    expect(sampler).toMatchObject({
      name: 'yolov3',
      options: { method: 3, parent: 'weighted', mutationProbability: 0.9, sigma: 0.04 },
    })
  })

  it('of a population search know how many generations there will be', async () => {
    const { sampler } = await choose({ sampler: 'yolov5-ga', evolve: 120 })
    expect(sampler.options).toMatchObject({ generations: 3 })
  })

  it.each<[string, SearchFlags, RegExp]>([
    ['a sampler that is not there', { sampler: 'annealing' }, /yolov5-ga/],
    ['an option of another sampler', { sampler: 'random', method: 3 }, /--method means nothing to the sampler random/],
    ['a method that v5 does not have', { method: 1 }, /--method means nothing/],
  ])('refuse %s', async (_, flags, message) => {
    await expect(choose(flags)).rejects.toThrow(UsageError)
    await expect(choose(flags)).rejects.toThrow(message)
  })
})

describe('the space', () => {
  it('is changed by --fix, --only and --set', async () => {
    const moving = async (flags: SearchFlags) => {
      const { space, frozen } = await choose(flags)
      return space.keys.filter((key) => !frozen.some((each) => each.key === key))
    }
    expect(await moving({ only: ['lr0', 'momentum'] })).toEqual(['lr0', 'momentum'])
    expect(await moving({ fix: ['lr0'] })).not.toContain('lr0')
    const { space } = await choose({ set: ['lr0=0.001..0.02'] })
    expect(space.get('lr0')).toMatchObject({ lower: 0.001, upper: 0.02 })
  })

  it('leaves anchors to the model where AutoAnchor is off, or where they are fixed without a value', async () => {
    expect((await choose({ noautoanchor: true })).space.keys).not.toContain('anchors')
    expect((await choose({ fix: ['anchors'] })).space.keys).not.toContain('anchors')
  })

  it.each<[string, SearchFlags]>([
    ['--fix', { fix: ['lr'] }],
    ['--only', { only: ['momentun'] }],
    ['--set', { set: ['lr0'] }],
    ['--set', { set: ['lr0=1..0'] }],
    ['--fitness', { fitness: '2*mAP50 +' }],
    ['--release', { release: 'v99' }],
    ['everything fixed', { only: ['iou_t'] }],
  ])('refuses mistakes in %s before anything runs', async (_, flags) => {
    await expect(choose(flags)).rejects.toMatchObject({ code: expect.stringMatching(/^[A-Z_]+$/) })
  })

  it('needs a start', async () => {
    await expect(chooseSearch({}, undefined)).rejects.toThrow(UsageError)
    await expect(chooseSearch({ space: 'nowhere.yaml' }, undefined)).rejects.toThrow(FileReadError)
  })
})
