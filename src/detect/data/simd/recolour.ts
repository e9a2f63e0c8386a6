// RGB -> HSV -> tables -> RGB, with OpenCV's 8-bit conversions; what the tables hold is told in `../hsv.ts`.
import {
  type Code,
  type FunctionCode,
  f32x4,
  f64x2,
  i8x16,
  i32,
  i32x4,
  type Variable,
  v128,
  whileTrue,
} from './assembler.ts'
import { storeFour } from './sample.ts'

/**
 * `recolour` with (rgb, end, hues, saturations, values): pixels up to the address `end`, four at a time, in place.
 *
 * @remarks `hues` has 180 entries of 8 bytes: a float, the slope of the middle channel, and three bytes that say which of
 * strongest (0), middle (1) and weakest (2) is red, green and blue, then a 3. `saturations` and `values` are 256 floats
 * in [0, 1].
 */
export const recolour: FunctionCode = {
  name: 'recolour',
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32'],
  write(locals, rgb, end, hues, saturations, values) {
    const code: Code[] = []
    const keep = (value: Code): Variable => {
      const [variable, set] = locals.let('v128', value)
      code.push(set)
      return variable
    }
    const none = 128
    const pixels = keep(v128.load(rgb.get))
    const colour = (c: number) =>
      keep(i8x16.swizzle(pixels.get, v128.bytes([0, 3, 6, 9].flatMap((at) => [at + c, none, none, none]))))
    const [r, g, b] = [colour(0), colour(1), colour(2)]
    const max = keep(i32x4.max_s(i32x4.max_s(r.get, g.get), b.get))
    const difference = keep(i32x4.sub(max.get, i32x4.min_s(i32x4.min_s(r.get, g.get), b.get)))

    const times = (factor: number, value: Code) => i32x4.mul(value, i32x4.const(factor))
    const ifRed = i32x4.sub(g.get, b.get)
    const ifGreen = i32x4.add(i32x4.sub(b.get, r.get), times(2, difference.get))
    const ifBlue = i32x4.add(i32x4.sub(r.get, g.get), times(4, difference.get))
    const isGreen = i32x4.eq(max.get, g.get)
    const angle = v128.bitselect(ifRed, v128.bitselect(ifGreen, ifBlue, isGreen), i32x4.eq(max.get, r.get))
    // 122880 = 180 / 6 * 4096, 1044480 = 255 * 4096
    const turn = keep(divided(i32x4.mul(angle, quotient(122880, difference.get))))
    const hue = i32x4.add(turn.get, v128.and(i32x4.const(180), i32x4.lt_s(turn.get, i32x4.const(0))))
    const saturation = divided(i32x4.mul(difference.get, quotient(1044480, max.get)))

    const place = (table: Variable, entry: Code, shift: number) =>
      keep(i32x4.add(i32x4.splat(table.get), i32x4.shl(entry, shift)))
    const nothing = v128.bytes(new Array(16).fill(0))
    const lookUp = (places: Variable) => {
      const found = keep(nothing)
      for (const lane of [0, 1, 2, 3])
        code.push(found.set(v128.load32_lane(i32x4.extract_lane(places.get, lane), found.get, lane)))
      return found
    }
    const huePlaces = place(hues, hue, 3)
    const huePairs = [0, 2].map((first) => {
      const found = keep(nothing)
      for (const lane of [0, 1])
        code.push(found.set(v128.load64_lane(i32x4.extract_lane(huePlaces.get, first + lane), found.get, lane)))
      return found.get
    })
    const slope = keep(i8x16.shuffle(huePairs[0], huePairs[1], evenWords))
    const order = i8x16.shuffle(
      huePairs[0],
      huePairs[1],
      evenWords.map((byte) => byte + 4),
    )
    const s = lookUp(place(saturations, saturation, 2))
    const v = lookUp(place(values, max.get, 2))

    // 1 - saturation * slope is rounded once, the rest step by step.
    const upper = (value: Variable) => i8x16.shuffle(value.get, value.get, [8, 9, 10, 11, 12, 13, 14, 15, ...first8])
    const fall = (s: Code, slope: Code) =>
      f32x4.demote_f64x2_zero(
        f64x2.sub(f64x2.const(1), f64x2.mul(f64x2.promote_low_f32x4(s), f64x2.promote_low_f32x4(slope))),
      )
    const middle = i8x16.shuffle(fall(s.get, slope.get), fall(upper(s), upper(slope)), [
      ...first8,
      ...[16, 17, 18, 19, 20, 21, 22, 23],
    ])
    // Fractions cut off; adding 2^23 leaves the integer in the low bits.
    const byte = (value: Code) =>
      i32x4.sub(
        f32x4.add(f32x4.floor(f32x4.mul(value, f32x4.const(255))), f32x4.const(8388608)),
        i32x4.const(0x4b000000),
      )
    const channels = v128.or(
      byte(v.get),
      v128.or(
        i32x4.shl(byte(f32x4.mul(v.get, middle)), 8),
        i32x4.shl(byte(f32x4.mul(v.get, f32x4.sub(f32x4.const(1), s.get))), 16),
      ),
    )
    const lanes = v128.bytes([0, 4, 8, 12].flatMap((first) => [first, first, first, first]))
    code.push(storeFour(i8x16.swizzle(channels, i32x4.add(order, lanes)), rgb.get, pixels))
    code.push(rgb.set(i32.add(rgb.get, 12)))
    return whileTrue(i32.lt_u(rgb.get, end.get), code)
  },
}

const evenWords = [0, 8, 16, 24].flatMap((at) => [at, at + 1, at + 2, at + 3])
const first8 = [0, 1, 2, 3, 4, 5, 6, 7]

/** x / 4096, rounded. */
const divided = (x: Code) => i32x4.shr_s(i32x4.add(x, i32x4.const(2048)), 12)

/**
 * numerator / x, rounded to the even integer; of x = 0 something that its factor, also 0, takes away. Rounding by adding
 * a number with a unit of 1 in the last place; the quotient is below 2^21.
 */
const quotient = (numerator: number, x: Code) =>
  i32x4.sub(
    f32x4.add(
      f32x4.div(f32x4.const(numerator), f32x4.convert_i32x4_s(i32x4.max_s(x, i32x4.const(1)))),
      f32x4.const(12582912),
    ),
    i32x4.const(0x4b400000),
  )
