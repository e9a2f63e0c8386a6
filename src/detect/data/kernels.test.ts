// The kernels against plain code that does the same, pixel by pixel.
import { describe, expect, it } from 'vitest'
import { noise } from '../../../test/helpers/data-set.ts'
import { PythonRandom } from '../../base/index.ts'
import { type Labels, type Polygon, warpBoxes } from './boxes.ts'
import { applyHsv, hsvTables, rgbToHsv, writeRgb } from './hsv.ts'
import { mixInto } from './mixup.ts'
import { type Matrix, perspectiveMatrix } from './perspective.ts'
import { BORDER, type RgbImage, roundHalfEven } from './rgb.ts'
import { Scratch } from './scratch.ts'
import { warp } from './warp.ts'

const scratch = new Scratch()
const random = new PythonRandom(11)

const image = (width: number, height: number): RgbImage => ({ data: noise(width, height, 5), width, height })

/** Bilinear between four pixels; `x` and `y` in 1/32 pixel. */
function sample({ data, width, height }: RgbImage, x: number, y: number, c: number): number {
  const value = (column: number, row: number) =>
    column < 0 || row < 0 || column >= width || row >= height ? BORDER : data[3 * (row * width + column) + c]
  const [column, row, fx, fy] = [x >> 5, y >> 5, x & 31, y & 31]
  const upper = value(column, row) * (32 - fx) + value(column + 1, row) * fx
  const lower = value(column, row + 1) * (32 - fx) + value(column + 1, row + 1) * fx
  return (upper * (32 - fy) + lower * fy + 512) >> 10
}

/** Position in the source, 1/32 pixel, of a pixel of the result; OpenCV's order of operations. */
function affinePosition(m: Matrix, x: number, y: number): [number, number] {
  const determinant = m[0] * m[4] - m[1] * m[3]
  const d = determinant === 0 ? 0 : 1 / determinant
  const [a, b, c, e] = [m[4] * d, m[1] * -d, m[3] * -d, m[0] * d]
  const along = (p: number, q: number, shift: number) =>
    (roundHalfEven((q * y + shift) * 1024) + 16 + roundHalfEven(p * x * 1024)) >> 5
  return [along(a, b, -a * m[2] - b * m[5]), along(c, e, -c * m[2] - e * m[5])]
}

const draws = (perspective: number) => ({
  perspectiveX: random.uniform(-perspective, perspective),
  perspectiveY: random.uniform(-perspective, perspective),
  angleDegrees: random.uniform(-180, 180),
  scale: random.uniform(0.05, 2),
  shearXDegrees: random.uniform(-30, 30),
  shearYDegrees: random.uniform(-30, 30),
  translateX: random.uniform(-0.5, 1.5),
  translateY: random.uniform(-0.5, 1.5),
})

const sizes = [
  [64, 48, 40, 32],
  [33, 17, 31, 21],
  [1, 9, 7, 3],
  [5, 1, 9, 2],
  [100, 80, 130, 9],
]

describe('warp', () => {
  it.each(sizes)('samples %i x %i into %i x %i without perspective', (width, height, outWidth, outHeight) => {
    const source = image(width, height)
    const held = scratch.copy(source, 'source')
    for (let round = 0; round < 30; round++) {
      const m = perspectiveMatrix(draws(0), [height, width], [outHeight, outWidth])
      // The second and third kind have no rotation, or nothing at all to invert.
      const matrix = round % 3 === 1 ? [m[0], 0, m[2], 0, m[4], m[5], 0, 0, 1] : round === 29 ? m.map(() => 0) : m
      const result = warp(held, matrix, outHeight, outWidth, false, scratch)
      let different = 0
      for (let y = 0, i = 0; y < outHeight; y++)
        for (let x = 0; x < outWidth; x++) {
          const position = affinePosition(matrix, x, y)
          for (let c = 0; c < 3; c++, i++) if (result.data[i] !== sample(source, ...position, c)) different++
        }
      expect(different).toBe(0)
    }
  })

  it.each(sizes)('samples %i x %i into %i x %i with perspective', (width, height, outWidth, outHeight) => {
    const source = image(width, height)
    const held = scratch.copy(source, 'source')
    for (let round = 0; round < 30; round++) {
      // Far beyond what hyps may have, so that the denominator changes its sign within the picture.
      const matrix = perspectiveMatrix(draws(round % 2 ? 0.05 : 0.001), [height, width], [outHeight, outWidth])
      const result = warp(held, matrix, outHeight, outWidth, true, scratch)
      let different = 0
      for (let y = 0, i = 0; y < outHeight; y++)
        for (let x = 0; x < outWidth; x++) {
          const position = projectedPosition(matrix, x, y, outHeight, outWidth)
          for (let c = 0; c < 3; c++, i++) if (result.data[i] !== sample(source, ...position, c)) different++
        }
      expect(different).toBe(0)
    }
  })
})

/** As {@link affinePosition}; the row is computed block by block there. */
function projectedPosition(m: Matrix, x: number, y: number, height: number, width: number): [number, number] {
  const minor = (a: number, b: number, c: number, d: number) => m[a] * m[d] - m[b] * m[c]
  const determinant = m[0] * minor(4, 5, 7, 8) - m[1] * minor(3, 5, 6, 8) + m[2] * minor(3, 4, 6, 7)
  const d = 1 / determinant
  const rows = [
    [minor(4, 5, 7, 8) * d, minor(2, 1, 8, 7) * d, minor(1, 2, 4, 5) * d],
    [minor(5, 3, 8, 6) * d, minor(0, 2, 6, 8) * d, minor(2, 0, 5, 3) * d],
    [minor(3, 4, 6, 7) * d, minor(1, 0, 7, 6) * d, minor(0, 1, 3, 4) * d],
  ]
  const block = Math.min(Math.floor(1024 / Math.min(16, height)), width)
  const from = x - (x % block)
  const [px, py, w] = rows.map(([a, b, c]) => a * from + b * y + c + a * (x % block))
  const scale = w === 0 ? 0 : 32 / w
  const clamp = (value: number) => Math.min(Math.max(value, -2147483648), 2147483647)
  return [roundHalfEven(clamp(px * scale)), roundHalfEven(clamp(py * scale))]
}

describe('colours', () => {
  it.each([
    [1, 1, 1],
    [1.01, 1.4, 0.7],
    [0.985, 0.3, 1.39],
    [-0.2, 2, 2],
  ])('changes hue by %d, saturation by %d, value by %d', (...factors) => {
    // Every sixth value of each channel, in rows of 40: 32 columns cut fractions off, the last 8 round.
    const levels = Array.from({ length: 44 }, (_, i) => Math.min(6 * i, 255))
    const colours = levels.flatMap((r) => levels.flatMap((g) => levels.map((b) => [r, g, b]))).slice(0, 40 * 2100)
    const source: RgbImage = { data: Uint8Array.from(colours.flat()), width: 40, height: 2100 }
    const tables = hsvTables(factors)
    const result = scratch.copy(source, 'coloured')
    applyHsv(result, tables, scratch)
    const expected = new Uint8Array(source.data.length)
    for (let i = 0; i < expected.length; i += 3) {
      const packed = rgbToHsv(source.data[i], source.data[i + 1], source.data[i + 2])
      const [h, s, v] = [tables.hue[packed >> 16], tables.saturation[(packed >> 8) & 255], tables.value[packed & 255]]
      writeRgb(h, s, v, (i / 3) % 40 < 32, expected, i)
    }
    expect(Buffer.compare(result.data, expected)).toBe(0)
  })
})

it.each([0.5, 0.47123, 1 / 3, 0.9])('mixes all pairs of values, %d of the first', (share) => {
  const pairs = Uint8Array.from({ length: 3 * 65536 }, (_, i) => i >> 8)
  const others = Uint8Array.from({ length: 3 * 65536 }, (_, i) => i)
  const result = scratch.copy({ data: pairs, width: 256, height: 256 }, 'first')
  mixInto(result, scratch.copy({ data: others, width: 256, height: 256 }, 'second'), share, scratch)
  const expected = pairs.map((value, i) => Math.trunc(value * share + others[i] * (1 - share)))
  expect(Buffer.compare(result.data, expected)).toBe(0)
})

describe('scratch', () => {
  it('keeps what it has given when it grows', () => {
    const own = new Scratch()
    const first = own.copy(image(50, 40), 'first')
    const before = first.data.slice()
    const large = own.blank('large', 1500, 1500)
    expect(first.data).toEqual(before)
    expect(large.data.every((value) => value === BORDER)).toBe(true)
    own.paste(first, large, -10, 1480)
    expect(Array.from(large.data.subarray(3 * 1480 * 1500, 3 * 1480 * 1500 + 120))).toEqual([
      ...before.subarray(30, 150),
    ])
    expect(own.addressOf(first)).not.toBe(own.addressOf(large))
    expect(() => own.addressOf(image(2, 2))).toThrow('not in this memory')
  })

  it('gives the same piece again while it is large enough', () => {
    const own = new Scratch()
    const piece = own.take('piece', 100)
    expect(own.take('piece', 60).byteOffset).toBe(piece.byteOffset)
    expect(own.take('piece', 101).byteOffset).not.toBe(piece.byteOffset)
  })

  it.each([
    [-3, -2],
    [5, 4],
    [28, 20],
    [-40, 0],
    [0, 60],
  ])('pastes at %i, %i what falls on the canvas', (left, top) => {
    const tile = image(13, 9)
    const canvas = scratch.blank('canvas', 24, 32)
    scratch.paste(tile, canvas, left, top)
    for (let y = 0; y < 24; y++)
      for (let x = 0; x < 32; x++) {
        const [column, row] = [x - left, y - top]
        const inside = column >= 0 && row >= 0 && column < 13 && row < 9
        expect(canvas.data[3 * (32 * y + x)]).toBe(inside ? tile.data[3 * (13 * row + column)] : BORDER)
      }
  })
})

describe('boxes around warped polygons', () => {
  it('are those of all 1000 points', () => {
    let kept = 0
    for (let round = 0; round < 400; round++) {
      const corners = round % 40 === 0 ? 1500 : random.randint(1, 40)
      const [cx, cy, radius] = [random.uniform(0, 200), random.uniform(0, 200), random.uniform(0, 80)]
      const polygon = Float32Array.from({ length: 2 * corners }, (_, i) => {
        return Math.min(Math.max((i % 2 ? cy : cx) + random.uniform(-radius, radius), 0), 200)
      })
      const perspective = round % 2 === 1
      const drawn = { ...draws(perspective ? [0.001, 0.02][(round >> 1) % 2] : 0), scale: random.uniform(0.3, 1.8) }
      const matrix = perspectiveMatrix(drawn, [200, 200], [100, 100])
      const rows = Float32Array.of(1, cx - radius, cy - radius, cx + radius, cy + radius)
      const labels: Labels = { rows, polygons: [polygon] }
      const box = warpBoxes(labels, matrix, drawn.scale, 100, 100, perspective)
      if (box.length === 0) continue
      kept++
      expect(Array.from(box.subarray(1))).toEqual(
        Array.from(Float32Array.from(aroundAll(polygon, matrix, perspective))),
      )
    }
    expect(kept).toBeGreaterThan(50)
  })

  it('belong to the objects that have one', () => {
    const square = (x: number, y: number): Polygon => Float32Array.of(x, y, x + 20, y, x + 20, y + 20, x, y + 20)
    const identity = [1, 0, 0, 0, 1, 0, 0, 0, 1]
    const rows = Float32Array.from(
      [
        [0, 10, 10, 40, 40],
        [1, 50, 50, 90, 90],
      ].flat(),
    )
    const boxes = warpBoxes({ rows, polygons: [undefined, square(60, 60)] }, identity, 1, 100, 100, false)
    expect(Array.from(boxes, Math.round)).toEqual([0, 10, 10, 40, 40, 1, 60, 60, 80, 80])
  })
})

function aroundAll(polygon: Polygon, m: Matrix, perspective: boolean): number[] {
  const corners = polygon.length / 2
  const xs: number[] = []
  const ys: number[] = []
  for (let k = 0; k < 1000; k++) {
    const at = k === 999 ? corners : (k * corners) / 999
    const i = Math.min(Math.floor(k === 999 ? corners : k * (corners / 999)), corners - 1)
    const t = (k === 999 ? at : k * (corners / 999)) - i
    const [x, y] = [0, 1].map((c) => {
      const from = polygon[2 * i + c]
      return (polygon[2 * ((i + 1) % corners) + c] - from) * t + from
    })
    const w = perspective ? x * m[6] + y * m[7] + m[8] : 1
    const [px, py] = [(x * m[0] + y * m[1] + m[2]) / w, (x * m[3] + y * m[4] + m[5]) / w]
    if (px < 0 || py < 0 || px > 100 || py > 100) continue
    xs.push(px)
    ys.push(py)
  }
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)]
}
