// Pascal VOC: one XML per image (LabelImg, CVAT, Roboflow, …), and the lists of ImageSets/Main where there are some.
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { AnnotationFileError, AnnotationSourceError } from '../../../base/index.ts'
import { listFiles } from '../../data/index.ts'
import { filesOf, folderOf, mapConcurrently, seenFrom, splitOfPath, stemOf } from '../files.ts'
import { around } from '../geometry.ts'
import { findNames } from '../names.ts'
import type { AnnotationFormat, ReadContext, SourceImage, SourceObject, SourceSet } from '../source.ts'
import { child, childrenOf, childText, readXml, type XmlElement } from '../xml.ts'
import { byName, fewestCorners, frameOf, numbersOf } from './values.ts'

const title = 'Pascal VOC'

export const voc: AnnotationFormat = { title, read }

async function read(source: string, context: ReadContext): Promise<SourceSet> {
  const root = folderOf(source)
  const files = filesOf(source, '.xml')
  if (files.length === 0)
    throw new AnnotationSourceError(source, 'it has no .xml file. VOC keeps one per image, mostly in Annotations/.')
  const setOf = await imageSets(root)
  const found = await mapConcurrently(
    files,
    async (file) => readOne(file, setOf(file, root), context),
    context.onProgress,
  )
  const images = found.filter((image) => image !== undefined)
  const labels = new Set(images.flatMap((image) => image.objects.map(({ label }) => label)))
  const names = findNames(root)?.names ?? [...labels].sort(byName)
  return { names: [...new Set([...names, ...[...labels].sort(byName)])], images }
}

async function readOne(
  file: string,
  split: SourceImage['split'],
  context: ReadContext,
): Promise<SourceImage | undefined> {
  const { images, tally } = context
  const root = await readXml(file, title)
  if (root.name !== 'annotation')
    throw new AnnotationFileError(file, title, `its root element is <${root.name.slice(0, 40)}>, not <annotation>`)
  const stem = stemOf(file)
  // Files are renamed more often than what is written in them.
  const image = images.find(stem, file) ?? images.find(childText(root, 'filename') || stem, file)
  if (image === undefined) {
    tally.add('image-missing', file)
    return undefined
  }
  const size = child(root, 'size')
  const objects = childrenOf(root, 'object').flatMap((element, index) =>
    readObject(element, `${file}, object ${index + 1}`, context),
  )
  const frame = size && frameOf(childText(size, 'width'), childText(size, 'height'))
  return { file: image, frame, objects, ...(split && { split }) }
}

function readObject(element: XmlElement, place: string, { tally }: ReadContext): SourceObject[] {
  const leave = (reason: Parameters<typeof tally.add>[0]) => {
    tally.add(reason, place)
    return []
  }
  if (childText(element, 'difficult') === '1') return leave('difficult')
  const label = childText(element, 'name')
  if (label === '') return leave('unlabelled')
  const bounds = child(element, 'bndbox')
  const box = bounds && numbersOf(['xmin', 'ymin', 'xmax', 'ymax'].map((side) => childText(bounds, side)))
  if (!box) return leave('unreadable')
  const polygon = outline(child(element, 'polygon'))
  return [{ label, box: around(box), ...(polygon && { polygon }) }]
}

/** Corners as `<x1>`, `<y1>`, `<x2>`, … (Roboflow) or as `<pt><x/><y/></pt>` (the old LabelMe). */
function outline(polygon: XmlElement | undefined): number[] | undefined {
  if (!polygon) return undefined
  const pairs = childrenOf(polygon, 'pt').map((point) => [childText(point, 'x'), childText(point, 'y')])
  for (let i = 1; pairs.length < i && child(polygon, `x${i}`); i++)
    pairs.push([childText(polygon, `x${i}`), childText(polygon, `y${i}`)])
  return pairs.length >= fewestCorners ? numbersOf(pairs.flat()) : undefined
}

/** Which split an annotation belongs to: by ImageSets/Main/{train,val,test}.txt, else by the name of a folder. */
async function imageSets(root: string): Promise<(file: string, root: string) => SourceImage['split']> {
  const byStem = new Map<string, NonNullable<SourceImage['split']>>()
  const isSet = (path: string) => /^(train|val|test)\.txt$/.test(basename(path)) && basename(dirname(path)) === 'Main'
  for (const list of listFiles(root, isSet)) {
    const folder = dirname(dirname(dirname(list)))
    for (const line of (await readFile(list, 'utf8')).split(/\r?\n/)) {
      const [id, member] = line.trim().split(/\s+/)
      if (id && member !== '-1') byStem.set(join(folder, id), stemOf(list) as 'train' | 'val' | 'test')
    }
  }
  return (file, root) => byStem.get(join(dirname(dirname(file)), stemOf(file))) ?? splitOfPath(seenFrom(root, file))
}
