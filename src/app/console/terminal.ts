// Where console text goes: finished lines, and on a terminal one live line below them that is redrawn in place. When
// the output is a file or a pipe there are plain lines only, without colours.
import { createInterface } from 'node:readline/promises'

/** What a console writes to; process.stdout fits. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

/** Shortest time between two drawings of the live line. */
const redrawMs = 80

export class Terminal {
  readonly #output: Output
  readonly #input: NodeJS.ReadStream
  readonly #now: () => number
  /** The output is a terminal: text may be redrawn and coloured. */
  readonly interactive: boolean
  readonly #colours: boolean
  #live: string | undefined
  #drawnAt = Number.NEGATIVE_INFINITY
  #drawn: string | undefined
  /** Lines that wait until a question is answered. */
  #held: string[] | undefined

  constructor(
    output: Output = process.stdout,
    { input = process.stdin, now = () => performance.now() }: { input?: NodeJS.ReadStream; now?: () => number } = {},
  ) {
    this.#output = output
    this.#input = input
    this.#now = now
    this.interactive = output.isTTY === true
    this.#colours = this.interactive && !process.env['NO_COLOR']
  }

  /** Columns to fill; where the output is no terminal, as many as a log reads well with. */
  get width(): number {
    return this.#output.columns ?? 120
  }

  /** A finished line; the live line, if there is one, stays above it as it was last. */
  line(text = ''): void {
    this.finish()
    if (this.#held) this.#held.push(text)
    else this.#output.write(`${text}\n`)
  }

  /** A line that must not be overlooked. */
  warn(text: string): void {
    this.line(this.bold(this.yellow(`WARNING ${text}`)))
  }

  /** Shows or replaces the live line. Off a terminal only its last text is written, by {@link finish}. */
  live(text: string): void {
    this.#live = text
    if (!this.interactive || this.#held) return
    if (this.#now() - this.#drawnAt < redrawMs) return
    this.#draw()
  }

  /** Makes the live line a finished one. */
  finish(): void {
    if (this.#live === undefined) return
    if (this.#held) {
      this.#held.push(this.#live)
    } else if (this.interactive) {
      if (this.#drawn !== this.#live) this.#draw()
      this.#output.write('\n')
    } else {
      this.#output.write(`${this.#live}\n`)
    }
    this.#forget()
  }

  /** Takes the live line away. */
  discard(): void {
    if (this.#live !== undefined && this.#drawn !== undefined) this.#output.write('\r\x1b[K')
    this.#forget()
  }

  /**
   * Asks for yes or no on a terminal. What is said meanwhile appears after the answer.
   *
   * @param otherwise - the answer where nobody can be asked
   */
  async confirm(question: string, otherwise: boolean, signal?: AbortSignal): Promise<boolean> {
    if (!this.interactive || this.#input.isTTY !== true) return otherwise
    this.finish()
    const reader = createInterface({ input: this.#input, output: process.stdout })
    // The reader takes Ctrl-C for itself; it means what it always means.
    reader.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
    this.#held = []
    try {
      const answer = await reader.question(`${question} [y/N] `, signal ? { signal } : {})
      return /^\s*(y|yes)\s*$/i.test(answer)
    } catch (error) {
      if (error instanceof Error && error.name === 'AbortError') return false
      throw error
    } finally {
      reader.close()
      const held = this.#held
      this.#held = undefined
      for (const text of held) this.#output.write(`${text}\n`)
    }
  }

  bold(text: string): string {
    return this.#colour(1, text)
  }

  yellow(text: string): string {
    return this.#colour(33, text)
  }

  /** 'train: ' in bold blue, as YOLOv5 marks who speaks. */
  prefix(name: string): string {
    return this.#colours ? `\x1b[34m\x1b[1m${name}: \x1b[0m` : `${name}: `
  }

  #colour(code: number, text: string): string {
    return this.#colours ? `\x1b[${code}m${text}\x1b[0m` : text
  }

  #draw(): void {
    const width = this.#output.columns ?? 120
    const text = this.#live!
    this.#output.write(`\r\x1b[K${text.length > width - 1 ? text.slice(0, width - 1) : text}`)
    this.#drawn = text
    this.#drawnAt = this.#now()
  }

  #forget(): void {
    this.#live = undefined
    this.#drawn = undefined
    this.#drawnAt = Number.NEGATIVE_INFINITY
  }
}
