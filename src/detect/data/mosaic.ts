// Mosaics: four images around a point, or nine around one of them, on a canvas that the perspective step shrinks to half
// its side. v7.0 dataloaders.py, load_mosaic and load_mosaic9 (which nothing there calls).
import type { Random } from '../../base/index.ts'
import { clipRows, joinLabels, type Labels, type Polygon, toXyxy } from './boxes.ts'
import type { ItemSource } from './item.ts'
import type { RgbImage } from './rgb.ts'
import type { Scratch } from './scratch.ts'

/** Images of a mosaic. */
export type MosaicTiles = 4 | 9

export interface Mosaic {
  /** [2 * size, 2 * size] */
  readonly canvas: RgbImage
  /** Corners in pixels of the canvas, clipped to it. */
  readonly labels: Labels
  /** Data set indices in the order in which they were laid. */
  readonly tiles: readonly number[]
  /** Of four images: where they meet, [y, x]. Of nine: the corner of the part that was cut out. */
  readonly centre: readonly [number, number]
}

/** Makes a mosaic with the image `index` in it. @param size - side of the items; the canvas has 2 * size */
export function mosaic(
  tiles: MosaicTiles,
  source: ItemSource,
  index: number,
  size: number,
  random: Random,
  scratch: Scratch,
): Promise<Mosaic> {
  return (tiles === 9 ? mosaicOfNine : mosaicOfFour)(source, index, size, random, scratch)
}

async function mosaicOfFour(
  source: ItemSource,
  index: number,
  size: number,
  random: Random,
  scratch: Scratch,
): Promise<Mosaic> {
  const { python } = random
  // int(random.uniform(-border, 2 * size + border)), border = -size // 2
  const low = Math.ceil(size / 2)
  const centre = () => Math.trunc(python.uniform(low, 2 * size - low))
  const yc = centre()
  const xc = centre()
  const tiles = chooseTiles(source, index, 4, random)
  const canvas = scratch.blank('canvas', 2 * size, 2 * size)
  const parts: Labels[] = []
  for (const [corner, tile] of tiles.entries()) {
    const image = await source.image(tile)
    // Top-left corner of the whole tile on the canvas; what lies outside is cut off.
    const left = corner % 2 === 0 ? xc - image.width : xc
    const top = corner < 2 ? yc - image.height : yc
    scratch.paste(image, canvas, left, top)
    parts.push(tileLabels(source, tile, image, left, top))
  }
  return { canvas, labels: clipLabels(joinLabels(parts), 2 * size), tiles, centre: [yc, xc] }
}

async function mosaicOfNine(
  source: ItemSource,
  index: number,
  size: number,
  random: Random,
  scratch: Scratch,
): Promise<Mosaic> {
  const { python } = random
  const tiles = chooseTiles(source, index, 9, random)
  // The nine lie on three times the size; of it a part of twice the size is cut out.
  const yc = Math.trunc(python.uniform(0, size))
  const xc = Math.trunc(python.uniform(0, size))
  const canvas = scratch.blank('canvas', 2 * size, 2 * size)
  const parts: Labels[] = []
  let centre = { width: 0, height: 0 }
  let previous = centre
  for (const [place, tile] of tiles.entries()) {
    const image = await source.image(tile)
    if (place === 0) centre = { width: image.width, height: image.height }
    const [left, top] = cornerOfNine(place, size, centre, previous, image)
    previous = { width: image.width, height: image.height }
    scratch.paste(image, canvas, left - xc, top - yc)
    parts.push(shifted(tileLabels(source, tile, image, left, top), xc, yc))
  }
  return { canvas, labels: clipLabels(joinLabels(parts), 2 * size), tiles, centre: [yc, xc] }
}

interface Size {
  readonly width: number
  readonly height: number
}

/** Where a tile begins, [x, y]: the first in the middle, the others around it clockwise from the top. */
function cornerOfNine(place: number, size: number, centre: Size, previous: Size, own: Size): [number, number] {
  const right = size + centre.width
  const bottom = size + centre.height
  switch (place) {
    case 0:
      return [size, size]
    case 1:
      return [size, size - own.height]
    case 2:
      return [size + previous.width, size - own.height]
    case 3:
      return [right, size]
    case 4:
      return [right, size + previous.height]
    case 5:
      return [right - own.width, bottom]
    case 6:
      return [right - previous.width - own.width, bottom]
    case 7:
      return [size - own.width, bottom - own.height]
    default:
      return [size - own.width, bottom - previous.height - own.height]
  }
}

/** The image `index` and others by chance, shuffled. */
function chooseTiles({ length, pool }: ItemSource, index: number, count: number, { python }: Random): number[] {
  const tiles = [index]
  while (tiles.length < count) {
    const drawn = Math.floor(python.random() * length) // random.choices
    tiles.push(pool ? pool[drawn] : drawn)
  }
  python.shuffle(tiles)
  return tiles
}

/** Labels of a tile whose top-left corner lies at (left, top). */
function tileLabels(source: ItemSource, tile: number, image: Size, left: number, top: number): Labels {
  const rows = source.rows(tile)
  toXyxy(rows, image.width, image.height, left, top)
  const polygons = source.polygons(tile).map((polygon) => {
    const moved = new Float32Array(polygon.length)
    for (let i = 0; i + 1 < polygon.length; i += 2) {
      moved[i] = Math.fround(image.width * polygon[i]) + left
      moved[i + 1] = Math.fround(image.height * polygon[i + 1]) + top
    }
    return moved
  })
  return { rows, polygons }
}

/** Labels moved to the left and up. In place. */
function shifted(labels: Labels, x: number, y: number): Labels {
  const { rows } = labels
  for (let i = 0; i < rows.length; i += 5) {
    rows[i + 1] -= x
    rows[i + 2] -= y
    rows[i + 3] -= x
    rows[i + 4] -= y
  }
  for (const polygon of labels.polygons as Polygon[])
    for (let i = 0; i < polygon.length; i++) polygon[i] -= i % 2 === 0 ? x : y
  return labels
}

/** Labels clipped to [0, side]. In place. */
function clipLabels(labels: Labels, side: number): Labels {
  clipRows(labels.rows, side)
  for (const polygon of labels.polygons)
    if (polygon) for (let i = 0; i < polygon.length; i++) polygon[i] = Math.min(Math.max(polygon[i], 0), side)
  return labels
}
