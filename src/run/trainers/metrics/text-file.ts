// A text file that another program writes: only what is new is read, and one that begins anew is noticed.
import { closeSync, openSync, readdirSync, readSync, type Stats, statSync } from 'node:fs'
import { join, parse, sep } from 'node:path'
import { LineSplitter } from '../../process/index.ts'

/** No training says so much; whatever this is, it is not read. */
const largestBytes = 64 * 2 ** 20
const chunkBytes = 64 * 1024
/** So much of what was read is looked at again, to see whether it is still there. */
const headBytes = 256
const tailBytes = 64

export interface TextFileListener {
  /** A whole line without its end. Longer ones than 65 536 characters are left out. */
  readonly onLine: (text: string) => void
  /** It is another file now, or was written anew: what was read does not hold. */
  readonly onRestart: () => void
}

/** Follows a file. What cannot be read is a {@link problem}, never an exception. */
export class TextFile {
  readonly #pattern: string
  readonly #listener: TextFileListener
  readonly #found: string
  #path = ''
  #state = ''
  #inode = 0
  #offset = 0
  #head = Buffer.alloc(0)
  #tail = Buffer.alloc(0)
  #lines: LineSplitter
  #bytesRead = 0
  #problem: string | undefined

  /**
   * Reads what is there already.
   *
   * @param pattern - path; `*` in its parts stands for anything, and the newest file is meant
   */
  constructor(pattern: string, listener: TextFileListener) {
    this.#pattern = pattern
    this.#listener = listener
    this.#lines = this.#splitter()
    this.poll()
    this.#found = this.#state
  }

  /** It was written since it was first looked at. */
  get isTouched(): boolean {
    return this.#state !== this.#found
  }

  /** In all; grows with every piece of news. */
  get bytesRead(): number {
    return this.#bytesRead
  }

  /** Why nothing can be read, in a clause after the name: `is not there`. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Hands on lines that are new. */
  poll(): void {
    const path = newest(this.#pattern)
    const file = path === undefined ? undefined : look(path)
    if (path === undefined || !file) {
      this.#problem = 'is not there'
      return
    }
    const state = `${path} ${file.ino} ${file.size} ${file.mtimeMs}`
    if (state === this.#state) return
    this.#state = state
    this.#problem = this.#read(path, file)
  }

  /** Nothing more comes: a last line without an end is whole. */
  end(): void {
    this.#lines.end()
  }

  /** @returns the problem */
  #read(path: string, file: Stats): string | undefined {
    if (!file.isFile()) return 'is no file'
    if (file.size > largestBytes) return `has ${file.size} bytes; up to ${largestBytes} are read`
    let handle: number | undefined
    try {
      handle = openSync(path, 'r')
      const isOther = path !== this.#path || file.ino !== this.#inode || !this.#isContinued(handle, file.size)
      if (this.#path !== '' && isOther) this.#restart()
      this.#path = path
      this.#inode = file.ino
      return this.#readOn(handle)
    } catch (error) {
      return `cannot be read (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`
    } finally {
      if (handle !== undefined) closeSync(handle)
    }
  }

  #readOn(handle: number): string | undefined {
    const chunk = Buffer.alloc(chunkBytes)
    for (;;) {
      const count = readSync(handle, chunk, 0, chunkBytes, this.#offset)
      if (count === 0) return undefined
      if (this.#offset + count > largestBytes) return `has more than ${largestBytes} bytes`
      const bytes = Buffer.from(chunk.subarray(0, count))
      this.#offset += count
      this.#bytesRead += count
      if (this.#head.length < headBytes) this.#head = Buffer.concat([this.#head, bytes]).subarray(0, headBytes)
      this.#tail = Buffer.concat([this.#tail, bytes]).subarray(-tailBytes)
      if (bytes.includes(0)) return 'is no text in UTF-8 (it has zero bytes)'
      this.#lines.write(bytes)
    }
  }

  /** Whether what was read is still what is there. */
  #isContinued(handle: number, size: number): boolean {
    if (size < this.#offset) return false
    const same = (bytes: Buffer, at: number) => {
      const now = Buffer.alloc(bytes.length)
      return readSync(handle, now, 0, now.length, at) === bytes.length && now.equals(bytes)
    }
    return same(this.#head, 0) && same(this.#tail, this.#offset - this.#tail.length)
  }

  #restart(): void {
    this.#offset = 0
    this.#head = Buffer.alloc(0)
    this.#tail = Buffer.alloc(0)
    this.#lines = this.#splitter()
    this.#listener.onRestart()
  }

  #splitter(): LineSplitter {
    return new LineSplitter((line, whole) => {
      if (whole) this.#listener.onLine(line)
    })
  }
}

/** The file that a path with `*` means; of several the newest. `undefined` if there is none. */
export function newest(pattern: string): string | undefined {
  if (!pattern.includes('*')) return pattern
  const { root } = parse(pattern)
  let paths = [root]
  for (const part of pattern.slice(root.length).split(/[\\/]/)) {
    if (!part.includes('*')) {
      paths = paths.map((path) => (path.endsWith(sep) || path === '' ? path + part : join(path, part)))
      continue
    }
    const name = new RegExp(`^${part.split('*').map(escapeRegExp).join('.*')}$`, 's')
    paths = paths.flatMap((path) =>
      list(path === '' ? '.' : path).flatMap((entry) => (name.test(entry) ? [join(path, entry)] : [])),
    )
  }
  const files = paths.flatMap((path) => {
    const file = look(path)
    return file ? [{ path, time: file.mtimeMs }] : []
  })
  return files.sort((a, b) => b.time - a.time || (a.path < b.path ? 1 : -1))[0]?.path
}

const escapeRegExp = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

export function look(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
