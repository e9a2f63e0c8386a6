// Tar archives (ustar, with the long names of GNU and POSIX), read as a stream: folders and plain files, nothing else.
import { type ArchiveLimits, ArchiveProblem, safeParts, shown } from './problem.ts'

/** A folder or a file; its content must be read before the next entry is asked for. */
export interface TarEntry {
  readonly parts: readonly string[]
  readonly folder: boolean
  readonly size: number
  readonly content: AsyncIterable<Uint8Array>
}

const blockBytes = 512
/** Long names and other attributes of an entry. */
const maxAttributeBytes = 64 << 10

/**
 * The entries of a tar archive, as they come.
 *
 * @param maxBytes - everything together may be as large as this
 * @throws {@link ArchiveProblem}
 */
export async function* readTar(
  stream: AsyncIterable<Uint8Array>,
  { maxBytes, files }: Pick<ArchiveLimits, 'files'> & { readonly maxBytes: number },
): AsyncGenerator<TarEntry> {
  const reader = new BlockReader(stream, maxBytes)
  let longName: string | undefined
  let paxSize: number | undefined
  for (let count = 0; ; ) {
    const header = await reader.take(blockBytes)
    if (header === undefined) throw new ArchiveProblem('its end is missing. Is the file cut off?')
    if (header.every((byte) => byte === 0)) return
    requireChecksum(header)
    const size = paxSize ?? numberAt(header, 124, 12)
    const type = String.fromCharCode(header[156]!)
    if (type === 'L' || type === 'x' || type === 'g' || type === 'K') {
      const own = numberAt(header, 124, 12)
      if (own > maxAttributeBytes) throw new ArchiveProblem(`it has attributes of ${own} bytes.`)
      const text = await reader.take(padded(own))
      if (text === undefined) throw new ArchiveProblem('it is cut off.')
      if (type === 'L') longName = textAt(text, 0, own)
      if (type === 'x') ({ longName = longName, paxSize } = paxAttributes(text.subarray(0, own)))
      continue
    }
    const name = longName ?? headerName(header)
    longName = undefined
    paxSize = undefined
    if (!['0', '\0', '5', '7'].includes(type))
      throw new ArchiveProblem(`"${shown(name)}" is a link or a special file (type ${shown(type)}).`)
    if (++count > files) throw new ArchiveProblem(`it has more than ${files} files.`)
    const folder = type === '5' || name.endsWith('/')
    const parts = safeParts(name)
    if (parts.length === 0 && !folder) throw new ArchiveProblem('a file in it has no name.')
    const content = reader.content(folder ? 0 : size)
    yield { parts, folder, size: folder ? 0 : size, content }
    for await (const _ of content); // what was not read
    await reader.skip(folder ? padded(size) : padded(size) - size)
  }
}

const padded = (size: number) => Math.ceil(size / blockBytes) * blockBytes

/** Takes a stream of any pieces apart into pieces of given lengths. */
class BlockReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #maxBytes: number
  #rest: Uint8Array = new Uint8Array(0)
  #total = 0

  constructor(stream: AsyncIterable<Uint8Array>, maxBytes: number) {
    this.#chunks = stream[Symbol.asyncIterator]()
    this.#maxBytes = maxBytes
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#chunks.next()
    if (done) return false
    this.#total += value.length
    if (this.#total > this.#maxBytes)
      throw new ArchiveProblem(`it unpacks to more than ${this.#maxBytes} bytes, far more than it should hold.`)
    this.#rest = value
    return true
  }

  /** So many bytes, at most a few blocks; `undefined` at the end of the stream. */
  async take(length: number): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(length)
    let filled = 0
    while (filled < length) {
      if (this.#rest.length === 0 && !(await this.#more())) return undefined
      const piece = this.#rest.subarray(0, length - filled)
      bytes.set(piece, filled)
      filled += piece.length
      this.#rest = this.#rest.subarray(piece.length)
    }
    return bytes
  }

  /** So many bytes, piece by piece; going over them a second time goes on. */
  content(length: number): AsyncIterable<Uint8Array> {
    let left = length
    const next = async (): Promise<IteratorResult<Uint8Array>> => {
      if (left === 0) return { done: true, value: undefined }
      while (this.#rest.length === 0)
        if (!(await this.#more())) throw new ArchiveProblem('it ends within a file. Is it cut off?')
      const piece = this.#rest.subarray(0, left)
      this.#rest = this.#rest.subarray(piece.length)
      left -= piece.length
      return { done: false, value: piece }
    }
    return { [Symbol.asyncIterator]: () => ({ next }) }
  }

  async skip(length: number): Promise<void> {
    for await (const _ of this.content(length));
  }
}

/** The sum of all bytes of the header, its own eight taken as blanks. */
function requireChecksum(header: Uint8Array): void {
  let sum = 0
  for (let i = 0; i < blockBytes; i++) sum += i >= 148 && i < 156 ? 32 : header[i]!
  if (numberAt(header, 148, 8) !== sum) throw new ArchiveProblem('a header in it is damaged.')
}

/** Octal digits, or (GNU) a number of base 256 behind a set bit. */
function numberAt(header: Uint8Array, at: number, length: number): number {
  if (header[at]! & 0x80) {
    let value = header[at]! & 0x7f
    for (let i = 1; i < length; i++) value = value * 256 + header[at + i]!
    if (!Number.isSafeInteger(value)) throw new ArchiveProblem('a size in it is beyond all bounds.')
    return value
  }
  const text = textAt(header, at, length).trim()
  if (!/^[0-7]*$/.test(text)) throw new ArchiveProblem('a header in it is damaged.')
  return text === '' ? 0 : Number.parseInt(text, 8)
}

function textAt(bytes: Uint8Array, at: number, length: number): string {
  const field = bytes.subarray(at, at + length)
  const end = field.indexOf(0)
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('utf8')
}

function headerName(header: Uint8Array): string {
  const name = textAt(header, 0, 100)
  // POSIX says "ustar\0"; GNU's "ustar " has other things in the place of the prefix.
  const prefix = textAt(header, 257, 6) === 'ustar' && header[262] === 0 ? textAt(header, 345, 155) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

/** Records "<length> <key>=<value>\n". */
function paxAttributes(bytes: Uint8Array): { longName?: string; paxSize?: number } {
  const found: { longName?: string; paxSize?: number } = {}
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    const [head, digits] = /^(\d{1,6}) /.exec(Buffer.from(bytes.subarray(at, at + 8)).toString('latin1')) ?? []
    const length = Number(digits)
    if (head === undefined || length <= head.length || at + length > bytes.length)
      throw new ArchiveProblem('attributes in it are damaged.')
    const record = Buffer.from(bytes.subarray(at + head.length, at + length - 1)).toString('utf8')
    const equals = record.indexOf('=')
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)]
    if (key === 'path') found.longName = value
    if (key === 'size') {
      if (!/^\d{1,15}$/.test(value)) throw new ArchiveProblem('a size in it is damaged.')
      found.paxSize = Number(value)
    }
    at += length
  }
  return found
}
