// Arithmetic of axis lengths, known (numbers) or dynamic (text such as 'height', 'height/8', '2*height').
import assert from 'node:assert/strict'
import type { Dim } from './graph.ts'

interface Term {
  readonly numerator: number
  readonly symbol: string
  readonly denominator: number
}

const parse = (dim: string): Term => {
  const match = /^(?:(\d+)\*)?([^*/]+|\(.*\))(?:\/(\d+))?$/.exec(dim)
  assert.ok(match, `"${dim}" is not an axis length`)
  return { numerator: Number(match[1] ?? 1), symbol: match[2]!, denominator: Number(match[3] ?? 1) }
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

const print = ({ numerator, symbol, denominator }: Term): string => {
  const common = gcd(numerator, denominator)
  const [over, under] = [numerator / common, denominator / common]
  return `${over === 1 ? '' : `${over}*`}${symbol}${under === 1 ? '' : `/${under}`}`
}

/** dim * factor. */
export function scaleDim(dim: Dim, factor: number): Dim {
  if (typeof dim === 'number') return dim * factor
  const term = parse(dim)
  return print({ ...term, numerator: term.numerator * factor })
}

/** dim / divisor; taken as exact if dim is dynamic. */
export function divideDim(dim: Dim, divisor: number): Dim {
  if (typeof dim === 'number') {
    assert.equal(dim % divisor, 0, `axis length ${dim} is not a multiple of ${divisor}`)
    return dim / divisor
  }
  const term = parse(dim)
  return print({ ...term, denominator: term.denominator * divisor })
}

/**
 * Outputs of a sliding window: floor((size + padding - span) / stride) + 1, span = dilation * (kernel - 1) + 1.
 * A dynamic size must be divisible by the stride, and the window must then give exactly size / stride outputs.
 */
export function windowDim(size: Dim, span: number, stride: number, padding: number): Dim {
  const extra = Math.floor((padding - span) / stride) + 1
  if (typeof size === 'number') {
    const outputs = Math.floor((size + padding - span) / stride) + 1
    assert.ok(outputs > 0, `a window of ${span} pixels does not fit into ${size} pixels with ${padding} of padding`)
    return outputs
  }
  return extra === 0 ? divideDim(size, stride) : addDims([divideDim(size, stride), extra])
}

/** Sum of lengths. */
export function addDims(dims: readonly Dim[]): Dim {
  let sum = 0
  const symbols: string[] = []
  for (const dim of dims) {
    if (typeof dim === 'number') sum += dim
    else {
      // An earlier sum with a number, so that a border that is cut off again leaves the length as it was.
      const [, symbol, number] = /^\(([^()]+) \+ (-?\d+)\)$/.exec(dim) ?? []
      symbols.push(symbol ?? dim)
      sum += Number(number ?? 0)
    }
  }
  if (symbols.length === 0) return sum
  if (symbols.length === 1 && sum === 0) return symbols[0]!
  return `(${[...symbols, ...(sum === 0 ? [] : [sum])].join(' + ')})`
}

/** Product of lengths. */
export function multiplyDims(dims: readonly Dim[]): Dim {
  let product = 1
  const symbols: string[] = []
  for (const dim of dims) {
    if (typeof dim === 'number') product *= dim
    else symbols.push(dim)
  }
  if (symbols.length === 0) return product
  if (symbols.length === 1) return scaleDim(symbols[0]!, product)
  return `(${[...symbols, ...(product === 1 ? [] : [product])].join(' × ')})`
}

/** The shape of two operands under NumPy's broadcasting rules. */
export function broadcastShapes(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const shape: Dim[] = []
  for (let axis = 1; axis <= Math.max(a.length, b.length); axis++) {
    const [left, right] = [a[a.length - axis] ?? 1, b[b.length - axis] ?? 1]
    assert.ok(left === right || left === 1 || right === 1, `shapes [${a}] and [${b}] do not broadcast`)
    shape.unshift(left === 1 ? right : left)
  }
  return shape
}

/** Axis counted from the front; negative axes count from the back. */
export function normalAxis(axis: number, rank: number): number {
  const normal = axis < 0 ? axis + rank : axis
  assert.ok(normal >= 0 && normal < Math.max(rank, 1), `axis ${axis} does not exist in a tensor of rank ${rank}`)
  return normal
}
