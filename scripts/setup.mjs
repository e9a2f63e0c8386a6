// Set-up shared by `npm test` and `npm run quickstart`. Runs on a bare clone, so it uses nothing but Node and npm.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
export const underCi = /^(1|true)$/i.test(process.env.CI ?? '')

/** Debian packages that some tests need: `present` tells whether the machine has it. */
export const systemPackages = [
  {
    name: 'fonts-wqy-microhei',
    use: 'a font with Chinese characters, for the pictures of data sets with Chinese class names',
    tests: 'drawing of Chinese class names',
    // test/e2e/train.test.ts looks at the same place
    present: () => existsSync('/usr/share/fonts/truetype/wqy/wqy-microhei.ttc'),
  },
  {
    name: 'postgresql',
    use: 'a PostgreSQL server; the tests start one of their own in a temporary folder',
    tests: 'studies stored in PostgreSQL',
    // test/helpers/postgres.ts looks at the same places
    present: () => folders('/usr/lib/postgresql').some((version) => existsSync(join(version, 'bin/postgres'))),
  },
]

/** Paths of what lies in a folder; none if there is no such folder. */
function folders(path) {
  return existsSync(path) ? readdirSync(path).map((name) => join(path, name)) : []
}

/** Ends with a message if this Node is older than package.json's engines say. */
export function requireNode() {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const [major, minor] = process.versions.node.split('.').map(Number)
  const [needMajor, needMinor] = engines.node.replace('>=', '').split('.').map(Number)
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return
  console.error(
    `Hypevolve needs Node ${engines.node}; this is ${process.versions.node}. Install a newer Node and try again.`,
  )
  process.exit(1)
}

/** What differs between the lock file and node_modules: packages to install, and whether all agrees. */
function dependencies() {
  const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const needed = Object.entries(locked).filter(([path, entry]) => path !== '' && !entry.optional)
  const stale = needed.some(([path, entry]) => {
    const file = join(root, path, 'package.json')
    return !existsSync(file) || JSON.parse(readFileSync(file, 'utf8')).version !== entry.version
  })
  return { count: needed.length, stale }
}

/**
 * Says what will be installed, then installs it: npm packages into node_modules, and (only if `system` allows) Debian
 * packages.
 *
 * @param {{ what: string, system?: 'no' | 'if possible' | 'yes' }} options - `system`: whether to install missing Debian
 *   packages with apt-get; `if possible` goes on without them where apt-get fails, `yes` ends with the error
 * @returns {Promise<{ installMs: number, missing: typeof systemPackages }>} `missing`: system packages still absent
 */
export async function setUp({ what, system = 'no' }) {
  requireNode()
  const { count, stale } = dependencies()
  const absent = systemPackages.filter((entry) => !entry.present())
  const install = system === 'no' ? [] : absent

  console.log(`${what} will`)
  console.log(
    stale
      ? `  install about ${count} npm packages (600 MB) into ${join(root, 'node_modules')} with npm ci; nothing of them runs while it is installed`
      : '  install no npm packages: node_modules agrees with package-lock.json',
  )
  for (const entry of install) console.log(`  install the Debian package ${entry.name} with apt-get (${entry.use})`)
  console.log(`  compile src into ${join(root, 'dist')}\n`)

  const began = Date.now()
  if (stale) await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  if (install.length > 0) {
    const installed = aptInstall(install.map((entry) => entry.name))
    await (system === 'yes' ? installed : installed.catch(({ message }) => console.log(`went on without: ${message}`)))
  }
  const installMs = Date.now() - began
  return { installMs, missing: systemPackages.filter((entry) => !entry.present()) }
}

/** Whether Debian packages may be installed here without asking: root on Debian or Ubuntu. */
export function mayInstallSystemPackages() {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return false
  return spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0
}

/** Installs Debian packages; throws if apt-get cannot. */
export async function aptInstall(names) {
  const sudo = process.getuid?.() === 0 ? [] : ['sudo']
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...words) => {
    const [command, ...rest] = [...sudo, 'apt-get', '-qq', ...words]
    return run(command, rest, { env, quiet: true })
  }
  await apt('update')
  await apt('install', '-y', '--no-install-recommends', ...names)
}

/** Compiles src into dist. */
export const build = () => run('npm', ['run', '--silent', 'build'])

/**
 * Runs a command in the repository and shows its output (with `quiet` only if it fails).
 *
 * @param {string} command
 * @param {readonly string[]} words
 * @param {{ env?: NodeJS.ProcessEnv, quiet?: boolean, allowFailure?: boolean }} [options]
 * @returns {Promise<number>} exit code; rejects on a non-zero one unless `allowFailure`
 */
export function run(command, words, { env = process.env, quiet = false, allowFailure = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { cwd: root, env, stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit' })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (output += data))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      const status = code ?? 1
      if (status !== 0 && quiet) process.stderr.write(output)
      if (status === 0 || allowFailure) resolve(status)
      else reject(new Error(`${command} ${words.join(' ')} ended with ${signal ?? `exit code ${status}`}`))
    })
  })
}

/** '1 min 12 s', '3.4 s'. */
export function duration(ms) {
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
}
