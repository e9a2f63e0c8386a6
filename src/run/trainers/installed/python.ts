// Which Python runs an installed trainer, and what is installed there; nothing of it is imported.
import { execFile } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { TrainerNotFoundError } from '../../../base/index.ts'

/** A package of an interpreter, without importing it. */
export interface PythonPackage {
  /** As its metadata says; `undefined` for a package without any. */
  readonly version?: string | undefined
  /** Its folder. */
  readonly folder: string
}

export interface PythonFacts {
  /** Path as it is called, absolute; a link of a virtual environment stays what it is. */
  readonly python: string
  /** As `3.11.2`. */
  readonly version: string
  /** Those that were asked for and are there. */
  readonly packages: Readonly<Record<string, PythonPackage>>
}

/** An interpreter that does not answer in this time is none. */
const answerMs = 20_000

/** `find_spec` of a name without dots looks for files only. A folder without `__init__.py` is no package here. */
const question = `
import json, sys
from importlib import util
try:
    from importlib.metadata import version
except ImportError:
    version = None
packages = {}
for name in sys.argv[1:]:
    try:
        spec = util.find_spec(name)
    except Exception:
        spec = None
    if spec is None or not spec.origin or not spec.submodule_search_locations:
        continue
    found = None
    try:
        found = version(name) if version else None
    except Exception:
        pass
    packages[name] = {"version": found, "folder": list(spec.submodule_search_locations)[0]}
print(json.dumps({"version": ".".join(str(n) for n in sys.version_info[:3]), "packages": packages}))
`

/**
 * What an interpreter says of itself and of some packages.
 *
 * @param python - absolute path
 * @param packages - top-level names, as `torch`
 * @returns `undefined` if it cannot be run
 */
export async function inspectPython(python: string, packages: readonly string[]): Promise<PythonFacts | undefined> {
  const text = await new Promise<string | undefined>((done) => {
    execFile(python, ['-c', question, ...packages], { timeout: answerMs, encoding: 'utf8' }, (error, stdout) =>
      done(error ? undefined : stdout),
    )
  })
  if (text === undefined) return undefined
  try {
    const line = text.trim().split('\n').at(-1)!
    const said = JSON.parse(line) as Pick<PythonFacts, 'version'> & {
      packages: Record<string, { version: string | null; folder: string }>
    }
    const found = Object.entries(said.packages).map(([name, { version, folder }]) => [
      name,
      { ...(version !== null && { version }), folder },
    ])
    return { python, version: said.version, packages: Object.fromEntries(found) }
  } catch {
    return undefined
  }
}

/** `~` and `~/x` are in the user's home; other paths belong to `from`. */
export function expandPath(path: string, from = process.cwd()): string {
  return path === '~' || /^~[/\\]/.test(path) ? join(homedir(), path.slice(1)) : resolve(from, path)
}

/** A program as a shell would find it; `undefined` if it is not there. */
export function findOnPath(name: string, path = process.env['PATH'] ?? ''): string | undefined {
  const endings = process.platform === 'win32' ? ['.exe', ''] : ['']
  return path
    .split(delimiter)
    .filter((folder) => folder !== '' && isAbsolute(folder))
    .flatMap((folder) => endings.map((ending) => join(folder, name + ending)))
    .find(isProgram)
}

/** The interpreter of a virtual or conda environment. */
function pythonOf(environment: string): string | undefined {
  const places = process.platform === 'win32' ? ['Scripts/python.exe', 'python.exe'] : ['bin/python3', 'bin/python']
  return places.map((place) => join(environment, place)).find(isProgram)
}

export interface PythonRequest {
  /** For messages. */
  readonly trainer: string
  /** `--python`: a program, or the folder of an environment. */
  readonly python?: string | undefined
  /** Folder of the clone, whose own environment comes first. */
  readonly repo?: string | undefined
  /** Packages to look for. */
  readonly packages: readonly string[]
  /** The first interpreter that has all of these is taken; if none has, the first that runs. */
  readonly wanted: readonly string[]
}

/**
 * The interpreter to train with: the one given; else the environment inside the clone (`venv`, `.venv`, `env`), the active
 * one, `python3`, `python`.
 *
 * @throws {@link TrainerNotFoundError} if the one given cannot be run, or there is none
 */
export async function findPython(request: PythonRequest): Promise<PythonFacts> {
  const { trainer, python, repo, packages, wanted } = request
  if (python !== undefined) {
    const path = givenPython(python)
    const facts = path === undefined ? undefined : await inspectPython(path, packages)
    if (facts) return facts
    const problem = path === undefined ? 'there is no such program' : `${path} does not run as Python 3`
    throw new TrainerNotFoundError(
      trainer,
      `--python ${python}: ${problem}.`,
      'Give the interpreter that you train with, as --python ~/venv/bin/python.',
    )
  }
  const { VIRTUAL_ENV, CONDA_PREFIX } = process.env
  const environments = [
    ...(repo === undefined ? [] : ['venv', '.venv', 'env'].map((name) => join(repo, name))),
    ...(VIRTUAL_ENV ? [VIRTUAL_ENV] : []),
    ...(CONDA_PREFIX ? [CONDA_PREFIX] : []),
  ]
  const candidates = [...environments.map(pythonOf), findOnPath('python3'), findOnPath('python')]
  let first: PythonFacts | undefined
  for (const candidate of new Set(candidates.filter((path) => path !== undefined))) {
    const facts = await inspectPython(candidate, packages)
    if (facts && wanted.every((name) => Object.hasOwn(facts.packages, name))) return facts
    first ??= facts
  }
  if (first) return first
  throw new TrainerNotFoundError(
    trainer,
    'No Python was found: neither an active environment nor python3 on PATH.',
    'Give the interpreter that you train with, as --python ~/venv/bin/python.',
  )
}

function givenPython(given: string): string | undefined {
  const path = expandPath(given)
  if (isProgram(path)) return path
  return pythonOf(path) ?? (/[/\\]/.test(given) ? undefined : findOnPath(given))
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
