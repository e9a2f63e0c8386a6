// Divides an existing data set anew: lists of images, and a yaml that names them.
import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { DatasetEmptyError, FileExistsError, LabelClassOutOfRangeError } from '../../base/index.ts'
import { isDarknetData, labelPath, listImages, readDatasetYaml, type Split } from '../data/index.ts'
import { isFile, isInside, mapConcurrently, seenFrom } from './files.ts'
import { initDataset, type SplitSummary, summariseSplits } from './init.ts'
import { readClasses } from './read-labels.ts'
import { type SplitOptions, splitImages } from './split.ts'
import { refuseExisting, writeTextFile } from './write.ts'
import { writeLists, writeSplits } from './write-splits.ts'

export interface SplitDatasetOptions {
  /** A data set yaml, a `.data` file, or a folder. */
  readonly place: string
  readonly split: SplitOptions
  /** Where yaml and lists go; the folder of the data set if not given. */
  readonly out?: string
  readonly force: boolean
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * Divides all images that a data set names, whatever split they were in. A folder without `data.yaml` gets one.
 *
 * @throws DatasetFileInvalidError, DatasetPathMissingError, DatasetEmptyError, DataSplitError, FileExistsError, FileWriteError
 */
export async function splitDataset(options: SplitDatasetOptions): Promise<SplitSummary> {
  const { place, split, out, force, onProgress } = options
  const shared = { ...(out !== undefined && { out }), force, ...(onProgress && { onProgress }) }
  const file = isFile(place) ? place : join(place, 'data.yaml')
  if (!isFile(file)) return initDataset({ folder: place, split, fallback: split, ...shared })

  const definition = readDatasetYaml(file)
  const folder = resolve(out ?? dirname(file))
  const rewrites = folder === dirname(resolve(file)) && !isDarknetData(file)
  if (rewrites && !force)
    throw new FileExistsError(
      file,
      'Its entries train, val and test would change: add --force, or write elsewhere with --out FOLDER.',
    )
  const lists = (['train', 'val', 'test'] as const).map((name) => join(folder, `${name}.txt`))
  refuseExisting([...lists, ...(rewrites ? [] : [join(folder, 'data.yaml')])], force)
  const places = [...definition.train, ...definition.val, ...definition.test]
  const images = listImages(places, definition.root)
  if (images.length === 0) throw new DatasetEmptyError(places, 'No file there has the extension of an image.')
  const labels = await mapConcurrently(images, (image) => readClasses(labelPath(image)), onProgress)
  const names = definition.names
  const high = images.filter((_, i) => labels[i].classes.some((label) => label >= names.length))
  if (high.length > 0) {
    const largest = Math.max(...labels.flatMap(({ classes }) => classes))
    throw new LabelClassOutOfRangeError(names.length, largest, high.map(labelPath))
  }
  const root = resolve(definition.root)
  const candidates = images.map((image, i) => ({
    path: isInside(root, image) ? seenFrom(root, image) : image,
    classes: labels[i].classes,
  }))
  const result = splitImages(candidates, split)
  const files = { train: [], val: [], test: [] } as Record<Split, string[]>
  for (const [i, image] of images.entries()) files[result.splits[i]].push(image)
  const yaml = rewrites
    ? await rewriteYaml(file, root, folder, files)
    : await writeSplits({ root: folder, folder, files, names, force })
  return {
    yaml,
    names,
    ...summariseSplits(result.splits, labels, names.length),
    unlabelled: labels.filter(({ rows }) => rows === 0).length,
    notes: definition.notes,
    groups: result,
  }
}

/** Changes the entries of the splits, and keeps everything else of the file, comments as well. */
async function rewriteYaml(
  file: string,
  root: string,
  folder: string,
  files: Readonly<Record<Split, readonly string[]>>,
): Promise<string> {
  const document = parseDocument(readFileSync(file, 'utf8'))
  const entries = await writeLists({ folder, files, force: true })
  for (const split of ['train', 'val', 'test'] as const) {
    const [list] = entries[split]
    if (list === undefined) document.delete(split)
    else document.set(split, isInside(root, list) ? seenFrom(root, list) : list)
  }
  await writeTextFile(file, document.toString({ lineWidth: 0 }))
  return file
}
