// Where Ultralytics is, which release it is, and what that release can do: read from its files, without importing it.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readYaml, TrainerNotFoundError } from '../../../base/index.ts'
import type { Ranges } from '../../../search/index.ts'
import { expandPath, findOnPath, findPython, inspectPython, type PythonFacts } from './python.ts'
import type { InstallationRequest } from './types.ts'
import { hypKeysOf, type Setting, type UltralyticsInstallation } from './ultralytics-settings.ts'

const trainer = 'ultralytics'
const packages = ['ultralytics', 'torch']

/**
 * Finds the package of an interpreter, or a clone.
 *
 * @throws {@link TrainerNotFoundError}
 */
export async function locateUltralytics(request: InstallationRequest): Promise<UltralyticsInstallation> {
  const { module, python } = request
  if (module !== undefined && module !== 'ultralytics')
    throw new TrainerNotFoundError(
      trainer,
      `--module ${module} is no module of it.`,
      'Leave --module out: the package "ultralytics" of the interpreter (--python) is run.',
    )
  const repo = request.repo === undefined ? undefined : expandPath(request.repo)
  if (repo !== undefined && !existsSync(join(repo, 'ultralytics/__init__.py')))
    throw new TrainerNotFoundError(
      trainer,
      `${repo} has no ultralytics/__init__.py, so it is no clone of github.com/ultralytics/ultralytics.`,
      'Give the folder of a clone, or leave --repo out for the installed package.',
    )
  const wanted = repo === undefined ? packages : ['torch']
  const facts = (python === undefined && repo === undefined && (await pythonOfProgram())) || undefined
  const found = facts ?? (await findPython({ trainer, python, repo, packages, wanted }))
  const folder = repo === undefined ? found.packages['ultralytics']?.folder : join(repo, 'ultralytics')
  if (folder === undefined)
    throw new TrainerNotFoundError(
      trainer,
      `${found.python} has no package "ultralytics".`,
      `Install it ("${found.python} -m pip install ultralytics"), or give the interpreter that has it, as --python ~/venv/bin/python.`,
    )
  if (!found.packages['torch'])
    throw new TrainerNotFoundError(
      trainer,
      `${found.python} has no PyTorch.`,
      'Install it there (pytorch.org/get-started), or give the interpreter that has it, as --python ~/venv/bin/python.',
    )
  return installationAt(folder, found, repo)
}

/** The interpreter behind the `yolo` program that a shell would start. */
async function pythonOfProgram(): Promise<PythonFacts | undefined> {
  const program = findOnPath('yolo')
  const python = program && interpreterOfScript(program)
  if (!python || !existsSync(python)) return undefined
  const facts = await inspectPython(python, packages)
  return facts && packages.every((name) => Object.hasOwn(facts.packages, name)) ? facts : undefined
}

/** The first line of a script that pip wrote; `undefined` for any other program. */
function interpreterOfScript(path: string): string | undefined {
  const text = readText(path)
  const [, python] = /^#!(\/\S*python[\d.]*)\s*\n/.exec(text ?? '') ?? []
  return python !== undefined && text!.includes('ultralytics') ? python : undefined
}

function installationAt(folder: string, found: PythonFacts, repo: string | undefined): UltralyticsInstallation {
  // Releases of the first half of 2023 have it all one folder deeper.
  const [inner, module] = existsSync(join(folder, 'cfg/default.yaml'))
    ? [folder, 'ultralytics.cfg']
    : [join(folder, 'yolo'), 'ultralytics.yolo.cfg']
  const written = /^__version__ = ["']([^"']+)["']/m.exec(readText(join(folder, '__init__.py')) ?? '')?.[1]
  const version = written ?? found.packages['ultralytics']?.version ?? 'of unknown version'
  const settings = readSettings(join(inner, 'cfg/default.yaml'))
  if (settings === undefined || !/^8\./.test(version))
    throw new TrainerNotFoundError(
      trainer,
      `${folder} is Ultralytics ${version}${settings === undefined ? ', and has no cfg/default.yaml that can be read' : ''}.`,
      'Releases from 8.0.35 on, below 9, are known here. Install one ("pip install -U ultralytics"), or describe it by --trainer command.',
    )
  const script = repo === undefined ? scriptOf(found.python) : undefined
  return {
    trainer,
    python: found.python,
    // The program takes `yolo` as its name: releases before 8.0.40 start several GPUs by it.
    start: script === undefined ? [found.python, '-c', startCode(module, repo)] : [found.python, script],
    ...(repo !== undefined && { repo }),
    release: `ultralytics ${version}`,
    releaseFrom: repo === undefined ? 'package version' : 'the version in its source',
    like: 'yolov5-v7.0',
    hypKeys: hypKeysOf(settings),
    notes: [],
    version,
    settings,
    ranges: readRanges(join(inner, 'engine/tuner.py'), settings),
  }
}

/** pip's `yolo` beside the interpreter. */
function scriptOf(python: string): string | undefined {
  const script = join(dirname(python), 'yolo')
  return interpreterOfScript(script) === undefined ? undefined : script
}

const startCode = (module: string, repo: string | undefined) =>
  `import sys; sys.argv[0] = 'yolo'${repo === undefined ? '' : `; sys.path.insert(0, ${JSON.stringify(repo)})`}; ` +
  `from ${module} import entrypoint; entrypoint()`

function readSettings(file: string): Record<string, Setting> | undefined {
  const text = readText(file)
  if (text === undefined) return undefined
  try {
    const values = readYaml(text)
    if (typeof values !== 'object' || values === null || Array.isArray(values)) return undefined
    const settings = Object.entries(values).map(([key, value]): [string, Setting] => [
      key,
      value === 'None' || typeof value === 'object' ? null : (value as Setting),
    ])
    return Object.fromEntries(settings)
  } catch {
    return undefined
  }
}

/**
 * Ranges of the first own tuner (8.0.190), for releases that have none. Those before took over YOLOv5's `box` up to 0.2,
 * where the loss gain begins at 7.5.
 */
const firstRanges: Ranges = {
  lr0: { gain: 1, lower: 1e-5, upper: 0.1 },
  lrf: { gain: 1, lower: 1e-4, upper: 0.1 },
  momentum: { gain: 0.3, lower: 0.7, upper: 0.98 },
  weight_decay: { gain: 1, lower: 0, upper: 0.001 },
  warmup_epochs: { gain: 1, lower: 0, upper: 5 },
  warmup_momentum: { gain: 1, lower: 0, upper: 0.95 },
  box: { gain: 1, lower: 1, upper: 20 },
  cls: { gain: 1, lower: 0.2, upper: 4 },
  dfl: { gain: 1, lower: 0.4, upper: 6 },
  hsv_h: { gain: 1, lower: 0, upper: 0.1 },
  hsv_s: { gain: 1, lower: 0, upper: 0.9 },
  hsv_v: { gain: 1, lower: 0, upper: 0.9 },
  degrees: { gain: 1, lower: 0, upper: 45 },
  translate: { gain: 1, lower: 0, upper: 0.9 },
  scale: { gain: 1, lower: 0, upper: 0.95 },
  shear: { gain: 1, lower: 0, upper: 10 },
  perspective: { gain: 1, lower: 0, upper: 0.001 },
  flipud: { gain: 1, lower: 0, upper: 1 },
  fliplr: { gain: 1, lower: 0, upper: 1 },
  mosaic: { gain: 1, lower: 0, upper: 1 },
  mixup: { gain: 1, lower: 0, upper: 1 },
  copy_paste: { gain: 1, lower: 0, upper: 1 },
}

/** The table of its tuner, one line a key: `"momentum": (0.7, 0.98, 0.3),  # lower, upper and, if not 1, gain`. */
function readRanges(file: string, settings: Readonly<Record<string, Setting>>): Ranges {
  const number = '(\\d+(?:\\.\\d*)?(?:[eE][-+]?\\d+)?)'
  const line = new RegExp(`^\\s*["'](\\w+)["']: \\(${number}, ${number}(?:, ${number})?\\)`, 'gm')
  const rows = [...(readText(file) ?? '').matchAll(line)].map(([, key, lower, upper, gain]) => [
    key!,
    { gain: gain === undefined ? 1 : Number(gain), lower: Number(lower), upper: Number(upper) },
  ])
  const ranges: Ranges = rows.length < 10 ? firstRanges : Object.fromEntries(rows)
  const known = Object.entries(ranges).filter(([key]) => typeof settings[key] === 'number')
  return Object.fromEntries(known)
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
