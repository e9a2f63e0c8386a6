// A folder such as runs/evolve/exp: evolve.csv and hyp_evolve.yaml for people and for YOLOv5, and beside them the
// journal (trials.jsonl), which also knows seed, parents, failed and interrupted trials.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EvolveFileConflictError } from '../base/index.ts'
import { type FinishedTrial, finishedTrials } from '../search/index.ts'
import { DurableFile, replaceFile, syncFolder } from './durable-file.ts'
import {
  bestRow,
  type EvolveRow,
  evolveCsvHeader,
  evolveCsvLine,
  evolveTitles,
  hypEvolveYaml,
  readEvolveCsv,
  rowFitness,
  toEvolveRow,
} from './evolve-file.ts'
import { JournalStorage } from './journal-storage.ts'
import type { Storage, StudyDefinition } from './storage.ts'

/** File names in the folder. */
export const evolveFiles = { table: 'evolve.csv', hyp: 'hyp_evolve.yaml', journal: 'trials.jsonl' } as const

/**
 * The files of one evolution. Pass `storage` to a study, and call `record` after each trial that it was told as
 * finished.
 *
 * Both files tell the finished trials. When the folder is opened, rows that only one of them has are brought to the
 * other: a crash between two writes is mended, and a folder that real YOLOv5 made, or went on with, is continued.
 */
export class EvolveFolder {
  readonly directory: string
  readonly storage: Storage
  /** Titles of evolve.csv's columns, in the order of the file. */
  readonly titles: readonly string[]
  readonly #rows: EvolveRow[]
  readonly #table: DurableFile
  /** Text before the next line: the header, or the missing end of the last line. */
  #pending: string

  private constructor(
    directory: string,
    storage: Storage,
    titles: readonly string[],
    rows: EvolveRow[],
    table: DurableFile,
    pending: string,
  ) {
    this.directory = directory
    this.storage = storage
    this.titles = titles
    this.#rows = rows
    this.#table = table
    this.#pending = pending
  }

  /**
   * Opens an existing folder and locks its study.
   *
   * @param definition - seed of a study that begins now, and its hyperparameters
   * @throws {@link EvolveFileColumnsError}, {@link EvolveFileRowError}, {@link EvolveFileConflictError},
   *   {@link JournalError}, {@link StudyLockedError}, {@link StudyWriteError}
   */
  static async open(directory: string, definition: StudyDefinition): Promise<EvolveFolder> {
    const tablePath = join(directory, evolveFiles.table)
    const text = await readFile(tablePath, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
    const { titles, rows, usedLength } =
      text.trim() === ''
        ? { titles: evolveTitles(definition.keys), rows: [], usedLength: 0 }
        : readEvolveCsv(text, definition.keys, tablePath)

    const journalPath = join(directory, evolveFiles.journal)
    const storage = await JournalStorage.open(journalPath)
    let table: DurableFile | undefined
    try {
      await storage.openStudy(definition)
      const told = finishedTrials(await storage.trials())
      rows.slice(0, told.length).forEach((row, i) => {
        const recorded = evolveCsvLine(titles, trialRow(told[i]))
        if (evolveCsvLine(titles, row) !== recorded) throw new EvolveFileConflictError(tablePath, journalPath, i + 2)
      })
      for (const row of rows.slice(told.length)) await importRow(storage, row)

      const usedText = text.slice(0, usedLength)
      table = await DurableFile.open(tablePath, Buffer.byteLength(usedText))
      const pending = usedText === '' ? evolveCsvHeader(titles) : usedText.endsWith('\n') ? '' : '\n'
      const folder = new EvolveFolder(directory, storage, titles, [...rows], table, pending)
      for (const trial of told.slice(rows.length)) await folder.record(trial)
      await folder.#writeHyp()
      return folder
    } catch (error) {
      await table?.close()
      await storage.close()
      throw error
    }
  }

  /** The rows of evolve.csv. */
  get rows(): readonly EvolveRow[] {
    return this.#rows
  }

  /** Index of the best row, the first of several. */
  get best(): number | undefined {
    return bestRow(this.#rows)
  }

  /**
   * Adds a finished trial to evolve.csv and brings hyp_evolve.yaml up to date.
   *
   * @returns the row as the file holds it
   * @throws {@link StudyWriteError} on a full disk: neither file is damaged, and what they lack is in the journal and is
   *   added when the folder is opened again
   */
  async record(trial: FinishedTrial): Promise<EvolveRow> {
    const row = trialRow(trial)
    await this.#table.append(this.#pending + evolveCsvLine(this.titles, row))
    if (this.#rows.length === 0) await syncFolder(this.#table.path)
    this.#pending = ''
    this.#rows.push(row)
    await this.#writeHyp()
    return row
  }

  async #writeHyp(): Promise<void> {
    const best = this.best
    if (best === undefined) return
    const path = join(this.directory, evolveFiles.hyp)
    const text = hypEvolveYaml(this.#rows, best)
    if ((await readFile(path, 'utf8').catch(() => '')) !== text) await replaceFile(path, text)
  }

  /** Closes the files and gives the lock back. */
  async close(): Promise<void> {
    await this.#table.close()
    await this.storage.close()
  }
}

function trialRow({ number, hyp, results }: FinishedTrial): EvolveRow {
  if (!results) throw new Error(`trial ${number} has a fitness, but no results for evolve.csv`)
  return toEvolveRow(results, hyp)
}

/** A row that evolve.csv has and the journal has not: a trial of real YOLOv5, or of a lost journal. */
async function importRow(storage: Storage, row: EvolveRow): Promise<void> {
  const { length } = await storage.trials()
  await storage.addTrial(length, row.hyp, [])
  await storage.finishTrial(length, { fitness: rowFitness(row), results: row.results })
}
