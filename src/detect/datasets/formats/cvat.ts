// CVAT: "CVAT for images 1.1" (one XML), or its export in YOLO format, which is a Darknet data set.
import { AnnotationFileError, AnnotationSourceError } from '../../../base/index.ts'
import { filesOf, splitOfPath } from '../files.ts'
import { around, cornersOf, ellipse, rotate } from '../geometry.ts'
import type { AnnotationFormat, ReadContext, SourceImage, SourceObject, SourceSet } from '../source.ts'
import { child, childrenOf, childText, readXml, type XmlElement } from '../xml.ts'
import { darknet } from './darknet.ts'
import { byName, fewestCorners, frameOf, numberOf, numbersOf } from './values.ts'

const title = 'CVAT for images 1.1'

export const cvat: AnnotationFormat = { title, read }

async function read(source: string, context: ReadContext): Promise<SourceSet> {
  const files = filesOf(source, '.xml')
  if (files.length === 0) {
    if (filesOf(source, '.data').length > 0) return darknet.read(source, context)
    throw new AnnotationSourceError(
      source,
      'it has neither annotations.xml ("CVAT for images 1.1") nor obj.data (its "YOLO 1.1").',
    )
  }
  const names = new Set<string>()
  const images: SourceImage[] = []
  for (const [index, file] of files.entries()) {
    const root = await readXml(file, title)
    if (root.name !== 'annotations')
      throw new AnnotationFileError(file, title, `its root element is <${root.name.slice(0, 40)}>, not <annotations>`)
    const entries = childrenOf(root, 'image')
    if (entries.length === 0 && child(root, 'track'))
      throw new AnnotationFileError(file, title, 'it is "CVAT for video"; choose "CVAT for images 1.1" in the export')
    for (const name of labelNames(root)) names.add(name)
    images.push(...entries.flatMap((entry) => readImage(entry, file, context)))
    context.onProgress(index + 1, files.length)
  }
  const labels = images.flatMap((image) => image.objects.map(({ label }) => label))
  for (const name of [...new Set(labels)].sort(byName)) names.add(name)
  return { names: [...names], images }
}

/** Labels of the task, project or job, without those that are parts of a skeleton. */
function labelNames(root: XmlElement): string[] {
  const meta = child(root, 'meta')
  const owner = ['project', 'task', 'job']
    .map((name) => meta && child(meta, name))
    .find((each) => each && child(each, 'labels'))
  const labels = owner && child(owner, 'labels')
  return (labels ? childrenOf(labels, 'label') : [])
    .filter((label) => childText(label, 'parent') === '')
    .map((label) => childText(label, 'name'))
    .filter((name) => name !== '')
}

function readImage(entry: XmlElement, file: string, context: ReadContext): SourceImage[] {
  const name = entry.attributes.get('name') ?? ''
  const place = `image ${entry.attributes.get('id') ?? '?'} of ${file}`
  const found = name === '' ? undefined : context.images.find(name, file)
  if (found === undefined) {
    context.tally.add('image-missing', `${name}, ${place}`)
    return []
  }
  const split = splitOfPath(`${entry.attributes.get('subset') ?? ''}/`)
  const frame = frameOf(entry.attributes.get('width'), entry.attributes.get('height'))
  const objects = entry.children.flatMap((shape) => readShape(shape, `${shape.name} in ${place}`, context))
  return [{ file: found, frame, objects, ...(split && { split }) }]
}

function readShape(shape: XmlElement, place: string, { tally }: ReadContext): SourceObject[] {
  const attribute = (name: string) => shape.attributes.get(name)
  const numbers = (...names: string[]) => numbersOf(names.map(attribute))
  if (shape.name === 'tag') return [] // says something of the whole image
  const label = attribute('label')?.trim() ?? ''
  const turn = numberOf(attribute('rotation')) ?? 0
  const outlined = (points: readonly number[]): SourceObject[] => [{ label, box: around(points), polygon: points }]
  const leave = (reason: 'unlabelled' | 'unreadable' | 'shape') => {
    tally.add(reason, place)
    return []
  }
  if (label === '') return leave('unlabelled')
  switch (shape.name) {
    case 'box': {
      const box = numbers('xtl', 'ytl', 'xbr', 'ybr')
      if (!box) return leave('unreadable')
      const corners = around(box)
      if (turn === 0) return [{ label, box: corners }]
      return outlined(rotate(cornersOf(corners), turn, [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]))
    }
    case 'polygon': {
      const points = numbersOf((attribute('points') ?? '').split(/[;,]/))
      if (!points || points.length < 2 * fewestCorners || points.length % 2 !== 0) return leave('unreadable')
      return outlined(points)
    }
    case 'ellipse': {
      const values = numbers('cx', 'cy', 'rx', 'ry')
      if (!values) return leave('unreadable')
      const [x, y, radiusX, radiusY] = values
      return outlined(rotate(ellipse([x, y], radiusX, radiusY), turn, [x, y]))
    }
    case 'mask': {
      const values = numbers('left', 'top', 'width', 'height')
      if (!values) return leave('unreadable')
      const [left, top, width, height] = values
      return [{ label, box: [left, top, left + width, top + height] }]
    }
    default:
      return leave('shape')
  }
}
