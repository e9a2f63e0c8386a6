// The door to the databases: whoever imports this loads kysely, and a driver when a storage of its kind is opened.
import type { Storage } from '../storage.ts'
import { SqlStorage } from './sql-storage.ts'

/** @param notes - what a person should know about the place */
export async function openSqlite(
  path: string,
  clock: () => number,
  notes: readonly string[] = [],
  patienceMs?: number,
): Promise<Storage> {
  const { libsqlDialect } = await import('./libsql-dialect.ts')
  return SqlStorage.open(await libsqlDialect(path, clock, patienceMs), notes)
}

/** @param clock - default the server's */
export async function openPostgres(url: string, clock?: () => number): Promise<Storage> {
  const { postgresDialect } = await import('./postgres-dialect.ts')
  return SqlStorage.open(await postgresDialect(url, clock ? { clock } : {}))
}
