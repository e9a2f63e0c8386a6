// The root entry serves searches alone: the example runs with it, and nothing native or slow is loaded.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, it } from 'vitest'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

it('examples/tune-a-function.ts runs with the root entry, which loads only zod and yaml', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hypevolve-'))
  try {
    const { metafile } = await build({
      entryPoints: [path('../examples/tune-a-function.ts')],
      alias: { hypevolve: path('./index.ts') },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outdir: folder,
      outExtension: { '.js': '.mjs' },
      splitting: true, // what import() loads stays apart
      metafile: true,
      external: ['kysely', 'libsql', 'pg'], // out of reach of the program below: it ends with an error if it loads one
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
    })
    const packages = Object.keys(metafile.inputs).flatMap(
      (input) => input.match(/node_modules\/((@[^/]+\/)?[^/]+)/)?.[1] ?? [],
    )
    expect([...new Set(packages)].sort()).toEqual(['yaml', 'zod'])
    const { stdout, stderr, status } = spawnSync(process.execPath, [join(folder, 'tune-a-function.mjs')], {
      encoding: 'utf8',
    })
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^best of 300: trial \d+, cost 0\.[01]/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
