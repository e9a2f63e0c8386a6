// Every release that evolves hyperparameters: which sampler with which options, ranges, fitness and files it means.
import { ReleaseUnknownError } from '../base/index.ts'
import type { FitnessPresetName } from './fitness.ts'
import { nearest } from './nearest.ts'
import type { RangeTableName } from './ranges.ts'

export interface Release {
  readonly sampler: 'yolov5' | 'yolov3' | 'yolov5-ga'
  /** Options of the sampler that replay the release; `{ ...options, mode: 'native' }` searches with its settings only. */
  readonly options: Readonly<Record<string, string | number | boolean>>
  readonly ranges: RangeTableName
  /** Decimals that hyps are rounded to, if they are. */
  readonly decimals?: number
  /**
   * Where `anchors: 3` is added to a hyp without: as in the release's table, or as the last key, as yolov5 v6.0 and later
   * do themselves. `none`: the release does not know it.
   */
  readonly anchors: 'in-table' | 'last' | 'none'
  readonly fitness: FitnessPresetName
  /** Whose file names and formats: a release in `formatOfRelease` of src/study/files. */
  readonly files: string
  /** Trials that the release makes if it is not told how many. */
  readonly trials: number
}

const replay = { mode: 'replay', fitness: 'yolov5' } as const

/** A text table, three digits; gains in the order of the table; the equally fit have no weight. */
const text = (ranges: RangeTableName, more: object = {}): Omit<Release, 'files' | 'trials'> => ({
  sampler: 'yolov5',
  options: { ...replay, table: 'evolve.txt', guard: 0, ...more },
  ranges,
  decimals: 5,
  anchors: 'in-table',
  fitness: 'yolov5',
})

const csv: Omit<Release, 'files' | 'trials'> = {
  sampler: 'yolov5',
  options: { ...replay, table: 'evolve.csv' },
  ranges: 'yolov5-v6.0',
  decimals: 5,
  anchors: 'last',
  fitness: 'yolov5',
}

const yolov3 = (release: string, fitness: FitnessPresetName): Omit<Release, 'files' | 'trials'> => ({
  sampler: 'yolov3',
  options: { mode: 'replay', release, fitness },
  ranges: release === 'v6' ? 'yolov3-v6' : 'yolov3-2020',
  anchors: 'none',
  fitness,
})

const population = (aliasing: boolean): Release => ({
  sampler: 'yolov5-ga',
  options: { mode: 'replay', aliasing },
  ranges: 'yolov5-master',
  anchors: 'last',
  fitness: 'yolov5',
  files: 'yolov5-master',
  trials: 300 * 50,
})

/** By name: `yolov5-v7.0`, `yolov3-v9.6.0`, … and the commits between releases that evolve in a way of their own. */
export const releases = {
  'yolov5-v7.0': { ...csv, files: 'yolov5-v7.0', trials: 300 },
  'yolov5-v6.2': { ...csv, files: 'yolov5-v6.2', trials: 300 },
  'yolov5-v6.1': { ...csv, files: 'yolov5-v6.1', trials: 300 },
  'yolov5-v6.0': { ...csv, files: 'yolov5-v6.0', trials: 300 },
  'yolov5-v5.0': { ...text('yolov5-v3.1'), files: 'yolov5-v5.0', trials: 300 },
  'yolov5-v4.0': { ...text('yolov5-v3.1'), files: 'yolov5-v4.0', trials: 300 },
  'yolov5-v3.1': { ...text('yolov5-v3.1'), files: 'yolov5-v3.1', trials: 300 },
  'yolov5-v3.0': {
    ...text('yolov5-v3.0', { mutationProbability: 0.9 }),
    anchors: 'none',
    files: 'yolov5-v3.0',
    trials: 100,
  },
  'yolov5-v2.0': { ...early(), files: 'yolov5-v2.0', trials: 10 },
  'yolov5-v1.0': { ...early(), files: 'yolov5-v1.0', trials: 10 },
  'yolov5-master': population(false),
  'yolov5-0fd7ea49e': population(true),
  'yolov5-22e9afef7': population(true),
  'yolov5-66edf3893': population(true),
  'yolov3-master': { ...csv, files: 'yolov3-master', trials: 300 },
  'yolov3-v9.6.0': { ...csv, files: 'yolov3-v9.6.0', trials: 300 },
  'yolov3-v9.5.0': { ...text('yolov5-v3.1'), files: 'yolov3-v9.5.0', trials: 300 },
  'yolov3-v9.1': { ...text('yolov5-v3.1'), files: 'yolov3-v9.1', trials: 300 },
  'yolov3-v9.0': { ...text('yolov5-v3.1'), files: 'yolov3-v9.0', trials: 300 },
  'yolov3-v8': { ...yolov3('v8', 'yolov3-v8'), files: 'yolov3-v8', trials: 1 },
  'yolov3-v7': { ...yolov3('v8', 'yolov3-v8'), files: 'yolov3-v7', trials: 1 },
  'yolov3-2020-01': { ...yolov3('2020-01', 'yolov3-2020-01'), files: 'yolov3-2020-01', trials: 1 },
  'yolov3-v6': { ...yolov3('v6', 'yolov3-v6'), files: 'yolov3-v6', trials: 51 },
} as const satisfies Record<string, Release>

/** v1.0 and v2.0 had no table: limits, no rounding. */
function early(): Omit<Release, 'files' | 'trials'> {
  const { decimals: _decimals, ...rest } = text('yolov5-v1.0', { mutationProbability: 0.9 })
  return { ...rest, anchors: 'none' }
}

export type ReleaseName = keyof typeof releases

/** Other ways to name a release: the commit that the tutorial on YOLOv3 shows. */
const aliases: Readonly<Record<string, ReleaseName>> = {
  '01dbdc45': 'yolov3-2020-01',
  'yolov3-01dbdc45': 'yolov3-2020-01',
  yolov5: 'yolov5-v7.0',
  yolov3: 'yolov3-v9.6.0',
  master: 'yolov5-master',
}

/**
 * The full name of a release: `v7.0`, `7.0` and `yolov5-7` are `yolov5-v7.0`, `v8` is `yolov3-v8`; `@` and `-` are the
 * same, capital letters do not matter.
 *
 * @throws {@link ReleaseUnknownError} if there is none, or the name could mean two
 */
export function findRelease(text: string): ReleaseName {
  const name = text.trim().toLowerCase().replace('@', '-')
  if (Object.hasOwn(aliases, name)) return aliases[name]
  const known = Object.keys(releases) as ReleaseName[]
  const full = /^yolov[35]-/.test(name) ? [name] : [`yolov5-${name}`, `yolov3-${name}`]
  const found = [
    ...new Set(
      full
        .flatMap((each) => [each, each.replace(/^(yolov[35])-(?=\d)/, '$1-v')])
        .flatMap((each) => [each, `${each}.0`])
        .filter((each) => Object.hasOwn(releases, each)),
    ),
  ]
  if (found.length === 1) return found[0] as ReleaseName
  const similar = found.length > 1 ? found.join(' or ') : nearest(name, known)
  throw new ReleaseUnknownError(text.slice(0, 60), known, similar)
}
