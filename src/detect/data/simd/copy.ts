// Memory filled and copied by rows. JavaScript's own `fill` and `set` are slow on shared memory.
import { type FunctionCode, i32, memory, whileTrue } from './assembler.ts'

/** `fill` with (at, value, bytes). */
export const fill: FunctionCode = {
  name: 'fill',
  parameters: ['i32', 'i32', 'i32'],
  write: (_locals, at, value, bytes) => memory.fill(at.get, value.get, bytes.get),
}

/** `copy_rows` with (from, fromStride, to, toStride, bytes, rows): so many bytes of so many rows. */
export const copyRows: FunctionCode = {
  name: 'copy_rows',
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  write(locals, from, fromStride, to, toStride, bytes, rows) {
    const end = locals.new('i32')
    return [
      end.set(i32.add(from.get, i32.mul(fromStride.get, rows.get))),
      whileTrue(i32.lt_u(from.get, end.get), [
        memory.copy(to.get, from.get, bytes.get),
        from.set(i32.add(from.get, fromStride.get)),
        to.set(i32.add(to.get, toStride.get)),
      ]),
    ]
  },
}
