// Other programs' annotations → a data set in YOLO format. Start reading at `convertDataset`.
import { basename, dirname, join, resolve } from 'node:path'
import { AnnotationSourceError, FileExistsError, ImageUnreadableError } from '../../base/index.ts'
import { byCodePoint, imageSize, labelPath, type Split } from '../data/index.ts'
import { folderOf, isFolder, mapConcurrently, seenFrom } from './files.ts'
import { type AnnotationFormatName, annotationFormats } from './formats/index.ts'
import { ImageFinder } from './image-finder.ts'
import { type LabelRow, labelRows, labelText } from './label-rows.ts'
import { type ImagePlacing, placeImage, placesFor } from './place-image.ts'
import { type LeftOutReason, type SourceImage, Tally } from './source.ts'
import { type SplitOptions, splitImages } from './split.ts'
import { refuseExisting, writeTextFile } from './write.ts'
import { writeSplits } from './write-splits.ts'

export interface ConvertOptions {
  readonly from: AnnotationFormatName
  /** File or folder of the annotations. */
  readonly source: string
  /** Folder of the data set to be written. */
  readonly to: string
  /** `refer` leaves images where they are and writes the label files where loaders look for them. */
  readonly images: ImagePlacing | 'refer'
  /** Where images are, if not in the folder of the annotations. */
  readonly imageFolders?: readonly string[]
  /** Classes and their order; objects of others are left out. */
  readonly names?: readonly string[]
  /** Boxes only, even where the source has outlines. */
  readonly boxes: boolean
  /** Undefined: the source's own splits, or `fallback`. */
  readonly split?: SplitOptions
  /** For a source without splits of its own. */
  readonly fallback: SplitOptions
  readonly force: boolean
  readonly onProgress?: (phase: 'read' | 'write', done: number, total: number) => void
}

export interface Conversion {
  readonly yaml: string
  readonly names: readonly string[]
  readonly images: Readonly<Record<Split, number>>
  /** Objects written, by class. */
  readonly objects: readonly number[]
  /** Of them, those with an outline. */
  readonly outlines: number
  readonly leftOut: readonly { readonly reason: LeftOutReason; readonly count: number; readonly example: string }[]
  readonly notes: readonly string[]
  /** Whether the splits are those of the source. */
  readonly ownSplits: boolean
}

/**
 * Converts annotations and writes `images/`, `labels/`, lists of the splits and `data.yaml`, the latter last: a conversion
 * that was broken off leaves none.
 *
 * @throws AnnotationFileError, AnnotationSourceError, DataSplitError, FileExistsError, FileWriteError
 */
export async function convertDataset(options: ConvertOptions): Promise<Conversion> {
  const { from, source, force, onProgress = () => {} } = options
  const to = resolve(options.to)
  refuseExisting(
    ['data.yaml', 'images', 'labels'].map((name) => join(to, name)),
    force,
  )
  if (!isFolder(folderOf(source))) throw new AnnotationSourceError(source, 'there is no such file or folder.')

  const tally = new Tally()
  const notes: string[] = []
  const set = await annotationFormats[from].read(resolve(source), {
    images: findImages(resolve(source), options.imageFolders, to),
    tally,
    note: (text) => void (notes.includes(text) || notes.push(text)),
    onProgress: (done, total) => onProgress('read', done, total),
  })
  const images = merge(set.images)
  if (images.length === 0) throw new AnnotationSourceError(source, nothingFound(tally))
  const names = options.names ?? set.names
  if (names.length === 0)
    throw new AnnotationSourceError(source, 'no object there has a class. Name the classes with --names.')

  const ownSplits = options.split === undefined && hasSplits(images)
  const splits = ownSplits
    ? images.map(({ split }) => split ?? 'train')
    : divide(images, names, folderOf(resolve(source)), options.split ?? options.fallback)
  const written = await writeImages(images, names, to, options, tally, notes)
  if (written.length === 0) throw new AnnotationSourceError(source, nothingFound(tally))
  const files = { train: [], val: [], test: [] } as Record<Split, string[]>
  for (const { index, file } of written) files[splits[index]].push(file)
  const yaml = await writeSplits({ root: to, folder: to, files, names, force: true })
  return {
    yaml,
    names,
    images: { train: files.train.length, val: files.val.length, test: files.test.length },
    objects: names.map((_, index) => count(written, ({ class: number }) => number === index)),
    outlines: options.boxes ? 0 : count(written, ({ polygon }) => polygon !== undefined),
    leftOut: tally.rows,
    notes,
    ownSplits,
  }
}

interface WrittenImage {
  /** Place in the list of images of the source. */
  readonly index: number
  /** Where it is in the data set. */
  readonly file: string
  readonly rows: readonly LabelRow[]
}

const count = (images: readonly WrittenImage[], of: (row: LabelRow) => boolean) =>
  images.reduce((sum, { rows }) => sum + rows.filter(of).length, 0)

function findImages(source: string, folders: readonly string[] | undefined, to: string): ImageFinder {
  if (folders) {
    const missing = folders.find((folder) => !isFolder(folder))
    if (missing !== undefined) throw new AnnotationSourceError(source, `--image-folder ${missing} is no folder.`)
    return new ImageFinder(folders, to)
  }
  const folder = folderOf(source)
  const own = new ImageFinder([folder], to)
  // Annotations in a folder of their own: the images are mostly beside it.
  const isBeside = own.files.length === 0 && /^(ann|label|xml|json|bbox|box)/i.test(basename(folder))
  return isBeside ? new ImageFinder([dirname(folder)], to) : own
}

function nothingFound(tally: Tally): string {
  const { rows } = tally
  const corrupt = rows.find(({ reason }) => reason === 'image-corrupt')
  if (corrupt) return `none of its images can be decoded, as ${corrupt.example}.`
  const missing = rows.find(({ reason }) => reason === 'image-missing')
  if (!missing) return 'it has no image with annotations.'
  return (
    `none of ${missing.count} annotated images was found, for example ${missing.example}. ` +
    'Name their folder with --image-folder.'
  )
}

/** One entry per image: a source may speak of an image several times. */
function merge(images: readonly SourceImage[]): SourceImage[] {
  const byFile = new Map<string, SourceImage>()
  for (const image of images) {
    const known = byFile.get(image.file)
    byFile.set(image.file, known ? { ...known, objects: [...known.objects, ...image.objects] } : image)
  }
  return [...byFile.values()].sort((a, b) => byCodePoint(a.file, b.file))
}

async function writeImages(
  images: readonly SourceImage[],
  names: readonly string[],
  to: string,
  options: ConvertOptions,
  tally: Tally,
  notes: string[],
): Promise<WrittenImage[]> {
  const { images: placing, boxes, force, onProgress = () => {} } = options
  const numbers = new Map(names.map((name, index) => [name, index]))
  const files = images.map(({ file }) => file)
  const places = placing === 'refer' ? files : placesFor(files, join(to, 'images'))
  const labels = places.map(labelPath)
  if (placing === 'refer') refuseShared(images, labels, force)
  const resized: string[] = []
  const written = await mapConcurrently(
    images,
    async ({ file, frame, objects }, index): Promise<WrittenImage | undefined> => {
      const size = await sizeOf(file)
      if (size === undefined) {
        tally.add('image-corrupt', file)
        return undefined
      }
      if (frame && frame.width > 1 && !isSameShape(frame, size)) resized.push(file)
      const rows = labelRows(objects, frame ?? size, (label) => numbers.get(label), tally, file)
      if (placing !== 'refer') await placeImage(file, places[index], placing)
      await writeTextFile(labels[index], labelText(rows, !boxes))
      return { index, file: places[index], rows }
    },
    (done, total) => onProgress('write', done, total),
  )
  if (resized.length > 0)
    notes.push(
      `${resized.length} ${resized.length === 1 ? 'image has' : 'images have'} other proportions than their annotation says ` +
        `(turned or cut after it was made?); look at their boxes, as of ${resized[0]}.`,
    )
  return written.filter((image) => image !== undefined)
}

async function sizeOf(file: string): Promise<{ width: number; height: number } | undefined> {
  try {
    return await imageSize(file)
  } catch (error) {
    if (error instanceof ImageUnreadableError) return undefined
    throw error
  }
}

/** Annotating programs may have shown the image smaller; then the proportions are the same but for rounding. */
const isSameShape = (a: { width: number; height: number }, b: { width: number; height: number }) =>
  Math.abs(a.width * b.height - b.width * a.height) <= Math.max(a.width, a.height, b.width, b.height)

/** Labels beside images that stay where they are: nobody's label file is replaced unasked, and none serves two images. */
function refuseShared(images: readonly SourceImage[], labels: readonly string[], force: boolean): void {
  refuseExisting(labels, force)
  const owners = new Map<string, string>()
  for (const [index, label] of labels.entries()) {
    const other = owners.get(label)
    if (other !== undefined)
      throw new FileExistsError(
        label,
        `It would serve ${basename(other)} and ${basename(images[index].file)}: use --images link.`,
      )
    owners.set(label, images[index].file)
  }
}

const hasSplits = (images: readonly SourceImage[]) =>
  images.some(({ split }) => split === 'train') && images.some(({ split }) => split === 'val')

function divide(
  images: readonly SourceImage[],
  names: readonly string[],
  root: string,
  options: SplitOptions,
): readonly Split[] {
  const candidates = images.map(({ file, objects }) => ({
    path: seenFrom(root, file),
    classes: [...new Set(objects.map(({ label }) => names.indexOf(label)))].filter((index) => index >= 0),
  }))
  return splitImages(candidates, options).splits
}
