// What a new study takes over from studies of a real storage in memory, and from tables.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { StudyNotFoundError, WarmStartEmptyError } from '../../base/index.ts'
import { defineSpace, float, integer } from '../../search/index.ts'
import { beginStudy, createStudy, type Json, MemoryStorage, type StudyDefinition } from '../../study/index.ts'
import { readWarmStart } from './warm-start.ts'

const space = defineSpace({ lr0: float(0.001, 0.1, { default: 0.01 }), layers: integer(1, 4, { default: 2 }) })
const definition: StudyDefinition = {
  seed: 3,
  space: space.toJSON() as Json,
  sampler: { name: 'random', options: {} },
  direction: 'maximize',
  fitness: 'mAP50',
  identity: {},
  settings: {},
}
const storage = new MemoryStorage()
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hypevolve-warm-'))
  const study = await createStudy({ space, storage, name: 'runs/evolve/exp', fitness: 'mAP50' })
  for (let i = 0; i < 10; i++) {
    const trial = (await study.ask())!
    await study.tell(trial, { mAP50: i === 4 ? Number.NaN : i / 10, recall: 1 - i / 10 })
  }
  await createStudy({ space, storage, name: 'runs/evolve/empty', fitness: 'mAP50' })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a warm start', () => {
  it('imports the trainings of a study that trained in the same way, and trains the start first', async () => {
    const earlier = (await storage.studies()).find(({ name }) => name === 'runs/evolve/exp')!
    const same = { ...definition, identity: earlier.definition.identity }
    const { first, enqueued, notes } = await readWarmStart('exp', { definition: same, storage })
    expect(first?.trials).toHaveLength(9)
    expect(first?.trials[3]).toMatchObject({ ending: { state: 'complete', fitness: 0.3, metrics: { mAP50: 0.3 } } })
    expect(enqueued).toEqual([]) // trial 0 was the start
    expect(notes).toEqual(['runs/evolve/exp: 9 of its trainings are the first trials of this one'])

    const { study } = await beginStudy(storage, {
      definition: { ...same, seed: 9 },
      target: 5,
      base: 'runs/evolve/warm',
      isTaken: () => false,
      firstTrials: () => first,
    })
    expect((await study.incumbent())?.fitness).toBe(0.9)
    expect(study.history.complete).toHaveLength(9)
  })

  it('ranks them anew by another fitness', async () => {
    const earlier = (await storage.studies()).find(({ name }) => name === 'runs/evolve/exp')!
    const other = { ...definition, identity: earlier.definition.identity, fitness: 'recall' }
    const { first } = await readWarmStart('runs/evolve/exp', { definition: other, storage })
    expect(first?.trials[3]?.ending).toMatchObject({ fitness: 0.7 })
  })

  it('takes only where good ones lie of a study of other data', async () => {
    const other = { ...definition, identity: { data: 'other.yaml' } }
    const { first, enqueued, notes } = await readWarmStart('exp', { definition: other, storage })
    expect(first).toBeUndefined()
    expect(enqueued.length).toBeGreaterThan(1)
    const best = (await storage.changes(1, 0)).trials.map(({ trial }) => trial).find(({ number }) => number === 9)!
    expect(enqueued[0]).toEqual({ ...best.hyp })
    expect(notes[0]).toMatch(/not comparable \(other .*data/)
  })

  it('reads a table', async () => {
    const path = join(folder, 'evolve.csv')
    const titles = ['metrics/precision', 'metrics/recall', 'metrics/mAP_0.5', 'metrics/mAP_0.5:0.95']
    const losses = ['val/box_loss', 'val/obj_loss', 'val/cls_loss']
    const rows = Array.from({ length: 9 }, (_, i) => [0.5, 0.5, i / 10, i / 20, 0, 0, 0, (10 + i) / 1000, i / 100])
    const lines = [[...titles, ...losses, 'lr0', 'hsv_h'], ...rows]
    await writeFile(path, lines.map((cells) => `${cells.join(',')}\n`).join(''))
    const { first, enqueued, notes } = await readWarmStart(path, { definition, storage })
    expect(first).toBeUndefined()
    expect(enqueued[0]).toEqual({ lr0: 0.018, layers: 2 })
    expect(notes).toContain('Left aside, since this search does not have them: hsv_h')
    expect(notes).toContain('At the start, since the earlier search did not have them: layers')
  })

  it('says what is not there', async () => {
    await expect(readWarmStart('empty', { definition, storage })).rejects.toThrow(WarmStartEmptyError)
    await expect(readWarmStart('nothing', { definition, storage })).rejects.toThrow(StudyNotFoundError)
  })
})
