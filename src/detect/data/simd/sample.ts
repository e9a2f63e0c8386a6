// Bilinear sampling with weights of 1/32 pixel, OpenCV's rule for 8-bit images: the four neighbours times weights that
// sum up to 1024, plus 512, shifted by 10. Four pixels at a time where all neighbours lie inside the image.
import { BORDER } from '../rgb.ts'
import {
  type Code,
  call,
  type FunctionCode,
  i8x16,
  i16x8,
  i32,
  i32x4,
  ifElse,
  select,
  type Variable,
  v128,
  whileTrue,
} from './assembler.ts'

/**
 * The weights of the four neighbours by 32 * fractionY + fractionX, as pairs of 16 bits: upper left and right, lower left
 * and right.
 */
export const sampleWeights = Int16Array.from({ length: 4096 }, (_, i) => {
  const [fx, fy] = [(i >> 2) & 31, i >> 7]
  return (i & 1 ? fx : 32 - fx) * (i & 2 ? fy : 32 - fy)
})

/** `sample_one` with (source, width, height, x, y, border, out): a pixel any neighbour of which may lie outside. */
export const sampleOne: FunctionCode = {
  name: 'sample_one',
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  write(locals, source, width, height, x, y, border, out) {
    const [fx, setFx] = locals.let('i32', i32.and(x.get, 31))
    const [fy, setFy] = locals.let('i32', i32.and(y.get, 31))
    const neighbours = [0, 1, 2, 3].map((i) => {
      const column = i32.add(i32.shr_s(x.get, 5), i & 1)
      const line = i32.add(i32.shr_s(y.get, 5), i >> 1)
      const inside = i32.and(i32.lt_u(column, width.get), i32.lt_u(line, height.get))
      const at = i32.add(source.get, i32.mul(i32.add(i32.mul(line, width.get), column), 3))
      return locals.let('i32', select(at, border.get, inside))
    })
    const colours = [0, 1, 2].map((c) => {
      const value = (i: number) => i32.load8_u(neighbours[i][0].get, c)
      const between = (i: number) => i32.add(i32.mul(value(i), i32.sub(32, fx.get)), i32.mul(value(i + 1), fx.get))
      const sum = i32.add(i32.mul(between(0), i32.sub(32, fy.get)), i32.mul(between(2), fy.get))
      return i32.store8(out.get, i32.shr_u(i32.add(sum, 512), 10), c)
    })
    return [setFx, setFy, neighbours.map(([, set]) => set), colours]
  },
}

/** Where an image lies and what is sampled of it; positions are (delta + start) >> shift, in 1/32 pixel. */
const parameters = [
  ...['source', 'width', 'height', 'deltasX', 'deltasY', 'startX', 'startY', 'shift'],
  ...['weights', 'border', 'out', 'count'],
]

/** `sample_row` with the parameters above: a row of `count` pixels. @param one - place of {@link sampleOne} */
export const sampleRow = (one: number): FunctionCode => ({
  name: 'sample_row',
  parameters: parameters.map(() => 'i32'),
  write(locals, ...[source, width, height, deltasX, deltasY, startX, startY, shift, weights, border, out, count]) {
    const row = locals.new('i32')
    const fourEnd = locals.new('i32')
    const end = locals.new('i32')
    const at = locals.new('i32')
    const weight = locals.new('i32')
    const vectors = () => locals.new('v128')
    const [x, y, column, line, places, weightPlaces] = [1, 2, 3, 4, 5, 6].map(vectors)
    const [innerWidth, innerHeight, outerWidth, outerHeight] = [1, 2, 3, 4].map(vectors)
    const sums = [0, 1, 2, 3].map(vectors)

    const position = (deltas: Code, start: Code) =>
      i32x4.shr_s(i32x4.add(v128.load(deltas), i32x4.splat(start)), shift.get)
    const one1 = i32x4.const(1)
    const allInside = i32x4.all_true(
      v128.and(i32x4.lt_u(column.get, innerWidth.get), i32x4.lt_u(line.get, innerHeight.get)),
    )
    const anyInside = v128.any_true(
      v128.and(
        i32x4.lt_u(i32x4.add(column.get, one1), outerWidth.get),
        i32x4.lt_u(i32x4.add(line.get, one1), outerHeight.get),
      ),
    )
    // Two pixels, red green blue red green blue, to pairs of one colour with 16 bits each.
    const none = 0x80
    const pairs = v128.bytes([0, 3, 1, 4, 2, 5].flatMap((byte) => [byte, none]).concat([none, none, none, none]))
    const inside: Code = [
      places.set(
        i32x4.add(
          i32x4.add(i32x4.mul(line.get, i32x4.splat(row.get)), i32x4.splat(source.get)),
          i32x4.add(column.get, i32x4.shl(column.get, 1)),
        ),
      ),
      weightPlaces.set(
        i32x4.add(
          i32x4.shl(v128.or(i32x4.shl(v128.and(y.get, i32x4.const(31)), 5), v128.and(x.get, i32x4.const(31))), 3),
          i32x4.splat(weights.get),
        ),
      ),
      sums.map((sum, k) => {
        const upper = i8x16.swizzle(v128.load64_zero(at.get), pairs)
        const lower = i8x16.swizzle(v128.load64_zero(i32.add(at.get, row.get)), pairs)
        return [
          at.set(i32x4.extract_lane(places.get, k)),
          weight.set(i32x4.extract_lane(weightPlaces.get, k)),
          sum.set(
            i32x4.add(
              i32x4.dot_i16x8_s(upper, v128.load32_splat(weight.get)),
              i32x4.dot_i16x8_s(lower, v128.load32_splat(weight.get, 4)),
            ),
          ),
        ]
      }),
      storeFour(
        i8x16.narrow_i16x8_u(
          i16x8.narrow_i32x4_s(rounded(sums[0].get), rounded(sums[1].get)),
          i16x8.narrow_i32x4_s(rounded(sums[2].get), rounded(sums[3].get)),
        ),
        out.get,
        places,
      ),
    ]
    const grey = v128.bytes(new Array(16).fill(BORDER))
    const outside: Code = [v128.store64_lane(out.get, grey, 0), v128.store32_lane(out.get, grey, 2, 8)]
    const onEdge = [0, 1, 2, 3].map((k) =>
      call(
        one,
        ...[source.get, width.get, height.get, i32x4.extract_lane(x.get, k), i32x4.extract_lane(y.get, k)],
        ...[border.get, i32.add(out.get, 3 * k)],
      ),
    )
    const single = (deltas: Code, start: Code) => i32.shr_s(i32.add(i32.load(deltas), start), shift.get)
    const advance = (pixels: number): Code => [
      out.set(i32.add(out.get, 3 * pixels)),
      deltasX.set(i32.add(deltasX.get, 4 * pixels)),
      deltasY.set(i32.add(deltasY.get, 4 * pixels)),
    ]
    return [
      row.set(i32.mul(width.get, 3)),
      fourEnd.set(i32.add(out.get, i32.mul(i32.and(count.get, -4), 3))),
      end.set(i32.add(out.get, i32.mul(count.get, 3))),
      innerWidth.set(i32x4.splat(i32.sub(width.get, 1))),
      innerHeight.set(i32x4.splat(i32.sub(height.get, 1))),
      outerWidth.set(i32x4.splat(i32.add(width.get, 1))),
      outerHeight.set(i32x4.splat(i32.add(height.get, 1))),
      whileTrue(i32.lt_u(out.get, fourEnd.get), [
        x.set(position(deltasX.get, startX.get)),
        y.set(position(deltasY.get, startY.get)),
        column.set(i32x4.shr_s(x.get, 5)),
        line.set(i32x4.shr_s(y.get, 5)),
        ifElse(allInside, inside, ifElse(anyInside, onEdge, outside)),
        advance(4),
      ]),
      whileTrue(i32.lt_u(out.get, end.get), [
        call(
          one,
          ...[source.get, width.get, height.get, single(deltasX.get, startX.get), single(deltasY.get, startY.get)],
          ...[border.get, out.get],
        ),
        advance(1),
      ]),
    ]
  },
})

const rounded = (sum: Code) => i32x4.shr_s(i32x4.add(sum, i32x4.const(512)), 10)

/** Stores four pixels that have four bytes each as three bytes each; `spare` is overwritten. */
export function storeFour(pixels: Code, out: Code, spare: Variable): Code {
  return [
    spare.set(i8x16.swizzle(pixels, v128.bytes([0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 128, 128, 128, 128]))),
    v128.store64_lane(out, spare.get, 0),
    v128.store32_lane(out, spare.get, 2, 8),
  ]
}
