// How one trial is trained by YOLOv5 or YOLOv3: its words, environment and folder. A normal training, never --evolve.
import { existsSync, statSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { basename, delimiter, dirname, join } from 'node:path'
import { hypForLength, shortHypFile } from '../../length.ts'
import type { SlotResources, TrainJob } from '../../trainer.ts'
import { settingFlags, splitSettings } from '../settings.ts'
import { newestRun, readResults } from './results.ts'
import type { Installation, InstalledTraining, ProcessPlan } from './types.ts'
import type { YoloRelease } from './yolo-releases.ts'
import { flagWords, isOn } from './yolov5-flags.ts'
import { defaultHypOf, hypFor, hypText } from './yolov5-hyp.ts'
import { flagsOf, releaseOf, type YoloInstallation } from './yolov5-locate.ts'

type Job = TrainJob & { readonly directory: string }

export async function planYolo(
  installation: Installation,
  asked: InstalledTraining,
  job: Job,
  { device }: SlotResources,
): Promise<ProcessPlan> {
  const training = withSettings(asked, job)
  const release = releaseOf(installation)
  const flags = flagsOf(installation)
  const { repo, release: title } = installation
  const out = join(job.directory, 'out')
  const checkpoint = await resumable(out, release, training)
  if (checkpoint === undefined) await rm(out, { recursive: true, force: true })
  await mkdir(out, { recursive: true })
  const hypFile = await writeHyp(installation, training, job, out, release)
  const own = flagWords(training, { title, release, flags, repo })
  const words = release.ownFolder && repo !== undefined ? await ownFolder(out, repo, release, own) : own

  const gpus = device.split('+')
  const beginning = await launch(installation, release, gpus.length)
  const more = [
    ...(release.hyp === 'yaml' ? ['--hyp', hypFile] : []),
    ...(flags.has('seed') ? ['--seed', String(job.seed)] : []),
    ...(device === '' ? [] : ['--device', gpus.join(',')]),
    // Pictures of a trial cost more than a short training; the trainer's own evolution makes none either.
    ...(flags.has('noplots') && !isOn(training, 'noplots') && training.flags['noplots'] !== false ? ['--noplots'] : []),
    ...outWords(release, job.directory, out),
  ]
  if (checkpoint !== undefined && release.resume === 'yaml')
    await setOptions(join(dirname(dirname(checkpoint)), 'opt.yaml'), gpus.join(','), training.flags['batch-size'])
  const train =
    checkpoint === undefined
      ? [...words, ...more]
      : release.resume === 'yaml'
        ? ['--resume', checkpoint]
        : [
            ...without(words, '--weights'),
            ...more,
            '--weights',
            '',
            '--resume',
            ...(release.resume === 'weights' ? [checkpoint] : []),
          ]
  return {
    words: [...beginning, ...train, ...training.passThrough],
    env: { ...quiet, PYTHONPATH: await withoutLoggers(job.directory) },
    cwd: release.ownFolder && repo !== undefined ? out : (repo ?? process.cwd()),
  }
}

/** Settings that the search has chosen, as flags. */
function withSettings(training: InstalledTraining, { hyp }: Job): InstalledTraining {
  const { settings } = splitSettings(hyp)
  if (Object.keys(settings).length === 0) return training
  return { ...training, flags: { ...training.flags, ...settingFlags(settings) } }
}

/** No hosted logger, no packages installed, nothing fetched by git, no windows, no questions. */
const quiet: Readonly<Record<string, string>> = {
  ...{ WANDB_MODE: 'disabled', COMET_MODE: 'disabled', CLEARML_OFFLINE_MODE: '1', NEPTUNE_MODE: 'offline' },
  ...{ YOLOv5_AUTOINSTALL: 'false', YOLO_AUTOINSTALL: 'false', PIP_NO_INDEX: '1', PIP_NO_INPUT: '1' },
  ...{ GIT_TERMINAL_PROMPT: '0', GIT_ALLOW_PROTOCOL: 'none', MPLBACKEND: 'Agg' },
}

/**
 * Not all releases obey these variables, but all of them do without a logger that cannot be imported: so it cannot be.
 *
 * @returns PYTHONPATH
 */
async function withoutLoggers(directory: string): Promise<string> {
  const folder = join(directory, 'no-loggers')
  await mkdir(folder, { recursive: true })
  for (const name of ['wandb', 'clearml', 'comet_ml'])
    await writeFile(join(folder, `${name}.py`), `raise ImportError("${name} is left out of the trials of a search")\n`)
  const before = process.env['PYTHONPATH']
  return before ? `${folder}${delimiter}${before}` : folder
}

const outWords = (release: YoloRelease, directory: string, out: string): string[] =>
  release.out === 'project'
    ? ['--project', directory, '--name', basename(out), '--exist-ok']
    : release.out === 'logdir'
      ? ['--logdir', out]
      : []

async function launch(installation: Installation, release: YoloRelease, gpus: number): Promise<string[]> {
  if (gpus < 2 || release.ddp === 'alone') return [...installation.start]
  const [python, ...program] = installation.start
  const words = ['-m', release.ddp, '--nproc_per_node', String(gpus), '--master_port', String(await freePort())]
  return [python!, ...words, ...(program[0] === '-m' ? ['--module', program[1]!] : program)]
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', () => resolve())
  })
  const { port } = server.address() as { port: number }
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}

/** @returns the file that the training is handed, where its release takes one */
async function writeHyp(
  installation: Installation,
  training: InstalledTraining,
  job: Job,
  out: string,
  release: YoloRelease,
): Promise<string> {
  const { script } = installation as YoloInstallation
  const { hyp: defaults } = defaultHypOf(script, release, flagsOf(installation), training.flags)
  const keys = release.hyp === 'text' ? Object.keys(defaults) : installation.hypKeys
  const hyp = hypFor(job.hyp, defaults, keys, !isOn(training, 'noautoanchor'))
  const handed = hypForLength(hyp, job.length)
  const file = join(job.directory, handed === hyp ? 'hyp.yaml' : shortHypFile)
  await writeFile(join(job.directory, 'hyp.yaml'), hypText(hyp, 'yaml'))
  await writeFile(file, hypText(handed, 'yaml'))
  // The text file lies where such a release looks for it, in its current folder.
  if (release.hyp === 'text') await writeFile(join(out, 'hyp.txt'), hypText(handed, 'text'))
  return file
}

/** The checkpoint of an earlier attempt, if that can be gone on with. */
async function resumable(out: string, release: YoloRelease, { flags }: InstalledTraining): Promise<string | undefined> {
  const run = newestRun(out, release)
  const last = join(run, 'weights/last.pt')
  const rows = readResults(out, release)
  const done = Math.max(0, ...rows.map(({ epoch }) => epoch))
  if (done === 0 || done >= Number(flags['epochs']) || !(await isWhole(last))) return undefined
  if (release.resume !== 'yaml') return last
  // All its settings come from there.
  const options = await readFile(join(run, 'opt.yaml'), 'utf8').catch(() => '')
  const fits = /^weights:/m.test(options) && /^device:/m.test(options)
  return fits && new RegExp(`^epochs: ${Number(flags['epochs'])}$`, 'm').test(options) ? last : undefined
}

/** A zip file that was written to its end; files of PyTorch before 1.6 do not tell. */
async function isWhole(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return false
  try {
    const { size } = await file.stat()
    const head = Buffer.alloc(2)
    const end = Buffer.alloc(Math.min(size, 22))
    await file.read(head, 0, 2, 0)
    await file.read(end, 0, end.length, size - end.length)
    return size > 1000 && (head.toString('latin1') !== 'PK' || end.readUInt32LE(0) === 0x06054b50)
  } finally {
    await file.close()
  }
}

/**
 * A training that goes on takes its settings from there, but its slot may be another one now, and its batch a smaller one
 * after it ran out of memory.
 */
async function setOptions(path: string, device: string, batchSize: unknown): Promise<void> {
  const text = (await readFile(path, 'utf8')).replace(/^device:.*$/m, () => `device: '${device}'`)
  const size = typeof batchSize === 'number' ? `${batchSize}` : undefined
  await writeFile(path, size === undefined ? text : text.replace(/^((?:total_)?batch_size): \d+$/gm, `$1: ${size}`))
}

function without(words: readonly string[], name: string): string[] {
  const at = words.indexOf(name)
  return at < 0 ? [...words] : [...words.slice(0, at), ...words.slice(at + 2)]
}

/**
 * Makes the folder of a trial look like the clone to a release that works in its current folder: links to its folders and
 * weights, and to what lies beside the clone and the data names as `../name`.
 *
 * @returns the words, with weights by a name in that folder
 */
async function ownFolder(out: string, repo: string, release: YoloRelease, words: readonly string[]): Promise<string[]> {
  for (const entry of await readdir(repo, { withFileTypes: true })) {
    const { name } = entry
    if (name.startsWith('.') || ['runs', 'wandb', 'weights', 'venv', 'env', '__pycache__'].includes(name)) continue
    const isFolder = statSync(join(repo, name), { throwIfNoEntry: false })?.isDirectory() ?? false
    if (isFolder || /\.(pt|weights)$/.test(name)) await link(join(repo, name), join(out, name))
  }
  const weights = join(repo, 'weights')
  if (existsSync(weights)) {
    await mkdir(join(out, 'weights'), { recursive: true })
    for (const name of await readdir(weights))
      if (!['last.pt', 'best.pt'].includes(name)) await link(join(weights, name), join(out, 'weights', name))
  }
  const [data, start] = ['--data', '--weights'].map((flag) => words[words.indexOf(flag) + 1])
  if (words.includes('--data'))
    for (const name of await besideClone(data!, repo)) await link(join(dirname(repo), name), join(dirname(out), name))
  if (!words.includes('--weights') || !start || !existsSync(start)) return [...words]
  // v5.0 looks for weights by their path in small letters.
  const name = basename(start).toLowerCase()
  await link(start, join(out, name))
  return release.out === 'here' ? [...words] : words.map((word) => (word === start ? name : word))
}

async function link(target: string, path: string): Promise<void> {
  await symlink(target, path, process.platform === 'win32' ? 'junction' : undefined).catch((error) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  })
}

/** Names behind `../` in a data file and in the lists of images that it names. */
async function besideClone(data: string, repo: string): Promise<Set<string>> {
  const texts = [await beginningOf(data)]
  for (const [, list] of texts[0]!.matchAll(/[=:]\s*["']?([^\s"']+\.txt)\b/g))
    texts.push(await beginningOf(join(repo, list!)), await beginningOf(list!))
  const names = texts.flatMap((text) =>
    [...text.matchAll(/(?:^|[\s"'=:,[])\.\.\/([\w.-]+)/gm)].map(([, name]) => name!),
  )
  return new Set(names.filter((name) => name !== 'out' && existsSync(join(dirname(repo), name))))
}

async function beginningOf(path: string): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return ''
  try {
    const bytes = Buffer.alloc(64 * 1024)
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0).catch(() => ({ bytesRead: 0 }))
    return bytes.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
