// Values of a pickle as plain data: what a file says about a model in words and numbers.
import { PtFileError } from '../../base/index.ts'
import { NumpyArray } from './globals.ts'
import { withFileName } from './read.ts'
import { readTensor, Tensor } from './tensor.ts'
import { PtRecord, type PtValue } from './values.ts'

/** Data as JSON has it. Records have no prototype, so that any key is an ordinary one. */
export type PlainValue =
  | null
  | boolean
  | number
  | string
  | readonly PlainValue[]
  | { readonly [key: string]: PlainValue }

const maxDepth = 32
/** Values that a description may have: shared parts count every time, so that they cannot multiply. */
const maxValues = 200_000
/** Tensors in a description, as strides are. */
const maxTensor = 4096

/**
 * Plain data of a value: tuples and sets become lists, dictionaries records (numbers as keys become text), small
 * tensors and NumPy's arrays lists, objects a record of their attributes; what is none of these becomes null.
 *
 * @throws {@link PtFileError} if it contains itself, or is endless in another way
 */
export function toPlain(value: PtValue, file: string): PlainValue {
  return withFileName(file, () => convertAll(value, file))
}

function convertAll(value: PtValue, file: string): PlainValue {
  let count = 0
  const convert = (item: PtValue, depth: number): PlainValue => {
    if (depth > maxDepth || ++count > maxValues) throw new PtFileError(file, 'what it says about its model has no end.')
    if (item === null || typeof item === 'boolean' || typeof item === 'number' || typeof item === 'string') return item
    if (typeof item === 'bigint') return String(item)
    if (Array.isArray(item)) return item.map((part: PtValue) => convert(part, depth + 1))
    if (item instanceof Set) return [...(item as Set<PtValue>)].map((part) => convert(part, depth + 1))
    if (item instanceof Map) return convertEntries(item as Map<PtValue, PtValue>, depth)
    if (item instanceof PtRecord) return convertEntries(item.attributes, depth)
    if (item instanceof NumpyArray) return numbers(item.values.length, () => [...item.values])
    if (item instanceof Tensor) return numbers(item.size, () => Array.from(readTensor(item)))
    return null
  }
  const numbers = (size: number, read: () => number[]): PlainValue => {
    if (size > maxTensor) return null
    count += size
    return read()
  }
  const convertEntries = (entries: ReadonlyMap<PtValue, PtValue>, depth: number): PlainValue => {
    const record: Record<string, PlainValue> = Object.create(null)
    for (const [key, part] of entries)
      if (typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint')
        record[String(key)] = convert(part, depth + 1)
    return record
  }
  return convert(value, 0)
}
