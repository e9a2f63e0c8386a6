// A folder of images and YOLO labels → data.yaml. Nothing of the user's is moved, changed or deleted.
import { dirname, join, resolve, sep } from 'node:path'
import { DatasetEmptyError, FileReadError, LabelClassOutOfRangeError } from '../../base/index.ts'
import { labelPath, listFiles, listImages, type Split } from '../data/index.ts'
import { groupBy, isFile, isFolder, isInside, mapConcurrently, seenFrom, splitOfPath, stemOf } from './files.ts'
import { findNames, isListFile } from './names.ts'
import { placeImage, placesFor } from './place-image.ts'
import { readClasses } from './read-labels.ts'
import { type SplitOptions, type SplitResult, splitImages } from './split.ts'
import { dataYamlText, refuseExisting, type SplitEntries, writeTextFile } from './write.ts'
import { writeSplits } from './write-splits.ts'

export interface InitOptions {
  readonly folder: string
  /** Instead of the names that the folder keeps. */
  readonly names?: readonly string[]
  /** Where yaml and lists go; the folder itself if not given. */
  readonly out?: string
  /** Undefined: folders named train, val and test are the splits; where there are none, `fallback`. */
  readonly split?: SplitOptions
  readonly fallback: SplitOptions
  readonly force: boolean
  readonly onProgress?: (done: number, total: number) => void
}

/** What is said of a split when it is made. */
export interface SplitSummary {
  readonly yaml: string
  readonly names: readonly string[]
  readonly images: Readonly<Record<Split, number>>
  /** Images with each class, by split. */
  readonly perClass: Readonly<Record<Split, readonly number[]>>
  readonly unlabelled: number
  readonly notes: readonly string[]
  readonly groups?: Pick<SplitResult, 'groups' | 'ungrouped'>
}

/**
 * Finds images, labels and names of classes in a folder and writes `data.yaml`, with lists of the splits where the folder
 * has none of its own.
 *
 * @throws DatasetEmptyError, LabelClassOutOfRangeError, DataSplitError, FileExistsError, FileWriteError
 */
export async function initDataset(options: InitOptions): Promise<SplitSummary> {
  const { force, onProgress } = options
  const folder = resolve(options.folder)
  if (!isFolder(folder)) throw new FileReadError(options.folder, new Error('it is no folder'))
  const out = resolve(options.out ?? folder)
  refuseExisting([join(out, 'data.yaml')], force)
  const linked = join(out, 'linked')
  const found = listImages([folder], folder).filter((image) => !isInside(linked, image))
  if (found.length === 0) throw new DatasetEmptyError([folder], 'No file there has the extension of an image.')
  const notes: string[] = []
  const images = await withLabels(folder, found, linked, notes)
  const labels = await mapConcurrently(images, (image) => readClasses(labelPath(image)), onProgress)
  const problems = labels.flatMap(({ problem }, i) => (problem ? [`${labelPath(images[i])} ${problem}`] : []))
  if (problems.length > 0)
    notes.push(`${problems.length} label files cannot be used, as ${problems[0]}; hypevolve data check lists them.`)
  if (labels.every(({ rows }) => rows === 0))
    notes.push(`No image has labels. For ${images[0]} the file would be ${labelPath(images[0])}.`)
  const names = chooseNames(folder, options.names, labels, images, notes)

  const candidates = found.map((image, i) => ({ path: seenFrom(folder, image), classes: labels[i].classes }))
  const own = options.split ? undefined : ownSplits(candidates.map(({ path }) => path))
  const result = own ? undefined : splitImages(candidates, options.split ?? options.fallback)
  const splits = own ?? result!.splits
  const files = { train: [], val: [], test: [] } as Record<Split, string[]>
  for (const [i, image] of images.entries()) files[splits[i]].push(image)

  const entries = own && folderEntries(files)
  let yaml = join(out, 'data.yaml')
  if (entries) await writeTextFile(yaml, dataYamlText(out, entries, names))
  else yaml = await writeSplits({ root: out, folder: out, files, names, force })
  return {
    yaml,
    names,
    ...summariseSplits(splits, labels, names.length),
    unlabelled: labels.filter(({ rows }) => rows === 0).length,
    notes,
    ...(result && { groups: result }),
  }
}

/** Images per split, and images with each class. */
export function summariseSplits(
  splits: readonly Split[],
  labels: readonly { readonly classes: readonly number[] }[],
  classes: number,
): Pick<SplitSummary, 'images' | 'perClass'> {
  const images = { train: 0, val: 0, test: 0 }
  const empty = () => new Array<number>(classes).fill(0)
  const perClass = { train: empty(), val: empty(), test: empty() }
  for (const [i, split] of splits.entries()) {
    images[split]++
    for (const label of labels[i].classes) perClass[split][label]++
  }
  return { images, perClass }
}

/**
 * The images with their labels where loaders look for them: the images as they are if that holds for all of them, else
 * links to images and labels in a folder of their own.
 */
async function withLabels(
  folder: string,
  images: readonly string[],
  linked: string,
  notes: string[],
): Promise<readonly string[]> {
  const own = images.map(labelPath)
  const apart = images.filter((_, i) => !isFile(own[i]))
  const used = new Set(own)
  const isLabel = (path: string) =>
    path.endsWith('.txt') && !used.has(path) && !isListFile(path) && !isInside(linked, path)
  const byStem = groupBy(apart.length > 0 ? listFiles(folder, isLabel) : [], stemOf)
  const labelOf = new Map(
    apart.flatMap((image) => {
      const label = likest(seenFrom(folder, image), byStem.get(stemOf(image)) ?? [], folder)
      return label === undefined ? [] : [[image, label]]
    }),
  )
  if (labelOf.size === 0) return images

  const places = placesFor(images, join(linked, 'images'))
  for (const [i, image] of images.entries()) {
    const label = labelOf.get(image) ?? (isFile(own[i]) ? own[i] : undefined)
    await placeImage(image, places[i], 'link')
    if (label !== undefined) await placeImage(label, labelPath(places[i]), 'link')
  }
  notes.push(
    `The labels of ${labelOf.size} images are not where loaders look for them (${labelPath(apart[0])}). ` +
      `Images and labels are linked in ${linked}; your files are as they were.`,
  )
  return places
}

/** Of label files with the image's name the one whose folders are most like the image's. */
function likest(image: string, labels: readonly string[], folder: string): string | undefined {
  const folders = new Set(image.split('/').slice(0, -1))
  const alike = labels.map(
    (label) =>
      seenFrom(folder, label)
        .split('/')
        .filter((part) => folders.has(part)).length,
  )
  const most = Math.max(...alike)
  const best = labels.filter((_, i) => alike[i] === most)
  return best.length === 1 ? best[0] : undefined
}

function chooseNames(
  folder: string,
  given: readonly string[] | undefined,
  labels: readonly { readonly classes: readonly number[] }[],
  images: readonly string[],
  notes: string[],
): readonly string[] {
  const largest = labels.reduce((most, { classes }) => Math.max(most, ...classes), -1)
  const found = given ? undefined : findNames(folder)
  const names = given ?? found?.names
  if (names === undefined) {
    notes.push(
      'No names of classes were found (classes.txt, obj.names, data.yaml): they are called class0, class1, …; ' +
        'write the real ones into data.yaml, or name them with --names.',
    )
    return Array.from({ length: Math.max(1, largest + 1) }, (_, i) => `class${i}`)
  }
  if (largest >= names.length) {
    const files = labels.flatMap(({ classes }, i) => {
      const high = Math.max(-1, ...classes)
      return high >= names.length ? [`${labelPath(images[i])} (class ${high})`] : []
    })
    throw new LabelClassOutOfRangeError(names.length, largest, files)
  }
  if (found) notes.push(`Names of the classes: ${found.file}`)
  return names
}

/** Splits by the names of folders, if every image lies in one and there is something to train on and to validate. */
function ownSplits(paths: readonly string[]): Split[] | undefined {
  const splits = paths.map(splitOfPath)
  const complete = splits.filter((split) => split !== undefined)
  return complete.length === paths.length && complete.includes('train') && complete.includes('val')
    ? complete
    : undefined
}

/** One folder for each split, if each has one that holds its images and no others. */
function folderEntries(files: Readonly<Record<Split, readonly string[]>>): SplitEntries | undefined {
  const entries: Record<Split, string[]> = { train: [], val: [], test: [] }
  for (const split of ['train', 'val', 'test'] as const) {
    if (files[split].length === 0) continue
    const parts = files[split].map((file) => dirname(file).split(sep))
    const shared = parts[0].findIndex((part, i) => parts.some((other) => other[i] !== part))
    const folder = (shared < 0 ? parts[0] : parts[0].slice(0, shared)).join(sep)
    if (listImages([folder], folder).length !== files[split].length) return undefined
    entries[split].push(folder)
  }
  return entries
}
