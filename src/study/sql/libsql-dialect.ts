// SQLite through libsql, which is synchronous. One connection per process; one writer at a time among all processes.
import { mkdirSync, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely'
import Database from 'libsql'
import {
  HypevolveError,
  StorageFullError,
  StorageInvalidError,
  StorageLockedError,
  StoragePermissionError,
} from '../../base/index.ts'
import type { Db, Dialect, Tx } from './dialect.ts'
import type { Tables } from './schema.ts'

/** So long another program may keep the file locked. */
const patienceMs = 60_000

/**
 * Opens or creates a database file, with its folder.
 *
 * @param clock - milliseconds
 * @param patience - milliseconds until a lock of another program is an error
 */
export async function libsqlDialect(path: string, clock: () => number, patience = patienceMs): Promise<Dialect> {
  const guard = <T>(body: () => Promise<T>) =>
    body().catch((error: unknown) => {
      throw typedError(error, path, patience)
    })
  const connection = await guard(() => whenUnlocked(() => LibsqlConnection.open(path), patience))
  const db: Db = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new LibsqlDriver(connection, patience),
      createIntrospector: (kysely) => new SqliteIntrospector(kysely),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  })
  return {
    db,
    location: path,
    idType: 'integer',
    write: (body, durability = 'disk') =>
      guard(() =>
        db.connection().execute((one) => {
          connection.durability(durability)
          return one.transaction().execute(body)
        }),
      ),
    read: (body) => guard(() => body(db)),
    lockRow: (query) => query, // a transaction that writes is the only one
    // By printf, since every || copies what is there already. A cast of a real would keep 15 digits.
    linesOf(values) {
      const reals = values.map(({ value, real }) =>
        real ? sql`case when ${value} is not null then printf('%!.17g', ${value}) end` : value,
      )
      return sql`printf(${sql.lit(values.map(() => '%s').join('\n'))}, ${sql.join(reals)})`
    },
    // The rows come in the order of their query.
    joinRows: (separator) => sql`group_concat(line, ${separator})`,
    async lockAll() {},
    now: async () => clock(),
    async prepare() {},
    async isInitialised(tx: Db | Tx) {
      const { rows } = await sql<{ name: string }>`select name from sqlite_master where type = 'table'`.execute(tx)
      const names = rows.map(({ name }) => name).filter((name) => !name.startsWith('sqlite_'))
      if (names.includes('hypevolve_version')) return true
      if (names.length > 0)
        throw new StorageInvalidError(path, `it holds tables of something else (${names.join(', ')})`)
      return false
    },
    close: () => db.destroy(),
  }
}

/** Kysely's view of the one connection: who asks for it gets it after all who asked before. */
class LibsqlDriver implements Driver {
  readonly #connection: LibsqlConnection
  readonly #patience: number
  #turn: Promise<unknown> = Promise.resolve()
  #next: () => void = () => {}

  constructor(connection: LibsqlConnection, patience: number) {
    this.#connection = connection
    this.#patience = patience
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#turn
    let done = () => {}
    this.#turn = new Promise<void>((resolve) => {
      done = resolve
    })
    await before
    this.#next = done
    return this.#connection
  }

  async releaseConnection(): Promise<void> {
    this.#next()
  }

  /** Takes the write lock at once: a transaction that reads first and then writes could find that others wrote. */
  async beginTransaction(): Promise<void> {
    await whenUnlocked(() => this.#connection.exec('begin immediate'), this.#patience)
  }

  async commitTransaction(): Promise<void> {
    await whenUnlocked(() => this.#connection.exec('commit'), this.#patience)
  }

  async rollbackTransaction(): Promise<void> {
    this.#connection.rollback()
  }

  async destroy(): Promise<void> {
    this.#connection.close()
  }
}

class LibsqlConnection implements DatabaseConnection {
  readonly #database: Database.Database
  /** Prepared statements by their text, and whether they have rows. */
  readonly #statements = new Map<string, { readonly statement: Database.Statement; readonly reads: boolean }>()
  #durability: 'disk' | 'order' | undefined

  private constructor(database: Database.Database) {
    this.#database = database
  }

  static open(path: string): LibsqlConnection {
    mkdirSync(dirname(path), { recursive: true })
    const database = new Database(path)
    try {
      // Readers and the writer do not wait for each other.
      database.pragma('journal_mode = wal')
      // A long log keeps the copying of its pages into the file rare; it is 16 MB at most.
      database.pragma('wal_autocheckpoint = 4000')
      database.pragma('foreign_keys = on')
      return new LibsqlConnection(database)
    } catch (error) {
      database.close()
      throw error
    }
  }

  /** With `disk` a commit is on the disk when it returns. Between transactions only. */
  durability(durability: 'disk' | 'order'): void {
    if (durability === this.#durability) return
    this.#database.exec(`pragma synchronous = ${durability === 'disk' ? 'full' : 'normal'}`)
    this.#durability = durability
  }

  exec(text: string): void {
    this.#database.exec(text)
  }

  /** Some errors (a full disk) have rolled back already. */
  rollback(): void {
    if (this.#database.inTransaction) this.#database.exec('rollback')
  }

  /** The file then holds all by itself, for those who copy it. If others work with it, the last one sees to that. */
  close(): void {
    this.#statements.clear()
    try {
      this.#database.pragma('wal_checkpoint(truncate)')
    } catch {
      // a full disk, for one; the log stays, and is read at the next opening
    }
    this.#database.close()
  }

  async executeQuery<R>({ sql: text, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { statement, reads } = this.#prepare(text)
    try {
      if (reads) return { rows: statement.all(parameters) as R[] }
      const { changes, lastInsertRowid } = statement.run(parameters)
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
    } catch (error) {
      this.#statements.delete(text) // it may stand in the middle of its rows
      throw error
    }
  }

  // biome-ignore lint/correctness/useYield: it only refuses
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new Error('rows are read in portions instead')
  }

  #prepare(text: string) {
    let prepared = this.#statements.get(text)
    if (!prepared) {
      if (this.#statements.size >= 100) this.#statements.clear()
      const statement = this.#database.prepare(text)
      prepared = { statement, reads: statement.reader }
      this.#statements.set(text, prepared)
    }
    return prepared
  }
}

/** Repeats a step while another process has the lock, without holding up this one. */
async function whenUnlocked<T>(step: () => T, patience: number): Promise<T> {
  const end = performance.now() + patience
  for (;;) {
    try {
      return step()
    } catch (error) {
      if (!isBusy(error) || performance.now() > end) throw error
      await delay(1 + Math.random() * 4)
    }
  }
}

const codeOf = (error: unknown) => String((error as { code?: unknown } | undefined)?.code ?? '')
const isBusy = (error: unknown) => /^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(codeOf(error))

function typedError(error: unknown, path: string, patience: number): unknown {
  if (error instanceof HypevolveError) return error
  const code = codeOf(error)
  const message = error instanceof Error ? error.message : String(error)
  const options = { cause: error }
  if (/^(SQLITE_FULL|ENOSPC|EDQUOT)/.test(code) || (code.startsWith('SQLITE_IOERR') && isFull(path)))
    return new StorageFullError(path, options)
  if (isBusy(error)) return new StorageLockedError(path, Math.round(patience / 1000), options)
  if (/^SQLITE_(NOTADB|CORRUPT|FORMAT)/.test(code)) return new StorageInvalidError(path, message, options)
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST')
    return new StoragePermissionError(path, message, options)
  if (/^SQLITE_(READONLY|PERM|CANTOPEN|AUTH|IOERR)/.test(code) || message.startsWith('ConnectionFailed'))
    return new StoragePermissionError(path, whyNot(path) ?? message, options)
  return error
}

function whyNot(path: string): string | undefined {
  try {
    return statSync(path).isDirectory() ? 'it is a folder' : undefined
  } catch {
    return undefined
  }
}

function isFull(path: string): boolean {
  try {
    const { bavail } = statfsSync(dirname(path))
    return bavail === 0
  } catch {
    return false
  }
}
