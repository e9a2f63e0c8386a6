// Flags by their v7.0 names, as words of the release that is there.
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { UsageError } from '../../../base/index.ts'
import { expandPath } from './python.ts'
import type { InstalledTraining } from './types.ts'
import type { TrainerFlag, YoloRelease } from './yolo-releases.ts'

export type Flags = ReadonlyMap<string, TrainerFlag>
type Value = InstalledTraining['flags'][string]

/** Other spellings of earlier releases. */
const spellings: Readonly<Record<string, readonly string[]>> = {
  imgsz: ['img', 'img-size'],
  img: ['imgsz', 'img-size'],
  'img-size': ['imgsz', 'img'],
  cache: ['cache-images'],
  'cache-images': ['cache'],
  noval: ['notest'],
  notest: ['noval'],
}

/** What Hypevolve says itself, and why no one else may. */
const ours: Readonly<Record<string, string>> = {
  hyp: 'each trial has its own hyp file; the one that the search starts from is --hyp of hypevolve',
  ...Object.fromEntries(
    ['project', 'name', 'exist-ok', 'logdir'].map((name) => [name, 'each trial has its own folder']),
  ),
  ...Object.fromEntries(
    ['evolve', 'evolve_population', 'resume_evolve', 'bucket'].map((name) => [name, 'Hypevolve searches itself']),
  ),
  resume: 'a trial that was interrupted goes on by itself (hypevolve resume)',
  seed: 'each trial has its own seed; the first is --seed of hypevolve',
  device: 'GPUs are shared out by --device of hypevolve',
  ...Object.fromEntries(['local_rank', 'local-rank'].map((name) => [name, 'two GPUs on one trial are --device 0+1'])),
}

/** Switches that cost or save time and change no result: a release without them does without. */
const harmless: ReadonlySet<string> = new Set(['noplots'])

export interface FlagFacts {
  /** `yolov5 v6.2`. */
  readonly title: string
  readonly release: YoloRelease
  readonly flags: Flags
  /** Folder of the clone, if it is one. */
  readonly repo?: string | undefined
}

/**
 * The words of a training without those of its trial.
 *
 * @throws UsageError for a flag that this release lacks, or that is not the user's
 */
export function flagWords(training: InstalledTraining, facts: FlagFacts): string[] {
  for (const word of training.passThrough) {
    const name = /^--([\w-]+)/.exec(word)?.[1]
    const why = name === undefined ? undefined : ours[name]
    if (why !== undefined) throw new UsageError(`--${name} after -- cannot be passed on: ${why}.`)
  }
  return Object.entries(training.flags).flatMap(([name, value]) => wordsOf(name, value, training, facts))
}

function wordsOf(name: string, value: Value, training: InstalledTraining, facts: FlagFacts): string[] {
  if (value === false) return []
  const why = ours[name]
  if (why !== undefined) throw new UsageError(`--${name} cannot be passed on: ${why}.`)
  const special = specials[name]
  if (special) return special(value, training, facts)
  const flag = spelled(name, facts.flags)
  if (flag) return plainWords(flag, value, facts)
  if (harmless.has(name)) return []
  throw lacking(name, facts)
}

/** Flags whose meaning, not only their spelling, is another in some release. */
const specials: Readonly<Record<string, (value: Value, training: InstalledTraining, facts: FlagFacts) => string[]>> = {
  optimizer(value, _, facts) {
    const flag = facts.flags.get('optimizer')
    if (flag) return plainWords(flag, value, facts)
    if (value === 'SGD') return []
    if (value === 'Adam' && facts.flags.has('adam')) return ['--adam']
    throw new UsageError(
      `${facts.title} has no --optimizer ${value}: it has SGD${facts.flags.has('adam') ? ' and Adam' : ''}.`,
    )
  },
  // The cosine was the default to v6.0, and before v5.0 there was nothing else.
  'cos-lr': (_, __, { flags }) => (flags.has('cos-lr') ? ['--cos-lr'] : []),
  'linear-lr'(_, __, facts) {
    if (facts.flags.has('cos-lr')) return []
    if (facts.flags.has('linear-lr')) return ['--linear-lr']
    throw new UsageError(`${facts.title} has no --linear-lr: its learning rate falls as a cosine.`)
  },
  cache(value, _, facts) {
    const flag = spelled('cache', facts.flags)
    if (flag === undefined) throw lacking('cache', facts)
    if (!flag.isSwitch) return value === true ? ['--cache'] : plainWords(flag, value, facts)
    if (value === 'disk') throw new UsageError(`${facts.title} caches images in memory only: --cache ram.`)
    return [`--${flag.name}`]
  },
  imgsz: imageSizes,
  'val-imgsz': (value, training, facts) => laterSize('val-imgsz', value, training, facts),
  'least-imgsz': (value, training, facts) => laterSize('least-imgsz', value, training, facts),
  freeze(value, _, facts) {
    const flag = facts.flags.get('freeze')
    if (flag === undefined) {
      if (facts.flags.has('freeze-layers'))
        throw new UsageError(`${facts.title} freezes all layers but the last or none: pass -- --freeze-layers.`)
      throw lacking('freeze', facts)
    }
    if (!flag.isList && Array.isArray(value) && value.length > 1)
      throw new UsageError(`${facts.title} freezes the first layers, so --freeze takes one number.`)
    return plainWords(flag, value, facts)
  },
  model(value, _, facts) {
    throw new UsageError(`--model is of Ultralytics; ${facts.title} takes --weights ${value} or --cfg ${value}.`)
  },
  data: (value, _, facts) => file('data', value, facts, ['data']),
  cfg: (value, _, facts) => file('cfg', value, facts, ['models', 'models/hub', 'cfg']),
  weights: (value, _, facts) => file('weights', value, facts, ['.', 'weights']),
}

/**
 * `--imgsz` of the releases that take several sizes: to train and to validate; those on darknet cfg files take the least and
 * the most to train, and the one to validate.
 */
function imageSizes(value: Value, { flags }: InstalledTraining, facts: FlagFacts): string[] {
  const flag = spelled('imgsz', facts.flags)
  if (flag === undefined) throw lacking('imgsz', facts)
  if (!flag.isList || Array.isArray(value)) return plainWords(flag, value, facts)
  const validated = flags['val-imgsz'] ?? value
  const sizes =
    facts.release.out === 'here' && facts.release.family === 'yolov3'
      ? [flags['least-imgsz'] ?? value, value, validated]
      : [value, validated]
  return [`--${flag.name}`, ...sizes.map(String)]
}

/** Is said with --imgsz. */
function laterSize(name: string, value: Value, { flags }: InstalledTraining, facts: FlagFacts): string[] {
  const least = name === 'least-imgsz' && !(facts.release.out === 'here' && facts.release.family === 'yolov3')
  if (!least && spelled('imgsz', facts.flags)?.isList && flags['imgsz'] !== undefined) return []
  if (!least && value === flags['imgsz']) return []
  throw lacking(name, facts)
}

const spelled = (name: string, flags: Flags): TrainerFlag | undefined =>
  [name, name.replaceAll('-', '_'), ...(spellings[name] ?? [])]
    .map((spelling) => flags.get(spelling))
    .find((flag) => flag !== undefined)

function plainWords(flag: TrainerFlag, value: Value, { title }: FlagFacts): string[] {
  if (flag.isSwitch) {
    if (value === true) return [`--${flag.name}`]
    throw new UsageError(`--${flag.name} of ${title} is a switch and takes no value (given: ${value}).`)
  }
  if (value === true) throw new UsageError(`--${flag.name} of ${title} needs a value.`)
  const values = (Array.isArray(value) ? value : [value]).map(String)
  if (flag.choices && values.some((each) => !flag.choices!.includes(each)))
    throw new UsageError(
      `--${flag.name} of ${title} is one of ${flag.choices.join(', ')} (given: ${values.join(' ')}).`,
    )
  return [`--${flag.name}`, ...values]
}

const lacking = (name: string, { title, release }: FlagFacts) =>
  new UsageError(
    `${title} has no --${name}. Leave it out, or use a newer release${release.name === 'master' ? ' or pass its own flag after --' : ''}.`,
  )

/** A file of the user or of the clone gets its full path: the training may run elsewhere. */
function file(name: string, value: Value, facts: FlagFacts, folders: readonly string[]): string[] {
  const flag = spelled(name, facts.flags)
  if (flag === undefined) throw lacking(name, facts)
  if (typeof value !== 'string') return plainWords(flag, value, facts)
  return [`--${flag.name}`, filePath(value, facts, folders)]
}

function filePath(value: string, { repo, release }: FlagFacts, folders: readonly string[]): string {
  if (value === '' || /^\w+:\/\//.test(value)) return value
  const here = expandPath(value)
  if (existsSync(here)) return here
  if (repo === undefined) return value
  const inClone = [value, ...folders.map((folder) => join(folder, value))].map((path) => join(repo, path))
  const found = inClone.find((path) => existsSync(path))
  // Weights that are nowhere are fetched, to where all trials find them.
  return found ?? (release.ownFolder && value === basename(value) && value.endsWith('.pt') ? join(repo, value) : value)
}

/** Whether a training has a switch, by a flag or behind `--`. */
export const isOn = (training: InstalledTraining, name: string): boolean => {
  const value = training.flags[name]
  return (value !== undefined && value !== false) || training.passThrough.includes(`--${name}`)
}
