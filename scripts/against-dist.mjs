// Bundles a TypeScript file of bench/ or test/ so that plain Node runs it: what it imports from src comes from dist, so
// that the code that is measured or tested is the code that ships.
import { mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/**
 * @param {string} entry - the TypeScript file
 * @param {string} output - where the bundle goes; a folder is made for it
 * @param {{ keepUrl?: boolean }} [options] - keepUrl: `import.meta.url` is that of the entry
 */
export async function bundleAgainstDist(entry, output, { keepUrl = false } = {}) {
  mkdirSync(dirname(output), { recursive: true })
  await build({
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    ...(keepUrl && { define: { 'import.meta.url': JSON.stringify(pathToFileURL(entry).href) } }),
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
}
