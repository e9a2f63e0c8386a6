// Finds YOLOv5 or YOLOv3 on this machine: a clone, or a package; and says which release it is.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { TrainerNotFoundError } from '../../../base/index.ts'
import { expandPath, findPython, type PythonFacts } from './python.ts'
import type { Installation, InstallationRequest } from './types.ts'
import {
  readFlags,
  recogniseRelease,
  releaseOfTag,
  type TrainerFlag,
  type YoloFamily,
  type YoloRelease,
  yoloReleases,
} from './yolo-releases.ts'
import { readGitCommit } from './yolo-releases-git.ts'
import { defaultHypOf } from './yolov5-hyp.ts'

/** A found YOLOv5 or YOLOv3. Plain data, so that it may be copied. */
export interface YoloInstallation extends Installation {
  readonly trainer: YoloFamily
  /** Its train.py, absolute. */
  readonly script: string
  /** `name` of its row in the table of releases; for packages and commits between releases that of the last before them. */
  readonly row: string
}

/** The row of the table that goes with an installation. */
export function releaseOf(installation: Installation): YoloRelease {
  const { trainer, row } = installation as YoloInstallation
  return yoloReleases.find(({ family, name }) => family === trainer && name === row)!
}

/** The flags of its train.py as it is on the disk: a fork may have others than its release. */
export function flagsOf(installation: Installation): ReadonlyMap<string, TrainerFlag> {
  return readFlags(readFileSync((installation as YoloInstallation).script, 'utf8'))
}

const titles = { yolov5: 'YOLOv5', yolov3: 'YOLOv3' } as const

/** @throws {@link TrainerNotFoundError} */
export async function locateYolo(family: YoloFamily, request: InstallationRequest): Promise<YoloInstallation> {
  if (request.module !== undefined) return await locateModule(family, request.module, request)
  const repo = request.repo === undefined ? findClone(family) : givenClone(family, request.repo)
  if (repo !== undefined) return await locateClone(family, repo, request)
  const python = await pythonFor(family, request)
  if (Object.hasOwn(python.packages, family)) return await locateModule(family, `${family}.train`, request)
  throw new TrainerNotFoundError(
    family,
    `No clone of ${titles[family]} is here, in ./${family}, ../${family} or ~/${family}, and ${python.python} has no package "${family}".`,
    `Say where it is: --repo ~/${family}${family === 'yolov5' ? ', or --module yolov5.train with --python' : ''}.`,
  )
}

const pythonFor = (family: YoloFamily, request: InstallationRequest, repo?: string, wanted: readonly string[] = []) =>
  findPython({
    trainer: family,
    python: request.python,
    repo,
    packages: ['torch', family, ...wanted],
    wanted: ['torch', ...wanted],
  })

async function locateModule(
  family: YoloFamily,
  module: string,
  request: InstallationRequest,
): Promise<YoloInstallation> {
  const [top = '', ...rest] = module.split('.')
  const facts = await pythonFor(family, request, undefined, [top])
  const found = facts.packages[top]
  const script = found && join(found.folder, ...rest.slice(0, -1), `${rest.at(-1)}.py`)
  if (found === undefined || script === undefined || rest.length === 0 || !existsSync(script))
    throw new TrainerNotFoundError(
      family,
      `${facts.python} has no module "${module}".`,
      `Give the interpreter that has it (--python ~/venv/bin/python), install it there (pip install ${family}), or give a clone with --repo.`,
    )
  const release = recognised(family, script)
  const version = found.version === undefined ? '' : ` ${found.version}`
  return {
    ...factsOf(family, script, release, facts),
    start: [facts.python, '-m', module],
    release: `${family}${version} (package)`,
    releaseFrom: version === '' ? 'the flags of its train.py' : 'package version',
  }
}

async function locateClone(family: YoloFamily, repo: string, request: InstallationRequest): Promise<YoloInstallation> {
  const script = join(repo, 'train.py')
  const git = readGitCommit(repo)
  const tagged = git?.tags.map((tag) => releaseOfTag(family, tag)).find((release) => release !== undefined)
  const release = tagged ?? recognised(family, script)
  const facts = await pythonFor(family, request, repo)
  const between = git !== undefined && tagged === undefined && release.name !== 'master'
  const short = git === undefined ? '' : ` (commit ${git.commit.slice(0, 7)})`
  return {
    ...factsOf(family, script, release, facts),
    start: [facts.python, script],
    repo,
    release: `${family} ${release.name}${tagged ? '' : short}`,
    releaseFrom: tagged
      ? 'git tag'
      : between
        ? 'the flags of its train.py; no tag is at this commit'
        : 'the flags of its train.py',
  }
}

function factsOf(family: YoloFamily, script: string, release: YoloRelease, python: PythonFacts) {
  const flags = readFlags(readFileSync(script, 'utf8'))
  const { hyp } = defaultHypOf(script, release, flags, {})
  const own = Object.keys(hyp).filter((key) => !release.hypKeys.includes(key))
  const ours = familyOf(dirname(script))
  return {
    trainer: family,
    python: python.python,
    like: release.like,
    hypKeys: [...release.hypKeys, ...own],
    script,
    row: release.name,
    notes: [
      ...(Object.hasOwn(python.packages, 'torch')
        ? []
        : [
            `${python.python} has no PyTorch: give the interpreter that you train with, as --python ~/venv/bin/python.`,
          ]),
      ...(flags.has('seed')
        ? []
        : [`${family} ${release.name} has no --seed: all its trainings draw the same random numbers.`]),
      ...(ours === undefined
        ? [`${dirname(script)} has none of the models of ${titles[family]}; it is called as ${release.name} is.`]
        : []),
      ...(release.ddp === 'torch.distributed.launch'
        ? [`Two GPUs on one trial (0+1) work with ${release.name} up to PyTorch 1.13.`]
        : []),
    ],
  }
}

/** @throws {@link TrainerNotFoundError} if its flags are those of no release that can be driven */
function recognised(family: YoloFamily, script: string): YoloRelease {
  const release = recogniseRelease(family, readFlags(readFileSync(script, 'utf8')))
  if (release) return release
  const oldest = family === 'yolov5' ? 'v1.0' : 'v7 of the archive branch'
  throw new TrainerNotFoundError(
    family,
    `The flags of ${script} are those of no release of ${titles[family]} from ${oldest} on.`,
    'Check out a newer one, or call your script with --trainer command.',
  )
}

/** Whose models a folder has; `undefined` for neither. */
export function familyOf(folder: string): YoloFamily | undefined {
  if (existsSync(join(folder, 'models/yolov5s.yaml'))) return 'yolov5'
  if (existsSync(join(folder, 'models/yolov3.yaml'))) return 'yolov3'
  const cfg = join(folder, 'cfg')
  return isFolder(cfg) && readdirSync(cfg).some((name) => /^yolov3.*\.cfg$/.test(name)) ? 'yolov3' : undefined
}

const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

function findClone(family: YoloFamily): string | undefined {
  const places = [process.cwd(), expandPath(family), expandPath(join('..', family)), join(homedir(), family)]
  return places.find((place) => existsSync(join(place, 'train.py')) && familyOf(place) === family)
}

/** @throws {@link TrainerNotFoundError} that says what is there instead */
function givenClone(family: YoloFamily, given: string): string {
  const path = expandPath(given)
  const folder = basename(path) === 'train.py' && existsSync(path) ? dirname(path) : path
  const other = family === 'yolov5' ? 'yolov3' : 'yolov5'
  const fail = (found: string, remedy: string) => new TrainerNotFoundError(family, found, remedy)
  if (!isFolder(folder)) throw fail(`There is no folder ${folder}.`, `Give that of your clone: --repo ~/${family}.`)
  if (!existsSync(join(folder, 'train.py'))) {
    if (isFolder(join(folder, 'ultralytics')))
      throw fail(`${folder} is a clone of Ultralytics.`, 'Use --trainer ultralytics.')
    const below = join(folder, family)
    throw existsSync(join(below, 'train.py'))
      ? fail(`${folder} has no train.py.`, `Did you mean --repo ${below}?`)
      : fail(`${folder} has no train.py.`, `Give the folder of a clone of ${titles[family]}.`)
  }
  if (familyOf(folder) === other) throw fail(`${folder} is a clone of ${titles[other]}.`, `Use --trainer ${other}.`)
  return folder
}
