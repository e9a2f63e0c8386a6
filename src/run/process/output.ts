// What a program writes: cut into lines, its last lines remembered, all of it kept in a log of limited size.
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { stripVTControlCharacters } from 'node:util'

/** Longer lines are handed on as several, none of them `whole`. In UTF-16 units. */
const longestLine = 64 * 1024

/** Cuts the bytes of one stream into lines. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8')
  readonly #onLine: (line: string, whole: boolean) => void
  #rest = ''
  /** The rest continues a line of which a part was handed on. */
  #continued = false

  /** @param onLine - gets each line without its end; `whole` is false for parts of a line that is too long */
  constructor(onLine: (line: string, whole: boolean) => void) {
    this.#onLine = onLine
  }

  write(bytes: Buffer): void {
    this.#take(this.#decoder.write(bytes))
  }

  /** The stream has ended. */
  end(): void {
    this.#take(this.#decoder.end())
    if (this.#rest !== '') this.#emit(this.#rest)
    this.#rest = ''
  }

  #take(text: string): void {
    let from = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      const line = this.#rest + text.slice(from, end)
      this.#emit(line.endsWith('\r') ? line.slice(0, -1) : line)
      this.#rest = ''
      this.#continued = false
      from = end + 1
    }
    this.#rest += text.slice(from)
    while (this.#rest.length > longestLine) {
      this.#onLine(this.#rest.slice(0, longestLine), false)
      this.#rest = this.#rest.slice(longestLine)
      this.#continued = true
    }
  }

  #emit(line: string): void {
    const whole = line.length <= longestLine && !this.#continued
    for (let from = 0; from === 0 || from < line.length; from += longestLine)
      this.#onLine(line.slice(from, from + longestLine), whole)
  }
}

const tailLines = 40
const tailLineLength = 500

/** The last lines of an output, as a person would see them: without colours, progress bars at their last state. */
export class Tail {
  /** More than are shown, since some are empty. Looked at only when they are wanted: a flood costs little. */
  readonly #lines: string[] = []

  add(line: string): void {
    if (line === '') return
    this.#lines.push(line)
    if (this.#lines.length >= 4 * tailLines) this.#lines.splice(0, 2 * tailLines)
  }

  get lines(): readonly string[] {
    const seen = this.#lines.map((line) => {
      const text = stripVTControlCharacters(line.slice(-4 * tailLineLength))
      return text.trimEnd().split('\r').at(-1)!.slice(0, tailLineLength)
    })
    return seen.filter((line) => line !== '').slice(-tailLines)
  }
}

/** The beginning of a log up to here, and its end up to here, are kept. */
const headBytes = 16 * 2 ** 20
const endBytes = 2 ** 20

/**
 * The log of a trial. Bytes are there as soon as they were written, except that of a flood only beginning and end are
 * kept. A log that cannot be written ends no training: it just lacks what was said.
 */
export class TrialLog {
  #file: number | undefined
  #size = 0
  #end: Buffer[] = []
  #endSize = 0
  #skipped = 0
  #atLineStart = true

  /** @param path - the file, which is appended to; without one nothing is written */
  constructor(path: string | undefined) {
    if (path === undefined) return
    this.#try(() => {
      this.#file = openSync(path, 'a')
      this.#size = fstatSync(this.#file).size
    })
  }

  write(text: string | Uint8Array): void {
    const bytes = typeof text === 'string' ? Buffer.from(text) : Buffer.from(text.buffer, text.byteOffset, text.length)
    if (bytes.length === 0) return
    this.#atLineStart = bytes.at(-1) === 10
    if (this.#size < headBytes) {
      this.#append(bytes)
      return
    }
    this.#end.push(bytes)
    this.#endSize += bytes.length
    while (this.#endSize - this.#end[0]!.length >= endBytes) {
      const { length } = this.#end.shift()!
      this.#endSize -= length
      this.#skipped += length
    }
  }

  /** A line of ours. */
  note(text: string): void {
    this.write(`${this.#atLineStart ? '' : '\n'}[hypevolve] ${text}\n`)
  }

  close(): void {
    if (this.#skipped > 0) this.#append(Buffer.from(`\n[hypevolve] … ${this.#skipped} bytes are left out here …\n`))
    for (const bytes of this.#end) this.#append(bytes)
    this.#end = []
    if (this.#file !== undefined) this.#try(() => closeSync(this.#file!))
    this.#file = undefined
  }

  #append(bytes: Buffer): void {
    this.#size += bytes.length
    this.#try(() => {
      if (this.#file !== undefined) writeSync(this.#file, bytes)
    })
  }

  #try(step: () => void): void {
    try {
      step()
    } catch {
      this.#file = undefined
    }
  }
}
