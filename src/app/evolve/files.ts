// The files that an evolution leaves beside its database: table and hyp file after every complete trial, the picture now
// and then. All are made from the database, one process at a time, so that cooperating processes never write an old
// state over a new one.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { CompleteTrial } from '../../search/index.ts'
import {
  type EvolveFormat,
  type EvolveTable,
  evolveTable,
  type FilePlace,
  pictureTable,
  type Ranking,
  renderEvolveFiles,
  replaceFile,
  rowOf,
  type Study,
} from '../../study/index.ts'

export interface EvolveFilesOptions {
  readonly study: Study
  /** The study's folder, as seen from the current one. */
  readonly folder: string
  readonly format: EvolveFormat
  /** By the release's own fitness where it is replayed, else by the study's. */
  readonly ranking: Ranking
  /** As many of the first trials were read from a file. */
  readonly imported: number
  /** Told once if the picture cannot be drawn. */
  readonly warn: (text: string) => void
}

/** Shortest time between two drawings while trainings go on, which need the processor too. */
const refreshMs = 60_000

export class EvolveFiles {
  readonly #options: EvolveFilesOptions
  #drawing: Promise<void> = Promise.resolve()
  #busy = false
  /** The first picture is not due at once either. */
  #drawnAt = performance.now()
  #warned = false

  constructor(options: EvolveFilesOptions) {
    this.#options = options
  }

  /** Paths of table, hyp file and picture, as far as the release writes them. */
  get paths(): string[] {
    const { table, hyp, figure } = this.#options.format
    return [table, ...(hyp ? [hyp] : []), figure].map((place) => this.#path(place))
  }

  /** Writes table and hyp file; does nothing before the first complete trial. */
  async write(): Promise<void> {
    const { study, format } = this.#options
    await study.exclusive(async () => {
      await study.refresh()
      if (study.history.complete.length === 0) return
      for (const file of renderEvolveFiles(format, this.#render)) {
        const path = this.#path(file)
        await mkdir(dirname(path), { recursive: true })
        await replaceFile(path, file.text)
      }
    })
  }

  /** Draws the picture in the background if the last one is a minute old. */
  refreshPicture(): void {
    if (this.#busy || performance.now() - this.#drawnAt < refreshMs) return
    this.#drawing = this.#draw()
  }

  /** Draws the final picture and waits for it. Without a complete trial there is none. */
  async finish(): Promise<void> {
    await this.#drawing
    await this.#draw({ final: true })
  }

  /** What the release says on the console after a trial. */
  consoleText(trial: CompleteTrial, prefix: string): string {
    const table = this.#table()
    return this.#options.format.consoleText(table, rowOf(trial, table.resultKeys), prefix)
  }

  /** What the release says when it has drawn the picture; empty without a complete trial. */
  async pictureLines(): Promise<string[]> {
    const { format, study } = this.#options
    if (study.history.complete.length === 0) return []
    const { evolveText } = await import('../../report/index.ts')
    const text = evolveText(this.#figureTable(), {
      style: format.figureStyle,
      table: this.#path(format.table),
      picture: this.#path(format.figure),
    })
    return text.trimEnd().split('\n')
  }

  /**
   * Drawing takes a second or two, in which other processes must not wait. So it is done first, and what other processes
   * completed meanwhile is made up for: by a final picture at once, by others with the next one.
   */
  async #draw({ final = false } = {}): Promise<void> {
    const { study, format } = this.#options
    this.#busy = true
    this.#drawnAt = performance.now()
    try {
      if (final) await study.refresh()
      const drawn = study.history.complete.length
      if (drawn === 0) return
      const path = this.#path(format.figure)
      let picture = await this.#picture()
      await study.exclusive(async () => {
        if (final) await study.refresh()
        if (final && study.history.complete.length !== drawn) picture = await this.#picture()
        await mkdir(dirname(path), { recursive: true })
        await replaceBytes(path, picture)
      })
    } catch (error) {
      if (this.#warned) return
      this.#warned = true
      const { name } = format.figure
      this.#options.warn(`${name} could not be drawn: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      this.#busy = false
    }
  }

  async #picture(): Promise<Uint8Array> {
    const { evolveFigure } = await import('../../report/index.ts')
    return evolveFigure(this.#figureTable(), this.#options.format.figureStyle)
  }

  #figureTable() {
    const { format, ranking } = this.#options
    return pictureTable(format, this.#table(), ranking)
  }

  get #render() {
    const { study, ranking, imported } = this.#options
    return { keys: study.space.keys, trials: study.history.complete, ranking, imported }
  }

  #table(): EvolveTable {
    return evolveTable(this.#options.format, this.#render)
  }

  #path({ folder, name }: FilePlace): string {
    return folder === 'current' ? name : join(this.#options.folder, name)
  }
}

/** A reader sees the old picture or the new one; a full disk is left as it was. */
async function replaceBytes(path: string, bytes: Uint8Array): Promise<void> {
  const draft = `${path}.tmp`
  try {
    await writeFile(draft, bytes)
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}
