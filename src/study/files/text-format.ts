// evolve.txt and hyp_evolved.yaml: yolov3 up to v9.5.0, YOLOv5 up to v5.0. Columns of equal width without titles. Since
// 2020 the whole table is read, freed of equal rows, sorted by fitness and written again with 3 digits after every trial.
import { argsort, EvolveTextValueError, formatG } from '../../base/index.ts'
import { type FitnessWeights, fitness, type Hyp } from '../../search/index.ts'
import { bestRow } from './csv-format.ts'
import type { EvolveFormat, EvolveTable, Ranking } from './format.ts'
import { yamlLines } from './hyp-yaml.ts'
import type { EvolveRow } from './row.ts'

interface TextVariant {
  readonly name: string
  readonly resultKeys: readonly string[]
  readonly weights: FitnessWeights
  /** Where hyp_evolved.yaml lies, if the release writes one. */
  readonly hyp: boolean
  readonly folder: EvolveFormat['folder']
  readonly figureStyle: EvolveFormat['figureStyle']
  /** The table of 2019 only grows, and has other widths and digits. */
  readonly appendOnly?: boolean
}

/** The number that C's `%.<digits>g` leaves of a value. */
function rounded(value: number, digits: number): number {
  const text = formatG(value, digits)
  return text === 'nan' ? Number.NaN : text === 'inf' ? Infinity : text === '-inf' ? -Infinity : Number(text)
}

export function textFormat(variant: TextVariant): EvolveFormat {
  const { name, resultKeys, weights, appendOnly = false } = variant
  const width = appendOnly ? 11 : 10
  // of the line as it is appended; the table that is read, sorted and written again has 3 digits everywhere
  const digits = appendOnly ? { results: 3, hyp: 4 } : { results: 4, hyp: 3 }

  const numberOf = (hyp: Hyp, key: string): number => {
    const value = Object.hasOwn(hyp, key) ? hyp[key] : undefined
    if (typeof value === 'number') return value
    throw new EvolveTextValueError(name, key, value === undefined ? undefined : String(value))
  }
  const round = (row: EvolveRow, keys: readonly string[], inResults: number, inHyp: number): EvolveRow => ({
    ...row,
    results: row.results.map((value) => rounded(value, inResults)),
    hyp: Object.fromEntries(keys.map((key) => [key, rounded(numberOf(row.hyp, key), inHyp)])),
  })

  // Rows never change, and large tables are written again after every trial.
  const kept = new WeakMap<EvolveRow, { keys: readonly string[]; row: EvolveRow }>()
  const once = (row: EvolveRow, keys: readonly string[], make: () => EvolveRow): EvolveRow => {
    const known = kept.get(row)
    if (known?.keys === keys) return known.row
    const made = make()
    kept.set(row, { keys, row: made })
    kept.set(made, { keys, row: made })
    return made
  }
  /** A row of the file after it was read and written again. */
  const rewritten = (row: EvolveRow, keys: readonly string[]) => once(row, keys, () => round(row, keys, 3, 3))
  /** A trial of which the file is told, after the next one was. */
  const asWritten = (row: EvolveRow, keys: readonly string[]) =>
    once(row, keys, () => round(round(row, keys, digits.results, 3), keys, 3, 3))
  const texts = new WeakMap<EvolveRow, { keys: readonly string[]; text: string }>()
  const lineOf = (row: EvolveRow, keys: readonly string[]): string => {
    const known = texts.get(row)
    if (known?.keys === keys) return known.text
    const cells = [
      ...row.results.map((value) => formatG(value, 3, width)),
      ...keys.map((key) => formatG(numberOf(row.hyp, key), digits.hyp, width)),
    ]
    const text = `${cells.join(appendOnly ? '' : ' ')}\n`
    texts.set(row, { keys, text })
    return text
  }

  const addAll = (table: EvolveTable, rows: readonly EvolveRow[], ranking: Ranking = 'table'): EvolveTable => {
    const row = rows.at(-1)
    if (row === undefined) return table
    const { keys } = table
    const appended = round(row, keys, digits.results, digits.hyp)
    if (appendOnly) {
      const before = rows.slice(0, -1).map((other) => round(other, keys, digits.results, digits.hyp))
      const all = [...table.rows, ...before, appended]
      return { ...table, rows: all, last: { row, best: all[bestRow(all, ranking, weights)!] } }
    }
    // Earlier rows have been through the file, first with 4 digits, then with 3: of whatever order and number they were,
    // this is what it holds of them.
    const written = rows.slice(0, -1).map((other) => asWritten(other, keys))
    const distinct = uniqueRows([...table.rows, ...written, appended], keys)
    const rank = (other: EvolveRow) => {
      if (typeof ranking === 'object' && other.number === ranking.winner) return Number.POSITIVE_INFINITY
      return ranking === 'table' ? fitness(other.results, weights) : (other.fitness ?? Number.NaN)
    }
    const sorted = argsort(distinct.map((other) => -rank(other))).map((i) => distinct[i])
    return { ...table, rows: sorted.map((other) => rewritten(other, keys)), last: { row, best: sorted[0] } }
  }

  const best = (table: EvolveTable, ranking: Ranking = 'table') =>
    table.rows.length === 0 ? undefined : appendOnly ? bestRow(table.rows, ranking, weights) : 0

  return {
    name,
    table: { folder: 'current', name: 'evolve.txt' },
    hyp: variant.hyp ? { folder: 'study', name: 'hyp_evolved.yaml' } : undefined,
    figure: { folder: 'current', name: 'evolve.png' },
    figureStyle: variant.figureStyle,
    folder: variant.folder,
    resultKeys,
    weights,
    titled: false,
    empty: (keys) => ({ resultKeys, keys, rows: [] }),
    add: (table, row, ranking) => addAll(table, [row], ranking),
    addAll,
    best,

    tableText: ({ keys, rows }) => rows.map((row) => lineOf(row, keys)).join(''),

    hypText(table, ranking) {
      const index = best(table, ranking)
      if (!variant.hyp || index === undefined) return undefined
      const row = table.last?.best ?? table.rows[index]
      return (
        '# Hyperparameter Evolution Results\n' +
        `# Generations: ${formatG(table.rows.length)}\n` +
        `# Metrics: ${row.results.map((value) => formatG(value, 4, width)).join('')}\n` +
        `\n${yamlLines(row.hyp)}`
      )
    },

    consoleText({ keys }, row) {
      const hyp = keys.map((key) => formatG(numberOf(row.hyp, key), digits.hyp, width))
      const results = row.results.map((value) => formatG(value, digits.results, width))
      const names = keys.map((key) => key.padStart(width))
      return `\n${names.join('')}\n${hyp.join('')}\nEvolved fitness: ${results.join('')}\n\n`
    },
  }
}

/**
 * Rows in ascending order, column by column, and each once; NaN is larger than all else and equals nothing, so rows with
 * NaN stay as often as they come. As NumPy 1.24 has it (`np.unique(x, axis=0)`).
 */
function uniqueRows(rows: readonly EvolveRow[], keys: readonly string[]): EvolveRow[] {
  const cells = rows.map((row) => [...row.results, ...keys.map((key) => row.hyp[key] as number)])
  const compare = (a: readonly number[], b: readonly number[]) => {
    for (let i = 0; i < a.length; i++) {
      if (a[i] < b[i]) return -1
      if (a[i] > b[i]) return 1
      if (Number.isNaN(a[i]) !== Number.isNaN(b[i])) return Number.isNaN(a[i]) ? 1 : -1
    }
    return 0
  }
  const order = rows.map((_, i) => i).sort((a, b) => compare(cells[a], cells[b]))
  return order
    .filter((index, i) => i === 0 || cells[index].some((value, column) => value !== cells[order[i - 1]][column]))
    .map((index) => rows[index])
}
