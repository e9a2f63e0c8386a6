// An evolution on the console: what each generation brought, the best so far, and how long the rest will take.
import type { LoopEvent, LoopSummary } from '../../run/index.ts'
import { type EvolveFolder, evolveConsoleText, rowFitness } from '../../study/index.ts'
import type { Terminal } from './terminal.ts'
import { counted, durationText } from './text.ts'

export interface EvolveConsoleOptions {
  /** Generations asked for in this call. */
  readonly generations: number
  /** Titles of evolve.csv's columns. */
  readonly titles: readonly string[]
}

export class EvolveConsole {
  readonly #terminal: Terminal
  readonly #generations: number
  readonly #titles: readonly string[]
  #done = 0
  #failed = 0
  #totalMs = 0

  constructor(terminal: Terminal, { generations, titles }: EvolveConsoleOptions) {
    this.#terminal = terminal
    this.#generations = generations
    this.#titles = titles
  }

  onEvent(event: LoopEvent, folder: EvolveFolder): void {
    if (event.type === 'started') {
      this.#terminal.line()
      this.#terminal.line(this.#terminal.bold(`Generation ${this.#done + 1} of ${this.#generations}`))
    } else if (event.type === 'finished') {
      this.#count(event.durationMs)
      this.#finished(folder)
    } else if (event.type === 'failed') {
      this.#count(event.durationMs)
      this.#failed++
      this.#terminal.warn(`This training failed and is left out of evolve.csv: ${event.trial.output.join('\n')}`)
      this.#terminal.line(this.#outlook())
    }
  }

  /** v7.0's three lines, then the best so far and the time left. */
  #finished({ rows, best }: EvolveFolder): void {
    const text = evolveConsoleText(this.#terminal.prefix('evolve'), rows.length, this.#titles, rows.at(-1)!)
    for (const line of text.trimEnd().split('\n')) this.#terminal.line(line)
    const fitness = rowFitness(rows.at(-1)!)
    const bestText = best === undefined ? 'none yet' : `${rowFitness(rows[best]!).toFixed(4)} (row ${best})`
    this.#terminal.line(`fitness ${fitness.toFixed(4)}, best ${bestText}; ${this.#outlook()}`)
  }

  #count(durationMs: number): void {
    this.#done++
    this.#totalMs += durationMs
  }

  /** '12 s each, about 3 min left'. */
  #outlook(): string {
    const each = this.#totalMs / this.#done / 1000
    const left = this.#generations - this.#done
    const end = left > 0 ? `about ${durationText(each * left)} left for ${left} more` : 'all done'
    return `${durationText(each)} per generation, ${end}`
  }

  /** The last words of an evolution. */
  async end({ interrupted, finished }: LoopSummary, folder: EvolveFolder): Promise<void> {
    const { evolveConsoleLines } = await import('../../report/index.ts')
    const { rows, titles, directory, best } = folder
    const keys = titles.filter((title) => rows[0] && title in rows[0].hyp)
    this.#terminal.line()
    if (best !== undefined)
      for (const line of evolveConsoleLines(
        { keys, rows: rows.map(({ hyp }) => keys.map((key) => hyp[key]!)), bestIndex: best },
        `${directory}/evolve.csv`,
      ))
        this.#terminal.line(line)
    this.#terminal.line()
    const left = this.#generations - this.#done
    if (interrupted && finished === 0) this.#terminal.line('Interrupted before a generation was finished.')
    else if (interrupted)
      this.#terminal.line(
        `Interrupted after ${counted(finished, 'generation')}. Go on with the same command and --evolve ${left} --resume`,
      )
    else
      this.#terminal.line(
        `Evolution finished, ${counted(finished, 'generation')}${this.#failed > 0 ? `, ${this.#failed} failed` : ''}; ` +
          `${rows.length} in all.`,
      )
    if (rows.length === 0) return
    this.#terminal.line(`Results saved to ${this.#terminal.bold(directory)}: evolve.csv, hyp_evolve.yaml, evolve.png`)
    this.#terminal.line(`Train with the best: hypevolve train --hyp ${directory}/hyp_evolve.yaml …`)
  }
}
