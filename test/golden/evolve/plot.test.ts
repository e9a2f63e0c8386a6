// The figure of every release: how crowded each point's place is, the console text byte for byte, and that each release's
// table of the same evolution is read and drawn. The pictures themselves are for the eye: evolve_*.png beside the tables.
// biome-ignore-all lint/suspicious/noExplicitAny: reference data is json of many shapes
import { existsSync, readFileSync } from 'node:fs'
import sharp from 'sharp'
import { expect, it } from 'vitest'
import { density } from '../../../src/report/density.ts'
import { type EvolveStyle, evolveFigure, evolveText } from '../../../src/report/index.ts'
import {
  type EvolveFormat,
  type EvolveRelease,
  evolveFormats,
  formatOfRelease,
  pictureTable,
  readEvolveTable,
} from '../../../src/study/files/index.ts'
import { golden, readReferenceJson, referenceFiles, referencePath } from '../reference.ts'

golden(
  'evolve/plot_evolve/density.json',
  'density of the points',
  () => readReferenceJson<any>('evolve/plot_evolve/density.json').cases as any[],
  (cases) => {
    it('ln of the count of the cell', () => {
      for (const { x, y, n, density: expected } of cases) {
        const found = density(x.map(Number), y.map(Number), n)
        expect(found.length).toBe(expected.length)
        found.forEach((value, i) => {
          expect(value).toBeCloseTo(Number(expected[i]), 12)
        })
      }
    })
  },
)

/** `console_v5.0.txt` → release and the table beside it. */
function consoleCase(file: string) {
  const name = file.slice('console_'.length, -'.txt'.length)
  const release = (name.startsWith('yolov') ? name.replace('_', '-') : `yolov5-${name}`) as EvolveRelease
  expect(formatOfRelease).toHaveProperty([release])
  const format: EvolveFormat = evolveFormats[formatOfRelease[release]]
  const path = format.titled ? 'evolve.csv' : `evolve_${name}.txt`
  const text = readFileSync(referencePath(`evolve/plot_evolve/${path}`), 'utf8')
  return { release, format, text, table: readEvolveTable(text, { path, release }) }
}

const sizes: Record<EvolveStyle, [number, number]> = {
  yolov3: [2400, 2000],
  'yolov5-v3.0': [2000, 2000],
  'yolov5-v3.1': [2000, 2400],
  'yolov5-v6.0': [2000, 2400],
  'yolov5-v6.1': [2000, 2400],
}

golden(
  'evolve/plot_evolve',
  'table, console text and picture of every release',
  () => referenceFiles('evolve/plot_evolve', /^console_.*\.txt$/),
  (cases) => {
    for (const file of cases)
      it(file, async () => {
        const { format, text, table } = consoleCase(file)
        expect(format.tableText(table)).toBe(text)
        const picture = pictureTable(format, table)
        expect(evolveText(picture, { style: format.figureStyle })).toBe(
          readFileSync(referencePath(`evolve/plot_evolve/${file}`), 'utf8'),
        )
        const { width, height } = await sharp(await evolveFigure(picture, format.figureStyle)).metadata()
        expect([width, height]).toEqual(sizes[format.figureStyle])
      })
  },
)

golden(
  'evolve/plot_evolve/lineage.json',
  'sixty generations written as v7.0 does',
  () =>
    existsSync(referencePath('evolve/plot_evolve/evolve.csv'))
      ? [readReferenceJson<any>('evolve/plot_evolve/lineage.json')]
      : [],
  (cases) => {
    it('evolve.csv', () => {
      for (const { cases: generations } of cases) {
        const format = evolveFormats['yolov5-v7.0']
        const rows = generations.map(({ results, hyp }: any) => ({ results: results.map(Number), hyp }))
        const table = format.addAll(format.empty(Object.keys(rows[0].hyp)), rows)
        const file = readFileSync(referencePath('evolve/plot_evolve/evolve.csv'), 'utf8')
        const lines = file.split('\n').slice(0, rows.length + 1) // the copy has fewer generations than the table
        expect(format.tableText(table)).toBe(`${lines.join('\n')}\n`)
        const yaml = referencePath('evolve/plot_evolve/hyp_evolve.yaml')
        if (format.tableText(table) === file && existsSync(yaml))
          expect(format.hypText(table)).toBe(readFileSync(yaml, 'utf8'))
      }
    })
  },
)
