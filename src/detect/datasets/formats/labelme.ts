// LabelMe (wkentaro's program): one JSON per image with a list of shapes.
import { AnnotationFileError, AnnotationSourceError } from '../../../base/index.ts'
import { readJson } from '../annotation-file.ts'
import { filesOf, folderOf, mapConcurrently, seenFrom, splitOfPath, stemOf } from '../files.ts'
import { around, ellipse } from '../geometry.ts'
import { findNames } from '../names.ts'
import type { AnnotationFormat, ReadContext, SourceImage, SourceObject, SourceSet } from '../source.ts'
import { byName, fewestCorners, frameOf, pointsOf, recordOf, textOf } from './values.ts'

const title = 'LabelMe'

export const labelme: AnnotationFormat = { title, read }

async function read(source: string, context: ReadContext): Promise<SourceSet> {
  const root = folderOf(source)
  const files = filesOf(source, '.json')
  let others = 0
  const found = await mapConcurrently(
    files,
    async (file): Promise<SourceImage | undefined> => {
      const content = recordOf(await readJson(file, title))
      if (!Array.isArray(content?.['shapes'])) {
        if (files.length === 1) throw new AnnotationFileError(file, title, 'it has no list "shapes"')
        others++
        return undefined
      }
      const named = textOf(content['imagePath'])
      const image = (named && context.images.find(named, file)) ?? context.images.find(stemOf(file), file)
      if (image === undefined) {
        context.tally.add('image-missing', file)
        return undefined
      }
      const objects = content['shapes'].flatMap((shape, index) =>
        readShape(shape, `${file}, shape ${index + 1}`, context),
      )
      const split = splitOfPath(seenFrom(root, file))
      const frame = frameOf(content['imageWidth'], content['imageHeight'])
      return { file: image, frame, objects, ...(split && { split }) }
    },
    context.onProgress,
  )
  if (files.length === others)
    throw new AnnotationSourceError(
      source,
      'it has no .json file with a list "shapes", as LabelMe writes one per image.',
    )
  if (others > 0) context.note(`${others} .json files without shapes were passed over.`)
  const images = found.filter((image) => image !== undefined)
  const labels = [...new Set(images.flatMap((image) => image.objects.map(({ label }) => label)))].sort(byName)
  return { names: [...new Set([...(findNames(root)?.names ?? []), ...labels])], images }
}

function readShape(value: unknown, place: string, { tally }: ReadContext): SourceObject[] {
  const shape = recordOf(value)
  const points = pointsOf(shape?.['points'])
  const label = textOf(shape?.['label'])
  if (!shape || !points || points.length === 0) {
    tally.add('unreadable', place)
    return []
  }
  if (label === undefined) {
    tally.add('unlabelled', place)
    return []
  }
  // Files before version 4 have polygons only, and do not say so.
  switch (textOf(shape['shape_type']) ?? 'polygon') {
    case 'polygon':
      if (points.length < 2 * fewestCorners) break
      return [{ label, box: around(points), polygon: points }]
    case 'rectangle':
    case 'mask':
      return [{ label, box: around(points) }]
    case 'oriented_rectangle':
      return [{ label, box: around(points), polygon: points.length === 6 ? fourth(points) : points }]
    case 'circle': {
      if (points.length < 4) break
      const radius = Math.hypot(points[2] - points[0], points[3] - points[1])
      const polygon = ellipse([points[0], points[1]], radius, radius)
      return [{ label, box: around(polygon), polygon }]
    }
  }
  tally.add('shape', place)
  return []
}

/** Three corners of a parallelogram and the fourth. */
const fourth = (points: readonly number[]) => [
  ...points,
  points[0] + points[4] - points[2],
  points[1] + points[5] - points[3],
]
