// `hypevolve data init`.
import type { DataInitFlags } from '../cli/data-init.ts'
import { splitOptions } from '../cli/data-split-flags.ts'
import { DataProgressBar } from './progress.ts'
import { tellSplits } from './split.ts'

/**
 * @param divides - whether a flag of splits was given
 * @returns the exit code
 */
export async function runDataInit(folder: string, flags: DataInitFlags, divides: boolean): Promise<number> {
  const { initDataset } = await import('../../detect/index.ts')
  const bar = new DataProgressBar()
  const fallback = splitOptions(flags)
  const summary = await initDataset({
    folder,
    ...(flags.names && { names: flags.names }),
    ...(flags.out !== undefined && { out: flags.out }),
    ...(divides && { split: fallback }),
    fallback,
    force: flags.force,
    onProgress: (done, total) => bar.tell('labels', done, total),
  })
  bar.finish()
  tellSplits(summary, flags.json)
  return 0
}
