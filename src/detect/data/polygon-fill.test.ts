import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { PythonRandom } from '../../base/index.ts'
import { fillPolygon } from './polygon-fill.ts'

const filled = (width: number, height: number, ...corners: number[]) => {
  const mask = new Uint8Array(width * height)
  fillPolygon(mask, width, height, Int32Array.from(corners))
  const row = (y: number) => Array.from(mask.subarray(y * width, (y + 1) * width), (bit) => '.#'[bit]).join('')
  return Array.from({ length: height }, (_, y) => row(y))
}

it('fills what lies inside, the outline included', () => {
  expect(filled(9, 6, 1, 1, 6, 1, 6, 4, 1, 4)).toEqual([
    '.........',
    '.######..',
    '.######..',
    '.######..',
    '.######..',
    '.........',
  ])
})

it('leaves a hole where a polygon covers itself twice', () => {
  const star = filled(21, 20, 10, 0, 16, 18, 0, 7, 20, 7, 4, 18)
  expect(star[10]).toMatch(/^\.+#+\.+#+\.+$/)
})

it.each([
  ['a point', [3, 2], '...#....'],
  ['a line', [6, 2, 1, 2], '.######.'],
  ['beyond every edge', [-5, -5, 20, -5, 20, 20, -5, 20], '########'],
  ['outside', [10, 0, 12, 0, 12, 5], '........'],
])('%s', (_, corners, row) => {
  expect(filled(8, 5, ...corners)[2]).toBe(row)
})

// import cv2, hashlib, numpy, random
// random.seed(7)
// digest = hashlib.sha256()
// for _ in range(500):
//     w, h, n = random.randint(5, 90), random.randint(5, 90), random.randint(1, 14)
//     corners = [(random.randint(-w // 2, 3 * w // 2), random.randint(-h // 2, 3 * h // 2)) for _ in range(n)]
//     mask = numpy.zeros((h, w), numpy.uint8)
//     cv2.drawContours(mask, [numpy.array(corners, numpy.int32)], -1, 1, cv2.FILLED)
//     digest.update(mask.tobytes())
// print(digest.hexdigest())
it('fills 500 random polygons, many of them partly outside, as OpenCV 4.6 does', () => {
  const random = new PythonRandom(7)
  const digest = createHash('sha256')
  for (let i = 0; i < 500; i++) {
    const [w, h, n] = [random.randint(5, 90), random.randint(5, 90), random.randint(1, 14)]
    const beyond = (side: number) => random.randint(Math.floor(-side / 2), Math.floor((3 * side) / 2))
    const corners = Int32Array.from(Array.from({ length: n }, () => [beyond(w), beyond(h)]).flat())
    const mask = new Uint8Array(w * h)
    fillPolygon(mask, w, h, corners)
    digest.update(mask)
  }
  expect(digest.digest('hex')).toBe('b89b51d0c3db377f1df62ae9d61e1f485d812810d5c02ca55ac66135f95ecdfc')
})
