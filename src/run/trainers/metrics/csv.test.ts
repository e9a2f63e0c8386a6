import { appendFileSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { temporaryFolder, writeText } from '../../../../test/helpers/data-set.ts'
import type { MetricReader } from '../../process/index.ts'
import type { EpochReport } from '../../trainer.ts'
import { type CsvOptions, followCsv } from './csv.ts'

interface Followed {
  readonly path: string
  readonly reports: EpochReport[]
  readonly reader: MetricReader
  /** Adds text and looks. */
  say(text: string | Uint8Array): Promise<void>
  /** Writes the file anew and looks. */
  anew(text: string | Uint8Array): Promise<void>
}

/** @param before - what is in the file when the training begins */
function follow(options: Partial<CsvOptions> = {}, before?: string): Followed {
  const path = join(temporaryFolder(), 'results.csv')
  if (before !== undefined) writeFileSync(path, before)
  const reports: EpochReport[] = []
  const reader = followCsv({ path, onEpoch: (report) => reports.push(report), after: 0, ...options })
  const look = () => reader.poll!()
  return {
    path,
    reports,
    reader,
    say(text) {
      appendFileSync(path, text)
      return look()
    },
    anew(text) {
      writeFileSync(path, text)
      return look()
    },
  }
}

const epoch = (number: number, metrics: Record<string, number>): EpochReport => ({ epoch: number, metrics })

describe('a table that grows', () => {
  it('is told epoch by epoch, however it is cut into pieces', async () => {
    const text = 'epoch,mAP50,loss\r\n1,0.25,2.5\r\n2,0.5,1.5\r\n3,0.75,0.5\r\n'
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 8 }), async (cuts) => {
        const path = join(temporaryFolder(), 'a.csv')
        const reports: EpochReport[] = []
        const reader = followCsv({ path, onEpoch: (report) => reports.push(report), after: 0 })
        const at = [0, ...cuts.sort((a, b) => a - b), text.length]
        for (const [i, end] of at.slice(1).entries()) {
          appendFileSync(path, text.slice(at[i], end))
          await reader.poll!()
        }
        expect(reports).toEqual([1, 2, 3].map((n) => epoch(n, { mAP50: n / 4, loss: 3.5 - n })))
        expect(reader.metrics).toEqual({ mAP50: 0.75, loss: 0.5 })
        expect(reader.problem).toBeUndefined()
      }),
      { numRuns: 50 },
    )
  })

  it('tells a row when its line has ended, or the program has', async () => {
    const { say, reports, reader } = follow()
    await say('epoch,x\n1,0.')
    expect(reports).toEqual([])
    await say('5\n2,0.6')
    expect(reports).toEqual([epoch(1, { x: 0.5 })])
    reader.end!()
    expect(reports).toEqual([epoch(1, { x: 0.5 }), epoch(2, { x: 0.6 })])
    expect(reader.metrics).toEqual({ x: 0.6 })
  })

  it('may count from 0, and have spaces, quotes, other separators, an index, and a mark of its encoding', async () => {
    for (const text of [
      '               epoch,      metrics/mAP_0.5\n                   0,               0.125\n',
      '\uFEFF"epoch";"metrics/mAP_0.5"\n0;"0.125"\n',
      '# epoch\tmetrics/mAP_0.5\n0\t0.125\n',
      ',epoch,metrics/mAP_0.5\n7,0,1.25e-1\n',
      'Epoch,"metrics/mAP_0.5","a ""b"", c"\n0,.125,text\n',
      'made by train.py\n\nepoch,metrics/mAP_0.5\n0,+0.125\n',
    ]) {
      const { say, reports } = follow()
      await say(text)
      expect(reports, text).toEqual([epoch(1, { 'metrics/mAP_0.5': 0.125 })])
    }
  })

  it('keeps NaN and infinities; empty cells and text are not there', async () => {
    const { say, reports, reader } = follow()
    await say('epoch,a,b,c,d,e\n1,nan,-inf,Infinity,None,\n')
    reader.end!()
    expect(reports).toEqual([epoch(1, { a: Number.NaN, b: -Infinity, c: Infinity })])
    await say('2,NaN,1,2,3,4\n')
    expect(reader.metrics).toEqual({ a: Number.NaN, b: 1, c: 2, d: 3, e: 4 })
  })

  it('takes a new line of titles for what follows, also if it is the old one', async () => {
    const { say, reports } = follow()
    await say('epoch,a\n1,0.1\nepoch,a\n2,0.2\nepoch,b,a\n3,0.3,0.4\nhello world\nnot,a row\n4,0.5,0.6\n5,1\n6,1,2,3\n')
    expect(reports).toEqual([
      epoch(1, { a: 0.1 }),
      epoch(2, { a: 0.2 }),
      epoch(3, { b: 0.3, a: 0.4 }),
      epoch(4, { b: 0.5, a: 0.6 }),
    ])
  })

  it('puts the rows of an epoch together if each has a part of the columns', async () => {
    // As CSVLogger of Lightning writes: a row of the validation, then one of the training, some epochs without the first.
    const { say, reports, reader } = follow()
    await say('epoch,step,train_loss,val_map\n0,9,,0.3\n0,9,2.5,\n')
    expect(reports).toEqual([])
    await say('1,19,,0.4\n')
    expect(reports).toEqual([epoch(1, { step: 9, val_map: 0.3, train_loss: 2.5 })])
    await say('1,19,1.5,\n2,29,1.0,\n')
    reader.end!()
    expect(reports.slice(1)).toEqual([
      epoch(2, { step: 19, val_map: 0.4, train_loss: 1.5 }),
      epoch(3, { step: 29, train_loss: 1 }),
    ])
    expect(reader.metrics).toEqual({ step: 29, train_loss: 1, val_map: 0.4 })
  })

  it('needs no epochs', async () => {
    const { say, reports, reader } = follow()
    await say('mAP50,mAP50to95\n0.5,0.25\n')
    expect(reports).toEqual([])
    expect(reader.metrics).toEqual({ mAP50: 0.5, mAP50to95: 0.25 })
  })

  it('says every epoch once, in order', async () => {
    const { say, reports } = follow({ after: 2 })
    await say('epoch,x\n1,1\n2,2\n3,3\n3,3\n2,2\n4,4\n2.5,9\n-1,9\n')
    expect(reports.map((report) => report.epoch)).toEqual([3, 4])
  })

  it('reads only what is new', async () => {
    const { say, reader } = follow()
    await say('epoch,x\n1,1\n')
    const before = reader.progress!
    await reader.poll!()
    expect(reader.progress).toBe(before)
    await say('2,2\n')
    expect(reader.progress! - before).toBe(4)
  })
})

describe('renamed columns', () => {
  const names = { mAP50: 'metrics/mAP50(B)', epoch: 'Step' }

  it('are told under their new names, others under their titles', async () => {
    const { say, reports } = follow({ names })
    await say('Step,metrics/mAP50(B),lr\n1,0.5,0.01\n2,,0.01\n')
    expect(reports).toEqual([epoch(1, { mAP50: 0.5, lr: 0.01 })])
  })

  it('that never come are a problem', async () => {
    const { say, reader } = follow({ names })
    await say('Step,mAP\n1,0.5\n')
    expect(reader.metrics).toBeUndefined()
    expect(reader.problem).toMatch(
      /results\.csv, where its metrics are expected, has no column "metrics\/mAP50\(B\)"; it has: Step, mAP\.$/,
    )
  })

  it('or rows by a function', async () => {
    const map: CsvOptions['map'] = (row) =>
      row.has('epoch') ? { epoch: row.get('epoch')! + 1, metrics: { twice: 2 * row.get('x')! } } : undefined
    const { say, reports } = follow({ map })
    await say('epoch,x,note\n4,1,good\n5,2,bad\n')
    expect(reports).toEqual([epoch(5, { twice: 2 }), epoch(6, { twice: 4 })])
  })
})

describe('a file that is not as it was', () => {
  it('is read anew if it was written anew: shorter, longer, or by another file in its place', async () => {
    const { anew, reports, reader, path } = follow()
    await anew('epoch,a\n1,0.1\n2,0.2\n')
    await anew('epoch,a\n1,0.5\n')
    expect(reader.metrics).toEqual({ a: 0.5 })
    await anew('epoch,a,b\n1,0.5,1\n2,0.6,1\n3,0.7,1\n')
    expect(reader.metrics).toEqual({ a: 0.7, b: 1 })
    const other = writeText(`${path}.new`, 'epoch,a,b\n1,0.5,1\n2,0.6,1\n3,0.7,1\n4,0.8,1\n')
    renameSync(other, path)
    await reader.poll!()
    expect(reports.map((report) => report.epoch)).toEqual([1, 2, 3, 4])
    rmSync(path)
    await reader.poll!()
    expect(reader.metrics).toEqual({ a: 0.8, b: 1 })
  })

  it('is no result of this training if it was there before', async () => {
    const { reader, reports } = follow({}, 'epoch,a\n1,0.1\n2,0.2\n')
    await reader.poll!()
    reader.end!()
    expect([reader.metrics, reports]).toEqual([undefined, []])
    expect(reader.problem).toMatch(/was not written by this training\.$/)
  })

  it('goes on where an earlier attempt was', async () => {
    const { say, reader, reports } = follow({}, 'epoch,a\n0,0.1\n1,0.2\n')
    await say('1,0.25\n2,0.3\n')
    expect(reports).toEqual([epoch(3, { a: 0.3 })])
    expect(reader.metrics).toEqual({ a: 0.3 })
  })

  it('begins anew although an earlier attempt was further', async () => {
    const { anew, reports } = follow({}, 'epoch,a\n1,0.1\n2,0.2\n3,0.3\n')
    await anew('epoch,a\n1,0.5\n')
    expect(reports).toEqual([epoch(1, { a: 0.5 })])
  })

  it('is the newest of several', async () => {
    const folder = temporaryFolder()
    const file = (version: number, text: string) =>
      writeText(join(folder, 'logs', `version_${version}`, 'metrics.csv'), text)
    const reports: EpochReport[] = []
    const path = join(folder, 'logs', 'version_*', 'metrics.csv')
    utimesSync(file(0, 'epoch,a\n0,0.1\n'), 1, 1)
    mkdirSync(join(folder, 'logs', 'version_7'))
    const reader = followCsv({ path, onEpoch: (report) => reports.push(report), after: 0 })
    // The program that counted from 0 goes on in a new file.
    file(1, 'epoch,a\n1,0.5\n')
    await reader.poll!()
    expect(reports).toEqual([epoch(2, { a: 0.5 })])
  })
})

describe('what is no table', () => {
  const problem = async (content: string | Uint8Array | undefined) => {
    const { anew, reader } = follow()
    if (content !== undefined) await anew(content)
    reader.end!()
    expect(reader.metrics).toBeUndefined()
    return reader.problem!.replace(/^It ended well, but .*results\.csv, where its metrics are expected, /, '')
  }

  it('is explained', async () => {
    expect(await problem(undefined)).toBe('is not there.')
    expect(await problem('')).toBe('has no line with the titles of its columns.')
    expect(await problem('1,2,3\n4,5,6\n')).toBe('has no line with the titles of its columns.')
    expect(await problem('epoch,mAP50\n')).toBe('has titles (epoch, mAP50), but no row of numbers below them.')
    expect(await problem(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 10]))).toMatch(/^is no text in UTF-8/)
    expect(await problem(Buffer.from('\uFEFFepoch,a\n1,2\n', 'utf16le'))).toMatch(/^is no text in UTF-8/)
    expect(await problem(Buffer.alloc(70 * 2 ** 20, '1,'))).toMatch(/^has 73400320 bytes; up to/)
    const folder = follow()
    mkdirSync(folder.path)
    await folder.reader.poll!()
    expect(folder.reader.problem).toMatch(/is no file\.$/)
  })

  it('throws at nothing, and lines without end are left out', async () => {
    const { say, reports } = follow()
    await say(`epoch,a\n${'9'.repeat(200_000)},1\n1,${' '.repeat(100_000)}1\n2,2\n`)
    expect(reports.map((report) => report.epoch)).toEqual([2])
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.uint8Array(), fc.constantFrom('epoch,a\n', '1,2\n', '"', '\n', ',', 'nan'))),
        async (parts) => {
          const one = follow()
          for (const part of parts) await one.say(part)
          one.reader.end!()
          expect([one.reader.metrics, one.reader.problem].filter((value) => value !== undefined)).toHaveLength(1)
        },
      ),
      { numRuns: 100 },
    )
  })
})
