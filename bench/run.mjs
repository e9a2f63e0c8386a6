// Runs a bench: `node bench/run.mjs <name> [arguments]` compiles src, then runs bench/<name>.bench.ts against dist, so
// that the measured code is the code that ships. The bench file itself is only stripped of its types.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleAgainstDist } from '../scripts/against-dist.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [name, ...words] = process.argv.slice(2)
const file = join(root, `bench/${name}.bench.ts`)
if (!name || !existsSync(file)) {
  const names = readdirSync(join(root, 'bench')).filter((entry) => entry.endsWith('.bench.ts'))
  console.error(
    `usage: node bench/run.mjs <${names.map((entry) => entry.replace('.bench.ts', '')).join('|')}> [arguments]`,
  )
  process.exit(2)
}

if (spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' }).status !== 0) process.exit(1)

const output = join(root, 'node_modules/.cache/hypevolve-bench', `${name}.mjs`)
await bundleAgainstDist(file, output, { keepUrl: true })
const { status } = spawnSync(process.execPath, [output, ...words], { stdio: 'inherit' })
process.exitCode = status ?? 1
