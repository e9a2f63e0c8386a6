import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EvolveFileColumnsError, EvolveFileConflictError, EvolveFileRowError, StudyWriteError } from '../base/index.ts'
import { type Results, yolov5Space } from '../search/index.ts'
import {
  EvolveFolder,
  evolveCsvHeader,
  evolveCsvLine,
  evolveTitles,
  readEvolveCsv,
  Study,
  toEvolveRow,
} from './index.ts'

const hyp = {
  lr0: 0.01,
  lrf: 0.01,
  momentum: 0.937,
  weight_decay: 0.0005,
  warmup_epochs: 3,
  warmup_momentum: 0.8,
  warmup_bias_lr: 0.1,
  box: 0.05,
  cls: 0.5,
  cls_pw: 1,
  obj: 1,
  obj_pw: 1,
  iou_t: 0.2,
  anchor_t: 4,
  fl_gamma: 0,
  hsv_h: 0.015,
  hsv_s: 0.7,
  hsv_v: 0.4,
  degrees: 0,
  translate: 0.1,
  scale: 0.5,
  shear: 0,
  perspective: 0,
  flipud: 0,
  fliplr: 0.5,
  mosaic: 1,
  mixup: 0,
  copy_paste: 0,
}
const space = yolov5Space(hyp)
const definition = { seed: 0, keys: space.keys }

const results = (mAP: number): Results => ({
  precision: 0.123456789,
  recall: 0.5,
  mAP50: mAP,
  mAP50to95: mAP / 3,
  boxLoss: 0.05,
  objLoss: 0.01,
  clsLoss: 0,
})

let folder: string
let directory: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hypevolve-'))
  directory = join(folder, 'exp')
  mkdirSync(directory)
})
afterEach(() => rmSync(folder, { recursive: true }))

const file = (name: string) => join(directory, name)
const read = (name: string) => readFileSync(file(name), 'utf8')

/** Trains these mAPs, one trial after the other; what is left out (undefined) fails. */
async function evolve(mAPs: readonly (number | undefined)[]): Promise<void> {
  const opened = await EvolveFolder.open(directory, definition)
  const study = await Study.open({ space, storage: opened.storage })
  for (const mAP of mAPs) {
    const trial = await study.ask()
    if (mAP === undefined) await study.fail(trial, ['NaN loss'])
    else await opened.record(await study.tell(trial, results(mAP)))
  }
  await opened.close()
}

describe('EvolveFolder', () => {
  it('writes both files after each trial and names the best', async () => {
    await evolve([0.2, undefined, 0.4, Number.NaN, 0.3])
    expect(readdirSync(directory).sort()).toEqual(['evolve.csv', 'hyp_evolve.yaml', 'trials.jsonl'])
    const { rows } = readEvolveCsv(read('evolve.csv'), space.keys, 'evolve.csv')
    expect(rows.map((row) => row.results.mAP50)).toEqual([0.2, 0.4, Number.NaN, 0.3])
    expect(rows[0].hyp).toEqual({ ...hyp, anchors: 3 })
    expect(read('hyp_evolve.yaml')).toMatch(/Best generation: 1\n# Last generation: 3\n/)
  })

  it('goes on where it was, as if it had not stopped', async () => {
    await evolve([0.2, 0.4, undefined, 0.3, 0.5])
    const whole = read('evolve.csv')
    for (const name of readdirSync(directory)) rmSync(file(name))
    await evolve([0.2, 0.4])
    await evolve([undefined, 0.3])
    await evolve([0.5])
    expect(read('evolve.csv')).toBe(whole)
  })

  it('goes on with a folder of real YOLOv5, which has no journal', async () => {
    await evolve([0.2, 0.4])
    rmSync(file('trials.jsonl'))
    const before = read('evolve.csv')
    await evolve([0.3])
    expect(read('evolve.csv').startsWith(before)).toBe(true)
    expect(read('evolve.csv').split('\n')).toHaveLength(5)
  })

  it('takes over rows that YOLOv5 added meanwhile, and brings back rows that are missing', async () => {
    await evolve([0.2, 0.4])
    const titles = evolveTitles(space.keys)
    appendFileSync(file('evolve.csv'), evolveCsvLine(titles, toEvolveRow(results(0.9), { ...hyp, anchors: 4 })))
    await evolve([0.1])
    expect(read('hyp_evolve.yaml')).toMatch(/Best generation: 2\n# Last generation: 3\n/)
    const whole = read('evolve.csv')
    rmSync(file('evolve.csv'))
    await evolve([])
    expect(read('evolve.csv')).toBe(whole)
    writeFileSync(file('evolve.csv'), whole.slice(0, -300)) // torn
    await evolve([])
    expect(read('evolve.csv')).toBe(whole)
    writeFileSync(file('evolve.csv'), whole.slice(0, -1)) // the line end alone is missing
    await evolve([0.1])
    expect(read('evolve.csv').startsWith(whole)).toBe(true)
  })

  it('keeps columns in the order of the file', async () => {
    await evolve([0.2])
    rmSync(file('trials.jsonl'))
    const titles = evolveTitles(space.keys).reverse()
    const row = toEvolveRow(results(0.2), { ...hyp, anchors: 3 })
    writeFileSync(file('evolve.csv'), evolveCsvHeader(titles) + evolveCsvLine(titles, row))
    await evolve([0.3])
    const { rows } = readEvolveCsv(read('evolve.csv'), space.keys, 'evolve.csv')
    expect(rows.map((each) => each.results.mAP50)).toEqual([0.2, 0.3])
    expect(read('evolve.csv').split('\n')[0].trim().startsWith('anchors')).toBe(true)
  })

  it('says what is wrong with an evolve.csv that does not fit', async () => {
    await evolve([0.2])
    const whole = read('evolve.csv')
    await expect(EvolveFolder.open(directory, { seed: 0, keys: space.keys.slice(0, -1) })).rejects.toThrow(
      /it has anchors besides.*Columns found: .*anchors\. Columns of this search: .*copy_paste\.$/,
    )
    writeFileSync(file('evolve.csv'), whole.replaceAll('0.123', '0.124'))
    await expect(evolve([])).rejects.toThrow(EvolveFileConflictError)
    writeFileSync(file('evolve.csv'), whole.replace('  0.05,', '  x.05,'))
    await expect(evolve([])).rejects.toThrow('line 2: "x.05" in column val/box_loss is no number')
    writeFileSync(file('evolve.csv'), whole.replace(/,[^,]*\n$/, '\n'))
    await expect(evolve([])).rejects.toThrow(EvolveFileRowError)
    expect(readdirSync(directory)).not.toContain('trials.jsonl.lock')
  })

  it('keeps what it had on a full disk, and the result is not lost', async (context) => {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', directory], { stdio: 'pipe' })
    } catch {
      return context.skip('mounting a small disk needs root')
    }
    try {
      await evolve([0.2, 0.4, 0.3])
      const before = read('evolve.csv')
      const bestBefore = read('hyp_evolve.yaml')
      const opened = await EvolveFolder.open(directory, definition)
      const study = await Study.open({ space, storage: opened.storage })
      const trial = await study.ask()
      try {
        writeFileSync(file('filler'), Buffer.alloc(1 << 20))
      } catch {} // full now
      const told = await study.tell(trial, results(0.9))
      const failure = await opened.record(told).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(StudyWriteError)
      expect((failure as StudyWriteError).message).toContain('the disk is full')
      const { rows, usedLength } = readEvolveCsv(read('evolve.csv'), space.keys, 'evolve.csv')
      expect([read('evolve.csv').startsWith(before), usedLength]).toEqual([true, read('evolve.csv').length])
      expect(rows.length).toBeGreaterThanOrEqual(3) // the last block of the file may have had room for one more
      expect(read('hyp_evolve.yaml')).toBe(bestBefore)
      await opened.close()

      rmSync(file('filler'))
      await evolve([])
      expect(read('hyp_evolve.yaml')).toMatch(/Best generation: 3\n/)
      expect(readdirSync(directory).sort()).toEqual(['evolve.csv', 'hyp_evolve.yaml', 'trials.jsonl'])
    } finally {
      execFileSync('umount', ['-l', directory])
    }
  })
})

describe('readEvolveCsv', () => {
  const keys = ['lr0', 'lrf']
  const titles = evolveTitles(keys)
  const value = fc.oneof(fc.double({ noDefaultInfinity: false }), fc.double({ min: 0, max: 1 }))

  it('reads back what was written, torn or not', () => {
    const row = fc.array(value, { minLength: 9, maxLength: 9 })
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), fc.nat(), (table, cut) => {
        const rows = table.map(([precision, recall, mAP50, mAP50to95, boxLoss, objLoss, clsLoss, lr0, lrf]) =>
          toEvolveRow({ precision, recall, mAP50, mAP50to95, boxLoss, objLoss, clsLoss }, { lr0, lrf }),
        )
        const header = evolveCsvHeader(titles)
        const text = header + rows.map((each) => evolveCsvLine(titles, each)).join('')
        expect(readEvolveCsv(text, keys, 'x').rows).toEqual(rows)
        const torn = text.slice(0, header.length + (cut % (text.length - header.length)))
        const whole = readEvolveCsv(torn, keys, 'x').rows
        expect(whole).toEqual(rows.slice(0, whole.length))
      }),
    )
  })

  it('throws only errors of its own on hostile text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, withHeader) => {
        try {
          readEvolveCsv(withHeader ? evolveCsvHeader(titles) + text : text, keys, 'x')
        } catch (error) {
          expect(error instanceof EvolveFileColumnsError || error instanceof EvolveFileRowError).toBe(true)
        }
      }),
    )
  })

  it('takes unpadded columns, CRLF, a byte order mark and empty lines', () => {
    const text = `\uFEFF${titles.join(',')}\r\n${'0.1,'.repeat(8)}1e-3\r\n\r\n${'0.2,'.repeat(8)}nan`
    expect(readEvolveCsv(text, keys, 'x').rows.map(({ hyp }) => hyp)).toEqual([
      { lr0: 0.1, lrf: 0.001 },
      { lr0: 0.2, lrf: Number.NaN },
    ])
  })
})
