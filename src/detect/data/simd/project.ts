// Where the pixels of a row lie in the source of a perspective warp, in 1/32 pixel.
import { type FunctionCode, f64x2, i32, i32x4, v128, whileTrue } from './assembler.ts'

/**
 * `project_row` with (x0, y0, w0, dx, dy, dw, outX, outY, count): 32 (x0 + i dx) / (w0 + i dw) rounded to the even
 * integer and clamped to 32 bits, the same for y; 0 where the denominator is 0. One more may be written than asked for.
 */
export const projectRow: FunctionCode = {
  name: 'project_row',
  parameters: ['f64', 'f64', 'f64', 'f64', 'f64', 'f64', 'i32', 'i32', 'i32'],
  write(locals, x0, y0, w0, dx, dy, dw, outX, outY, count) {
    const end = locals.new('i32')
    const index = locals.new('v128')
    const w = locals.new('v128')
    const scale = locals.new('v128')
    const at = (start: typeof x0, step: typeof x0) =>
      f64x2.add(f64x2.splat(start.get), f64x2.mul(f64x2.splat(step.get), index.get))
    const position = (start: typeof x0, step: typeof x0) =>
      i32x4.trunc_sat_f64x2_s_zero(f64x2.nearest(f64x2.mul(at(start, step), scale.get)))
    return [
      end.set(i32.add(outX.get, i32.shl(count.get, 2))),
      index.set(v128.bytes([...new Uint8Array(Float64Array.of(0, 1).buffer)])),
      whileTrue(i32.lt_u(outX.get, end.get), [
        w.set(at(w0, dw)),
        scale.set(v128.and(f64x2.div(f64x2.const(32), w.get), f64x2.ne(w.get, f64x2.const(0)))),
        v128.store64_lane(outX.get, position(x0, dx), 0),
        v128.store64_lane(outY.get, position(y0, dy), 0),
        index.set(f64x2.add(index.get, f64x2.const(2))),
        outX.set(i32.add(outX.get, 8)),
        outY.set(i32.add(outY.get, 8)),
      ]),
    ]
  },
}
