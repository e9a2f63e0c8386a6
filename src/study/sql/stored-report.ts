// What trials reported, packed for reading as trials are: comparing 1,000 curves costs their numbers, not their rows.
import { type SelectQueryBuilder, sql } from 'kysely'
import type { ReportChanges } from '../storage.ts'
import type { Dialect } from './dialect.ts'
import type { Tables } from './schema.ts'

const separator = '\u001e'

/** Reports of a query (of `epoch`, ordered by `sequence`) as one text, `null` if there are none. */
export function packedReports(
  dialect: Pick<Dialect, 'linesOf' | 'joinRows'>,
  query: SelectQueryBuilder<Tables, 'epoch', object>,
) {
  const line = dialect.linesOf([
    { value: sql.ref('trial') },
    { value: sql.ref('epoch.epoch') },
    { value: sql.ref('fitness'), real: true },
    { value: sql.ref('sequence') },
  ])
  const rows = query.select(['sequence', line.as('line')]).as('rows')
  return sql<{ readonly packed: string | null }>`select ${dialect.joinRows(separator)} as packed from ${rows}`
}

export function unpackReports(packed: string): ReportChanges {
  let sequence = 0
  const reports = packed.split(separator).map((row) => {
    const [trial, epoch, fitness, last] = row.split('\n').map(Number)
    sequence = last
    return { trial, epoch, fitness }
  })
  return { sequence, reports }
}
