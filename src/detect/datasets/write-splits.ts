// Lists of images for the splits, and the yaml that names them.
import { join } from 'node:path'
import { DataSplitError } from '../../base/index.ts'
import type { Split } from '../data/index.ts'
import { dataYamlText, listText, refuseExisting, type SplitEntries, writeTextFile } from './write.ts'

export interface SplitFiles {
  /** What the yaml calls `path`. */
  readonly root: string
  /** Where yaml and lists are written. */
  readonly folder: string
  /** Images of each split. */
  readonly files: Readonly<Record<Split, readonly string[]>>
  readonly names: readonly string[]
  readonly force: boolean
}

/** Writes `train.txt`, `val.txt`, `test.txt` (the latter if it has images). @throws FileExistsError, FileWriteError */
export async function writeLists({ folder, files, force }: Omit<SplitFiles, 'names' | 'root'>): Promise<SplitEntries> {
  for (const split of ['train', 'val'] as const)
    if (files[split].length === 0) throw new DataSplitError(`there would be no image in "${split}".`)
  const lists = (['train', 'val', 'test'] as const)
    .filter((split) => files[split].length > 0)
    .map((split) => ({ split, file: join(folder, `${split}.txt`) }))
  refuseExisting(
    lists.map(({ file }) => file),
    force,
  )
  const entries: Record<Split, string[]> = { train: [], val: [], test: [] }
  for (const { split, file } of lists) {
    await writeTextFile(file, listText(file, files[split]))
    entries[split].push(file)
  }
  return entries
}

/** Writes lists and `data.yaml`. @returns path of the yaml. @throws DataSplitError, FileExistsError, FileWriteError */
export async function writeSplits({ names, root, ...lists }: SplitFiles): Promise<string> {
  const yaml = join(lists.folder, 'data.yaml')
  refuseExisting([yaml], lists.force)
  await writeTextFile(yaml, dataYamlText(root, await writeLists(lists), names))
  return yaml
}
