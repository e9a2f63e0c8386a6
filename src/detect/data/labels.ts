// Label files: one line per object, `class x y width height` or `class x1 y1 x2 y2 x3 y3 …` (a polygon), normalised.
// Checks and oddities are those of v7.0 (dataloaders.py, verify_image_label).
import type { Polygon } from './boxes.ts'

/** What a label file holds. */
export type ParsedLabels =
  | {
      readonly ok: true
      /** Rows of 5: class, x, y, width, height. */
      readonly rows: Float32Array
      /** One polygon per row, or none. */
      readonly polygons: readonly Polygon[]
      /** Equal rows that were removed. */
      readonly duplicates: number
    }
  | { readonly ok: false; readonly reason: string }

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/**
 * Reads the text of a label file. An empty text is fine: no rows.
 *
 * Kept for compatibility: if any line is a polygon, all lines are read as polygons, a box among them as two points; and
 * removing duplicates sorts the rows. Ours: lines of only blanks, a byte order mark and any kind of line end are allowed.
 */
export function parseLabels(text: string): ParsedLabels {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => line.split(/\s+/))

  const numbers: Float32Array[] = []
  for (const [i, fields] of lines.entries()) {
    const bad = fields.find((field) => !NUMBER.test(field))
    if (bad !== undefined) return fault(`row ${i + 1} has "${bad.slice(0, 40)}", which is not a number`)
    numbers.push(Float32Array.from(fields, Number))
  }

  const hasPolygons = numbers.some((row) => row.length > 6)
  const polygons: Polygon[] = []
  const rows = new Float32Array(5 * numbers.length)
  for (const [i, row] of numbers.entries()) {
    if (hasPolygons) {
      if (row.length < 3 || row.length % 2 === 0)
        return fault(`row ${i + 1} has ${row.length} columns; a polygon is a class and pairs of x and y`)
      polygons.push(row.slice(1))
      rows.set([row[0], ...boxAround(row.subarray(1))], 5 * i)
    } else {
      if (row.length !== 5) return fault(`labels require 5 columns, row ${i + 1} has ${row.length}`)
      rows.set(row, 5 * i)
    }
  }
  for (let i = 0; i < rows.length; i++) {
    const place = () => `row ${Math.floor(i / 5) + 1}`
    if (!(rows[i] >= 0)) return fault(`${place()} has the negative value ${shortest(rows[i])}`)
    if (i % 5 === 0 && !Number.isInteger(rows[i]))
      return fault(`${place()} has class ${shortest(rows[i])}; classes are whole numbers`)
    if (i % 5 !== 0 && rows[i] > 1)
      return fault(`${place()} has ${shortest(rows[i])}; coordinates are normalised, 0 to 1`)
  }
  return { ok: true, ...withoutDuplicates(rows, polygons) }
}

const fault = (reason: string): ParsedLabels => ({ ok: false, reason })

const shortest = (value: number) => String(Number(value.toPrecision(7)))

/** Box around the points of a polygon, in centre form, float32. */
function boxAround(points: Float32Array): number[] {
  const f = Math.fround
  let [x1, y1, x2, y2] = [points[0], points[1], points[0], points[1]]
  for (let i = 2; i < points.length; i += 2) {
    x1 = Math.min(x1, points[i])
    x2 = Math.max(x2, points[i])
    y1 = Math.min(y1, points[i + 1])
    y2 = Math.max(y2, points[i + 1])
  }
  return [f(x1 + x2) / 2, f(y1 + y2) / 2, x2 - x1, y2 - y1]
}

function withoutDuplicates(rows: Float32Array, polygons: Polygon[]) {
  const row = (i: number) => rows.subarray(5 * i, 5 * i + 5)
  const compare = (a: number, b: number) => {
    for (let k = 0; k < 5; k++) if (rows[5 * a + k] !== rows[5 * b + k]) return rows[5 * a + k] - rows[5 * b + k]
    return a - b
  }
  const order = Array.from({ length: rows.length / 5 }, (_, i) => i).sort(compare)
  const unique = order.filter((i, k) => k === 0 || row(i).some((value, c) => value !== row(order[k - 1])[c]))
  const duplicates = order.length - unique.length
  if (duplicates === 0) return { rows, polygons, duplicates }
  const kept = new Float32Array(5 * unique.length)
  for (const [to, from] of unique.entries()) kept.set(row(from), 5 * to)
  return { rows: kept, polygons: polygons.length > 0 ? unique.map((i) => polygons[i]) : [], duplicates }
}
