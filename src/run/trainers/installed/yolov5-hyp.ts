// Hyperparameters of a release of YOLOv5 or YOLOv3: those that it would take by itself, and the file that it reads.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { formatHyp, type Hyp, parseHyp } from '../../../search/index.ts'
import type { InstalledTraining } from './types.ts'
import type { TrainerFlag, YoloRelease } from './yolo-releases.ts'

/** The default hyp of a train.py: of the file that it names, or of the table in its source. Empty if it cannot be read. */
export function defaultHypOf(
  script: string,
  release: YoloRelease,
  flags: ReadonlyMap<string, TrainerFlag>,
  training: Partial<InstalledTraining['flags']>,
): { hyp: Hyp; source: string } {
  const file = /['"]([^'"]+\.ya?ml)['"]/.exec(flags.get('hyp')?.fallback ?? '')?.[1] ?? oldFile(training)
  const path = join(dirname(script), file)
  if (flags.has('hyp') && existsSync(path)) return { hyp: parseHyp(readFileSync(path, 'utf8'), path), source: path }
  return { hyp: tableOf(readFileSync(script, 'utf8'), release), source: script }
}

/** v3.0 chooses: one for pretrained weights (which are its default), one for a new model. */
const oldFile = ({ weights }: Partial<InstalledTraining['flags']>): string =>
  weights === '' ? 'data/hyp.scratch.yaml' : 'data/hyp.finetune.yaml'

/** `hyp = {'lr0': 0.01, …}` in a train.py; values may be products, as `1.98 * 0`. */
function tableOf(source: string, release: YoloRelease): Hyp {
  const table = /^hyp = \{([\s\S]*?)\}/m.exec(source)?.[1] ?? ''
  const entries = [...table.matchAll(/'(\w+)':\s*([-+.\deE]+(?:\s*\*\s*[-+.\deE]+)*)/g)].map(([, key, value]) => [
    key!,
    value!.split('*').reduce((product, factor) => product * Number(factor), 1),
  ])
  return Object.fromEntries(
    entries.filter(([key, value]) => release.hypKeys.includes(key as string) && Number.isFinite(value)),
  )
}

/**
 * What is written for one trial: the keys that the release reads, in its order; what the hyp lacks is as in its default.
 * `anchors` is only there if the hyp has it and AutoAnchor runs: it would replace the model's anchors by placeholders.
 */
export function hypFor(hyp: Hyp, defaults: Hyp, keys: readonly string[], autoAnchor: boolean): Hyp {
  const { box } = hyp
  // giou was renamed to box in v3.1.
  const given = keys.includes('giou') && !('giou' in hyp) && box !== undefined ? { ...hyp, giou: box } : hyp
  const entries = keys.flatMap((key) => {
    const value = given[key] ?? (key === 'anchors' ? undefined : defaults[key])
    return value === undefined || (key === 'anchors' && !autoAnchor) ? [] : [[key, value] as const]
  })
  return Object.fromEntries(entries)
}

/** The file of the release: yaml, or one value per line in the order of the table in its source. */
export const hypText = (hyp: Hyp, form: YoloRelease['hyp']): string =>
  form === 'yaml'
    ? formatHyp(hyp)
    : Object.values(hyp)
        .map((value) => `${value}\n`)
        .join('')
