// PostgreSQL through pg. The tables stand in a schema of their own. A server that restarts is waited for: what was not
// committed is done again, and whether a commit arrived is asked before.
import { setTimeout as delay } from 'node:timers/promises'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import {
  HypevolveError,
  StorageFullError,
  StorageInvalidError,
  StorageLockedError,
  StoragePermissionError,
  StorageUnreachableError,
} from '../../base/index.ts'
import type { Db, Dialect, Tx } from './dialect.ts'
import type { Tables } from './schema.ts'

const schemaName = 'hypevolve'
/** Names the lock under which studies begin and end; any number that others are unlikely to use. */
const lockNumber = 4_719_310_226

export interface PostgresOptions {
  /** Milliseconds; default the server's clock, which all hosts share. */
  readonly clock?: () => number
  /** So long a server may be away once it was there. Default 10 minutes: less than a training is worth. */
  readonly patienceMs?: number
}

/** Connects to a server. It must be there now; later it may go away for a while. */
export async function postgresDialect(url: string, options: PostgresOptions = {}): Promise<Dialect> {
  const { clock, patienceMs = 600_000 } = options
  const location = withoutPassword(url)
  const pool = new pg.Pool({
    connectionString: url,
    max: 4,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    // A process that was stopped (Ctrl-Z) in the middle of a transaction must not stop the others.
    idle_in_transaction_session_timeout: 60_000,
    lock_timeout: 120_000,
    application_name: 'hypevolve',
    // counts (int8) as numbers
    types: { getTypeParser: (oid, format) => (oid === 20 ? Number : pg.types.getTypeParser(oid, format)) },
  } as pg.PoolConfig)
  // A connection that breaks: the query that is under way says so, and the pool makes a new one.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const db: Db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }).withSchema(schemaName)
  let patience = 5_000 // at the start somebody waits in front of the screen

  /** Runs a step, again after a pause as long as the connection is lost. */
  async function persist<T>(step: () => Promise<T>): Promise<T> {
    const end = performance.now() + patience
    for (let pause = 50; ; pause = Math.min(2 * pause, 5_000)) {
      try {
        return await step()
      } catch (error) {
        if (!(isLost(error) || isConflict(error)) || performance.now() > end) throw typedError(error, location)
        await delay(pause * (0.5 + Math.random()))
      }
    }
  }

  async function write<T>(body: (tx: Tx) => Promise<T>): Promise<T> {
    return persist(async () => {
      let done: { readonly transaction: string; readonly result: T } | undefined
      try {
        return await db.transaction().execute(async (tx) => {
          const { rows } = await sql<{ id: string }>`select pg_current_xact_id()::text as id`.execute(tx)
          const result = await body(tx)
          done = { transaction: rows[0].id, result }
          return result
        })
      } catch (error) {
        // Lost while it was being committed: only the server knows whether it was.
        if (done && isLost(error) && (await wasCommitted(done.transaction))) return done.result
        throw error
      }
    })
  }

  const wasCommitted = (transaction: string): Promise<boolean> =>
    persist(async () => {
      const query = sql<{ status: string | null }>`select pg_xact_status(${transaction}::text::xid8) as status`
      const { rows } = await query.execute(db)
      if (rows[0].status === 'in progress') throw Object.assign(new Error('not yet decided'), { code: '57P03' })
      return rows[0].status === 'committed'
    })

  const dialect: Dialect = {
    db,
    location,
    idType: 'serial',
    write,
    read: (body) => persist(() => body(db)),
    lockRow: (query) => query.forNoKeyUpdate(),
    linesOf: (values) =>
      sql`concat_ws(${sql.lit('\n')}, ${sql.join(values.map(({ value }) => sql`coalesce(cast(${value} as text), '')`))})`,
    joinRows: (separator) => sql`string_agg(line, ${separator} order by sequence)`,
    async lockAll(tx) {
      await sql`select pg_advisory_xact_lock(${lockNumber}::bigint)`.execute(tx)
    },
    async now(tx) {
      if (clock) return clock()
      const { rows } = await sql<{ ms: number }>`
        select (extract(epoch from clock_timestamp()) * 1000)::double precision as ms`.execute(tx)
      return rows[0].ms
    },
    async prepare(tx) {
      await sql`create schema if not exists ${sql.id(schemaName)}`.execute(tx)
    },
    async isInitialised(tx) {
      const { rows } = await sql<{ there: boolean }>`
        select to_regclass(${`${schemaName}.hypevolve_version`}) is not null as there`.execute(tx)
      return rows[0].there
    },
    close: () => db.destroy(),
  }
  try {
    await dialect.read((reader) => sql`select 1`.execute(reader))
  } catch (error) {
    await db.destroy()
    throw error
  }
  patience = patienceMs
  return dialect
}

const codeOf = (error: unknown) => String((error as { code?: unknown } | undefined)?.code ?? '')
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

/** The connection broke, or the server is just stopping or starting: what was not committed can be tried again. */
const isLost = (error: unknown) =>
  /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|08|57P0[1-3]|53300|25P03)/.test(codeOf(error)) ||
  /Connection terminated|connection error|timeout exceeded when trying to connect|not queryable/i.test(
    messageOf(error),
  ) ||
  (error instanceof AggregateError && error.errors.some(isLost)) // several addresses of one host

/** Serialisation failure or deadlock: the server undid one of two transactions. */
const isConflict = (error: unknown) => /^(40001|40P01)$/.test(codeOf(error))

function typedError(error: unknown, location: string): unknown {
  if (error instanceof HypevolveError) return error
  const code = codeOf(error)
  const message = messageOf(error) || code
  const options = { cause: error }
  if (isLost(error) || code === 'ENOTFOUND' || code === '3D000' || code.startsWith('28'))
    return new StorageUnreachableError(location, message || 'there is no answer', options)
  if (code === '53100') return new StorageFullError(location, options)
  if (code === '55P03') return new StorageLockedError(location, 120, options)
  if (code === '42501' || code === '25006') return new StoragePermissionError(location, message, options)
  if (code.startsWith('XX')) return new StorageInvalidError(location, message, options)
  return error
}

function withoutPassword(url: string): string {
  try {
    const parsed = new URL(url)
    parsed.password = ''
    return parsed.href
  } catch {
    return url.replace(/:[^:@/]*@/, '@')
  }
}
