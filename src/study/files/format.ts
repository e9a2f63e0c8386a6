// What a format of an evolution's files is: three pure functions of a table (add, table text, hyp text) and the text for
// the console. The two kinds are csv-format.ts (YOLOv5 v6 and later) and text-format.ts (before); formats.ts lists all.
import type { FitnessWeights } from '../../search/index.ts'
import type { EvolveRow } from './row.ts'

/** Where a file lies: in the current folder, or in the study's own. */
export interface FilePlace {
  readonly folder: 'current' | 'study'
  readonly name: string
}

/** The table of an evolution as its file holds it. */
export interface EvolveTable {
  /** Metrics in the result columns, in order. */
  readonly resultKeys: readonly string[]
  /** Hyperparameters, in the order of the columns. */
  readonly keys: readonly string[]
  /** Order and precision of the file. */
  readonly rows: readonly EvolveRow[]
  /** What the last `add` left; absent in a table that was read from a file. */
  readonly last?: {
    /** The row just added, in full precision. */
    readonly row: EvolveRow
    /** The best row, as precise as the release saw it when it wrote the hyp file. */
    readonly best: EvolveRow
  }
}

/**
 * Which row is the best. `table`: by the release's weights, on the numbers as the file holds them, as the originals do.
 * `trial`: by the rows' own `fitness`, of equals the lowest number; what a study in native mode, or with another
 * fitness, calls its incumbent. `winner`: that of this trial, whatever its fitness: it was confirmed, or the fittest breaks
 * a constraint; the other rows rank as with `trial`, and so do all where that trial has no row.
 */
export type Ranking = 'table' | 'trial' | { readonly winner: number }

export interface EvolveFormat {
  /** Name in `evolveFormats`. */
  readonly name: string
  readonly table: FilePlace
  /** The file with the best hyp; the oldest releases write none. */
  readonly hyp: FilePlace | undefined
  readonly figure: FilePlace
  /** How the figure is drawn: a style of src/report. */
  readonly figureStyle: 'yolov3' | 'yolov5-v3.0' | 'yolov5-v3.1' | 'yolov5-v6.0' | 'yolov5-v6.1'
  /** The study's folder: `project`/`name`, with a number behind it that grows with every start if `numbered`. */
  readonly folder: { readonly project: string; readonly name: string; readonly numbered: boolean }
  /** Metrics in the result columns. */
  readonly resultKeys: readonly string[]
  /** Weights of the first four results. */
  readonly weights: FitnessWeights
  /** Whether columns have titles; without them they are told apart by their number alone, and hold numbers only. */
  readonly titled: boolean

  /** A table without rows. `resultKeys` only where the study measures something else than YOLOv5 does. */
  empty(keys: readonly string[], resultKeys?: readonly string[]): EvolveTable
  /** The table after one more trial. The rows' order may change, and equal rows may become one. */
  add(table: EvolveTable, row: EvolveRow, ranking?: Ranking): EvolveTable
  /** The same as `add` for each row in turn, in one go. */
  addAll(table: EvolveTable, rows: readonly EvolveRow[], ranking?: Ranking): EvolveTable
  /** Index of the best row; `undefined` in an empty table. */
  best(table: EvolveTable, ranking?: Ranking): number | undefined
  /** Content of evolve.csv or evolve.txt. */
  tableText(table: EvolveTable): string
  /** Content of hyp_evolve.yaml or hyp_evolved.yaml; `undefined` if the release writes none, or without a row. */
  hypText(table: EvolveTable, ranking?: Ranking): string | undefined
  /**
   * What the console says after a trial, with line ends.
   *
   * @param table - with the trial in it
   * @param row - the trial, in full precision
   * @param prefix - stands before the lines of v6 and later; {@link evolvePrefix} is theirs
   */
  consoleText(table: EvolveTable, row: EvolveRow, prefix?: string): string
}

/** `evolve: ` in blue and bold, as YOLOv5 v6 and later print it. */
export const evolvePrefix = '\u001b[34m\u001b[1mevolve: \u001b[0m'
