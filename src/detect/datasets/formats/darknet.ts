// Darknet: a `.data` file with lists of images and label files beside them (also CVAT's "YOLO 1.1"); or a folder of images
// and label files with a list of names.
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { AnnotationFileError, AnnotationSourceError } from '../../../base/index.ts'
import { labelPath } from '../../data/index.ts'
import { readAnnotation } from '../annotation-file.ts'
import { filesOf, folderOf, isFile, mapConcurrently, seenFrom, splitOfPath, stemOf } from '../files.ts'
import { around, type Corners } from '../geometry.ts'
import { findNames, readNames } from '../names.ts'
import type { AnnotationFormat, ReadContext, SourceImage, SourceObject, SourceSet } from '../source.ts'
import { fewestCorners, numbersOf } from './values.ts'

const title = 'Darknet'
const unit = { width: 1, height: 1 }

export const darknet: AnnotationFormat = { title, read }

async function read(source: string, context: ReadContext): Promise<SourceSet> {
  const root = folderOf(source)
  const [data, ...more] = filesOf(source, '.data')
  if (more.length > 0)
    throw new AnnotationSourceError(
      source,
      `it has several .data files (${basename(data)}, ${basename(more[0])}). Name one of them.`,
    )
  const { names, listed } = data === undefined ? fromFolder(source, context) : await fromData(data, context)
  const images = await mapConcurrently(
    listed,
    async ({ file, split }): Promise<SourceImage> => {
      const own = split ?? splitOfPath(seenFrom(root, file))
      return { file, frame: unit, objects: await readLabels(file, names, context), ...(own && { split: own }) }
    },
    context.onProgress,
  )
  return { names, images }
}

interface Listed {
  readonly names: readonly string[]
  readonly listed: readonly { readonly file: string; readonly split?: 'train' | 'val' | 'test' }[]
}

function fromFolder(source: string, { images }: ReadContext): Listed {
  const names = findNames(folderOf(source))?.names
  if (names === undefined)
    throw new AnnotationSourceError(
      source,
      'it has neither a .data file nor names of classes (obj.names, classes.txt).',
    )
  return { names, listed: images.files.map((file) => ({ file })) }
}

async function fromData(file: string, { images, tally }: ReadContext): Promise<Listed> {
  const text = (await readAnnotation(file, title, 1e6)).toString('utf8')
  const entries = new Map(
    text.split(/\r?\n/).flatMap((line) => {
      const [, key, value] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
      return key !== undefined ? [[key, value] as const] : []
    }),
  )
  const place = (key: string) => {
    const value = entries.get(key)
    return value ? locate(value, dirname(file)) : undefined
  }
  const namesFile = place('names')
  const names = namesFile === undefined ? findNames(dirname(file))?.names : readNames(namesFile)
  if (names === undefined) throw new AnnotationFileError(file, title, 'the file of its entry "names" is not there')
  const listed: { file: string; split: 'train' | 'val' | 'test' }[] = []
  const known = new Set<string>()
  for (const [key, split] of [
    ['train', 'train'],
    ['valid', 'val'],
    ['val', 'val'],
    ['test', 'test'],
  ] as const) {
    const list = place(key)
    if (list === undefined) continue
    for (const line of (await readAnnotation(list, title)).toString('utf8').split(/\r?\n/)) {
      const name = line.trim()
      if (name === '') continue
      const found = images.find(name, list)
      if (found === undefined) tally.add('image-missing', `${name} of ${list}`)
      else if (!known.has(found)) listed.push({ file: found, split })
      if (found !== undefined) known.add(found)
    }
  }
  if (known.size === 0 && tally.count('image-missing') === 0)
    throw new AnnotationFileError(file, title, 'none of its entries "train", "valid" and "test" is a list of images')
  return { names, listed }
}

/** A path of a `.data` file: as it stands, seen from that file, or (CVAT: `data/train.txt`) without its first folders. */
function locate(value: string, folder: string): string | undefined {
  const parts = value.split(/[\\/]/)
  const places = [value, ...parts.map((_, i) => join(folder, ...parts.slice(i)))]
  return places.find(isFile)
}

async function readLabels(image: string, names: readonly string[], { tally }: ReadContext): Promise<SourceObject[]> {
  const beside = join(dirname(image), `${stemOf(image)}.txt`)
  const file = [labelPath(image), beside].find(isFile)
  if (file === undefined) return []
  const lines = (await readFile(file, 'utf8')).split(/\r\n|\r|\n/)
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return []
    const object = readLine(line, names)
    if (!object) tally.add('unreadable', `${file}, line ${index + 1}`)
    return object ? [object] : []
  })
}

/** More forgiving than the loader: what sticks out of the image is cut later. */
function readLine(line: string, names: readonly string[]): SourceObject | undefined {
  const [kind, ...numbers] = numbersOf(line.trim().split(/\s+/)) ?? []
  const label = names[kind]
  if (label === undefined) return undefined
  if (numbers.length === 4) {
    const [x, y, width, height] = numbers
    return { label, box: [x - width / 2, y - height / 2, x + width / 2, y + height / 2] satisfies Corners }
  }
  if (numbers.length < 2 * fewestCorners || numbers.length % 2 !== 0) return undefined
  return { label, box: around(numbers), polygon: numbers }
}
