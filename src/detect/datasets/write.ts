// Writing a data set: lists of images and the data set yaml, as YOLOv5 of every release and Hypevolve read them.
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FileExistsError, FileWriteError } from '../../base/index.ts'
import type { Split } from '../data/index.ts'
import { isInside, seenFrom } from './files.ts'

/** What a data set yaml says of one split: folders, lists or images, absolute. */
export type SplitEntries = Readonly<Record<Split, readonly string[]>>

/** @throws FileExistsError unless `force` */
export function refuseExisting(paths: readonly string[], force: boolean): void {
  const existing = force ? undefined : paths.find((path) => existsSync(path))
  if (existing !== undefined) throw new FileExistsError(existing)
}

/** Writes a text file and the folders above it. @throws FileWriteError */
export async function writeTextFile(file: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true })
    await rm(file, { force: true }) // what a link points to stays as it is
    await writeFile(file, text)
  } catch (cause) {
    throw new FileWriteError(file, cause as Error)
  }
}

/** A list of images, one a line: `./` and the way from the list's folder, or the whole path where they lie elsewhere. */
export const listText = (file: string, images: readonly string[]): string =>
  images.map((image) => `${isInside(dirname(file), image) ? `./${seenFrom(dirname(file), image)}` : image}\n`).join('')

/** The text of a data set yaml. */
export function dataYamlText(root: string, entries: SplitEntries, names: readonly string[]): string {
  const splits = (['train', 'val', 'test'] as const).flatMap((split) => {
    const places = entries[split].map((place) => yamlText(isInside(root, place) ? seenFrom(root, place) || '.' : place))
    if (places.length === 0) return []
    return [`${split}: ${places.length === 1 ? places[0] : `[${places.join(', ')}]`}`]
  })
  return [
    '# Places below start from "path". Hypevolve takes "path: ." as well; YOLOv5 wants the whole path.',
    `path: ${yamlText(root)}`,
    ...splits,
    '',
    `nc: ${names.length}`,
    `names: [${names.map(yamlText).join(', ')}]`,
    '',
  ].join('\n')
}

/** Plain where every reader takes it for a text; YAML 1.1, which YOLOv5 reads, has more words for true and false. */
const yamlText = (text: string) =>
  /^[\p{L}/.][\p{L}\p{N}_./-]*( [\p{L}\p{N}_./-]+)*$/u.test(text) &&
  !/^(y|n|yes|no|on|off|true|false|null|\.?(inf|nan))$|^\.\d/i.test(text)
    ? text
    : JSON.stringify(text)
