// `npm run soak`: compiles src, then runs soak.ts against dist. See soak.ts for its arguments.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleAgainstDist } from '../../scripts/against-dist.mjs'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
if (spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' }).status !== 0) process.exit(1)

const output = join(root, 'node_modules/.cache/hypevolve-soak/soak.mjs')
await bundleAgainstDist(join(root, 'test/soak/soak.ts'), output)
const { status } = spawnSync(process.execPath, ['--enable-source-maps', output, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
})
process.exitCode = status ?? 1
