import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EpochReport } from '../../trainer.ts'
import { findResults, followResults, parseResults } from './results.ts'

let out: string
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), 'hypevolve-results-'))
})
afterEach(() => rmSync(out, { recursive: true, force: true }))

const heading = [
  ...['epoch', 'train/box_loss', 'train/obj_loss', 'train/cls_loss', 'metrics/precision', 'metrics/recall'],
  ...[
    'metrics/mAP_0.5',
    'metrics/mAP_0.5:0.95',
    'val/box_loss',
    'val/obj_loss',
    'val/cls_loss',
    'x/lr0',
    'x/lr1',
    'x/lr2',
  ],
]
const csv = (...cells: (string | number)[]) => `${cells.map((cell) => String(cell).padStart(20)).join(',')}\n`
const modern = { out: 'project', results: 'csv' } as const
const metrics = {
  ...{ trainBoxLoss: 0.1, trainObjLoss: 0.2, trainClsLoss: 0.3 },
  ...{ precision: 0.5, recall: 0.6, mAP50: 0.7, mAP50to95: 0.4, boxLoss: 0.11, objLoss: 0.21, clsLoss: 0.31 },
}
const row = (epoch: number) => csv(epoch, ...Object.values(metrics), 0.01, 0.01, 0.1)

describe('results.csv', () => {
  it('has padded titles; epochs count from 0 there', () => {
    expect(parseResults(csv(...heading) + row(0) + row(1), 'csv')).toEqual([
      { epoch: 1, metrics },
      { epoch: 2, metrics },
    ])
  })

  it('may change its heading, end its lines with CR LF, and lack columns', () => {
    const text = `epoch,metrics/mAP_0.5,more\r\n0,0.25,x\r\n${csv(...heading)}${row(1)}not a row\n3,1\n`
    expect(parseResults(text, 'csv')).toEqual([
      { epoch: 1, metrics: { mAP50: 0.25 } },
      { epoch: 2, metrics },
    ])
  })

  it('may have nan and inf: they stay, so that the training counts as diverged', () => {
    const text = `epoch,metrics/mAP_0.5,val/box_loss,train/box_loss\n0,nan,inf,-inf\n`
    expect(parseResults(text, 'csv')).toEqual([
      { epoch: 1, metrics: { mAP50: Number.NaN, boxLoss: Infinity, trainBoxLoss: -Infinity } },
    ])
  })

  it('has zeros for epochs that were not validated: they are no results', () => {
    const text = csv(...heading) + csv(0, 0.1, 0.2, 0.3, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1)
    const nothingFound = csv(1, 0.1, 0.2, 0.3, 0, 0, 0, 0, 0.5, 0.6, 0.7, 1, 1, 1)
    const train = { trainBoxLoss: 0.1, trainObjLoss: 0.2, trainClsLoss: 0.3 }
    expect(parseResults(text + nothingFound, 'csv')).toEqual([
      { epoch: 1, metrics: train },
      {
        epoch: 2,
        metrics: {
          ...train,
          precision: 0,
          recall: 0,
          mAP50: 0,
          mAP50to95: 0,
          boxLoss: 0.5,
          objLoss: 0.6,
          clsLoss: 0.7,
        },
      },
    ])
  })
})

describe('results.txt', () => {
  const line = '       3/9     2.61G       0.1       0.2       0.3       0.6        44       640'
  it('has columns by place', () => {
    const text = `${line}       0.5       0.6       0.7       0.4      0.11      0.21      0.31\n`
    expect(parseResults(text, 'text')).toEqual([{ epoch: 4, epochs: 10, metrics }])
    const { mAP50to95: f1, ...rest } = metrics
    expect(parseResults(text, 'text-f1')).toEqual([{ epoch: 4, epochs: 10, metrics: { ...rest, f1 } }])
  })

  it('is read as far as it is whole', () => {
    expect(parseResults(line, 'text')).toEqual([])
    expect(parseResults(`${line}\n${line} 1 2\nx\n\n`, 'text')).toEqual([])
  })
})

describe('any bytes', () => {
  it('are no reason to throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('csv', 'text', 'text-f1'), (text, form) => {
        for (const { epoch } of parseResults(`${csv(...heading)}${text}\n`, form as 'csv'))
          expect(epoch).toBeGreaterThan(0)
      }),
    )
  })
})

describe('followResults', () => {
  const follow = (after = 0, release: Parameters<typeof followResults>[1] = modern) => {
    const reports: EpochReport[] = []
    return { reports, reader: followResults(out, release, (report) => reports.push(report), after) }
  }
  const file = () => join(out, 'results.csv')

  it('reports each epoch once, when its line is whole', async () => {
    const { reports, reader } = follow()
    await reader.poll!()
    expect(reader.problem).toBe(`${file()} was not written.`)
    writeFileSync(file(), csv(...heading) + row(0) + row(1).slice(0, 100))
    await reader.poll!()
    expect([reports.length, reader.metrics]).toEqual([1, metrics])
    appendFileSync(file(), row(1).slice(100))
    await reader.poll!()
    await reader.poll!()
    expect(reports).toEqual([
      { epoch: 1, metrics },
      { epoch: 2, metrics },
    ])
    expect(reader.problem).toBeUndefined()
  })

  it('does not repeat what an earlier attempt left, but its result stands if nothing follows', async () => {
    writeFileSync(file(), csv(...heading) + row(0) + row(1))
    const { reports, reader } = follow()
    await reader.poll!()
    expect([reports, reader.metrics]).toEqual([[], metrics])
    appendFileSync(file(), row(1) + row(2)) // the epoch that was begun is done again
    await reader.poll!()
    expect(reports).toEqual([{ epoch: 3, metrics }])
    expect(follow(7).reports).toEqual([])
  })

  it('notices a file that is written anew, or shorter', async () => {
    const { reports, reader } = follow()
    writeFileSync(file(), csv(...heading) + row(0) + row(1))
    await reader.poll!()
    writeFileSync(file(), csv(...heading))
    await reader.poll!()
    expect([reports.length, reader.metrics]).toEqual([2, undefined])
    expect(reader.problem).toBe(`${file()} has no line of a finished epoch.`)
  })

  it('is no result if the last epoch was not validated, or if the file is something else', async () => {
    const { reader } = follow()
    writeFileSync(file(), csv(...heading) + csv(0, 0.1, 0.2, 0.3, ...Array(7).fill(0), 1, 1, 1))
    await reader.poll!()
    expect([reader.metrics, reader.problem]).toEqual([
      undefined,
      `The last of 1 epochs in ${file()} was not validated, so there is no result.`,
    ])
    mkdirSync(join(out, 'other/results.csv'), { recursive: true })
    const other = followResults(join(out, 'other'), modern, () => {}, 0)
    await other.poll!()
    expect(other.metrics).toBeUndefined()
    writeFileSync(file(), Buffer.alloc(17 * 2 ** 20, 'epoch,metrics/mAP_0.5\n0,1\n'))
    await reader.poll!()
    expect(reader.metrics).toBeUndefined()
  })

  it('finds the folder that old releases number by themselves', () => {
    const logdir = { out: 'logdir', results: 'text' } as const
    expect(findResults(out, logdir)).toBe(join(out, 'exp0/results.txt'))
    for (const name of ['exp0', 'exp2', 'exp10', 'experiment']) mkdirSync(join(out, name))
    expect(findResults(out, logdir)).toBe(join(out, 'exp10/results.txt'))
    expect(findResults(out, { out: 'runs', results: 'text' })).toBe(join(out, 'runs/exp0/results.txt'))
  })
})
