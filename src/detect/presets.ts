// The hyperparameter sets that YOLOv5 and YOLOv3 releases shipped, by name.
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

/** A set of hyperparameters as a release shipped it. */
export interface Preset {
  /** Canonical name, as 'yolov5@v7.0/scratch-low'. */
  readonly name: string
  /** Release, as 'yolov5@v7.0'. */
  readonly release: string
  /** File in that release, as 'data/hyps/hyp.scratch-low.yaml'. */
  readonly file: string
  /** Values as shipped, in file order (one release has the text `optimizer: SGD` among them). */
  readonly raw: Readonly<Record<string, number | string>>
  /** That release decays the learning rate along a cosine by default. */
  readonly cosine: boolean
  /** Why this trainer cannot use the set; undefined if it can. */
  readonly unsupported: string | undefined
}

/** Releases from v1.0 to v6.0 took the cosine unless told otherwise, v6.1 and later the line. */
const cosineReleases = /^yolov5@v([1-5]\.\d|6\.0)$|^yolov3@v9\./

const v6Reason =
  'they belong to the loss of YOLOv3 v6 (2019), which had other terms. ' +
  'Take yolov3@01dbdc45, yolov3@v7 or yolov3@v8 with a YOLOv3 model, or scratch-low with one of YOLOv5.'

let all: readonly Preset[] | undefined

/** Every preset, release by release. */
export function presets(): readonly Preset[] {
  all ??= readPresets()
  return all
}

function readPresets(): Preset[] {
  const sets = JSON.parse(readFileSync(new URL('../../assets/hyps/presets.json', import.meta.url), 'utf8')) as {
    files: string[]
    hyp: Record<string, number | string>
  }[]
  return sets.flatMap(({ files, hyp }) =>
    files.map((path): Preset => {
      const slash = path.indexOf('/')
      const release = path.slice(0, slash)
      const file = path.slice(slash + 1)
      return {
        name: `${release}/${shortName(file)}`,
        release,
        file,
        raw: hyp,
        cosine: cosineReleases.test(release),
        unsupported: release === 'yolov3@v6' ? v6Reason : undefined,
      }
    }),
  )
}

/** Order in which a bare name is looked for: the release this trainer follows, then backwards, then the newest. */
const releaseOrder = [
  ...['v7.0', 'v6.2', 'v6.1', 'v6.0', 'v5.0', 'v4.0', 'v3.1', 'v3.0', 'v2.0', 'v1.0', 'master'].map(
    (tag) => `yolov5@${tag}`,
  ),
  ...['v9.6.0', 'v9.5.0', 'v9.1', 'v9.0', 'master', 'v8', 'v7', 'v6', '01dbdc45'].map((tag) => `yolov3@${tag}`),
]

/**
 * Finds a preset by what a user may write: `scratch-low`, `hyp.scratch-low.yaml`, `data/hyps/hyp.scratch-low.yaml`
 * (v7.0 if it has such a file, else the newest release before it that has), or with the release in front:
 * `v5.0/scratch`, `yolov5@v5.0/scratch`, `yolov3@v9.0/hyp.scratch.yaml`, `v1.0`.
 */
export function findPreset(name: string): Preset | undefined {
  const match = /^(?:(yolov[35])[@/-])?(v\d+(?:\.\d+)*|master|01dbdc45)(?:\/(.*))?$/.exec(name)
  const wanted = match ? match[3] && shortName(match[3]) : shortName(name)
  const candidates = presets().filter(
    (preset) =>
      (!match || (preset.release.endsWith(`@${match[2]}`) && (!match[1] || preset.release.startsWith(match[1])))) &&
      (wanted === undefined || wanted === '' || shortName(preset.file) === wanted),
  )
  if (wanted === undefined || wanted === '') {
    const releases = new Set(candidates.map((preset) => preset.release))
    if (candidates.length !== releases.size) return undefined // a release with several files needs the file's name
  }
  return candidates.toSorted((a, b) => releaseOrder.indexOf(a.release) - releaseOrder.indexOf(b.release))[0]
}

/** Short names that work without a release. */
export function presetNames(): string[] {
  return [...new Set(presets().map((preset) => shortName(preset.file)))].filter((name) => name !== 'train.py').sort()
}

const shortName = (file: string) =>
  basename(file)
    .replace(/\.ya?ml$/i, '')
    .replace(/^hyp\./i, '')
