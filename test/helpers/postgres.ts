// A real PostgreSQL server for tests: its own data in a temporary folder, a free port, no superuser rights needed.
import { execFile } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Folder of the newest installed server's programs: Debian's place, or the path's. */
function binaries(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [...versions.map((version) => join(debian, version, 'bin')), ...(process.env.PATH ?? '').split(':')]
  return folders.find((folder) => existsSync(join(folder, 'postgres')) && existsSync(join(folder, 'initdb')))
}

/** Whether tests can start a server. Under CI they must: {@link startPostgres} fails there if it is missing. */
export const hasPostgres = binaries() !== undefined || /^(1|true)$/i.test(process.env.CI ?? '')

export interface PostgresServer {
  /** `postgres://…` of an empty database. */
  readonly url: string
  /** Makes another empty database. */
  createDatabase(name: string): Promise<string>
  /**
   * Stops the server and starts it again.
   *
   * @param mode - `fast` ends its sessions in order, `immediate` is a crash
   */
  restart(mode?: 'fast' | 'immediate', pauseMs?: number): Promise<void>
  /** Stops the server and removes its data. */
  stop(): Promise<void>
}

/** Starts a server; it takes about two seconds. */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = binaries()
  if (bin === undefined) throw new Error('PostgreSQL is not installed: apt-get install postgresql')
  const folder = mkdtempSync(join(tmpdir(), 'hypevolve-postgres-'))
  const identity = unprivileged()
  if (identity) chownSync(folder, identity.uid, identity.gid)
  const options = { cwd: folder, env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' }, ...identity }
  const data = join(folder, 'data')
  const port = await freePort()
  const control = (...words: string[]) => run(join(bin, 'pg_ctl'), ['-D', data, ...words], options)
  // Its data need not survive a power cut of this machine, only that its processes are killed.
  const flags = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c shared_buffers=16MB`
  const start = () => control('-w', '-t', '60', '-l', join(folder, 'log'), '-o', flags, 'start')
  const query = (text: string) =>
    run(join(bin, 'psql'), ['-h', '127.0.0.1', '-p', String(port), '-U', 'hypevolve', '-c', text, 'postgres'], options)
  const urlOf = (name: string) => `postgres://hypevolve:secret@127.0.0.1:${port}/${name}`
  try {
    await run(join(bin, 'initdb'), ['-D', data, '-U', 'hypevolve', '-A', 'trust', '-E', 'UTF8', '--no-sync'], options)
    await start()
    await query('create database studies')
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
  return {
    url: urlOf('studies'),
    async createDatabase(name) {
      await query(`create database ${name}`)
      return urlOf(name)
    },
    async restart(mode = 'fast', pauseMs = 0) {
      await control('-m', mode, '-w', 'stop')
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
      await start()
    },
    async stop() {
      await control('-m', 'immediate', '-w', 'stop').catch(() => {})
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The server refuses to run as root: the user that the package made, else nobody. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (!user) throw new Error('there is no user postgres or nobody to run the server as')
  return { uid: Number(user[2]), gid: Number(user[3]) }
}

/** Also taken by nobody else a moment later, most likely. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
