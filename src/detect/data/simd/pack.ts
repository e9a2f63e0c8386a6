// Rows of an image into the blocked layout of a batch, see `../layout.ts`.
import { type FunctionCode, i8x16, i32, ifElse, v128, whileTrue } from './assembler.ts'

/**
 * `pack_rows` with (top, bottom, flipped, low, high, stride, cells): two rows of pixels into `cells` cells, whose channels
 * 0 to 7 begin at `low` and 8 to 15 at `high`, one cell every `stride` bytes. Flipped rows are read from their end:
 * `top` and `bottom` are then the last two pixels.
 */
export const packRows: FunctionCode = {
  name: 'pack_rows',
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  write(locals, top, bottom, flipped, low, high, stride, cells) {
    const order = locals.new('v128')
    const cell = locals.new('v128')
    const step = locals.new('i32')
    const end = locals.new('i32')
    return [
      end.set(i32.add(low.get, i32.mul(stride.get, cells.get))),
      // Two pixels of the upper row, two of the lower one from byte 8, then zeros.
      ifElse(
        flipped.get,
        [order.set(v128.bytes([3, 4, 5, 0, 1, 2, 11, 12, 13, 8, 9, 10, 128, 128, 128, 128])), step.set(-6)],
        [order.set(v128.bytes([0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 128, 128, 128, 128])), step.set(6)],
      ),
      whileTrue(i32.lt_u(low.get, end.get), [
        cell.set(i8x16.swizzle(v128.load64_lane(bottom.get, v128.load64_zero(top.get), 1), order.get)),
        v128.store64_lane(low.get, cell.get, 0),
        v128.store64_lane(high.get, cell.get, 1),
        top.set(i32.add(top.get, step.get)),
        bottom.set(i32.add(bottom.get, step.get)),
        low.set(i32.add(low.get, stride.get)),
        high.set(i32.add(high.get, stride.get)),
      ]),
    ]
  },
}
