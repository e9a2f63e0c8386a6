// Two images laid over each other, as MixUp does.
import { type Code, type FunctionCode, f64x2, i8x16, i16x8, i32, i32x4, v128, whileTrue } from './assembler.ts'

/** The integers below non-negative numbers, in the low words of the lanes. */
const cut = (value: Code) => f64x2.add(f64x2.floor(value), f64x2.const(2 ** 52))

/**
 * `mix` with (a, b, end, shareA, shareB): bytes a * shareA + b * shareB, fractions cut off, over those at a up to the
 * address `end`; eight at a time, the last ones go beyond.
 */
export const mix: FunctionCode = {
  name: 'mix',
  parameters: ['i32', 'i32', 'i32', 'f64', 'f64'],
  write(locals, a, b, end, shareA, shareB) {
    const [own, other] = [locals.new('v128'), locals.new('v128')]
    const [four, fourOther] = [locals.new('v128'), locals.new('v128')]
    const results = [locals.new('v128'), locals.new('v128')]
    const high = (value: Code) => i8x16.shuffle(value, value, [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7])
    const mixed = (x: Code, y: Code) =>
      cut(
        f64x2.add(
          f64x2.mul(f64x2.convert_low_i32x4_s(x), f64x2.splat(shareA.get)),
          f64x2.mul(f64x2.convert_low_i32x4_s(y), f64x2.splat(shareB.get)),
        ),
      )
    const lowWords = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]
    const half = (extend: (value: Code) => Code, result: (typeof results)[0]): Code => [
      four.set(extend(own.get)),
      fourOther.set(extend(other.get)),
      result.set(i8x16.shuffle(mixed(four.get, fourOther.get), mixed(high(four.get), high(fourOther.get)), lowWords)),
    ]
    return whileTrue(i32.lt_u(a.get, end.get), [
      own.set(v128.load8x8_u(a.get)),
      other.set(v128.load8x8_u(b.get)),
      half(i32x4.extend_low_i16x8_u, results[0]),
      half(i32x4.extend_high_i16x8_u, results[1]),
      four.set(i16x8.narrow_i32x4_s(results[0].get, results[1].get)),
      v128.store64_lane(a.get, i8x16.narrow_i16x8_u(four.get, four.get), 0),
      a.set(i32.add(a.get, 8)),
      b.set(i32.add(b.get, 8)),
    ])
  },
}
