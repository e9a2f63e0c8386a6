// A small assembler for WebAssembly: only what the pixel kernels of this folder need. Instructions carry the names of the
// text format (`i32x4.add(a, b)` is `(i32x4.add (a) (b))`); a function is an expression tree, encoded at once.
// Source: WebAssembly core specification 2.0, section 5 (binary format), with fixed-width SIMD.

/** Encoded instructions. */
export type Code = readonly (number | Code)[]

/** A value that an instruction takes: its code, or a constant of type i32. */
type Operand = Code | number

const types = { i32: 0x7f, f64: 0x7c, v128: 0x7b } as const
export type ValueType = keyof typeof types

/** Unsigned LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = []
  do {
    bytes.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0))
    value >>>= 7
  } while (value > 0)
  return bytes
}

/** Signed LEB128 of 32 bits. */
function signed(value: number): number[] {
  const bytes: number[] = []
  for (;;) {
    const byte = value & 0x7f
    value >>= 7
    const last = (value === 0 && !(byte & 0x40)) || (value === -1 && (byte & 0x40) !== 0)
    bytes.push(last ? byte : byte | 0x80)
    if (last) return bytes
  }
}

const code = (operand: Operand): Code => (typeof operand === 'number' ? [0x41, ...signed(operand)] : operand)

const scalar =
  (opcode: number) =>
  (...operands: Operand[]): Code => [...operands.map(code), opcode]

const vector =
  (opcode: number) =>
  (...operands: Operand[]): Code => [...operands.map(code), 0xfd, ...unsigned(opcode)]

/** Memory instructions; `offset` is added to the address. Nothing needs to be aligned. */
const access =
  (...opcode: number[]) =>
  (address: Operand, offset = 0): Code => [code(address), ...opcode, 0, ...unsigned(offset)]

const put =
  (...opcode: number[]) =>
  (address: Operand, value: Operand, offset = 0): Code => [
    code(address),
    code(value),
    ...opcode,
    0,
    ...unsigned(offset),
  ]

export const i32 = {
  load: access(0x28),
  load8_u: access(0x2d),
  store: put(0x36),
  store8: put(0x3a),
  lt_s: scalar(0x48),
  lt_u: scalar(0x49),
  le_s: scalar(0x4c),
  add: scalar(0x6a),
  sub: scalar(0x6b),
  mul: scalar(0x6c),
  and: scalar(0x71),
  shl: scalar(0x74),
  shr_s: scalar(0x75),
  shr_u: scalar(0x76),
  eqz: scalar(0x45),
}

export const memory = {
  /** (to, from, bytes) */
  copy: (...operands: Operand[]): Code => [...operands.map(code), 0xfc, 0x0a, 0, 0],
  /** (to, value, bytes) */
  fill: (...operands: Operand[]): Code => [...operands.map(code), 0xfc, 0x0b, 0],
}

export const v128 = {
  load: access(0xfd, 0x00),
  load8x8_u: access(0xfd, 0x02),
  load32_splat: access(0xfd, 0x09),
  load64_zero: access(0xfd, 0x5d),
  store: put(0xfd, 0x0b),
  /** Loads into one lane of `value`. */
  load32_lane: (address: Operand, value: Code, lane: number, offset = 0): Code => [
    ...[code(address), value, 0xfd, 0x56, 0, ...unsigned(offset), lane],
  ],
  load64_lane: (address: Operand, value: Code, lane: number, offset = 0): Code => [
    ...[code(address), value, 0xfd, 0x57, 0, ...unsigned(offset), lane],
  ],
  store32_lane: (address: Operand, value: Code, lane: number, offset = 0): Code => [
    ...[code(address), value, 0xfd, 0x5a, 0, ...unsigned(offset), lane],
  ],
  store64_lane: (address: Operand, value: Code, lane: number, offset = 0): Code => [
    ...[code(address), value, 0xfd, 0x5b, 0, ...unsigned(offset), lane],
  ],
  /** A constant of 16 bytes. */
  bytes: (bytes: readonly number[]): Code => [0xfd, 0x0c, ...bytes],
  and: vector(0x4e),
  or: vector(0x50),
  /** Bits of `a` where `mask` has ones, else those of `b`. */
  bitselect: (a: Code, b: Code, mask: Code): Code => vector(0x52)(a, b, mask),
  any_true: vector(0x53),
}

/** A v128 of four equal 32-bit integers. */
const words = (value: number): Code =>
  v128.bytes([0, 1, 2, 3].flatMap(() => [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255]))

/** A v128 of equal floating-point numbers. */
const floats = (value: number): Code => v128.bytes([...new Uint8Array(new Float32Array(4).fill(value).buffer)])
const doubles = (value: number): Code => v128.bytes([...new Uint8Array(new Float64Array(2).fill(value).buffer)])

export const i8x16 = {
  /** Picks bytes of `a` (0 to 15) and `b` (16 to 31). */
  shuffle: (a: Code, b: Code, lanes: readonly number[]): Code => [a, b, 0xfd, 0x0d, ...lanes],
  /** Picks bytes by number; numbers above 15 give 0. */
  swizzle: vector(0x0e),
  narrow_i16x8_u: vector(0x66),
  max_u: vector(0x79),
  min_u: vector(0x77),
}

export const i16x8 = {
  extend_low_i8x16_u: vector(0x89),
  narrow_i32x4_s: vector(0x85),
}

export const i32x4 = {
  const: words,
  splat: vector(0x11),
  extract_lane: (value: Code, lane: number): Code => [value, 0xfd, 0x1b, lane],
  eq: vector(0x37),
  lt_s: vector(0x39),
  lt_u: vector(0x3a),
  all_true: vector(0xa3),
  extend_low_i16x8_u: vector(0xa9),
  extend_high_i16x8_u: vector(0xaa),
  shl: vector(0xab),
  shr_s: vector(0xac),
  add: vector(0xae),
  sub: vector(0xb1),
  mul: vector(0xb5),
  min_s: vector(0xb6),
  max_s: vector(0xb8),
  dot_i16x8_s: vector(0xba),
  trunc_sat_f32x4_s: vector(0xf8),
  trunc_sat_f64x2_s_zero: vector(0xfc),
}

export const f32x4 = {
  const: floats,
  floor: vector(0x68),
  add: vector(0xe4),
  sub: vector(0xe5),
  mul: vector(0xe6),
  div: vector(0xe7),
  convert_i32x4_s: vector(0xfa),
  demote_f64x2_zero: vector(0x5e),
}

export const f64x2 = {
  const: doubles,
  splat: vector(0x14),
  ne: vector(0x48),
  floor: vector(0x75),
  nearest: vector(0x94),
  add: vector(0xf0),
  sub: vector(0xf1),
  mul: vector(0xf2),
  div: vector(0xf3),
  promote_low_f32x4: vector(0x5f),
  convert_low_i32x4_s: vector(0xfe),
}

/** A parameter or local variable of a function. */
export interface Variable {
  readonly get: Code
  set(value: Operand): Code
}

/** Variables of the function that is being written. */
export class Locals {
  readonly declared: ValueType[] = []

  /** @param parameters - number of parameters, which come before the local variables */
  constructor(private readonly parameters: number) {}

  new(type: ValueType): Variable {
    this.declared.push(type)
    return variable(this.parameters + this.declared.length - 1)
  }

  /** A variable with its first value: the code to set it belongs into the function's body. */
  let(type: ValueType, value: Operand): readonly [Variable, Code] {
    const local = this.new(type)
    return [local, local.set(value)]
  }
}

const variable = (index: number): Variable => ({
  get: [0x20, ...unsigned(index)],
  set: (value) => [code(value), 0x21, ...unsigned(index)],
})

/** Repeats `body` while `condition` holds before it. */
export const whileTrue = (condition: Code, body: Code): Code => [
  ...[0x02, 0x40, 0x03, 0x40], // block, loop
  ...[i32.eqz(condition), 0x0d, 1], // leave
  body,
  ...[0x0c, 0, 0x0b, 0x0b], // again
]

export const ifElse = (condition: Code, then: Code, otherwise: Code): Code => [
  ...[condition, 0x04, 0x40, then, 0x05, otherwise, 0x0b],
]

/** One of two values of the same type. */
export const select = (a: Operand, b: Operand, condition: Code): Code => [code(a), code(b), condition, 0x1b]

/** A function without result. */
export interface FunctionCode {
  readonly name: string
  readonly parameters: readonly ValueType[]
  readonly write: (locals: Locals, ...parameters: Variable[]) => Code
}

/** Calls a function of the same module by its place in the list given to {@link assemble}. */
export const call = (place: number, ...operands: Operand[]): Code => [...operands.map(code), 0x10, ...unsigned(place)]

/**
 * The bytes of a module that imports a shared memory as `pixels.memory` and exports all functions.
 *
 * @param maximumPages - the largest size of that memory, in pages of 64 KiB
 */
export function assemble(functions: readonly FunctionCode[], maximumPages: number): Uint8Array {
  const name = (text: string) => [...unsigned(text.length), ...Buffer.from(text, 'latin1')]
  const list = (entries: readonly Code[]): Code => [...unsigned(entries.length), ...entries]
  const section = (id: number, content: Code): Code => {
    const bytes = flat(content)
    return [id, ...unsigned(bytes.length), bytes]
  }
  const bodies = functions.map(({ parameters, write }) => {
    const locals = new Locals(parameters.length)
    const body = write(locals, ...parameters.map((_, i) => variable(i)))
    const bytes = flat([list(locals.declared.map((type) => [1, types[type]])), body, 0x0b])
    return [...unsigned(bytes.length), bytes]
  })
  return Uint8Array.from(
    flat([
      ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      section(1, list(functions.map(({ parameters }) => [0x60, list(parameters.map((type) => [types[type]])), 0]))),
      section(2, list([[name('pixels'), name('memory'), 0x02, 0x03, 0, ...unsigned(maximumPages)]])),
      section(3, list(functions.map((_, i) => unsigned(i)))),
      section(7, list(functions.map((entry, i) => [name(entry.name), 0, ...unsigned(i)]))),
      section(10, list(bodies)),
    ]),
  )
}

function flat(code: Code, into: number[] = []): number[] {
  for (const part of code) {
    if (typeof part === 'number') into.push(part)
    else flat(part, into)
  }
  return into
}
