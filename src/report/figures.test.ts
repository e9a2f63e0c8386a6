// Contract of all figures: a valid picture of the stated size, not blank, other data give another picture, no data say so.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { blues } from './colors.ts'
import {
  type BatchPicture,
  batchFigure,
  boxesOfDetections,
  evolveFigure,
  evolveText,
  type FigureName,
  type FrontTable,
  figures,
  type ImportanceTable,
} from './index.ts'

interface Samples {
  readonly size: readonly [width: number, height: number]
  readonly first: unknown
  readonly other: unknown
  /** Every form of "nothing to show". */
  readonly empty: readonly unknown[]
}

const curve = (power: number) => Array.from({ length: 1000 }, (_, i) => 1 - (i / 999) ** power)
const x = Array.from({ length: 1000 }, (_, i) => i / 999)
const curves: Samples = {
  size: [2250, 1500],
  first: { x, rows: [curve(2), curve(3)], classes: [0, 2], ap50: [0.6, 0.7], names: ['RBC', 'WBC', 'Platelets'] },
  other: { x, rows: [curve(2), curve(9)], classes: [0, 2], ap50: [0.6, 0.7], names: ['RBC', 'WBC', 'Platelets'] },
  empty: [{ x, rows: [], classes: [], ap50: [], names: ['a'] }],
}
const evolution = (rows: number, keys: number, factor = 7) => ({
  keys: Array.from({ length: keys }, (_, k) => `hyp_${k}`),
  rows: Array.from({ length: rows }, (_, i) =>
    Array.from({ length: keys }, (_, k) => (k === 1 ? 0.5 : (i * factor * (k + 3)) % 11)),
  ),
  fitness: Array.from({ length: rows }, (_, i) => ((i * 13) % 17) / 17),
  bestIndex: 0,
})
const resultColumns = [
  ...['epoch', ' train/box_loss', 'train/obj_loss', 'train/cls_loss', 'metrics/precision', 'metrics/recall'],
  ...['metrics/mAP_0.5', 'metrics/mAP_0.5:0.95', 'val/box_loss', 'val/obj_loss', 'val/cls_loss'],
]
const results = (power: number) => ({
  columns: resultColumns,
  rows: Array.from({ length: 8 }, (_, i) =>
    resultColumns.map((_, c) => (c === 0 ? i % 4 : c === 9 ? Number.NaN : (i + c) ** power)),
  ),
})
const images = (seed: number) => Uint8Array.from({ length: 3 * 3 * 32 * 48 }, (_, i) => (i * seed) % 251)
const batch = (seed: number): BatchPicture => ({
  images: images(seed),
  layout: { kind: 'plain' },
  batch: 3,
  height: 32,
  width: 48,
  boxes: [0, 0, 0.5, 0.5, 0.4, 0.6, 2, 1, 0.1, 0.1, 0.3, 0.3],
  names: ['cat', 'dog'],
  paths: ['folder/a.jpg', 'C:\\b.jpg', 'c.jpg'],
})

const importanceTable = (share: number): ImportanceTable => ({
  title: 'What matters in runs/evolve/exp',
  score: 'fitness',
  keys: ['lr0', 'optimizer', 'layers', 'ξ_名前'].map((key, i) => ({
    ...{ key, importance: share / (i + 1), low: share / (i + 2), high: (1.2 * share) / (i + 1), total: share * 1.3 },
    distinguishable: i < 2,
    effect: (i === 1 ? ['sgd', 'adam', true] : [0.0001, 0.001, 0.01, 0.1]).map((value, k) => ({
      ...{ value, mean: 0.3 + 0.1 * k * share, low: 0.25 + 0.1 * k * share, high: 0.4 + 0.1 * k * share },
    })),
    ...(i === 1 ? { best: 'adam' } : i === 0 ? { best: 0.02 } : {}),
  })),
  pairs: [{ keys: ['lr0', 'layers'], importance: 0.1, low: 0.05, high: 0.14, distinguishable: true }],
})

const frontTable = (factor: number): FrontTable => ({
  title: 'mAP50 and latency of runs/evolve/细胞',
  x: 'latency_ms',
  y: 'fitness',
  minimize: true,
  points: [4, 5, 6, 7, 8].map((latency, number) => ({
    number,
    first: [0.1, 0.3, 0.2, 0.5, 0.9][number]! * factor,
    second: latency,
    kind: number === 2 ? 'behind' : number === 4 ? 'broken' : 'front',
    isStart: number === 1,
  })),
})

const samples: Record<FigureName, Samples> = {
  front: {
    size: [1600, 1200],
    first: frontTable(1),
    other: { ...frontTable(1), points: frontTable(1).points.map((each) => ({ ...each, kind: 'behind' as const })) },
    empty: [
      { title: 'Nothing', x: 'a', y: 'b', minimize: false, points: [] },
      { ...frontTable(Number.NaN), minimize: false },
    ],
  },
  importance: {
    size: [2400, 1800],
    first: importanceTable(0.5),
    other: { ...importanceTable(0.3), pairs: [] },
    empty: [{ title: 'What matters', score: 'fitness', keys: [], pairs: [] }],
  },
  evolve: {
    size: [2000, 2400],
    first: evolution(20, 29),
    other: evolution(20, 29, 5),
    empty: [evolution(0, 29), evolution(3, 0), { ...evolution(2, 3), fitness: [Number.NaN, Number.NaN] }],
  },
  results: {
    size: [2400, 1200],
    first: results(0.5),
    other: results(2),
    empty: [
      { columns: resultColumns, rows: [] },
      { columns: [], rows: [] },
    ],
  },
  'pr-curve': curves,
  'f1-curve': curves,
  'p-curve': curves,
  'r-curve': curves,
  confusion: {
    size: [3000, 2250],
    first: {
      matrix: [
        [8, 1, 2],
        [0, 5, 1],
        [2, 1, 0],
      ],
      names: ['a', 'b'],
    },
    other: {
      matrix: [
        [4, 5, 2],
        [4, 1, 1],
        [2, 1, 0],
      ],
      names: ['a', 'b'],
    },
    empty: [
      {
        matrix: [
          [0, 0],
          [0, 0],
        ],
        names: ['a'],
      },
      { matrix: [], names: [] },
    ],
  },
  labels: {
    size: [1600, 1600],
    first: { labels: [0, 0.5, 0.5, 0.2, 0.3, 1, 0.2, 0.3, 0.1, 0.1], names: ['a', 'b'] },
    other: { labels: [0, 0.5, 0.5, 0.2, 0.3, 1, 0.7, 0.3, 0.4, 0.1], names: ['a', 'b'] },
    empty: [
      { labels: [], names: ['a'] },
      { labels: new Float32Array(), names: [] },
    ],
  },
  correlogram: {
    size: [1600, 1600],
    first: { labels: [0, 0.5, 0.5, 0.2, 0.3, 1, 0.2, 0.3, 0.1, 0.1], names: ['a', 'b'] },
    other: { labels: [0, 0.5, 0.5, 0.2, 0.3, 1, 0.7, 0.3, 0.4, 0.1, 0, 0.9, 0.1, 0.1, 0.2], names: ['a', 'b'] },
    empty: [{ labels: [], names: ['a'] }],
  },
  sizes: {
    size: [1600, 1600],
    first: {
      ...{ boxesPx: [10, 20, 40, 35, 0, 3], anchorsPx: [10, 13, 33, 61], boxesPerImage: [0, 2, 1], imagePx: 640 },
      imageSizes: [640, 480, 640, 480, 300, 200],
    },
    other: {
      ...{ boxesPx: [10, 20, 40, 35], anchorsPx: [10, 13, 80, 61], boxesPerImage: [0, 120], imagePx: 640 },
      imageSizes: [640, 480, 641, 480],
    },
    empty: [
      { boxesPx: [], anchorsPx: [10, 13], boxesPerImage: [], imageSizes: [], imagePx: 640 },
      { boxesPx: [], anchorsPx: [], boxesPerImage: [0], imageSizes: [640, 480], imagePx: 640 },
    ],
  },
  batch: {
    size: [800, 534],
    first: batch(7),
    other: batch(11),
    empty: [{ ...batch(7), batch: 0, images: new Uint8Array(), boxes: [] }],
  },
}

async function decode(bytes: Uint8Array) {
  const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  let dark = 0
  for (const value of data) if (value < 200) dark++
  return { width: info.width, height: info.height, data, darkShare: dark / data.length }
}

describe.each(Object.entries(samples) as [FigureName, Samples][])('%s', (name, { size, first, other, empty }) => {
  const draw = figures[name].draw as (input: unknown) => Promise<Uint8Array>
  it('is a picture of the stated format and size, with something on it', async () => {
    const bytes = await draw(first)
    expect((await sharp(bytes).metadata()).format).toBe(figures[name].file.endsWith('.png') ? 'png' : 'jpeg')
    const picture = await decode(bytes)
    expect([picture.width, picture.height]).toEqual(size)
    expect(picture.darkShare).toBeGreaterThan(0.003)
  })
  it('shows other data as other pixels, the same data as the same bytes', async () => {
    const [a, b, again] = [await draw(first), await draw(other), await draw(first)]
    expect(Buffer.compare(a, again)).toBe(0)
    const [pictureA, pictureB] = [await decode(a), await decode(b)]
    expect(pictureA.data.equals(pictureB.data)).toBe(false)
  })
  it('says "no data" where there is none', async () => {
    for (const nothing of empty) {
      const picture = await decode(await draw(nothing))
      expect(picture.darkShare).toBeGreaterThan(0.0001)
      expect(picture.darkShare).toBeLessThan(0.05)
    }
  })
})

it.each([25, 90])('confusion_matrix.png of %i classes has all its cells', async (classes) => {
  const matrix = Array.from({ length: classes + 1 }, () => Array.from({ length: classes + 1 }, () => 1))
  const share = 1 / (classes + 1)
  const { data, width } = await decode(await figures.confusion.draw({ matrix, names: [] }))
  const expected = blues(share)
  const blank: string[] = []
  for (let row = 0; row <= classes; row++)
    for (let column = 0; column <= classes; column++) {
      const x = Math.floor(420 + (column + 0.12) * share * 2180)
      const y = Math.floor(130 + (row + 0.12) * share * 1730)
      const colour = [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)].join()
      if (!expected.replace(/\s/g, '').includes(colour)) blank.push(`${row},${column}: ${colour}`)
    }
  expect(blank).toEqual([])
})

describe('evolve.png', () => {
  it.each([1, 2, 13, 31, 60])('draws %i parameters', async (keys) => {
    const picture = await decode(await evolveFigure(evolution(6, keys)))
    expect([picture.width, picture.height]).toEqual([2000, 2400])
    expect(picture.darkShare).toBeGreaterThan(0.003)
  })
  it('draws one row, many rows, and leaves out rows that are not numbers', async () => {
    await evolveFigure(evolution(1, 29))
    await evolveFigure(evolution(300, 29))
    const clean = evolution(9, 5)
    const dirty = {
      ...clean,
      rows: [...clean.rows, [1e9, 1e9, 1e9, 1e9, 1e9], clean.rows[0]!.map(() => Number.NaN)],
      fitness: [...clean.fitness, Number.NaN, 0.1],
    }
    expect(Buffer.compare(await evolveFigure(clean), await evolveFigure(dirty))).toBe(0)
  })
  it('draws all points of a table with more rows than ECharts draws at once', async () => {
    const rows = Array.from({ length: 8000 }, (_, i) => [i % 101, (i * 7) % 103])
    const table = { keys: ['a', 'b'], rows, fitness: rows.map(([a]) => a! / 100), bestIndex: 7999 }
    const [few, many] = await Promise.all(
      [{ ...table, rows: rows.slice(0, 200), bestIndex: 0 }, table].map(async (each) =>
        decode(await evolveFigure(each)),
      ),
    )
    expect(many!.darkShare).toBeGreaterThan(2 * few!.darkShare)
  })
  it('gives texts and truth values a place each', async () => {
    const rows = ['sgd', 'adam', undefined, 'c10', 'c9'].map((name, i) => [
      name,
      i % 2 === 0,
      name === 'adam' ? 'b' : i,
    ])
    const table = { keys: ['optimizer', 'nesterov', 'mixed'], rows, fitness: [0.1, 0.3, 0.2, 0.5, 0.4], bestIndex: 3 }
    const picture = await decode(await evolveFigure(table))
    const renamed = rows.map(([name, ...rest]) => [name === 'adam' ? 'zadam' : name, ...rest]) // another place
    expect(picture.data.equals((await decode(await evolveFigure({ ...table, rows: renamed }))).data)).toBe(false)
    expect(evolveText(table)).toBe(
      'Best results from row 3 of evolve.csv:\n      optimizer: c10\n       nesterov: false\n          mixed: 3\nSaved evolve.png\n',
    )
  })
  it('has no best row to tell of in an empty table', () => {
    expect(evolveText({ keys: ['lr0'], rows: [], bestIndex: -1 })).toBe('')
  })
})

it('loads ECharts and canvas only when a figure is drawn', () => {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  const heavy = /^import (?!type).*'(echarts|@napi-rs\/canvas|\.\/chart\.ts|\.\/fonts\.ts)'/m
  const loading = readdirSync(folder)
    .filter((file) => /(?<!\.test)\.ts$/.test(file) && heavy.test(readFileSync(join(folder, file), 'utf8')))
    .sort()
  expect(loading).toEqual(['chart.ts', 'fonts.ts'])
})

describe('batches', () => {
  it('looks the same in every layout', async () => {
    const plain = batch(7)
    const [height, width] = [32, 48]
    const at = (i: number, c: number, y: number, x: number) => plain.images[((i * 3 + c) * height + y) * width + x]!
    const nhwc = new Uint8Array(plain.images.length)
    const blocked = { 8: new Uint8Array(3 * 16 * 16 * 24), 16: new Uint8Array(3 * 16 * 16 * 24) }
    for (let i = 0; i < 3; i++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (let c = 0; c < 3; c++) {
            nhwc[((i * height + y) * width + x) * 3 + c] = at(i, c, y, x)
            const channel = ((y % 2) * 2 + (x % 2)) * 3 + c
            for (const block of [8, 16] as const) {
              const plane = i * (16 / block) + Math.floor(channel / block)
              blocked[block][((plane * 16 + (y >> 1)) * 24 + (x >> 1)) * block + (channel % block)] = at(i, c, y, x)
            }
          }
    const expected = await batchFigure(plain)
    for (const other of [
      { ...plain, images: nhwc, layout: { kind: 'nhwc' as const } },
      { ...plain, images: blocked[8], layout: { kind: 'blocked' as const, block: 8 as const } },
      { ...plain, images: blocked[16], layout: { kind: 'blocked' as const, block: 16 as const } },
    ])
      expect(Buffer.compare(await batchFigure(other), expected)).toBe(0)
  })
  it('draws detections from 0.25 up, and survives boxes outside the image', async () => {
    const boxes = boxesOfDetections([new Float32Array([4, 4, 20, 20, 0.9, 1, 0, 0, 9, 9, 0.1, 0])], {
      height: 32,
      width: 48,
    })
    expect(Array.from(boxes, (value) => Number(value.toFixed(4)))).toEqual([
      0, 1, 0.25, 0.375, 0.3333, 0.5, 0.9, 0, 0, 0.0938, 0.1406, 0.1875, 0.2813, 0.1,
    ])
    const draw = (rows: ArrayLike<number>) => batchFigure({ ...batch(7), boxes: rows, columns: 7 })
    expect(Buffer.compare(await draw(boxes), await draw(boxes.slice(0, 7)))).toBe(0)
    expect(Buffer.compare(await draw(boxes), await draw([]))).not.toBe(0)
    await draw([0, 0, -3, 9, 5, 5, 0.9, 7, 0, 0.5, 0.5, 0.1, 0.1, 0.9, 1, 5, Number.NaN, 0.5, 0.1, 0.1, 0.9])
  })
  it('takes boxes in pixels as well', async () => {
    const pixels = batch(7).boxes
    const scaled = Array.from(pixels, (value, i) => (i % 6 < 2 ? value : value * (i % 2 === 0 ? 48 : 32)))
    const expected = await batchFigure(batch(7))
    expect(Buffer.compare(await batchFigure({ ...batch(7), boxes: scaled, units: 'pixels' }), expected)).toBe(0)
  })
  it('shows 16 images at most, in a picture of at most 1920 px', async () => {
    const count = 20
    const picture = await decode(
      await batchFigure({ ...batch(7), batch: count, images: new Uint8Array(count * 3 * 32 * 48).fill(90), boxes: [] }),
    )
    expect([picture.width, picture.height]).toEqual([1600, 1068])
    const large = await decode(
      await batchFigure({
        ...batch(7),
        batch: 4,
        height: 1280,
        width: 1280,
        images: new Uint8Array(4 * 3 * 1280 * 1280),
        boxes: [],
      }),
    )
    expect([large.width, large.height]).toEqual([1920, 1920])
  })
})
