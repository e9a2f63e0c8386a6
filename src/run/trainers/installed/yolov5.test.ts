// YOLOv5 and YOLOv3 of every release, as clones that hold what the adapters read of them: the flags of train.py, hyp files.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { temporaryFolder, writeDataset, writeText } from '../../../../test/helpers/data-set.ts'
import { TrainerNotFoundError, UsageError } from '../../../base/index.ts'
import { formatHyp, type Hyp, releases } from '../../../search/index.ts'
import type { Installation, InstalledTraining } from './types.ts'
import { readFlags, recogniseRelease, type YoloRelease, yoloReleases } from './yolo-releases.ts'
import { yolov3 } from './yolov3.ts'
import { yolov5 } from './yolov5.ts'

afterEach(() => vi.unstubAllEnvs())

/** Flags of each train.py: `!` a switch, `+` several values, `?` a value or none; spellings with `|`. */
const declared: Readonly<Record<string, string>> = {
  'yolov5 v1.0':
    'epochs batch-size cfg data img-size+ rect! resume! nosave! notest! noautoanchor! evolve! bucket cache-images! weights name device adam! multi-scale! single-cls!',
  'yolov5 v2.0':
    'cfg data hyp epochs batch-size img-size+ rect! resume? nosave! notest! noautoanchor! evolve! bucket cache-images! weights name device multi-scale! single-cls! sync-bn! local_rank',
  'yolov5 v3.0':
    'weights cfg data hyp epochs batch-size img-size+ rect! resume? nosave! notest! noautoanchor! evolve! bucket cache-images! name device multi-scale! single-cls! adam! sync-bn! local_rank logdir workers',
  'yolov5 v3.1':
    'weights cfg data hyp epochs batch-size img-size+ rect! resume? nosave! notest! noautoanchor! evolve! bucket cache-images! image-weights! name device multi-scale! single-cls! adam! sync-bn! local_rank logdir workers',
  'yolov5 v4.0':
    'weights cfg data hyp epochs batch-size img-size+ rect! resume? nosave! notest! noautoanchor! evolve! bucket cache-images! image-weights! device multi-scale! single-cls! adam! sync-bn! local_rank log-imgs log-artifacts! workers project name exist-ok! quad!',
  'yolov5 v5.0':
    'weights cfg data hyp epochs batch-size img-size+ rect! resume? nosave! notest! noautoanchor! evolve! bucket cache-images! image-weights! device multi-scale! single-cls! adam! sync-bn! local_rank workers project entity name exist-ok! quad! linear-lr! label-smoothing upload_dataset! bbox_interval save_period artifact_alias',
  'yolov5 v6.0':
    'weights cfg data hyp epochs batch-size imgsz|img|img-size rect! resume? nosave! noval! noautoanchor! evolve? bucket cache? image-weights! device multi-scale! single-cls! adam! sync-bn! workers project name exist-ok! quad! linear-lr! label-smoothing patience freeze save-period local_rank',
  'yolov5 v6.1':
    'weights cfg data hyp epochs batch-size imgsz|img|img-size rect! resume? nosave! noval! noautoanchor! evolve? bucket cache? image-weights! device multi-scale! single-cls! optimizer sync-bn! workers project name exist-ok! quad! cos-lr! label-smoothing patience freeze+ save-period local_rank',
  'yolov5 v6.2':
    'weights cfg data hyp epochs batch-size imgsz|img|img-size rect! resume? nosave! noval! noautoanchor! noplots! evolve? bucket cache? image-weights! device multi-scale! single-cls! optimizer sync-bn! workers project name exist-ok! quad! cos-lr! label-smoothing patience freeze+ save-period seed local_rank',
  'yolov5 v7.0':
    'weights cfg data hyp epochs batch-size imgsz|img|img-size rect! resume? nosave! noval! noautoanchor! noplots! evolve? bucket cache? image-weights! device multi-scale! single-cls! optimizer sync-bn! workers project name exist-ok! quad! cos-lr! label-smoothing patience freeze+ save-period seed local_rank',
  'yolov5 master':
    'weights cfg data hyp epochs batch-size imgsz|img|img-size rect! resume? nosave! noval! noautoanchor! noplots! evolve? evolve_population resume_evolve bucket cache? image-weights! device multi-scale! single-cls! optimizer sync-bn! workers project name exist-ok! quad! cos-lr! label-smoothing patience freeze+ save-period seed local_rank',
  'yolov3 2020-01':
    'epochs batch-size accumulate cfg data multi-scale! img-size rect! resume! nosave! notest! evolve! bucket cache-images! weights arc prebias! name device adam! var',
  'yolov3 v7':
    'epochs batch-size cfg data multi-scale! img-size+ rect! resume! nosave! notest! evolve! bucket cache-images! weights name device adam! single-cls!',
  'yolov3 v8':
    'epochs batch-size cfg data multi-scale! img-size+ rect! resume! nosave! notest! evolve! bucket cache-images! weights name device adam! single-cls! freeze-layers!',
  'yolov3 v9.0':
    'weights cfg data hyp epochs batch-size img-size+ rect! resume? nosave! notest! noautoanchor! evolve! bucket cache-images! image-weights! device multi-scale! single-cls! adam! sync-bn! local_rank log-imgs workers project name exist-ok!',
  'yolov3 v9.1':
    'weights cfg data hyp epochs batch-size img-size+ rect! resume? nosave! notest! noautoanchor! evolve! bucket cache-images! image-weights! device multi-scale! single-cls! adam! sync-bn! local_rank log-imgs log-artifacts! workers project name exist-ok! quad!',
  'yolov3 v9.5.0':
    'weights cfg data hyp epochs batch-size img-size+ rect! resume? nosave! notest! noautoanchor! evolve! bucket cache-images! image-weights! device multi-scale! single-cls! adam! sync-bn! local_rank workers project entity name exist-ok! quad! linear-lr! label-smoothing upload_dataset! bbox_interval save_period artifact_alias',
  'yolov3 v9.6.0':
    'weights cfg data hyp epochs batch-size imgsz|img|img-size rect! resume? nosave! noval! noautoanchor! evolve? bucket cache? image-weights! device multi-scale! single-cls! adam! sync-bn! workers project name exist-ok! quad! linear-lr! label-smoothing patience freeze save-period local_rank',
  'yolov3 master':
    'weights cfg data hyp epochs batch-size imgsz|img|img-size rect! resume? nosave! noval! noautoanchor! noplots! evolve? bucket cache? image-weights! device multi-scale! single-cls! optimizer sync-bn! workers project name exist-ok! quad! cos-lr! label-smoothing patience freeze+ save-period seed local_rank',
}

const keyOf = ({ family, name }: YoloRelease) => `${family} ${name}`
const rowOf = (key: string) => yoloReleases.find((release) => keyOf(release) === key)!
const defaultsOf = ({ hypKeys }: YoloRelease): Hyp =>
  Object.fromEntries(hypKeys.filter((key) => key !== 'anchors').map((key, i) => [key, (i + 1) / 100]))

/** What the adapters read of a clone, as that release writes it (in words of our own). */
function writeClone(folder: string, release: YoloRelease, name = release.family as string): string {
  const repo = join(folder, name)
  const epochs = release.name === 'v6.2' || !['v7.0', 'master'].includes(release.name) ? 300 : 100
  const lines = declared[keyOf(release)]!.split(' ').map((flag) => {
    const spellings = flag.replace(/[!?+]$/, '').split('|')
    const names = spellings.map((spelling) => `'--${spelling}'`).join(', ')
    const kind = { '!': ", action='store_true'", '?': ", nargs='?', const=True", '+': ", nargs='+', type=int" }[
      flag.at(-1)!
    ]
    const more =
      spellings[0] === 'epochs'
        ? `, type=int, default=${epochs})  # of coco (all)`
        : spellings[0] === 'hyp'
          ? release.name === 'v2.0' || release.name === 'v3.0'
            ? ", type=str, default='', help='a, (b)')"
            : ", type=str, default=ROOT / 'data/hyps/hyp.scratch-low.yaml', help='file')"
          : spellings[0] === 'cfg'
            ? ", type=str, default='', help='model')"
            : spellings[0] === 'optimizer'
              ? ", type=str, choices=['SGD', 'Adam', 'AdamW'], default='SGD',\n                        help='which')"
              : `${kind ?? ', type=str'}, help='(some, 50%% words)')`
    return `    parser.add_argument(${names}${more}`
  })
  const hyp = defaultsOf(release)
  const table = Object.entries(hyp).map(([key, value]) => `'${key}': ${value} * 1,  # what it is`)
  const inSource = release.hyp === 'text' || release.name === 'v2.0'
  writeText(
    join(repo, 'train.py'),
    `${inSource ? `hyp = {${table.join('\n       ')}}\n` : ''}def parse():\n${lines.join('\n')}\n`,
  )
  if (!inSource)
    for (const file of ['data/hyps/hyp.scratch-low.yaml', 'data/hyp.finetune.yaml'])
      writeText(join(repo, file), `# by the file\n${formatHyp(hyp)}# anchors: 3\n`)
  if (release.out === 'here' && release.family === 'yolov3') writeText(join(repo, 'cfg/yolov3-spp.cfg'), '')
  else writeText(join(repo, release.family === 'yolov5' ? 'models/yolov5s.yaml' : 'models/yolov3.yaml'), 'nc: 80\n')
  writeText(join(repo, 'requirements.txt'), 'torch\n')
  return repo
}

/** A stand-in for an interpreter that says it has these packages. */
function writePython(folder: string, packages: object = { torch: { version: '1.13', folder: '/torch' } }): string {
  const path = writeText(
    join(folder, 'venv/bin/python'),
    `#!/bin/sh\necho '${JSON.stringify({ version: '3.10.1', packages })}'\n`,
  )
  chmodSync(path, 0o755)
  return path
}

const adapterOf = ({ family }: YoloRelease) => ({ yolov5, yolov3 })[family]

async function locate(key: string) {
  const folder = temporaryFolder()
  const release = rowOf(key)
  const repo = writeClone(folder, release)
  const installation = await adapterOf(release).locate({ repo, python: writePython(folder) })
  return { folder, repo, release, adapter: adapterOf(release), installation, directory: join(folder, 'trial') }
}

const trainingOf = (flags: InstalledTraining['flags'], ...passThrough: string[]): InstalledTraining => ({
  flags: { epochs: 3, ...flags },
  passThrough,
})

const jobOf = (directory: string, hyp: Hyp = {}, seed = 5) => {
  mkdirSync(directory, { recursive: true })
  return { trial: 0, attempt: 1, hyp, seed, directory }
}
const slot = (device: string) => ({ slot: 0, device, threads: 2 })

describe('releases', () => {
  it('have a row each, whose name is that of a release that evolves', () => {
    expect(yoloReleases.map(keyOf).sort()).toEqual(Object.keys(declared).sort())
    for (const { like, family } of yoloReleases)
      expect([Object.hasOwn(releases, like), like.startsWith(family)]).toEqual([true, true])
  })

  it('are recognised by their flags', async () => {
    for (const release of yoloReleases) {
      const source = readFileSync(join(writeClone(temporaryFolder(), release), 'train.py'), 'utf8')
      const flags = readFlags(source)
      expect(new Set(flags.values()).size).toBe(declared[keyOf(release)]!.split(' ').length)
      expect(recogniseRelease(release.family, flags)?.name).toBe(release.name)
    }
  })

  it('that are older or none are not', () => {
    const old = readFlags(
      ['epochs', 'cfg', 'data-cfg', 'notest'].map((name) => `p.add_argument('--${name}')`).join('\n'),
    )
    expect([recogniseRelease('yolov3', old), recogniseRelease('yolov5', readFlags('nothing('))]).toEqual([
      undefined,
      undefined,
    ])
  })

  it('declare flags in many ways', () => {
    const source = `
p.add_argument("--a-b", "--ab", type=int, nargs="+", default=[0], help="x, y (z) 'q' \\" --no")
group.add_argument('--o', choices=['SGD', 'Adam'],
    default='SGD', help='''t''')
p.add_argument('--s', action='store_true')
p.add_argument('positional')
p.add_argument('--cut`
    const aB = { name: 'a-b', spellings: ['a-b', 'ab'], isSwitch: false, isList: true, fallback: '[0]' }
    expect([...readFlags(source)]).toEqual([
      ['a-b', aB],
      ['ab', aB],
      [
        'o',
        { name: 'o', spellings: ['o'], isSwitch: false, isList: false, choices: ['SGD', 'Adam'], fallback: "'SGD'" },
      ],
      ['s', { name: 's', spellings: ['s'], isSwitch: true, isList: false }],
    ])
  })
})

describe('locate', () => {
  it('knows a clone by its tag, else by its flags', async () => {
    const { installation, repo } = await locate('yolov5 v6.2')
    expect(installation).toMatchObject({
      release: 'yolov5 v6.2',
      releaseFrom: 'the flags of its train.py',
      like: 'yolov5-v6.2',
    })
    const git = (...words: string[]) =>
      execFileSync('git', ['-C', repo, '-c', 'user.name=a', '-c', 'user.email=a@b', ...words], {
        encoding: 'utf8',
      }).trim()
    git('init', '-q')
    git('add', '.')
    git('commit', '-qm', 'one')
    const python = installation.python
    const between = await yolov5.locate({ repo, python })
    expect([between.release, between.releaseFrom]).toEqual([
      `yolov5 v6.2 (commit ${git('rev-parse', '--short=7', 'HEAD')})`,
      'the flags of its train.py; no tag is at this commit',
    ])
    git('tag', 'other')
    git('tag', '-a', 'v6.1', '-m', 'annotated')
    const { release, releaseFrom, like } = await yolov5.locate({ repo, python })
    expect([release, releaseFrom, like]).toEqual(['yolov5 v6.1', 'git tag', 'yolov5-v6.1'])
    git('pack-refs', '--all')
    git('worktree', 'add', '-q', '--detach', '../second')
    for (const each of [repo, join(repo, '../second')])
      expect(await yolov5.locate({ repo: each, python })).toMatchObject({ release: 'yolov5 v6.1', repo: each })
  })

  it('looks in the current folder, beside it and at home, then for a package', async () => {
    const folder = temporaryFolder()
    const repo = writeClone(folder, rowOf('yolov5 v7.0'))
    const python = writePython(folder)
    const here = vi.spyOn(process, 'cwd')
    try {
      for (const cwd of [repo, folder, join(folder, 'trials')]) {
        here.mockReturnValue(cwd)
        expect(await yolov5.locate({ python })).toMatchObject({ repo, start: [python, join(repo, 'train.py')] })
      }
      here.mockReturnValue(temporaryFolder())
      vi.stubEnv('HOME', folder)
      expect(await yolov5.locate({ python })).toMatchObject({ repo })
      expect(await yolov5.locate({ repo: '~/yolov5', python })).toMatchObject({ repo })
      vi.stubEnv('HOME', temporaryFolder())
      await expect(yolov5.locate({ python })).rejects.toThrow(TrainerNotFoundError)
      await expect(yolov5.locate({ python })).rejects.toThrow(
        'Say where it is: --repo ~/yolov5, or --module yolov5.train',
      )
      const withPackage = writePython(folder, { torch: {}, yolov5: { version: '7.0.14', folder: repo } })
      const found = await yolov5.locate({ python: withPackage })
      expect(found).toMatchObject({
        start: [python, '-m', 'yolov5.train'],
        release: 'yolov5 7.0.14 (package)',
        releaseFrom: 'package version',
        like: 'yolov5-v7.0',
        notes: [],
      })
      expect(found.repo).toBeUndefined()
    } finally {
      here.mockRestore()
    }
  })

  it('says what is there instead', async () => {
    const folder = temporaryFolder()
    const python = writePython(folder)
    const five = writeClone(folder, rowOf('yolov5 v7.0'))
    const three = writeClone(folder, rowOf('yolov3 v8'))
    mkdirSync(join(folder, 'ul/ultralytics'), { recursive: true })
    writeText(join(folder, 'other/train.py'), "p.add_argument('--epochs')")
    const problems: [() => Promise<Installation>, string][] = [
      [() => yolov5.locate({ repo: join(folder, 'none'), python }), 'There is no folder'],
      [() => yolov5.locate({ repo: three, python }), 'is a clone of YOLOv3. Use --trainer yolov3.'],
      [() => yolov3.locate({ repo: five, python }), 'is a clone of YOLOv5. Use --trainer yolov5.'],
      [() => yolov5.locate({ repo: join(folder, 'ul'), python }), 'Use --trainer ultralytics.'],
      [() => yolov5.locate({ repo: folder, python }), `Did you mean --repo ${five}?`],
      [() => yolov5.locate({ repo: join(folder, 'other'), python }), 'are those of no release of YOLOv5 from v1.0 on'],
      [() => yolov5.locate({ module: 'yolov5.train', python }), 'has no module "yolov5.train"'],
    ]
    for (const [step, text] of problems) {
      await expect(step()).rejects.toThrow(TrainerNotFoundError)
      await expect(step()).rejects.toThrow(text)
    }
    expect(await yolov5.locate({ repo: join(five, 'train.py'), python })).toMatchObject({ repo: five })
  })

  it('tells what a release cannot, and of a missing PyTorch', async () => {
    const { folder, repo } = await locate('yolov5 v5.0')
    const { notes } = await yolov5.locate({ repo, python: writePython(folder, {}) })
    expect(notes.map((note) => note.slice(0, 40))).toEqual([
      `${join(folder, 'venv/bin/python')} has no PyTorch`.slice(0, 40),
      'yolov5 v5.0 has no --seed: all its train',
      'Two GPUs on one trial (0+1) work with v5',
    ])
  })

  it('takes the keys that a fork adds to its hyp file', async () => {
    const { folder, repo, adapter, installation } = await locate('yolov5 v7.0')
    expect(installation.hypKeys).toEqual(rowOf('yolov5 v7.0').hypKeys)
    const file = join(repo, 'data/hyps/hyp.scratch-low.yaml')
    writeFileSync(file, `${readFileSync(file, 'utf8')}paste_in: 0.15\n`)
    const fork = await adapter.locate({ repo, python: writePython(folder) })
    expect(fork.hypKeys).toEqual([...installation.hypKeys, 'paste_in'])
    const { hyp, source } = await adapter.defaultHyp(fork, trainingOf({}))
    expect([hyp['paste_in'], 'anchors' in hyp, source]).toEqual([0.15, false, file])
  })
})

describe('plan', () => {
  const common = {
    data: 'd.yaml',
    cfg: 'm.yaml',
    weights: '',
    'batch-size': 16,
    imgsz: 320,
    cache: true,
    noval: true,
    rect: true,
  }

  it('has only flags that the release has, of every release', async () => {
    for (const key of Object.keys(declared)) {
      const { adapter, installation, repo, release, directory } = await locate(key)
      const training = trainingOf({ ...common, noplots: true, 'cos-lr': true }, '--name-of-a-fork', 'x y')
      adapter.check(installation, training)
      const job = jobOf(directory, { ...defaultsOf(release), lr0: 0.5 })
      const { words, env, cwd } = await adapter.plan(installation, training, job, slot('1'))
      const known = readFlags(readFileSync(join(repo, 'train.py'), 'utf8'))
      const passed = words.slice(-2)
      const flags = words.slice(0, -2).filter((word) => word.startsWith('--'))
      expect(flags.filter((word) => !known.has(word.slice(2)))).toEqual([])
      expect(passed).toEqual(['--name-of-a-fork', 'x y'])
      expect(words.slice(0, 2)).toEqual(installation.start)
      expect(words.join(' ')).toContain('--epochs 3 ')
      expect(words).not.toContain('--evolve')
      expect(words[words.indexOf('--device') + 1]).toBe('1')
      expect(words.includes('--seed') ? words[words.indexOf('--seed') + 1] : undefined).toBe(
        known.has('seed') ? '5' : undefined,
      )
      expect([words.includes('--noval'), words.includes('--notest')]).toEqual([known.has('noval'), known.has('notest')])
      expect(cwd).toBe(release.ownFolder ? join(directory, 'out') : repo)
      expect(env).toMatchObject({ WANDB_MODE: 'disabled', YOLOv5_AUTOINSTALL: 'false', GIT_ALLOW_PROTOCOL: 'none' })
      expect(existsSync(join(env['PYTHONPATH']!.split(':')[0]!, 'wandb.py'))).toBe(true)
      // where it writes, and what it reads
      const out = join(directory, 'out')
      if (release.out === 'project') expect(words.join(' ')).toContain(`--project ${directory} --name out --exist-ok`)
      if (release.out === 'logdir') expect(words.join(' ')).toContain(`--logdir ${out}`)
      const yaml = readFileSync(join(directory, 'hyp.yaml'), 'utf8')
      expect(yaml).toBe(formatHyp({ ...defaultsOf(release), lr0: 0.5 }))
      if (release.hyp === 'yaml') expect(words[words.indexOf('--hyp') + 1]).toBe(join(directory, 'hyp.yaml'))
      else
        expect(readFileSync(join(out, 'hyp.txt'), 'utf8')).toBe(
          Object.values({ ...defaultsOf(release), lr0: 0.5 })
            .map((value) => `${value}\n`)
            .join(''),
        )
    }
  })

  it('translates what has another name or meaning', async () => {
    const words = async (key: string, flags: InstalledTraining['flags']) => {
      const { adapter, installation, directory } = await locate(key)
      const all = (await adapter.plan(installation, trainingOf(flags), jobOf(directory), slot(''))).words
      const end = all.findIndex((word) => ['--hyp', '--project', '--logdir'].includes(word))
      return all.slice(2, end < 0 ? undefined : end).join(' ')
    }
    expect(
      await words('yolov5 v7.0', { imgsz: 320, optimizer: 'AdamW', 'cos-lr': true, freeze: [0, 1], cache: 'disk' }),
    ).toBe('--epochs 3 --imgsz 320 --optimizer AdamW --cos-lr --freeze 0 1 --cache disk')
    expect(await words('yolov5 v7.0', { 'linear-lr': true, cache: true, rect: false })).toBe('--epochs 3 --cache')
    expect(
      await words('yolov5 v6.0', { imgsz: 320, optimizer: 'Adam', 'cos-lr': true, freeze: 10, noplots: true }),
    ).toBe('--epochs 3 --imgsz 320 --adam --freeze 10')
    expect(
      await words('yolov5 v5.0', {
        imgsz: 320,
        'val-imgsz': 640,
        optimizer: 'SGD',
        'linear-lr': true,
        'save-period': 5,
        cache: 'ram',
      }),
    ).toBe('--epochs 3 --img-size 320 640 --linear-lr --save_period 5 --cache-images')
    expect(await words('yolov3 v8', { imgsz: 416, 'least-imgsz': 320 })).toContain('--epochs 3 --img-size 320 416 416')
  })

  it('refuses what a release lacks, and what is ours to say', async () => {
    const refused = async (key: string, training: InstalledTraining) => {
      const { adapter, installation } = await locate(key)
      expect(() => adapter.check(installation, training)).toThrow(UsageError)
      try {
        adapter.check(installation, training)
      } catch (error) {
        return (error as Error).message
      }
    }
    expect(await refused('yolov5 v4.0', trainingOf({ patience: 5 }))).toContain('yolov5 v4.0 has no --patience')
    expect(await refused('yolov5 v5.0', trainingOf({ freeze: 10 }))).toContain('yolov5 v5.0 has no --freeze')
    expect(await refused('yolov3 v8', trainingOf({ freeze: 10 }))).toContain('-- --freeze-layers')
    expect(await refused('yolov5 v5.0', trainingOf({ cache: 'disk' }))).toContain('in memory only')
    expect(await refused('yolov5 v6.0', trainingOf({ optimizer: 'AdamW' }))).toContain('it has SGD and Adam')
    expect(await refused('yolov5 v7.0', trainingOf({ optimizer: 'Lion' }))).toContain('is one of SGD, Adam, AdamW')
    expect(await refused('yolov5 v7.0', trainingOf({ 'val-imgsz': 640 }))).toContain('has no --val-imgsz')
    expect(await refused('yolov5 v7.0', trainingOf({ model: 'yolo11n.pt' }))).toContain('--weights yolo11n.pt')
    expect(await refused('yolov5 v7.0', trainingOf({ rect: 3 }))).toContain('is a switch')
    expect(await refused('yolov5 v7.0', trainingOf({ workers: true }))).toContain('needs a value')
    expect(await refused('yolov5 v4.0', trainingOf({ 'linear-lr': true }))).toContain('falls as a cosine')
    expect(await refused('yolov5 v7.0', trainingOf({ weights: '' }))).toContain('say which: --cfg')
    for (const word of ['--evolve', '--project=x', '--resume', '--seed', '--device'])
      expect(await refused('yolov5 v7.0', trainingOf({}, word))).toContain('after -- cannot be passed on')
    expect(await refused('yolov5 v7.0', trainingOf({ evolve: 3 }))).toContain('Hypevolve searches itself')
  })

  it('gives files of the user and of the clone their full path', async () => {
    const { adapter, installation, repo, directory, folder } = await locate('yolov5 v7.0')
    writeText(join(repo, 'data/coco128.yaml'), 'nc: 80\n')
    const data = writeText(join(folder, 'mine.yaml'), 'nc: 2\n')
    const words = async (flags: InstalledTraining['flags']) =>
      (await adapter.plan(installation, trainingOf(flags), jobOf(directory), slot('cpu'))).words.slice(4, 10)
    expect(await words({ data, cfg: 'yolov5s.yaml', weights: '' })).toEqual([
      ...['--data', data, '--cfg', join(repo, 'models/yolov5s.yaml'), '--weights', ''],
    ])
    expect(await words({ data: 'coco128.yaml', cfg: 'data/coco128.yaml', weights: 'yolov5s.pt' })).toEqual([
      ...[
        '--data',
        join(repo, 'data/coco128.yaml'),
        '--cfg',
        join(repo, 'data/coco128.yaml'),
        '--weights',
        'yolov5s.pt',
      ],
    ])
  })

  it('starts two GPUs on one trial as the release does', async () => {
    const words = async (key: string) => {
      const { adapter, installation, directory } = await locate(key)
      const all = (await adapter.plan(installation, trainingOf({}), jobOf(directory), slot('0+3'))).words
      expect(all[all.indexOf('--device') + 1]).toBe('0,3')
      return all.slice(1, 8).map((word) => word.replace(/.*\/train\.py$/, 'train.py').replace(/^\d{4,5}$/, 'port'))
    }
    const launch = ['--nproc_per_node', '2', '--master_port', 'port', 'train.py']
    expect(await words('yolov5 v7.0')).toEqual(['-m', 'torch.distributed.run', ...launch])
    expect(await words('yolov5 v5.0')).toEqual(['-m', 'torch.distributed.launch', ...launch])
    expect((await words('yolov3 v8'))[0]).toBe('train.py')
    const folder = temporaryFolder()
    const repo = writeClone(folder, rowOf('yolov5 v7.0'))
    const python = writePython(folder, { torch: {}, yolov5: { version: '7.0.14', folder: repo } })
    const installation = await yolov5.locate({ module: 'yolov5.train', python })
    const plan = await yolov5.plan(installation, trainingOf({}), jobOf(join(folder, 't')), slot('0+1'))
    expect(plan.words.slice(7, 9)).toEqual(['--module', 'yolov5.train'])
  })

  it('gives an old release a folder of its own, where it finds what it finds in the clone', async () => {
    const { adapter, installation, repo, directory, folder } = await locate('yolov3 v8')
    writeText(join(repo, 'weights/start.pt'), 'w')
    writeText(join(repo, 'weights/last.pt'), 'of another training')
    writeText(join(repo, '.git/HEAD'), '')
    writeText(join(folder, 'coco/images/a.txt'), '')
    writeText(join(repo, 'data/coco.data'), 'train=data/list.txt\n')
    writeText(join(repo, 'data/list.txt'), '../coco/images/1.jpg\n')
    const { cwd } = await adapter.plan(
      installation,
      trainingOf({ data: 'data/coco.data' }),
      jobOf(directory),
      slot('cpu'),
    )
    expect(readFileSync(join(cwd, 'weights/start.pt'), 'utf8')).toBe('w')
    expect(existsSync(join(cwd, '../coco/images/a.txt'))).toBe(true)
    expect(existsSync(join(cwd, 'cfg/yolov3-spp.cfg'))).toBe(true)
    expect(lstatSync(join(cwd, 'weights')).isDirectory()).toBe(true)
    for (const name of ['weights/last.pt', '.git', 'requirements.txt', 'train.py'])
      expect(existsSync(join(cwd, name))).toBe(false)
  })

  describe('after an attempt that was interrupted', () => {
    /** A zip file with nothing in it: as far as a checkpoint is looked into. */
    const whole = Buffer.concat([Buffer.from('PK'), Buffer.alloc(2000), Buffer.from('PK\x05\x06'), Buffer.alloc(18)])
    const rows = (epochs: number) =>
      ['epoch, metrics/mAP_0.5', ...Array.from({ length: epochs }, (_, i) => `${i}, 0.1`)]
        .map((line) => `${line}\n`)
        .join('')

    async function again(key: string, prepare: (out: string) => void, device = 'cpu') {
      const { adapter, installation, directory, release } = await locate(key)
      const out = join(directory, 'out')
      mkdirSync(out, { recursive: true })
      prepare(out)
      const training = trainingOf({ weights: '', rect: true }, '--quad')
      const { words } = await adapter.plan(installation, training, { ...jobOf(directory), attempt: 2 }, slot(device))
      return { words, out, release }
    }
    const leave = (
      out: string,
      results: string,
      last: Uint8Array | string,
      options = "weights: ''\ndevice: '3'\nepochs: 3\n",
    ) => {
      writeText(join(out, 'weights/last.pt'), last)
      writeText(join(out, 'results.csv'), results)
      writeText(join(out, 'opt.yaml'), options)
    }

    it('goes on from its checkpoint, on the GPU that it has now', async () => {
      const { words, out } = await again('yolov5 v7.0', (folder) => leave(folder, rows(2), whole), '1')
      expect(words.slice(2)).toEqual(['--resume', join(out, 'weights/last.pt'), '--quad'])
      expect(readFileSync(join(out, 'opt.yaml'), 'utf8')).toBe("weights: ''\ndevice: '1'\nepochs: 3\n")
      expect(readFileSync(join(out, 'results.csv'), 'utf8')).toBe(rows(2))
    })

    it('begins anew where it cannot: no epoch, all epochs, a broken checkpoint, no settings', async () => {
      const cases: ((out: string) => void)[] = [
        (out) => leave(out, rows(0), whole),
        (out) => leave(out, rows(3), whole),
        (out) => leave(out, rows(2), whole.subarray(0, 1500)),
        (out) => leave(out, rows(2), ''),
        (out) => leave(out, rows(2), whole, ''),
        (out) => leave(out, rows(2), whole, "weights: ''\ndevice: ''\nepochs: 9\n"),
      ]
      for (const prepare of cases) {
        const { words, out } = await again('yolov5 v7.0', prepare)
        expect(words).not.toContain('--resume')
        expect(existsSync(join(out, 'results.csv'))).toBe(false)
      }
    })

    it('goes on with a smaller batch if it ran out of memory', async () => {
      const { adapter, installation, directory } = await locate('yolov5 v7.0')
      const options = "weights: ''\nbatch_size: 16\ndevice: ''\nepochs: 3\ntotal_batch_size: 16\n"
      leave(join(directory, 'out'), rows(1), whole, options)
      await adapter.plan(installation, trainingOf({ 'batch-size': 8 }), { ...jobOf(directory), attempt: 2 }, slot('0'))
      expect(readFileSync(join(directory, 'out/opt.yaml'), 'utf8')).toBe(
        "weights: ''\nbatch_size: 8\ndevice: '0'\nepochs: 3\ntotal_batch_size: 8\n",
      )
    })

    it('in the way of old releases', async () => {
      const line = '0/2 0G 1 1 1 3 9 64 0 0 0 0 1 1 1\n'
      const v1 = await again('yolov5 v1.0', (out) => {
        writeText(join(out, 'weights/last.pt'), whole)
        writeText(join(out, 'results.txt'), line)
      })
      expect(v1.words.slice(-4)).toEqual(['--weights', '', '--resume', '--quad'])
      expect(v1.words.filter((word) => word === '--weights')).toHaveLength(1)
      const v3 = await again('yolov5 v3.0', (out) => {
        writeText(join(out, 'exp1/weights/last.pt'), whole)
        writeText(join(out, 'exp1/results.txt'), line)
      })
      expect(v3.words.slice(-5, -1)).toEqual(['--weights', '', '--resume', join(v3.out, 'exp1/weights/last.pt')])
    })
  })

  it('leaves anchors to the model where AutoAnchor is off, and knows giou by its later name', async () => {
    const written = async (key: string, hyp: Hyp, flags: InstalledTraining['flags']) => {
      const { adapter, installation, directory } = await locate(key)
      await adapter.plan(installation, trainingOf(flags), jobOf(directory, hyp), slot('cpu'))
      return readFileSync(join(directory, 'hyp.yaml'), 'utf8')
    }
    expect(await written('yolov5 v7.0', { anchors: 3.2 }, {})).toContain('anchors: 3.2\n')
    expect(await written('yolov5 v7.0', { anchors: 3.2, other: 1 }, { noautoanchor: true })).not.toMatch(
      /anchors|other/,
    )
    expect(await written('yolov5 v3.0', { box: 0.07 }, {})).toContain('giou: 0.07\n')
  })
})

describe('dead genes', () => {
  const dead = async (key: string, flags: InstalledTraining['flags'], keys: string[], ...passThrough: string[]) => {
    const { adapter, installation } = await locate(key)
    return Object.fromEntries(
      adapter
        .deadGenes(installation, trainingOf(flags, ...passThrough), keys)
        .map(({ key, why, remedy }) => [key, [why, remedy]]),
    )
  }
  const all = [...rowOf('yolov5 v7.0').hypKeys]

  it('are those that the release does not read', async () => {
    expect(await dead('yolov5 v7.0', {}, [...all, 'giou', 'paste_in'])).toEqual({
      giou: ['yolov5 v7.0 does not read it', undefined],
      paste_in: ['yolov5 v7.0 does not read it', undefined],
      iou_t: ['yolov5 v7.0 has it in its file, but no line of a training looks at it', undefined],
    })
    expect(Object.keys(await dead('yolov5 v3.0', {}, ['box', 'mosaic', 'lrf', 'lr0']))).toEqual(['mosaic', 'lrf'])
    expect(Object.keys(await dead('yolov3 v8', {}, ['lrf', 'iou_t', 'mixup']))).toEqual(['mixup', 'lrf'])
  })

  it('are those that a setting puts out of work; which one, and what would change it', async () => {
    const rect = ['rectangular training makes no mosaics, and they are only used there', { rect: false }]
    expect(await dead('yolov5 v7.0', { rect: true }, ['mosaic', 'mixup', 'copy_paste', 'scale'])).toEqual({
      ...{ mosaic: rect, mixup: rect, copy_paste: rect },
    })
    expect(await dead('yolov5 v7.0', {}, ['mosaic'], '--rect')).toEqual({ mosaic: rect })
    expect(await dead('yolov5 v7.0', { rect: true, 'image-weights': true }, ['mosaic'])).toEqual({})
    expect(await dead('yolov5 v7.0', { noautoanchor: true }, ['anchors', 'anchor_t'])).toEqual({
      anchors: [expect.stringContaining('placeholders'), { noautoanchor: false }],
    })
    const adam = ['Adam has no momentum that could warm up', { optimizer: 'SGD' }]
    expect(await dead('yolov5 v7.0', { optimizer: 'AdamW' }, ['momentum', 'warmup_momentum'])).toEqual({
      warmup_momentum: adam,
    })
    expect(Object.keys(await dead('yolov3 v8', { optimizer: 'Adam' }, ['momentum']))).toEqual(['momentum'])
    expect(Object.keys(await dead('yolov5 v7.0', { 'single-cls': true }, ['cls', 'cls_pw', 'obj']))).toEqual([
      'cls',
      'cls_pw',
    ])
  })

  it('depend on the data: one class, boxes without outlines', async () => {
    const folder = temporaryFolder()
    await writeDataset(folder, 3, 1)
    const keys = ['cls', 'copy_paste']
    const data = (names: string) =>
      writeText(join(folder, 'd.yaml'), `path: ${folder}\ntrain: images/train\nval: images/val\n${names}`)
    expect(Object.keys(await dead('yolov5 v7.0', { data: data('names: [a, b]\n') }, keys))).toEqual(['copy_paste'])
    expect(Object.keys(await dead('yolov5 v7.0', { data: data('nc: 1\nnames: {0: a}\n') }, keys))).toEqual(keys)
    writeText(join(folder, 'labels/train/001.txt'), '0 0.1 0.1 0.2 0.1 0.2 0.2\n')
    expect(await dead('yolov5 v7.0', { data: data('names: [a, b]\n') }, keys)).toEqual({})
    const list = writeText(join(folder, 'list.txt'), './images/train/000.png\n')
    const darknet = writeText(join(folder, 'd.data'), `# mine\nclasses = 1\ntrain=${list}\n`)
    expect(Object.keys(await dead('yolov3 v8', { data: darknet }, ['cls']))).toEqual(['cls'])
    for (const broken of ['- 1\n', 'train: [', 'train: 3\n']) {
      writeFileSync(join(folder, 'd.yaml'), broken)
      expect(await dead('yolov5 v7.0', { data: join(folder, 'd.yaml') }, keys)).toEqual({})
    }
  })
})

describe('the default hyp', () => {
  it('is that of each release', async () => {
    for (const key of Object.keys(declared)) {
      const { adapter, installation, release, repo } = await locate(key)
      const { hyp, source } = await adapter.defaultHyp(installation, trainingOf({}))
      expect(hyp).toEqual(defaultsOf(release))
      expect(dirname(source).startsWith(repo)).toBe(true)
    }
  })
})

describe('links', () => {
  it('in the way are left as they are', async () => {
    const { adapter, installation, directory, repo } = await locate('yolov5 v5.0')
    const out = join(directory, 'out')
    mkdirSync(join(out, 'weights'), { recursive: true })
    writeText(join(out, 'exp0/x'), '')
    symlinkSync(join(repo, 'models'), join(out, 'models'))
    const capital = writeText(join(repo, 'Start.pt'), 'w')
    const { words } = await adapter.plan(installation, trainingOf({ weights: capital }), jobOf(directory), slot('cpu'))
    // v5.0 looks for weights by their path in small letters
    expect(words[words.indexOf('--weights') + 1]).toBe('start.pt')
    expect(readFileSync(join(out, 'start.pt'), 'utf8')).toBe('w')
  })
})

describe('a training of another length', () => {
  const rung = { epochs: 12, full: 36 }

  it.each(Object.keys(declared))('has its warm-up in proportion, where %s takes it from the hyp', async (key) => {
    const { adapter, installation, release, directory } = await locate(key)
    const training = trainingOf({ data: 'd.yaml', cfg: 'm.yaml', weights: '', epochs: 12 })
    const hyp: Hyp = { ...defaultsOf(release), ...(release.hypKeys.includes('warmup_epochs') && { warmup_epochs: 6 }) }
    const job = { ...jobOf(directory, hyp), length: rung }
    const { words } = await adapter.plan(installation, training, job, slot('cpu'))
    expect(words[words.indexOf('--epochs') + 1]).toBe('12')
    const own = readFileSync(join(directory, 'hyp.yaml'), 'utf8')
    const said = words[words.indexOf('--hyp') + 1]!
    if (release.hypKeys.includes('warmup_epochs')) {
      expect(said).toBe(join(directory, 'hyp-short.yaml'))
      expect(own).toContain('warmup_epochs: 6.0\n')
      expect(readFileSync(said, 'utf8')).toBe(own.replace('warmup_epochs: 6.0\n', 'warmup_epochs: 2.0\n'))
    } else {
      expect(existsSync(join(directory, 'hyp-short.yaml'))).toBe(false)
      if (release.hyp === 'yaml') expect(said).toBe(join(directory, 'hyp.yaml'))
    }
    const traits = adapter.traits(installation, training)
    expect(traits.warmupEpochs(hyp)).toBe(release.hypKeys.includes('warmup_epochs') ? 6 : 3)
    expect([traits.anyLength, traits.seeded]).toEqual([true, words.includes('--seed')])
  })

  it('scales the warm-up of its own file if the hyp has none', async () => {
    const { adapter, installation, directory } = await locate('yolov5 v7.0')
    const training = trainingOf({ data: 'd.yaml', cfg: 'm.yaml', weights: '', epochs: 12 })
    await adapter.plan(installation, training, { ...jobOf(directory, { lr0: 0.01 }), length: rung }, slot('cpu'))
    const [, own] = /warmup_epochs: (.*)\n/.exec(readFileSync(join(directory, 'hyp.yaml'), 'utf8'))!
    const [, handed] = /warmup_epochs: (.*)\n/.exec(readFileSync(join(directory, 'hyp-short.yaml'), 'utf8'))!
    expect(Number(handed)).toBeCloseTo(Number(own) / 3, 4)
    expect(adapter.traits(installation, training).warmupEpochs({})).toBe(Number(own))
  })

  it('is not possible if a number of epochs stands behind --', async () => {
    const { adapter, installation } = await locate('yolov5 v7.0')
    const traits = (...passThrough: string[]) => adapter.traits(installation, { flags: { epochs: 3 }, passThrough })
    expect(traits('--quad').anyLength).toBe(true)
    expect(traits('--epochs', '9').anyLength).toBe(false)
    expect(traits('--epochs=9').anyLength).toBe(false)
  })
})
