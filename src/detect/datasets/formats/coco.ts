// COCO: a JSON with images, categories and annotations; one per split, as instances_train2017.json.
import { basename } from 'node:path'
import { AnnotationFileError, AnnotationSourceError } from '../../../base/index.ts'
import { readJson } from '../annotation-file.ts'
import { filesOf, folderOf, seenFrom, splitOfPath } from '../files.ts'
import { around, joinPolygons } from '../geometry.ts'
import type { AnnotationFormat, ReadContext, SourceImage, SourceObject, SourceSet } from '../source.ts'
import { fewestCorners, frameOf, type Json, listOf, numberOf, numbersOf, recordOf, textOf } from './values.ts'

const title = 'COCO'

export const coco: AnnotationFormat = { title, read }

async function read(source: string, context: ReadContext): Promise<SourceSet> {
  const candidates = filesOf(source, '.json')
  const instances = candidates.filter((file) => basename(file).startsWith('instances_'))
  const files = instances.length > 0 ? instances : candidates
  const names = new Set<string>()
  const images: SourceImage[] = []
  const others: string[] = []
  for (const [index, file] of files.entries()) {
    const content = recordOf(await readJson(file, title))
    if (Array.isArray(content?.['annotations']) && Array.isArray(content['images'])) {
      const set = readSet(content, file, splitOf(folderOf(source), file), context)
      for (const name of set.names) names.add(name)
      images.push(...set.images)
    } else others.push(file)
    context.onProgress(index + 1, files.length)
  }
  if (others.length === files.length) {
    if (files.length === 1) throw new AnnotationFileError(files[0], title, 'it has no lists "images" and "annotations"')
    throw new AnnotationSourceError(
      source,
      'no .json file there has the lists "images", "categories" and "annotations" of COCO.',
    )
  }
  if (others.length > 0)
    context.note(`${others.length} .json files without images and annotations were passed over, as ${others[0]}.`)
  return { names: [...names], images }
}

/** By the file's name, as instances_val2017.json, or by its folder, as valid/_annotations.coco.json. */
function splitOf(root: string, file: string): SourceImage['split'] {
  const word = /(?:^|[_.-])(train|val|valid|validation|test)(?:\d{4})?(?:[_.-]|$)/i.exec(
    basename(file).replace(/\.json$/i, ''),
  )
  return splitOfPath(word ? `${word[1]}/` : seenFrom(root, file))
}

function readSet(content: Json, file: string, split: SourceImage['split'], context: ReadContext): SourceSet {
  const { tally } = context
  const categories = readCategories(content, file, context)
  const objects = new Map<string, SourceObject[]>()
  for (const [index, value] of listOf(content['annotations']).entries()) {
    const place = `${file}, annotation ${index + 1}`
    const annotation = recordOf(value)
    const image = idOf(annotation?.['image_id'])
    const label = categories.get(idOf(annotation?.['category_id']) ?? '')
    if (!annotation || image === undefined || label === undefined) {
      tally.add('unreadable', place)
      continue
    }
    const object = readObject(annotation, label, place, context)
    if (!object) continue
    const list = objects.get(image)
    if (list) list.push(object)
    else objects.set(image, [object])
  }
  const images = listOf(content['images']).flatMap((value, index): SourceImage[] => {
    const entry = recordOf(value)
    const name = textOf(entry?.['file_name'])
    const id = idOf(entry?.['id'])
    if (!entry || name === undefined || id === undefined) {
      tally.add('unreadable', `${file}, image ${index + 1}`)
      return []
    }
    // Several splits may have an image of this name.
    const found = context.images.find(
      name,
      file,
      (image) => split !== undefined && splitOfPath(slashed(image)) === split,
    )
    if (found === undefined) {
      tally.add('image-missing', `${name} of ${file}`)
      return []
    }
    const frame = frameOf(entry['width'], entry['height'])
    return [{ file: found, frame, objects: objects.get(id) ?? [], ...(split && { split }) }]
  })
  return { names: [...categories.values()], images }
}

const slashed = (path: string) => path.replaceAll('\\', '/')

const idOf = (value: unknown) => (typeof value === 'number' || typeof value === 'string' ? String(value) : undefined)

/** Names by id, in order of the ids. */
function readCategories(content: Json, file: string, context: ReadContext): Map<string, string> {
  const entries = listOf(content['categories']).flatMap((value) => {
    const category = recordOf(value)
    const id = idOf(category?.['id'])
    const name = textOf(category?.['name'])
    return id !== undefined && name !== undefined ? [{ id, name, above: textOf(category!['supercategory']) }] : []
  })
  if (entries.length === 0) throw new AnnotationFileError(file, title, 'its list "categories" has no id with a name')
  const order = (id: string) => numberOf(id) ?? Number.MAX_VALUE
  entries.sort((a, b) => order(a.id) - order(b.id))
  // Roboflow writes a heading as the first category, which nothing is ever annotated with.
  const used = new Set(listOf(content['annotations']).map((value) => idOf(recordOf(value)?.['category_id'])))
  const headings = new Set(entries.map(({ above }) => above))
  const heading = entries.find(({ id, name, above }) => above === 'none' && headings.has(name) && !used.has(id))
  if (heading && entries.length > 1)
    context.note(`The category "${heading.name}" only heads the others and is left out.`)
  return new Map(entries.filter((entry) => entry !== heading || entries.length === 1).map(({ id, name }) => [id, name]))
}

function readObject(annotation: Json, label: string, place: string, { tally }: ReadContext): SourceObject | undefined {
  if (numberOf(annotation['iscrowd']) === 1 || annotation['iscrowd'] === true) {
    tally.add('crowd', place)
    return undefined
  }
  const box = numbersOf(listOf(annotation['bbox']))
  const parts = listOf(annotation['segmentation']).flatMap((part) => {
    const points = numbersOf(listOf(part))
    return points && points.length >= 2 * fewestCorners && points.length % 2 === 0 ? [points] : []
  })
  const polygon = parts.length > 0 ? joinPolygons(parts) : undefined
  if (box?.length !== 4) {
    if (polygon) return { label, box: around(polygon), polygon }
    tally.add(recordOf(annotation['segmentation']) ? 'mask' : 'unreadable', place)
    return undefined
  }
  const [left, top, width, height] = box
  return { label, box: [left, top, left + width, top + height], ...(polygon && { polygon }) }
}
