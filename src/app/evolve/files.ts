// The files that an evolution leaves beside its database: table and hyp file after every complete trial, the picture now
// and then. All are made from the database, one process at a time, so that cooperating processes never write an old
// state over a new one.
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
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
import { answerOf } from '../studies/answer.ts'
import { frontTable } from '../studies/front.ts'

export interface EvolveFilesOptions {
  readonly study: Study
  /** The study's folder, as seen from the current one. */
  readonly folder: string
  readonly format: EvolveFormat
  /** By the release's own fitness where it is replayed, else by the study's. */
  readonly ranking: 'table' | 'trial'
  /** As many of the first trials were read from a file. */
  readonly imported: number
  /** Told once if the picture cannot be drawn. */
  readonly warn: (text: string) => void
}

/** Shortest time between two drawings while trainings go on, which need the processor too. */
const refreshMs = 60_000
/** Pictures take at most this share of the time: a processor that trains has better things to do. */
const pictureShare = 0.004

export class EvolveFiles {
  readonly #options: EvolveFilesOptions
  #drawing: Promise<void> = Promise.resolve()
  #busy = false
  /** The first picture is not due at once either. */
  #drawnAt = performance.now()
  /** Processor time that the last drawing took, with what else was done meanwhile. */
  #drawCpuMs = 0
  #warned = false

  constructor(options: EvolveFilesOptions) {
    this.#options = options
  }

  /** Paths of table, hyp file and picture, as far as the release writes them. */
  get paths(): string[] {
    const { study, format } = this.#options
    const { table, hyp, figure } = format
    const paths = [table, ...(hyp ? [hyp] : []), figure].map((place) => this.#path(place))
    return study.definition.second ? [...paths, this.#frontPath] : paths
  }

  /** Writes table and hyp file; does nothing before the first complete trial. */
  async write(): Promise<void> {
    const { study } = this.#options
    await study.exclusive(async () => {
      await study.refresh()
      await this.#write()
    })
  }

  /**
   * To be called before the first `write`: makes the files those of the study, also after a crash. What lies there and is
   * not of it gets another name.
   *
   * @param fresh - the study was made now; a file with the best hyp is then an earlier evolution's, unless its table was
   *   taken over
   * @returns for the console: what was renamed
   */
  async begin({ fresh }: { fresh: boolean }): Promise<string[]> {
    const { study, format, imported } = this.#options
    const renamed: string[] = []
    const setAside = async (path: string, why: string) => {
      const backup = await renameToBackup(path)
      renamed.push(`${path} ${why}; it is ${backup} now.`)
    }
    await study.exclusive(async () => {
      await study.refresh()
      await this.#removeDrafts()
      const table = this.#path(format.table)
      const foreign = await this.#foreignRows()
      if (foreign > 0)
        await setAside(table, `has ${foreign} ${foreign === 1 ? 'line' : 'lines'} that this study does not know`)
      const hyp = format.hyp && this.#path(format.hyp)
      if (fresh && imported === 0 && hyp && (await exists(hyp))) await setAside(hyp, 'is of another evolution')
      await this.#write()
    })
    return renamed
  }

  /**
   * Brings the files of a study that has ended up to date: it may have been killed between its last trial and the writing.
   * A table of other rows is left alone, since another study may have gone on in its place.
   *
   * @param missing - also writes a table that is not there; without, only what a crash can have left behind
   * @returns whether something was out of date
   */
  async repair({ missing }: { missing: boolean }): Promise<boolean> {
    const { study, format } = this.#options
    const table = this.#path(format.table)
    let stale = false
    await study.exclusive(async () => {
      if (study.history.complete.length === 0) return
      const drafts = await this.#removeDrafts()
      const wanted =
        missing || drafts || (await exists(format.table.folder === 'current' ? table : this.#options.folder))
      if (!wanted || (await this.#foreignRows()) > 0) return
      const figure = this.#path(format.figure)
      stale = drafts || ((await modifiedMs(figure)) ?? 0) < ((await modifiedMs(table)) ?? 0)
      for (const file of renderEvolveFiles(format, this.#render))
        stale ||= (await readText(this.#path(file))) !== file.text
      if (stale) await this.#write()
    })
    if (stale) await this.finish()
    return stale
  }

  /** Only where nobody else writes. */
  async #write(): Promise<void> {
    const { study, format } = this.#options
    if (study.history.complete.length === 0) return
    for (const file of renderEvolveFiles(format, this.#render)) {
      const path = this.#path(file)
      await mkdir(dirname(path), { recursive: true })
      await replaceFile(path, file.text)
    }
  }

  /** Lines of the table on the disk that are not in the study's. */
  async #foreignRows(): Promise<number> {
    const { format } = this.#options
    const found = await readText(this.#path(format.table))
    if (found === undefined) return 0
    const [table] = renderEvolveFiles(format, this.#render)
    const own = new Set(linesOf(table!.text))
    return linesOf(found).filter((line) => !own.has(line)).length
  }

  /** What writers left behind that were killed. @returns whether there was any */
  async #removeDrafts(): Promise<boolean> {
    let found = false
    for (const path of this.paths) {
      const draft = `${path}.tmp`
      if (!(await exists(draft))) continue
      found = true
      await rm(draft, { force: true })
    }
    return found
  }

  /** Draws the picture in the background if the last one is a minute old, or more where drawing takes long. */
  refreshPicture(): void {
    if (this.#busy || performance.now() - this.#drawnAt < Math.max(refreshMs, this.#drawCpuMs / pictureShare)) return
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
    const before = process.cpuUsage()
    try {
      if (final) await study.refresh()
      const drawn = study.history.complete.length
      if (drawn === 0) return
      const path = this.#path(format.figure)
      let pictures = await this.#pictures()
      await study.exclusive(async () => {
        if (final) await study.refresh()
        if (final && study.history.complete.length !== drawn) pictures = await this.#pictures()
        await mkdir(dirname(path), { recursive: true })
        await replaceFile(path, pictures.evolve)
        if (pictures.front) await replaceFile(this.#frontPath, pictures.front)
      })
    } catch (error) {
      if (this.#warned) return
      this.#warned = true
      const { name } = format.figure
      this.#options.warn(`${name} could not be drawn: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      const { user, system } = process.cpuUsage(before)
      this.#drawCpuMs = (user + system) / 1000
      this.#busy = false
    }
  }

  async #pictures(): Promise<{ readonly evolve: Uint8Array; readonly front: Uint8Array | undefined }> {
    const { evolveFigure, frontFigure } = await import('../../report/index.ts')
    const { study, format } = this.#options
    const front = frontTable(study, study.history.complete)
    return {
      evolve: await evolveFigure(this.#figureTable(), format.figureStyle),
      front: front && (await frontFigure(front)),
    }
  }

  get #frontPath(): string {
    return join(this.#options.folder, 'front.png')
  }

  #figureTable() {
    return pictureTable(this.#options.format, this.#table(), this.#ranking)
  }

  get #render() {
    const { study, imported } = this.#options
    return { keys: study.space.keys, trials: study.history.complete, ranking: this.#ranking, imported }
  }

  /** The best row is that of the study's answer, where that is not simply the fittest. */
  get #ranking(): Ranking {
    const { study, ranking } = this.#options
    const { constraints = [] } = study.definition
    if (study.history.repeats.length === 0 && constraints.length === 0) return ranking
    const answer = answerOf(study.history, study.definition)
    return answer ? { winner: answer.trial.number } : ranking
  }

  #table(): EvolveTable {
    return evolveTable(this.#options.format, this.#render)
  }

  #path({ folder, name }: FilePlace): string {
    return folder === 'current' ? name : join(this.#options.folder, name)
  }
}

const linesOf = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim().replace(/\s+/g, ' '))
    .filter((line) => line !== '')

const readText = (path: string) => readFile(path, 'utf8').catch(ifMissing)

const modifiedMs = (path: string) => stat(path).then(({ mtimeMs }) => mtimeMs, ifMissing)

const exists = async (path: string) => (await modifiedMs(path)) !== undefined

function ifMissing(error: Error & { readonly code?: string }): undefined {
  if (error.code !== 'ENOENT') throw error
}

/** Renames to `.bak`, or `.bak2` … if there is one. @returns the new path */
async function renameToBackup(path: string): Promise<string> {
  for (let n = 1; ; n++) {
    const backup = `${path}.bak${n === 1 ? '' : n}`
    try {
      await (await open(backup, 'wx')).close() // the name is ours now
    } catch (error) {
      if ((error as { readonly code?: string }).code !== 'EEXIST') throw error
      continue
    }
    await rename(path, backup)
    return backup
  }
}
