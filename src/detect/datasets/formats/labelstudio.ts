// Label Studio: the exports JSON (tasks with annotations) and JSON-MIN (a flat list). Coordinates are per cent of the image.
import { AnnotationFileError, AnnotationSourceError } from '../../../base/index.ts'
import { readJson } from '../annotation-file.ts'
import { filesOf, folderOf } from '../files.ts'
import { around, cornersOf, ellipse, rotate } from '../geometry.ts'
import { findNames } from '../names.ts'
import type { AnnotationFormat, ReadContext, SourceImage, SourceObject, SourceSet } from '../source.ts'
import {
  byName,
  fewestCorners,
  frameOf,
  type Json,
  listOf,
  numberOf,
  numbersOf,
  pointsOf,
  recordOf,
  textOf,
} from './values.ts'

const title = 'Label Studio JSON'
const unit = { width: 1, height: 1 }

export const labelstudio: AnnotationFormat = { title, read }

async function read(source: string, context: ReadContext): Promise<SourceSet> {
  const files = filesOf(source, '.json')
  const images: SourceImage[] = []
  let others = 0
  for (const [index, file] of files.entries()) {
    const content = await readJson(file, title)
    const tasks = Array.isArray(content) ? content : undefined
    if (tasks === undefined && files.length === 1)
      throw new AnnotationFileError(file, title, 'it is no list of tasks; export as JSON or JSON-MIN')
    if (tasks === undefined) others++
    else images.push(...tasks.flatMap((task, i) => readTask(task, `${file}, task ${i + 1}`, file, context)))
    context.onProgress(index + 1, files.length)
  }
  if (others === files.length)
    throw new AnnotationSourceError(source, 'it has no .json file with a list of tasks, as Label Studio exports it.')
  const labels = [...new Set(images.flatMap((image) => image.objects.map(({ label }) => label)))].sort(byName)
  return { names: [...new Set([...(findNames(folderOf(source))?.names ?? []), ...labels])], images }
}

function readTask(value: unknown, place: string, file: string, context: ReadContext): SourceImage[] {
  const task = recordOf(value)
  const name = task && imageName(task)
  if (!task || name === undefined) {
    context.tally.add('unreadable', place)
    return []
  }
  const image = findUpload(name, file, context)
  if (image === undefined) {
    context.tally.add('image-missing', `${name}, ${place}`)
    return []
  }
  const results = resultsOf(task, place, context)
  const objects = results.flatMap((result, index) => readResult(result, `${place}, result ${index + 1}`, context))
  return [{ file: image, frame: unit, objects }]
}

/** The image of a task: `data.image` or whatever the project calls it; in JSON-MIN it is at the top. */
function imageName(task: Json): string | undefined {
  const data = recordOf(task['data']) ?? task
  const values = [data['image'], data['img'], data['photo'], ...Object.values(data)]
  const isImage = (value: unknown) => typeof value === 'string' && /\.(jpe?g|png|bmp|webp|tiff?)([?&#]|$)/i.test(value)
  return textOf(values.find(isImage) ?? data['image'])
}

/** Label Studio puts eight digits before the names of uploads, and paths of local files into the query of an address. */
function findUpload(address: string, file: string, { images }: ReadContext): string | undefined {
  const local = /[?&]d=([^&]*)/.exec(address)?.[1] ?? address.replace(/[?#].*$/, '')
  const path = decoded(local)
  return images.find(path, file) ?? images.find(path.replace(/(^|\/)[\da-f]{8}-([^/]*)$/, '$1$2'), file)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a per cent sign of its own
  }
}

/** What was drawn: of several annotations of a task the last that was not cancelled counts. */
function resultsOf(task: Json, place: string, { tally }: ReadContext): readonly unknown[] {
  const annotations = listOf(task['annotations'] ?? task['completions'])
    .map(recordOf)
    .filter((each) => each !== undefined && each['was_cancelled'] !== true)
  if (annotations.length > 1) tally.add('superseded', place, annotations.length - 1)
  const last = annotations.at(-1)
  if (last) return listOf(last['result'])
  // JSON-MIN: a list of values under the name of the tool.
  if (recordOf(task['data'])) return []
  return Object.values(task).flatMap((value) =>
    listOf(value).filter((each) => Object.keys(recordOf(each) ?? {}).some((key) => key.endsWith('labels'))),
  )
}

function readResult(entry: unknown, place: string, { tally }: ReadContext): SourceObject[] {
  const result = recordOf(entry)
  const value = recordOf(result?.['value']) ?? result
  if (!result || !value) {
    tally.add('unreadable', place)
    return []
  }
  const key = Object.keys(value).find((name) => name.endsWith('labels'))
  const kind = textOf(result['type']) ?? key ?? ''
  if (key === undefined && !/^(rectangle|polygon|ellipse)/.test(kind)) {
    if (/^(brush|keypoint|vector)/.test(kind)) tally.add('shape', place)
    return [] // choices, texts, relations: nothing of an image's area
  }
  const size = frameOf(result['original_width'], result['original_height'])
  const polygon = outline(value, size ?? unit)
  const labels = listOf(key === undefined ? undefined : value[key]).flatMap((label) => textOf(label) ?? [])
  if (polygon === undefined) tally.add(/^(rectangle|polygon|ellipse)/.test(kind) ? 'unreadable' : 'shape', place)
  else if (labels.length === 0) tally.add('unlabelled', place)
  else {
    const isBox = kind.startsWith('rectangle') && (numberOf(value['rotation']) ?? 0) === 0
    return labels.map((label) => ({ label, box: around(polygon), ...(!isBox && { polygon }) }))
  }
  return []
}

/** Corners of a shape in parts of the image. Rotation is clockwise, about the upper left corner or an ellipse's centre, in pixels. */
function outline(value: Json, { width, height }: { width: number; height: number }): number[] | undefined {
  const points = pointsOf(value['points'])
  if (points && points.length > 0)
    return points.length < 2 * fewestCorners ? undefined : points.map((each) => each / 100)
  const place = numbersOf([value['x'], value['y']])
  const radii = numbersOf([value['radiusX'], value['radiusY']])
  const size = radii ?? numbersOf([value['width'], value['height']])
  if (!place || !size) return undefined
  const scale = [width / 100, height / 100] as const
  const [x, y, a, b] = [...place, ...size].map((each, i) => each * scale[i % 2])
  const flat = radii ? ellipse([x, y], a, b) : cornersOf([x, y, x + a, y + b])
  const turned = rotate(flat, numberOf(value['rotation']) ?? 0, [x, y])
  return turned.map((each, i) => each / (i % 2 === 0 ? width : height))
}
