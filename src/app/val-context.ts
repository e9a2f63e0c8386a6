// What the tasks of `hypevolve val` have in common.
import { basename, extname, join } from 'node:path'
import type { OpenDetector, TrainEvent } from '../detect/index.ts'
import type { ValFlags } from './cli/val.ts'
import type { Terminal } from './console/terminal.ts'
import type { Evaluation, Judged } from './evaluation.ts'

/** A validation under way. */
export interface ValContext {
  readonly flags: ValFlags
  readonly terminal: Terminal
  readonly evaluation: Evaluation
  readonly detector: OpenDetector
  readonly tell: (event: TrainEvent) => void
}

/** Makes the folder of this run. */
export async function runFolder({ project, name, existOk }: ValFlags): Promise<string> {
  const { incrementPath } = await import('../run/index.ts')
  return incrementPath(join(project, name), { existOk })
}

/** Times by YOLOv5's names. */
export const phasesOf = ({ loader, network, suppression }: Judged['msPerImage']) => ({
  preprocess: loader,
  inference: network,
  suppression,
})

export const printJson = (value: unknown) => void process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)

/** A file's name without its extension. */
export const stemOf = (path: string) => basename(path, extname(path))
