// How far long work on a data set is: a bar with the time left, on the terminal that the results do not go to.
import { Terminal } from '../console/terminal.ts'
import { progressText } from '../console/text.ts'

/** Work on fewer files than this is done before anybody wonders. */
const shownFrom = 200

/** Shows the progress of one phase after the other on stderr, so that `--json` stays clean. */
export class DataProgressBar {
  readonly #terminal = new Terminal(process.stderr)
  #phase = ''
  #begun = 0

  /** A portion is done. */
  readonly tell = (phase: string, done: number, total: number): void => {
    if (phase !== this.#phase) {
      this.#terminal.finish()
      this.#phase = phase
      this.#begun = performance.now()
    }
    if (total < shownFrom) return
    this.#terminal.live(`${phase}: ${progressText(done, total, (performance.now() - this.#begun) / 1000)}`)
  }

  /** Leaves the last line as it is. */
  finish(): void {
    this.#terminal.finish()
  }
}
