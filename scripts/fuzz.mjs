// `npm run fuzz`: compiles src, then runs test/fuzz/main.ts against dist. See there for its arguments.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleAgainstDist } from './against-dist.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
if (spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' }).status !== 0) process.exit(1)

const folder = join(root, 'node_modules/.cache/hypevolve-fuzz')
const [main, child] = ['main', 'child'].map((name) => join(folder, `${name}.mjs`))
for (const [name, output] of Object.entries({ main, child }))
  await bundleAgainstDist(join(root, `test/fuzz/${name}.ts`), output)
const { status } = spawnSync(
  process.execPath,
  ['--enable-source-maps', main, '--child', child, ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: 'inherit',
  },
)
process.exitCode = status ?? 1
