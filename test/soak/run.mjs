// `npm run soak`: compiles src, then runs soak.ts against dist, or with --memory memory.ts. See there for their arguments.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleAgainstDist } from '../../scripts/against-dist.mjs'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
if (spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' }).status !== 0) process.exit(1)

const words = process.argv.slice(2).filter((word) => word !== '--memory')
const name = process.argv.includes('--memory') ? 'memory' : 'soak'
const output = join(root, `node_modules/.cache/hypevolve-soak/${name}.mjs`)
await bundleAgainstDist(join(root, `test/soak/${name}.ts`), output)
const { status } = spawnSync(process.execPath, ['--enable-source-maps', output, ...words], {
  cwd: root,
  stdio: 'inherit',
})
process.exitCode = status ?? 1
