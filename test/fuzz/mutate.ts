// Changed inputs: whatever a broken disk, a wrong program or somebody of ill will makes of a file.

import { type Random, randomFor } from '../../src/base/index.ts'
import { crc32 } from '../../src/detect/archive/crc32.ts'
import { type Container, type FuzzTarget, type Part, textOf, utf8 } from './target.ts'

/** No input is larger: what matters is what a small file can do. */
export const largestInput = 1 << 16
/** Nor grows one change by more: parsers of yaml take their time for each of thousands of faults. */
const largestGrowth = 1 << 14

/** Random choices of one input. */
class Dice {
  readonly #numpy: Random['numpy']

  constructor(seed: number, index: number) {
    this.#numpy = randomFor(seed, index).numpy
  }

  below(limit: number): number {
    return Math.floor(this.#numpy.uniform() * limit)
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0
  }

  /** Mostly small, at most `limit`. */
  size(limit: number): number {
    return Math.min(limit, this.once(4) ? this.below(limit + 1) : 1 + this.below(8))
  }
}

const extremes = [
  0n,
  1n,
  -1n,
  127n,
  128n,
  255n,
  256n,
  32_767n,
  65_535n,
  65_536n,
  2n ** 30n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  2n ** 63n,
  -(2n ** 31n),
] as const
/** Numbers as texts have them. */
const numberTexts = [
  ...extremes.map(String),
  ...['-0', '0.0', '.5', '1.', '1e308', '1e309', '-1e309', '1e-400', '1e400', 'NaN', 'nan', 'inf', '-inf', 'Infinity'],
  ...['99999999999999999999', '0x10', '0o17', '1_000', '1,5', '+1', '--1', '', '1e', '1e9', '1000000', '1000000000'],
]
/** Texts that some reader might stumble over. */
const oddTexts = [
  ...[
    '\0',
    '\uFEFF',
    '\r',
    '\r\n',
    '\n',
    '\t',
    ' ',
    '\u2028',
    '\u{1F600}',
    '\u0130',
    '__proto__',
    'constructor',
    'toString',
  ],
  ...[
    '../',
    '/',
    '~',
    '\\',
    '%00',
    '$(x)',
    '"',
    "'",
    '`',
    '#',
    ';',
    ',',
    ':',
    '=',
    '[',
    ']',
    '{',
    '}',
    '&a',
    '*a',
    '!!x',
    '|',
    '>',
  ],
]

type Change = (bytes: Uint8Array, dice: Dice, target: FuzzTarget, other: Uint8Array) => Uint8Array

const join = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts)
const replaced = (bytes: Uint8Array, from: number, to: number, by: Uint8Array) =>
  join(bytes.subarray(0, from), by, bytes.subarray(to))

const word: (dice: Dice, target: FuzzTarget) => Uint8Array = (dice, { tokens = [] }) => {
  const token = tokens.length > 0 && !dice.once(3) ? dice.pick(tokens) : dice.pick(oddTexts)
  return typeof token === 'string' ? utf8(token) : token
}

/** An extreme number as a binary header holds it. */
function binaryNumber(dice: Dice): Uint8Array {
  const value = dice.pick(extremes)
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value))
  const width = dice.pick([1, 2, 4, 4, 8])
  const number = bytes.subarray(0, width)
  return dice.once(2) ? number : number.toReversed()
}

const numberPattern = /[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?/gi

const changes: readonly Change[] = [
  function flipBit(bytes, dice) {
    const changed = Uint8Array.from(bytes)
    changed[dice.below(bytes.length)]! ^= 1 << dice.below(8)
    return changed
  },
  function setByte(bytes, dice) {
    const changed = Uint8Array.from(bytes)
    changed[dice.below(bytes.length)] = dice.once(2) ? dice.below(256) : dice.pick([0, 1, 0x7f, 0x80, 0xfe, 0xff])
    return changed
  },
  function truncate(bytes, dice) {
    return bytes.subarray(0, dice.once(2) ? dice.below(bytes.length) : bytes.length - dice.size(bytes.length))
  },
  function remove(bytes, dice) {
    const at = dice.below(bytes.length)
    return replaced(bytes, at, at + dice.size(bytes.length - at), new Uint8Array())
  },
  function repeat(bytes, dice) {
    const at = dice.below(bytes.length)
    const piece = bytes.subarray(at, at + dice.size(bytes.length - at))
    const times = dice.once(8) ? dice.below(20_000) : 1 + dice.below(4)
    const copies = Math.min(times, Math.floor(largestGrowth / Math.max(piece.length, 1)))
    return replaced(bytes, at, at, join(...Array.from({ length: copies }, () => piece)))
  },
  function insertRandom(bytes, dice) {
    const at = dice.below(bytes.length + 1)
    return replaced(
      bytes,
      at,
      at,
      Uint8Array.from({ length: dice.size(64) }, () => dice.below(256)),
    )
  },
  function insertWord(bytes, dice, target) {
    const at = dice.below(bytes.length + 1)
    return replaced(bytes, at, at, word(dice, target))
  },
  function overwriteWithWord(bytes, dice, target) {
    const at = dice.below(bytes.length)
    const by = word(dice, target)
    return replaced(bytes, at, at + by.length, by)
  },
  function overwriteWithNumber(bytes, dice) {
    // Headers stand in front.
    const at = dice.once(2) ? dice.below(Math.min(bytes.length, 64)) : dice.below(bytes.length)
    const by = binaryNumber(dice)
    return replaced(bytes, at, at + by.length, by)
  },
  function replaceNumber(bytes, dice) {
    const text = Buffer.from(bytes).toString('latin1')
    const numbers = [...text.matchAll(numberPattern)]
    if (numbers.length === 0) return bytes
    const { index, 0: found } = dice.pick(numbers)
    return replaced(bytes, index, index + found.length, utf8(dice.pick(numberTexts)))
  },
  function swapWords(bytes, dice) {
    const words = [
      ...Buffer.from(bytes)
        .toString('latin1')
        .matchAll(/[\w.+-]+/g),
    ]
    if (words.length < 2) return bytes
    const [a, b] = [dice.pick(words), dice.pick(words)]
    return replaced(bytes, a.index, a.index + a[0].length, Buffer.from(b[0], 'latin1'))
  },
  function shuffleLines(bytes, dice) {
    const lines = Buffer.from(bytes).toString('latin1').split('\n')
    const [from, to] = [dice.below(lines.length), dice.below(lines.length)]
    const [line] = lines.slice(from, from + 1)
    if (dice.once(2)) lines.splice(from, 1)
    if (!dice.once(3)) lines.splice(to, 0, line!)
    return Buffer.from(lines.join('\n'), 'latin1')
  },
  function splice(bytes, dice, _, other) {
    return join(bytes.subarray(0, dice.below(bytes.length)), other.subarray(dice.below(other.length + 1)))
  },
  function nest(bytes, dice, target) {
    const piece = dice.once(2)
      ? utf8(dice.pick(['[', '{', '- ', '? ', '(', '{a: ', '[[', '"', '!!a ', '&a ']))
      : word(dice, target)
    const at = dice.below(bytes.length + 1)
    const times = Math.min(dice.pick([10, 300, 5000, 40_000]), Math.floor(largestGrowth / Math.max(piece.length, 1)))
    return replaced(bytes, at, at, join(...Array.from({ length: times }, () => piece)))
  },
]

function change(bytes: Uint8Array, dice: Dice, target: FuzzTarget, other: Uint8Array): Uint8Array {
  let changed = bytes
  for (let left = dice.pick([1, 1, 1, 2, 2, 3, 6]); left > 0; left--) {
    if (changed.length === 0) return word(dice, target)
    changed = dice.pick(changes)(changed, dice, target, other).subarray(0, largestInput)
  }
  return changed
}

function changeInside(bytes: Uint8Array, dice: Dice, target: FuzzTarget, other: Uint8Array): Uint8Array {
  const container = target.container as Container
  const parts = container.open(bytes)
  if (!parts || parts.length === 0) return change(bytes, dice, target, other)
  const list: Part[] = [...parts]
  const at = dice.below(list.length)
  const { name, bytes: content } = list[at]!
  const fate = dice.below(16)
  if (fate === 0) list.splice(at, 1)
  else if (fate === 1) list.splice(dice.below(list.length), 0, list[at]!)
  else if (fate === 2)
    list[at] = { name: textOf(change(utf8(name), dice, target, utf8(dice.pick(list).name))), bytes: content }
  else if (fate === 3) list[at] = { name, bytes: dice.pick(list).bytes }
  else {
    const others = container.open(other) ?? []
    const same = others.find((part) => part.name === name) ?? dice.pick(list)
    list[at] = { name, bytes: change(content, dice, target, same.bytes) }
  }
  return container.close(list)
}

/**
 * Input number `index` of a target under a seed: always the same.
 *
 * @param seeds - those of the target
 */
export function inputOf(target: FuzzTarget, seeds: readonly Uint8Array[], seed: number, index: number): Uint8Array {
  const dice = new Dice(seed + crc32(utf8(target.name)), index)
  const bytes = dice.pick(seeds)
  const other = dice.pick(seeds)
  if (dice.once(200)) return Uint8Array.from({ length: dice.below(400) }, () => dice.below(256))
  const inside = target.container !== undefined && !dice.once(3)
  return (inside ? changeInside : change)(bytes, dice, target, other).subarray(0, largestInput)
}
