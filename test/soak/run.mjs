// `npm run soak`: compiles src, then runs soak.ts against dist. See soak.ts for its arguments.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
if (spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' }).status !== 0) process.exit(1)

const output = join(root, 'node_modules/.cache/hypevolve-soak/soak.mjs')
mkdirSync(dirname(output), { recursive: true })
await build({
  entryPoints: [join(root, 'test/soak/soak.ts')],
  outfile: output,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  sourcemap: 'inline',
  plugins: [
    {
      name: 'src-to-dist',
      setup({ onResolve }) {
        onResolve({ filter: /^\.\.?\/.*\/?src\/.*\.ts$/ }, ({ path, resolveDir }) => {
          const compiled = resolve(resolveDir, path).replace(`${root}/src/`, `${root}/dist/`).replace(/\.ts$/, '.js')
          return { path: pathToFileURL(compiled).href, external: true }
        })
      },
    },
  ],
})
const { status } = spawnSync(process.execPath, ['--enable-source-maps', output, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
})
process.exitCode = status ?? 1
