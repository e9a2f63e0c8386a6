import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TrainerNotFoundError } from '../../../base/index.ts'
import { expandPath, findOnPath, findPython, inspectPython } from './python.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hypevolve-python-'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

/** A stand-in for an interpreter that has the packages: it answers as ours asks. */
function fakePython(path: string, packages: Record<string, { version: string | null; folder: string }>): string {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, `#!/bin/sh\necho warning\necho '${JSON.stringify({ version: '3.9.1', packages })}'\n`)
  chmodSync(path, 0o755)
  return path
}

const torch = { torch: { version: '1.13.0', folder: '/site/torch' } }
const request = { trainer: 'yolov5', packages: ['torch'], wanted: ['torch'] }

describe.skipIf(process.platform === 'win32')('the interpreter', () => {
  it('is the one given: a program, or the folder of an environment', async () => {
    const python = fakePython(join(folder, 'venv/bin/python3'), torch)
    const facts = { python, version: '3.9.1', packages: torch }
    expect(await findPython({ ...request, python })).toEqual(facts)
    expect(await findPython({ ...request, python: join(folder, 'venv') })).toEqual(facts)
    vi.stubEnv('PATH', join(folder, 'venv/bin'))
    expect(await findPython({ ...request, python: 'python3' })).toEqual(facts)
  })

  it('is an error if what was given does not run', async () => {
    await expect(findPython({ ...request, python: join(folder, 'none') })).rejects.toThrow(TrainerNotFoundError)
    const broken = join(folder, 'broken')
    writeFileSync(broken, '#!/bin/sh\nexit 3\n', { mode: 0o755 })
    await expect(findPython({ ...request, python: broken })).rejects.toThrow('does not run as Python 3')
  })

  it('is that of the clone, then the active one, then python3; one that lacks PyTorch comes last', async () => {
    const inClone = fakePython(join(folder, 'clone/.venv/bin/python'), torch)
    const active = fakePython(join(folder, 'active/bin/python'), torch)
    const system = fakePython(join(folder, 'bin/python3'), torch)
    vi.stubEnv('PATH', join(folder, 'bin'))
    vi.stubEnv('VIRTUAL_ENV', join(folder, 'active'))
    vi.stubEnv('CONDA_PREFIX', '')
    // the stand-ins are shell scripts with a full path, so PATH may lack everything else
    const repo = join(folder, 'clone')
    expect((await findPython({ ...request, repo })).python).toBe(inClone)
    expect((await findPython(request)).python).toBe(active)
    fakePython(active, {})
    expect((await findPython(request)).python).toBe(system)
    fakePython(system, {})
    expect((await findPython(request)).python).toBe(active)
  })

  it('says what to give if there is none', async () => {
    vi.stubEnv('PATH', folder)
    vi.stubEnv('VIRTUAL_ENV', '')
    vi.stubEnv('CONDA_PREFIX', '')
    await expect(findPython(request)).rejects.toThrow('--python ~/venv/bin/python')
  })
})

describe('a real Python', () => {
  const python = findOnPath('python3')

  it.skipIf(python === undefined)('tells of packages without importing them; a plain folder is none', async () => {
    mkdirSync(join(folder, 'loud'))
    writeFileSync(join(folder, 'loud/__init__.py'), 'raise SystemExit("imported")\n')
    mkdirSync(join(folder, 'plain'))
    vi.stubEnv('PYTHONPATH', folder)
    const facts = await inspectPython(python!, ['loud', 'plain', 'no_such_package'])
    expect(facts).toEqual({
      python,
      version: expect.stringMatching(/^3\.\d+\.\d+$/),
      packages: { loud: { folder: join(folder, 'loud') } },
    })
  })
})

describe('paths', () => {
  it('begin in the home after ~, else here', () => {
    expect(expandPath('~/yolov5')).toBe(join(homedir(), 'yolov5'))
    expect(expandPath('../x', '/a/b')).toBe('/a/x')
    expect(expandPath('/x')).toBe('/x')
  })

  it('of programs are looked for on PATH', () => {
    const target = fakePython(join(folder, 'bin/tool'), {})
    symlinkSync(target, join(folder, 'link'))
    expect(findOnPath('link', `:${folder}/none:${folder}`)).toBe(join(folder, 'link'))
    expect(findOnPath('nothing', folder)).toBeUndefined()
  })
})
