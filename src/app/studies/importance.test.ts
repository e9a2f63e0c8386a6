// `hypevolve importance` of studies in a real storage in memory.
import { beforeAll, describe, expect, it } from 'vitest'
import { ImportanceTrialsError, UsageError } from '../../base/index.ts'
import { choice, defineSpace, float } from '../../search/index.ts'
import { createStudy, MemoryStorage, type StudyRecord } from '../../study/index.ts'
import { importanceCsv, importanceJson, importanceLines, importanceOf, type StudyImportance } from './importance.ts'
import { readTrials } from './read.ts'

const space = defineSpace({
  lr0: float(0.001, 0.1, { default: 0.01, log: true }),
  idle: float(0, 1),
  optimizer: choice('sgd', 'adam'),
})
const storage = new MemoryStorage()
let study: StudyRecord
let found: StudyImportance

beforeAll(async () => {
  const made = await createStudy({ space, storage, name: 'runs/evolve/exp', fitness: 'mAP50', sampler: 'random' })
  for (let i = 0; i < 50; i++) {
    const trial = (await made.ask())!
    const { lr0, optimizer } = trial.hyp
    await made.tell(trial, {
      mAP50: 0.5 - 0.2 * Math.abs(Math.log10(lr0) + 2),
      boxLoss: optimizer === 'adam' ? 0.1 : 0.2,
    })
  }
  study = (await storage.studies())[0]!
  found = await importanceOf(study, await readTrials(storage, study), { method: 'fanova' })
})

describe('the importance of a study', () => {
  it('is a table with bars', () => {
    const lines = importanceLines(found, { top: 2, width: 120 })
    expect(lines[0]).toBe('What matters for the fitness in runs/evolve/exp: 50 full trainings')
    expect(lines[1]).toMatch(/explains \d+ % of the differences/)
    expect(lines.find((line) => line.startsWith('hyperparameter'))).toMatch(/alone +interval +with others/)
    expect(lines.find((line) => line.startsWith('lr0'))).toMatch(
      /^lr0 +\d+ % +\d+\.\.100 % +\d+ % +█{15,20}░* +0\.0\d+/,
    )
    expect(lines).toContain('… and 1 more hyperparameter (--top 3)')
    expect(lines.some((line) => line.startsWith('? not distinguishable from zero'))).toBe(true)
  })

  it('is JSON and CSV', () => {
    const json = JSON.parse(JSON.stringify(importanceJson(found))) as ReturnType<typeof importanceJson>
    expect(json).toMatchObject({
      study: 'runs/evolve/exp',
      target: 'fitness',
      trials: 50,
      epochs: null,
      method: 'fanova',
    })
    expect(json.keys[0]).toMatchObject({ key: 'lr0', distinguishable: true, trials: 50 })
    const lines = importanceCsv(found.importance).trimEnd().split('\n')
    expect(lines[0]).toBe('hyperparameter,importance,low,high,total,distinguishable,trials')
    expect(lines).toHaveLength(4)
    expect(lines[1]).toMatch(/^lr0,0\.\d+,/)
  })

  it('explains any metric, or a formula of them', async () => {
    const trials = await readTrials(storage, study)
    const ofLoss = await importanceOf(study, trials, { method: 'ped-anova', target: '0 - boxLoss' })
    expect(ofLoss.importance.keys[0]).toMatchObject({ key: 'optimizer', distinguishable: true })
    expect(ofLoss.best.hyp['optimizer']).toBe('adam')
    await expect(importanceOf(study, trials, { method: 'fanova', target: 'recall' })).rejects.toThrow(UsageError)
  })

  it('needs trials', async () => {
    const few = (await readTrials(storage, study)).slice(0, 7)
    const error = await importanceOf(study, few, { method: 'fanova' }).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(ImportanceTrialsError)
    expect((error as Error).message).toContain('has 7 full trainings with a score, and 20 of one length are needed')
  })
})
