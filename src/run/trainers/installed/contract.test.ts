// What every installed trainer keeps, over the registry: with a clone that has only the files which are looked at, and with
// the real one where it is installed (npm run setup-peers).
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { temporaryFolder, writeText } from '../../../../test/helpers/data-set.ts'
import { TrainerNotFoundError, UsageError } from '../../../base/index.ts'
import { type Hyp, releases } from '../../../search/index.ts'
import type { EpochReport } from '../../trainer.ts'
import { installedTrainers } from './index.ts'
import type { Installation, InstallationRequest, InstalledTraining } from './types.ts'

interface Subject {
  readonly name: keyof typeof installedTrainers
  /** What is tested. */
  readonly of: 'files' | 'real'
  where(): InstallationRequest
  readonly flags: InstalledTraining['flags']
  readonly passThrough: readonly string[]
  /** How it is told its data, epochs, seed 5 and two GPUs. */
  readonly said: readonly RegExp[]
  readonly results: string
}

const peer = (path: string) => fileURLToPath(new URL(`../../../../.peers/${path}`, import.meta.url))

function fakePython(folder: string): void {
  const said = JSON.stringify({ version: '3.11.2', packages: { torch: { version: '2.5', folder: '/torch' } } })
  chmodSync(writeText(join(folder, 'venv/bin/python3'), `#!/bin/sh\necho '${said}'\n`), 0o755)
}

/** train.py of the last releases, by its flags; the default hyp. */
function yoloClone(name: 'yolov5' | 'yolov3'): InstallationRequest {
  const repo = join(temporaryFolder(), name)
  const values =
    'weights cfg data epochs batch-size imgsz device optimizer workers project name patience save-period seed'
  const switches =
    'rect nosave noval noautoanchor noplots image-weights multi-scale single-cls sync-bn exist-ok quad cos-lr'
  const flags = [
    ...values.split(' ').map((flag) => `'--${flag}', type=str`),
    ...switches.split(' ').map((flag) => `'--${flag}', action='store_true'`),
    ...['resume', 'evolve', 'cache'].map((flag) => `'--${flag}', nargs='?', const=True`),
    "'--freeze', nargs='+', type=int, default=[0]",
    "'--hyp', type=str, default=ROOT / 'data/hyps/hyp.scratch-low.yaml'",
  ]
  const hyp = 'lr0: 0.01\nlrf: 0.01\nmomentum: 0.937\nbox: 0.05\ncls: 0.5\nmosaic: 1.0\n'
  const lines = flags.map((words) => `    parser.add_argument(${words})`)
  writeText(join(repo, 'train.py'), `def parse_opt(known=False):\n${lines.join('\n')}\n`)
  writeText(join(repo, 'data/hyps/hyp.scratch-low.yaml'), hyp)
  writeText(join(repo, name === 'yolov5' ? 'models/yolov5s.yaml' : 'models/yolov3.yaml'), 'nc: 80\n')
  fakePython(repo)
  return { repo }
}

function ultralyticsClone(): InstallationRequest {
  const repo = temporaryFolder()
  writeText(join(repo, 'ultralytics/__init__.py'), '__version__ = "8.3.100"\n')
  const settings =
    'model:\ndata:\nepochs: 100\nbatch: 16\nimgsz: 640\noptimizer: auto\nclose_mosaic: 10\nrect: False\ndropout: 0.0\n' +
    'lr0: 0.01\nlrf: 0.01\nmomentum: 0.937\nbox: 7.5\ncls: 0.5\nmosaic: 1.0\n'
  writeText(join(repo, 'ultralytics/cfg/default.yaml'), settings)
  fakePython(repo)
  return { repo }
}

const yolo = {
  flags: { data: 'coco8.yaml', weights: '', cfg: 'yolov5n.yaml', epochs: 3, 'batch-size': 4 },
  passThrough: ['--quad', '--bbox_interval', '3', 'two words', '--patience=7'],
  said: [/--data \S*coco8\.yaml/, /--epochs 3/, /--seed 5/],
  results: 'results.csv',
}
const ultralytics = {
  name: 'ultralytics' as const,
  flags: { data: 'coco8.yaml', model: 'yolo11n.yaml', epochs: 3, 'batch-size': 4 },
  passThrough: ['dropout=0.1', 'rect', 'imgsz=64'],
  said: [/ data=coco8\.yaml/, / epochs=3/, / seed=5/],
  results: 'results.csv',
}

const subjects: readonly Subject[] = [
  { ...yolo, name: 'yolov5', of: 'files', where: () => yoloClone('yolov5') },
  {
    ...yolo,
    name: 'yolov3',
    of: 'files',
    where: () => yoloClone('yolov3'),
    flags: { ...yolo.flags, cfg: 'yolov3.yaml' },
  },
  { ...ultralytics, of: 'files', where: ultralyticsClone },
  {
    ...yolo,
    name: 'yolov5',
    of: 'real',
    where: () => ({ module: 'yolov5.train', python: peer('venv/bin/python') }),
    passThrough: ['--quad', '--bbox_interval', '3'],
  },
  { ...ultralytics, of: 'real', where: () => ({ python: peer('ultralytics/bin/python') }) },
]

const isHere = ({ of, where }: Subject) =>
  of === 'files' || process.env['CI'] !== undefined || existsSync(where().python!)

it('covers the registry', () => {
  expect([...new Set(subjects.map(({ name }) => name))].sort()).toEqual(Object.keys(installedTrainers).sort())
  for (const [name, trainer] of Object.entries(installedTrainers)) expect(trainer.name).toBe(name)
})

describe.skipIf(process.platform === 'win32').each(Object.entries(installedTrainers))('%s', (name, adapter) => {
  afterEach(() => vi.unstubAllEnvs())

  it.each([
    ['a clone', { repo: '/nowhere/at-all' }],
    ['an interpreter', { python: '/nowhere/python' }],
    ['a module', { module: 'no_such_package.train' }],
  ])('says where it looked and what to give if it is not there: %s', async (_, request) => {
    // neither programs nor environments of whoever runs the tests
    for (const variable of ['VIRTUAL_ENV', 'CONDA_PREFIX']) vi.stubEnv(variable, '')
    const error = await adapter.locate(request).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TrainerNotFoundError)
    const { trainer, message } = error as TrainerNotFoundError
    expect(trainer).toBe(name)
    expect(message).toMatch(/--(repo|python|module)/)
    expect(message).toContain(Object.values(request)[0])
  })
})

describe.skipIf(process.platform === 'win32').each(subjects.filter(isHere))('$name by $of', (subject) => {
  const { flags, passThrough } = subject
  const adapter = installedTrainers[subject.name]
  const training: InstalledTraining = { flags, passThrough }
  let installation: Installation
  let directory: string
  let located: Promise<Installation> | undefined
  beforeEach(async () => {
    if (subject.of === 'files') located = undefined // they are gone after each test
    installation = await (located ??= adapter.locate(subject.where()))
    directory = temporaryFolder()
  })

  const hypOf = async () => (await adapter.defaultHyp(installation, training)).hyp
  const slot = (device: string) => ({ slot: 0, device, threads: 1 })
  const job = (hyp: Hyp) => ({ trial: 3, attempt: 1, hyp, seed: 5, directory })
  const plan = async (device = 'cpu', given = training) => {
    mkdirSync(join(directory, 'out'), { recursive: true })
    return adapter.plan(installation, given, job(await hypOf()), slot(device))
  }

  it('tells what was found, as plain data', () => {
    expect(installation.trainer).toBe(subject.name)
    expect(installation.release).toContain(subject.name)
    expect(releases).toHaveProperty([installation.like])
    expect(structuredClone(installation)).toEqual(installation)
    expect(installation.start[0]).toBe(installation.python)
    expect(new Set(installation.hypKeys).size).toBe(installation.hypKeys.length)
  })

  it('begins the search with a hyp of numbers that the release reads', async () => {
    const { hyp, source } = await adapter.defaultHyp(installation, training)
    expect(source).not.toBe('')
    expect(Object.keys(hyp).length).toBeGreaterThan(4)
    expect(installation.hypKeys).toEqual(expect.arrayContaining(Object.keys(hyp)))
    for (const [key, value] of Object.entries(hyp)) expect([key, Number.isFinite(value)]).toEqual([key, true])
    const space = adapter.space?.(installation, hyp)
    if (space) expect(space.keys).toEqual(Object.keys(hyp))
  })

  it('plans a normal training of one trial, with the words of the user last', async () => {
    adapter.check(installation, training)
    const { words, cwd, env } = await plan()
    const said = words.join(' ')
    expect(words.slice(0, installation.start.length)).toEqual(installation.start)
    for (const pattern of subject.said) expect(said).toMatch(pattern)
    expect(said).toContain(directory)
    expect(words.slice(-passThrough.length)).toEqual(passThrough)
    expect(words.filter((word) => /^--evolve|^tune$|^(mode|resume)=/.test(word))).toEqual([])
    expect(words.every((word) => typeof word === 'string' && word !== 'undefined')).toBe(true)
    expect(existsSync(cwd)).toBe(true)
    expect(Object.values(env).every((value) => typeof value === 'string')).toBe(true)
    expect(readdirSync(directory).some((file) => /hyp.*\.yaml$/.test(file))).toBe(true)
  })

  it('plans the same again', async () => {
    expect(await plan()).toEqual(await plan())
  })

  it('puts two GPUs on one trial, and one on another', async () => {
    expect((await plan('0+1')).words.join(' ')).toMatch(/\b0,1\b/)
    expect((await plan('2')).words.join(' ')).toMatch(/device[ =]2\b/)
  })

  it('refuses flags that it does not know, before anything runs', () => {
    const check = () => adapter.check(installation, { flags: { ...flags, 'no-such-flag': 3 }, passThrough: [] })
    expect(check).toThrow(UsageError)
    expect(check).toThrow('no-such-flag')
  })

  it('says what it can do for trainings of another length', async () => {
    const { anyLength, seeded, warmupEpochs } = adapter.traits(installation, training)
    expect([anyLength, seeded]).toEqual([true, true])
    for (const hyp of [{}, await hypOf(), { warmup_epochs: 'x' }])
      expect(warmupEpochs(hyp) >= 0 && Number.isFinite(warmupEpochs(hyp))).toBe(true)
    if (installation.hypKeys.includes('warmup_epochs')) expect(warmupEpochs({ warmup_epochs: 2 })).toBe(2)
  })

  it('finds dead genes only among the keys that are searched, each with a reason', async () => {
    const keys = [...Object.keys(await hypOf()), 'no_such_key']
    const dead = adapter.deadGenes(installation, training, keys)
    expect(dead.map(({ key }) => key)).toContain('no_such_key')
    expect(new Set(dead.map(({ key }) => key)).size).toBe(dead.length)
    for (const { key, why } of dead) {
      expect(keys).toContain(key)
      expect(why).toMatch(/^\S.*[^.]$/)
    }
    expect(adapter.deadGenes(installation, training, [])).toEqual([])
  })

  it.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['an empty line', '\n'],
    ['bytes', Uint8Array.from({ length: 4096 }, (_, i) => (i * 7919) % 256)],
    ['titles alone', 'epoch,metrics/mAP50(B)\n'],
    ['a line that is being written', 'epoch,metrics/precision,metrics/mAP_0.5\n0,0.'],
    ['no numbers', 'epoch,metrics/mAP50(B),metrics/mAP_0.5\nx,y,z\n1,,\n'],
    ['other titles in between', 'epoch,a\n1,2\nepoch,b,c\n2,3,4\n'],
    ['numbers without end', `epoch,metrics/mAP50(B)\n${'9'.repeat(1e5)},1e${'9'.repeat(1e5)}\n`],
    ['a line without end', 'x'.repeat(2e6)],
    ['many lines', 'nan,nan,nan\n'.repeat(2e5)],
  ])('reads whatever lies in its results file: %s', async (_, content) => {
    const out = join(directory, 'out')
    const reports: EpochReport[] = []
    const reader = adapter.read(installation, out, (report) => reports.push(report), 0)
    await reader.poll?.()
    writeText(join(out, subject.results), content)
    reader.line?.('\u0000 out of memory', 'stderr')
    await reader.poll?.()
    await reader.poll?.()
    reader.end?.()
    expect(reader.metrics === undefined).toBe(reader.problem !== undefined)
    expect(reports.map(({ epoch }) => epoch)).toEqual(reports.map(({ epoch }) => epoch).toSorted((a, b) => a - b))
  })

  it('leaves what it does not know to the common classification', () => {
    expect(adapter.classify?.({ code: 1, signal: null }, [])).toBeUndefined()
    expect(adapter.classify?.({ code: 1, signal: null }, ['\u0000\uffff', 'x'.repeat(1e5)])).toBeUndefined()
  })
})
