// What differs between SQLite and PostgreSQL; all else is written once in sql-storage.ts.
import type { Kysely, RawBuilder, SelectQueryBuilder, Transaction } from 'kysely'
import type { Tables } from './schema.ts'

export type Db = Kysely<Tables>
export type Tx = Transaction<Tables>

export interface Dialect {
  readonly db: Db
  /** A path, or a URL without its password. */
  readonly location: string
  /** Type of a column that numbers its rows by itself. */
  readonly idType: 'integer' | 'serial'
  /**
   * Runs a transaction that writes, again if it was not carried out for reasons that pass (another writer, a server that
   * restarts). So the body may run several times; all but one of them are undone.
   *
   * @param durability - `disk` (default): when it resolves, a power cut cannot undo it. `order`: a power cut may undo it,
   *   with all that came after it; for what matters only as long as the process lives. A server, which processes outlive,
   *   makes no difference between them.
   * @throws typed errors
   */
  write<T>(body: (tx: Tx) => Promise<T>, durability?: 'disk' | 'order'): Promise<T>
  /** Runs a query that only reads. */
  read<T>(body: (db: Db) => Promise<T>): Promise<T>
  /** Rows of this query are not changed or locked by others until the transaction ends. */
  lockRow<O>(query: SelectQueryBuilder<Tables, 'study', O>): SelectQueryBuilder<Tables, 'study', O>
  /** Values as one text, a line each; null is an empty one. `real`: it reads back as the same number. */
  linesOf(values: readonly { readonly value: RawBuilder<unknown>; readonly real?: boolean }[]): RawBuilder<string>
  /** The column `line` of all rows by `sequence`, joined. */
  joinRows(separator: string): RawBuilder<string | null>
  /** Nobody else begins or deletes a study, or migrates, until the transaction ends. */
  lockAll(tx: Tx): Promise<void>
  /** Milliseconds, by one clock for all who use this storage. */
  now(tx: Db): Promise<number>
  /** Prepares what the tables stand in, before the first migration. */
  prepare(tx: Tx): Promise<void>
  /** Whether the table of versions is there. @throws {@link StorageInvalidError} if this is not ours */
  isInitialised(db: Db): Promise<boolean>
  close(): Promise<void>
}
