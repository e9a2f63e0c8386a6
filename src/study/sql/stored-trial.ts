// Rows as trials. A trial read from the tables parses its texts when they are looked at: opening 100,000 trials costs
// their bytes, not their objects.
import { type SelectQueryBuilder, sql } from 'kysely'
import type { FailureClass, Hyp, Metrics, Trial, TrialState } from '../../search/index.ts'
import type { StoredTrial } from '../storage.ts'
import { parseHypText, parseMetricsText } from '../stored-values.ts'
import type { Dialect } from './dialect.ts'
import type { Tables, TrialTable } from './schema.ts'

/** A trial as it is read. */
interface TrialRow {
  readonly number: number
  readonly digest: number
  readonly fitness: number | undefined
  readonly state: TrialState
  /** All else, by lines. */
  readonly texts: string
}

/** What few trials have, as columns: those of a study without a schedule none. */
const proposedNumbers = ['fidelity', 'continues', 'repeats', 'repetition'] as const
const judgedNumbers = ['second', 'violation'] as const
const fewHave = [...proposedNumbers, ...judgedNumbers]

/** Between trials; JSON escapes it. */
const separator = '\u001e'

/**
 * Trials of a query (of `trial`, ordered by `sequence`) packed into one text, `null` if there are none: handing a value
 * over from the database costs more than the value. A trial is lines of text, as JSON has no line ends.
 */
export function packedTrials(dialect: Pick<Dialect, 'linesOf' | 'joinRows'>, query: TrialQuery) {
  const line = dialect.linesOf([
    { value: sql.ref('number') },
    { value: sql.ref('digest') },
    { value: sql.ref('fitness'), real: true },
    { value: sql.ref('state') },
    { value: sql.ref('attempt') },
    { value: sql.ref('sequence') },
    { value: sql.ref('hyp') },
    { value: sql.ref('parents') },
    { value: sql.ref('mutated') },
    { value: sql`coalesce(metrics, output)` },
    { value: sql`coalesce(cast(epochs as text), failure)` },
    ...proposedNumbers.map((name) => ({ value: sql.ref(name) })),
    ...judgedNumbers.map((name) => ({ value: sql.ref(name), real: true })),
  ])
  const rows = query.select(['sequence', line.as('line')]).as('rows')
  return sql<{ readonly packed: string | null }>`select ${dialect.joinRows(separator)} as packed from ${rows}`
}

type TrialQuery = SelectQueryBuilder<Tables, 'trial', object>

/** Lines before the texts. */
const headLines = 4
/** How the text of a trial ends that has nothing of what few have. */
const nothingMore = '\n'.repeat(fewHave.length)

/** The trials of a {@link packedTrials} text, and the number of their last change. */
export function unpackTrials(packed: string): { readonly trials: StoredTrial[]; readonly sequence: number } {
  const rows = packed.split(separator)
  const trials = rows.map((row) => {
    const afterNumber = row.indexOf('\n')
    const afterDigest = row.indexOf('\n', afterNumber + 1)
    const afterFitness = row.indexOf('\n', afterDigest + 1)
    const fitness = row.slice(afterDigest + 1, afterFitness)
    return toStoredTrial({
      number: Number(row.slice(0, afterNumber)),
      digest: Number(row.slice(afterNumber + 1, afterDigest)),
      fitness: fitness === '' ? undefined : Number(fitness),
      state: row.slice(afterFitness + 1, row.indexOf('\n', afterFitness + 1)) as TrialState,
      texts: row,
    })
  })
  return { trials, sequence: Number(rows[rows.length - 1].split('\n', headLines + 2)[headLines + 1]) }
}

/** A complete trial; its texts are parsed each time they are looked at. */
class RowTrial {
  readonly number: number
  readonly state = 'complete'
  readonly fitness: number
  // Of most trials these are not even there.
  declare readonly fidelity?: number
  declare readonly continues?: number
  declare readonly repeats?: number
  declare readonly repetition?: number
  declare readonly second?: number
  declare readonly violation?: number
  readonly #texts: string

  constructor({ number, fitness, texts }: TrialRow) {
    this.number = number
    this.fitness = fitness!
    this.#texts = texts
    if (!texts.endsWith(nothingMore)) Object.assign(this, more(texts.split('\n').slice(-fewHave.length)))
  }

  get attempt(): number {
    return Number(this.#line(0))
  }

  get hyp(): Hyp {
    return parseHypText(this.#line(2))
  }

  get parents(): readonly number[] {
    return JSON.parse(this.#line(3)) as number[]
  }

  get mutated(): readonly string[] {
    return JSON.parse(this.#line(4)) as string[]
  }

  get metrics(): Metrics {
    return parseMetricsText(this.#line(5))
  }

  #line(index: number): string {
    return this.#texts.split('\n', headLines + index + 1)[headLines + index]
  }
}

const toStoredTrial = (row: TrialRow): StoredTrial => ({ trial: toTrial(row), digest: row.digest })

function toTrial(row: TrialRow): Trial {
  const { state } = row
  if (state === 'complete') return new RowTrial(row)
  const [attempt, , hyp, parents, mutated, results, detail, ...rest] = row.texts.split('\n').slice(headLines)
  const trial = {
    ...{ number: row.number, ...proposedTexts({ hyp, parents, mutated }), attempt: Number(attempt) },
    ...more(rest),
  }
  switch (state) {
    case 'pruned':
      return {
        ...trial,
        state: 'pruned',
        epochs: Number(detail),
        ...(row.fitness !== undefined && { fitness: row.fitness }),
        metrics: parseMetricsText(results),
      }
    case 'failed':
      return { ...trial, state: 'failed', failure: detail as FailureClass, output: JSON.parse(results) as string[] }
    default:
      return { ...trial, state }
  }
}

/** What few trials have, from their lines: what this one has. */
function more(lines: readonly string[]): Partial<Record<(typeof fewHave)[number], number>> {
  const values = fewHave.map((name, i) => [name, lines[i]] as const).filter(([, line]) => line !== '')
  return Object.fromEntries(values.map(([name, line]) => [name, realOf(line)]))
}

/** SQLite and PostgreSQL have their own words for the infinite. */
const realOf = (text: string) => (text === 'Inf' ? Number.POSITIVE_INFINITY : Number(text))

const proposedTexts = (texts: Pick<TrialTable, 'hyp' | 'parents' | 'mutated'>) => ({
  hyp: Object.freeze(parseHypText(texts.hyp)),
  parents: JSON.parse(texts.parents) as number[],
  mutated: JSON.parse(texts.mutated) as string[],
})

/** The columns of {@link proposedValues}. */
export const proposedColumns = ['hyp', 'parents', 'mutated', ...proposedNumbers] as const

/** What was proposed, from its row. */
export function proposedValues(row: Pick<TrialTable, (typeof proposedColumns)[number]>) {
  const numbers = proposedNumbers.flatMap((name) => (row[name] === null ? [] : [[name, row[name]] as const]))
  return {
    ...proposedTexts(row),
    ...(Object.fromEntries(numbers) as Partial<Record<(typeof proposedNumbers)[number], number>>),
  }
}
