// From flags to a search: space, sampler, fitness and the release whose files are written.
import { readFile } from 'node:fs/promises'
import { EvolveTextValueError, FileReadError, UsageError } from '../base/index.ts'
import type { FrozenKey, Hyp, Release, ReleaseName, Sampler, SamplerName, SearchSpace } from '../search/index.ts'
import type { EvolveFormatName, Json } from '../study/index.ts'
import type { SearchFlags } from './cli/search-flags.ts'

/** How a study searches. */
export interface ChosenSearch {
  readonly space: SearchSpace
  readonly sampler: { readonly name: SamplerName; readonly options: { readonly [key: string]: Json } }
  /** What no trial can change, and why. */
  readonly frozen: readonly FrozenKey[]
  /** A preset's name or an expression. */
  readonly fitness: string
  /** Set if that release is replayed. */
  readonly release: ReleaseName | undefined
  readonly format: EvolveFormatName
  /** Which row of the table is the best: by the release's own fitness where it is replayed as it was. */
  readonly ranking: 'table' | 'trial'
  /** Trials in all. */
  readonly trials: number
  /** One sentence each, for the console. */
  readonly notes: readonly string[]
}

/** The hyp that a search starts from. */
export interface StartHyp {
  readonly hyp: Hyp
  /** What messages call it. */
  readonly source: string
}

/** Trials of a study that replays no release. */
const usualTrials = 300

/**
 * What the flags mean. Nothing has run yet, so every mistake is told before the first training.
 *
 * @param start - `undefined` only with a `--space` file, which then has the start values itself
 * @param known - the space that `--fix`, `--only` and `--set` change; default that of the release or `--space`
 * @throws {@link UsageError} and the errors of spaces, fitness and releases
 */
export async function chooseSearch(
  flags: SearchFlags & {
    readonly noautoanchor?: boolean
    readonly evolve?: number | true
    /** A release whose ranges and files are used, but whose sampler is not replayed. */
    readonly like?: string | undefined
    /** Where neither a sampler nor an original is named: `auto`, or the sampler of the release (default). */
    readonly usual?: 'auto' | 'original'
    readonly cfg?: string
  },
  start: StartHyp | undefined,
  known?: SearchSpace,
): Promise<ChosenSearch> {
  const { findRelease, parseFitness, releases, samplers } = await import('../search/index.ts')
  const { evolveFormats, formatOfRelease } = await import('../study/index.ts')
  const release = flags.release === undefined ? undefined : findRelease(flags.release)
  const likeName = release ?? findRelease(flags.like ?? 'yolov5-v7.0')
  const like: Release = releases[likeName]
  const name = flags.sampler ?? (flags.usual === 'auto' && !namesOriginal(flags) ? 'auto' : like.sampler)
  if (!Object.hasOwn(samplers, name))
    throw new UsageError(
      `--sampler ${name}: there is no such sampler. Choose one of ${Object.keys(samplers).join(', ')}.`,
    )

  const replays = release !== undefined && name === like.sampler
  const space = known ? changed(known, flags) : await chooseSpace(flags, start, likeName)
  const format = formatOfRelease[like.files as keyof typeof formatOfRelease]
  if (!evolveFormats[format].titled) requireNumbers(space, format)
  const fitness = parseFitness(flags.fitness ?? like.fitness).text
  const sampler = samplers[name as SamplerName] as Sampler<unknown>
  const usual = replays ? like.trials : usualTrials
  const trials = typeof flags.evolve === 'number' ? flags.evolve : usual
  const single = typeof flags.evolve !== 'number' && usual === 1
  return {
    space,
    sampler: {
      name: name as SamplerName,
      options: samplerOptions(sampler, flags, replays ? like.options : {}, trials),
    },
    frozen: space.frozen(sampler),
    fitness,
    release,
    format,
    ranking: replays && flags.fitness === undefined ? 'table' : 'trial',
    trials,
    notes: single
      ? [
          `One training per start, as ${release} has it: the same command again makes one more, --evolve ${usualTrials} makes ${usualTrials} in all.`,
        ]
      : [],
  }
}

/** Whether flags mean one of the original algorithms, although none is named: what only they have, or a Darknet cfg. */
export function namesOriginal(flags: SearchFlags & { readonly cfg?: string }): boolean {
  const { release, parent, method, mutationProbability, sigma, cfg = '' } = flags
  return [release, parent, method, mutationProbability, sigma].some((flag) => flag !== undefined) || /\.cfg$/i.test(cfg)
}

async function chooseSpace(
  flags: SearchFlags & { readonly noautoanchor?: boolean },
  start: StartHyp | undefined,
  release: ReleaseName,
): Promise<SearchSpace> {
  const { parseSpace, releaseSpace } = await import('../search/index.ts')
  const { fix = [], only, set = [] } = flags
  if (flags.space === undefined) {
    if (!start) throw new UsageError('Say where the search starts: --hyp <yaml> or --space <yaml>.')
    return releaseSpace(start.hyp, {
      release,
      ...(only === undefined ? {} : { only }),
      fixed: fix,
      set,
      noAutoAnchor: flags.noautoanchor ?? false,
      source: start.source,
    })
  }
  const path = flags.space
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new FileReadError(path, cause)
  })
  return changed(parseSpace(text, path, start?.hyp), flags)
}

function changed(space: SearchSpace, { fix = [], only, set = [] }: SearchFlags): SearchSpace {
  let result = space
  for (const change of set) result = result.set(change)
  if (only !== undefined) result = result.only(only)
  return fix.length === 0 ? result : result.fix(fix)
}

/** An evolve.txt has no titles and holds numbers only. @throws {@link EvolveTextValueError} */
function requireNumbers(space: SearchSpace, format: EvolveFormatName): void {
  for (const [i, key] of space.keys.entries()) {
    const { start, when } = space.parameters[i]!
    if (when !== undefined) throw new EvolveTextValueError(format, key, undefined)
    if (typeof start !== 'number') throw new EvolveTextValueError(format, key, String(start))
  }
}

/** The flags that are options of a sampler. */
const optionFlags = {
  parent: '--parent',
  method: '--method',
  mutationProbability: '--mutation-probability',
  sigma: '--sigma',
} as const satisfies Partial<Record<keyof SearchFlags, string>>

/**
 * @param base - options that replay a release, if one is
 * @param trials - planned in all: a population search cools down over them
 * @throws {@link UsageError} for an option that the sampler does not have, or a value that it does not take
 */
function samplerOptions(
  sampler: Sampler<unknown>,
  flags: SearchFlags,
  base: Readonly<Record<string, unknown>>,
  trials: number,
): { readonly [key: string]: Json } {
  const known = Object.keys((sampler.options as unknown as { readonly shape: object }).shape)
  const options: Record<string, unknown> = { ...base }
  for (const [key, flag] of Object.entries(optionFlags)) {
    const value = flags[key as keyof typeof optionFlags]
    if (value === undefined) continue
    if (!known.includes(key))
      throw new UsageError(
        `${flag} means nothing to the sampler ${sampler.name}. It has: ${known.join(', ') || 'no options'}.`,
      )
    options[key] = value
  }
  Object.assign(
    options,
    typedValues(flags.samplerOption ?? [], known, { what: `sampler ${sampler.name}`, flag: '--sampler-option' }),
  )
  // A formula of one's own ranks the parents too, whatever the release ranked by.
  if (flags.fitness !== undefined && known.includes('fitness')) options['fitness'] = 'study'
  if (known.includes('generations')) options['generations'] = Math.max(1, Math.ceil(trials / generationSize))
  const checked = sampler.options.safeParse(options)
  if (checked.success) return checked.data as { readonly [key: string]: Json }
  const { path, message } = checked.error.issues[0]!
  throw new UsageError(`The sampler ${sampler.name} does not take ${path.join('.') || 'these options'}: ${message}`)
}

/**
 * Options as they were typed, `name=value` each, checked by their schema.
 *
 * @throws {@link UsageError}
 */
export function typedOptions(
  of: { readonly name: string; readonly options: Sampler<unknown>['options'] },
  texts: readonly string[],
  { what, flag }: { readonly what: string; readonly flag: string },
): { readonly [key: string]: Json } {
  const known = Object.keys((of.options as unknown as { readonly shape: object }).shape)
  const checked = of.options.safeParse(typedValues(texts, known, { what: `${what} ${of.name}`, flag }))
  if (checked.success) return checked.data as { readonly [key: string]: Json }
  const { path, message } = checked.error.issues[0]!
  throw new UsageError(`The ${what} ${of.name} does not take ${path.join('.') || 'these options'}: ${message}`)
}

function typedValues(
  texts: readonly string[],
  known: readonly string[],
  { what, flag }: { readonly what: string; readonly flag: string },
): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const text of texts) {
    const [, key = '', value = ''] = /^([^=]+)=(.+)$/s.exec(text) ?? []
    if (key === '') throw new UsageError(`${flag} ${text}: write name=value.`)
    if (!known.includes(key.trim()))
      throw new UsageError(`${flag} ${text}: the ${what} has no such option. It has: ${known.join(', ') || 'none'}.`)
    values[key.trim()] = optionValue(value.trim())
  }
  return values
}

/** A number, true, false, or the text itself. */
const optionValue = (text: string): unknown =>
  text === 'true' || text === 'false' ? text === 'true' : Number.isFinite(Number(text)) ? Number(text) : text

/** Trainings of a generation in YOLOv5's population search. */
const generationSize = 50
