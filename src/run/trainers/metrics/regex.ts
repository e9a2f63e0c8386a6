// Metrics found by a regular expression in what a program prints.

import { stripVTControlCharacters } from 'node:util'
import { createContext, Script } from 'node:vm'
import type { MetricReader, MetricSource } from '../../process/index.ts'
import { Epochs } from './epochs.ts'

/** Of a longer line only the end is looked at. */
export const longestLine = 2000
/** So many lines are looked at together, at most this long: an expression that backtracks for ever must not stop us. */
const linesAtOnce = 200
const batchMs = 2000
const lineMs = 1000
/** For all lines of a batch, one after the other; a machine that was busy elsewhere for a moment is no slow expression. */
const linesMs = 5000

/**
 * `regex:mAP50: (?<mAP50>[\d.]+)`: named groups become metrics; `epoch` and `epochs` are what they say. Each line of
 * both streams is looked at, of a progress bar only its last state. An epoch is told once all groups were found since it
 * began; the newest values are the result.
 */
export const regexSource =
  (expression: RegExp): MetricSource =>
  ({ onEpoch, after }) =>
    new RegexReader(expression, onEpoch, after)

/** Runs the expression over lines, each found as groups; it can be ended, which code of ours could not. */
const search = new Script(
  'lines.map((line) => { const found = expression.exec(line); return found ? found.groups : null })',
)

type Groups = Readonly<Record<string, string | undefined>>

class RegexReader implements MetricReader {
  readonly #source: string
  readonly #context: { readonly expression: RegExp; lines: readonly string[] }
  readonly #epochs: Epochs
  readonly #wanted: readonly string[]
  #waiting: string[] = []
  /** Groups that were found since the epoch began. */
  #found = new Set<string>()
  #epoch: number | undefined
  #tooSlow: string | undefined

  constructor(expression: RegExp, onEpoch: ConstructorParameters<typeof Epochs>[0], after: number) {
    this.#source = expression.source
    this.#context = createContext({ expression, lines: [] }) as { expression: RegExp; lines: readonly string[] }
    this.#epochs = new Epochs(onEpoch, after)
    this.#wanted = groupNames(expression).filter((name) => name !== 'epoch' && name !== 'epochs')
  }

  get metrics() {
    return this.#tooSlow === undefined ? this.#epochs.metrics : undefined
  }

  get problem() {
    if (this.metrics) return undefined
    if (this.#tooSlow !== undefined)
      return (
        `The expression ${this.#source} of --metrics takes too long on a line like ${JSON.stringify(this.#tooSlow.slice(0, 200))}: ` +
        'write it so that there is only one way to match, without repetitions inside of repetitions.'
      )
    return `It ended well, but no line of its output matches ${this.#source}, which --metrics expects.`
  }

  line(text: string): void {
    if (this.#tooSlow !== undefined) return
    const seen = stripVTControlCharacters(text.slice(-4 * longestLine))
      .trimEnd()
      .split('\r')
      .at(-1)!
    if (seen === '') return
    this.#waiting.push(seen.slice(-longestLine))
    if (this.#waiting.length >= linesAtOnce) this.#look()
  }

  async poll(): Promise<void> {
    this.#look()
  }

  end(): void {
    this.#look()
    this.#epochs.end()
  }

  #look(): void {
    const lines = this.#waiting
    this.#waiting = []
    if (lines.length === 0 || this.#tooSlow !== undefined) return
    const found = this.#search(lines, batchMs)
    for (const groups of found ?? []) this.#take(groups)
    if (found) return
    // One of them is to blame; what stands before it counts.
    const end = performance.now() + linesMs
    for (const line of lines) {
      const one = performance.now() < end ? this.#search([line], lineMs) : undefined
      if (!one) {
        this.#tooSlow = line
        return
      }
      this.#take(one[0]!)
    }
  }

  /** @returns `undefined` if it took too long */
  #search(lines: readonly string[], timeout: number): (Groups | null)[] | undefined {
    this.#context.lines = lines
    try {
      return search.runInContext(this.#context, { timeout }) as (Groups | null)[]
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined
      throw error
    }
  }

  #take(groups: Groups | null): void {
    if (!groups) return
    const numbers = Object.entries(groups).flatMap(([name, text]): [string, number][] => {
      const value = text === undefined ? undefined : numberOf(text)
      return value === undefined ? [] : [[name, value]]
    })
    const { epoch, epochs, ...metrics } = Object.fromEntries(numbers)
    if (epoch !== undefined && epoch !== this.#epoch) {
      this.#epoch = epoch
      this.#found = new Set()
    }
    for (const name of Object.keys(metrics)) this.#found.add(name)
    const whole = this.#wanted.every((name) => this.#found.has(name))
    this.#epochs.add({ epoch: this.#epoch, epochs, metrics, whole })
  }
}

/** Names of the groups of an expression. */
export const groupNames = (expression: RegExp): string[] =>
  Object.keys(new RegExp(`${expression.source}|`, expression.flags).exec('')?.groups ?? {})

function numberOf(text: string): number | undefined {
  const trimmed = text.trim()
  if (/^[-+]?nan$/i.test(trimmed)) return Number.NaN
  if (/^[-+]?inf(inity)?$/i.test(trimmed)) return trimmed.startsWith('-') ? -Infinity : Infinity
  // "[\d.]+" also takes the full stop of a sentence.
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\.?$/i.test(trimmed) ? Number.parseFloat(trimmed) : undefined
}
