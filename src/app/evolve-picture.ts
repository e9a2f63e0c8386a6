// Keeps evolve.png up to date beside an evolution, so that there is a picture even if the evolution is killed.
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EvolveFolder } from '../study/index.ts'
import { rowFitness } from '../study/index.ts'

/** Shortest time between two drawings while trainings go on, which need the processor too. */
const refreshMs = 60_000

export class EvolvePicture {
  readonly #folder: EvolveFolder
  readonly #warn: (text: string) => void
  #drawing: Promise<void> = Promise.resolve()
  #busy = false
  #drawnAt = Number.NEGATIVE_INFINITY
  #warned = false

  /** @param warn - told once if the picture cannot be drawn */
  constructor(folder: EvolveFolder, warn: (text: string) => void) {
    this.#folder = folder
    this.#warn = warn
  }

  /** Draws in the background if the last drawing is a minute old. */
  refresh(): void {
    if (this.#busy || performance.now() - this.#drawnAt < refreshMs) return
    this.#drawnAt = performance.now()
    this.#drawing = this.#draw()
  }

  /** Draws the final state and waits for it. Without a finished trial there is no picture. */
  async finish(): Promise<void> {
    await this.#drawing
    await this.#draw()
  }

  async #draw(): Promise<void> {
    const { rows, titles, directory, best } = this.#folder
    if (rows.length === 0) return
    this.#busy = true
    try {
      const { evolveFigure } = await import('../report/index.ts')
      const keys = titles.filter((title) => title in rows[0]!.hyp)
      const bytes = await evolveFigure({
        keys,
        rows: rows.map(({ hyp }) => keys.map((key) => hyp[key]!)),
        fitness: rows.map(rowFitness),
        bestIndex: best ?? -1,
      })
      await replaceFile(join(directory, 'evolve.png'), bytes)
    } catch (error) {
      if (this.#warned) return
      this.#warned = true
      this.#warn(`evolve.png could not be drawn: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      this.#busy = false
    }
  }
}

/** A reader sees the old picture or the new one; a full disk is left as it was. */
async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const draft = `${path}.tmp`
  try {
    await writeFile(draft, bytes)
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}
