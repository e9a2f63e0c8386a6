// Databases of released versions open, hold what they held, and go on. make.mjs made them.
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStorage, Study, studyKey } from '../../../src/study/index.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const versions = readdirSync(here)
  .filter((name) => name.endsWith('.db'))
  .map((name) => name.replace(/\.db$/, ''))
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hypevolve-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('databases of released versions', () => {
  it('are there', () => expect(versions.length).toBeGreaterThan(0))

  it.each(versions)('%s opens, and its study goes on', async (version) => {
    const path = join(folder, 'studies.db')
    copyFileSync(join(here, `${version}.db`), path)
    const storage = await openStorage(path)
    const expected = JSON.parse(readFileSync(join(here, `${version}.json`), 'utf8'), (_, value) =>
      ['NaN', 'Infinity', '-Infinity'].includes(value) ? Number(value) : value,
    )
    const [record] = await storage.studies()
    const study = await Study.open(storage, record)
    expect(studyKey(record.definition)).toBe(record.key)
    const { spent, ...stored } = record
    expect(spent).toBe(4) // not part of what is stored
    const content = {
      ...{ studies: [stored], workers: await study.workers(), epochs: await study.epochs() },
      ...{ attempts: await study.attempts(), artifacts: await study.artifacts(), trials: await study.trials() },
    }
    expect(JSON.parse(JSON.stringify(content))).toEqual(JSON.parse(JSON.stringify(expected)))
    const metrics = [...content.epochs, ...content.trials].map((each) => ('metrics' in each ? each.metrics : {}))
    const metricsThen = [...expected.epochs, ...expected.trials].map((each) => each.metrics ?? {})
    expect(metrics).toEqual(metricsThen)

    // the worker of then is gone: the trial that it had in training is given out first, then the one that waited
    const numbers: number[] = []
    for (let trial = await study.ask(); trial; trial = await study.ask()) {
      numbers.push(trial.number)
      await study.tell(trial, { mAP50: 0.9, mAP50to95: 0.6 })
    }
    expect(numbers).toEqual([4, 5, 6])
    expect(await study.counts()).toEqual({ waiting: 0, running: 0, complete: 5, pruned: 1, failed: 1 })
    expect(study.best).toMatchObject({ number: 4, value: expect.closeTo(0.63, 12) })
    await study.close()
    await storage.close()
  })
})
