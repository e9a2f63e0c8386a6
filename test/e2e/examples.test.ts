// Every program in examples/ runs, against the built package under its own name.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cacheEnv, scratch } from './helpers.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const examples = readdirSync(`${root}/examples`).filter((name) => name.endsWith('.ts'))
let place: ReturnType<typeof scratch>
beforeAll(() => {
  place = scratch()
})
afterAll(() => place.remove())

describe('examples', () => {
  it('are there', () => expect(examples.length).toBeGreaterThan(0))

  it.each(examples)(
    '%s',
    (name) => {
      const { code } = transformSync(readFileSync(`${root}/examples/${name}`, 'utf8'), { loader: 'ts', format: 'esm' })
      // Read from stdin in the repository, so that 'hypevolve' means this package; results go to a scratch folder.
      const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-', place.folder], {
        cwd: root,
        input: code,
        encoding: 'utf8',
        env: { ...process.env, ...cacheEnv(place.folder) },
      })
      expect(status, stdout + stderr).toBe(0)
      expect(stdout).not.toBe('')
    },
    180_000,
  )
})
