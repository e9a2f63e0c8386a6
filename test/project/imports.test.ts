// The import rules hold, and the checker sees each kind of breach.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const checker = fileURLToPath(new URL('../../scripts/check-imports.mjs', import.meta.url))
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hypevolve-imports-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function check(files: Record<string, string>) {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, 'src', name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [checker, folder], { encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

describe('import rules', () => {
  it('hold in this repository', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [checker], { encoding: 'utf8' })
    expect(stdout + stderr).toMatch(/^import rules hold in \d+ files\n$/)
    expect(status).toBe(0)
  })

  it('accept what the drawing allows', () => {
    const files = {
      'base/index.ts': 'export const one = 1',
      'search/index.ts':
        "import { one } from '../base/index.ts'\n// import { x } from '../detect/index.ts'\nexport { one }",
      'nn/index.ts': "export const load = () => import('onnxruntime-node')",
      'detect/index.ts': "export * from '../nn/index.ts'",
      'run/trainers/embedded.ts': "import '../../detect/index.ts'",
      'index.ts': "export * from './search/index.ts'",
    }
    expect(check(files)).toMatchObject({ status: 0 })
  })

  it.each([
    [
      'a tower that sees the other',
      { 'search/a.ts': "import type { X } from '../detect/index.ts'", 'detect/index.ts': '' },
      'search must not import detect',
    ],
    [
      'a way around index.ts',
      { 'detect/a.ts': "import { x } from '../nn/ops/conv.ts'", 'nn/ops/conv.ts': '' },
      'only nn/index.ts may be imported',
    ],
    [
      'a dynamic import',
      { 'nn/a.ts': "export const f = () => import('../study/index.ts')", 'study/index.ts': '' },
      'nn must not import study',
    ],
    [
      'a re-export',
      { 'report/a.ts': "export { x } from '../run/index.ts'", 'run/index.ts': '' },
      'report must not import run',
    ],
    [
      'the detector outside the embedded trainer',
      { 'run/loop.ts': "import '../detect/index.ts'", 'detect/index.ts': '' },
      'only run/trainers/embedded, run/slot/ may import detect',
    ],
    ['a native package in the wrong folder', { 'study/a.ts': "import sharp from 'sharp'" }, 'loads sharp'],
    [
      'a native package behind the root entry',
      {
        'index.ts': "export * from './search/index.ts'",
        'search/index.ts': "import '../base/index.ts'",
        'base/index.ts': "import 'onnxruntime-node'",
      },
      'index.ts -> search/index.ts -> base/index.ts loads onnxruntime-node',
    ],
    ['a clock in the search', { 'search/a.ts': 'export const f = () => Date.now()' }, 'has "Date.now("'],
    ['a folder that nobody declared', { 'utils/a.ts': '' }, 'the folder "utils" is not in'],
    ['a file that is not there', { 'base/a.ts': "import './b.ts'" }, 'which does not exist'],
  ])('refuse %s', (_, files, message) => {
    const { status, output } = check(files)
    expect(output).toContain(message)
    expect(status).toBe(1)
  })
})
