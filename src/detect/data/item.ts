// One item of a data set as training or validation sees it: mosaic or letterbox, perspective, colours, flips.
// The order of random draws is v7.0's (dataloaders.py, LoadImagesAndLabels.__getitem__); golden items depend on it.
// MixUp, Copy-Paste and a mosaic of nine would come between mosaic and colours.
import type { Random } from '../../base/index.ts'
import { clipRows, type Polygon, toXywhn, toXyxy, warpBoxes } from './boxes.ts'
import { applyHsv, drawHsv, hsvTables } from './hsv.ts'
import { type Letterbox, letterbox } from './letterbox.ts'
import { BORDER, type RgbImage } from './rgb.ts'
import type { AugmentHyp } from './types.ts'
import { drawPerspective, isIdentity, perspectiveMatrix, warp } from './warp.ts'

/** Where items take images and labels from. */
export interface ItemSource {
  /** Number of images. */
  readonly length: number
  /** The image with its longer side resized to the data set's size. It may be overwritten by the next call. */
  image(index: number): RgbImage | Promise<RgbImage>
  /** Rows of 5: class, x, y, width, height, normalised; a copy. */
  rows(index: number): Float32Array
  /** Normalised corners; one polygon per row, or none. Not to be written to. */
  polygons(index: number): readonly Polygon[]
}

/** An item, ready but for the flips, which happen while it is packed into its batch. */
export interface Item {
  readonly image: RgbImage
  /** Rows of 5: class, x, y, width, height, normalised, flipped already. */
  readonly rows: Float32Array
  readonly flip: { readonly upDown: boolean; readonly leftRight: boolean }
  /** Of an item that is no mosaic. */
  readonly letterbox?: Letterbox
}

const noFlip = { upDown: false, leftRight: false }

/** Memory that is used again for every item; the image of an item lives here until the next one is made. */
export class Scratch {
  readonly #buffers = new Map<string, Uint8Array>()

  /** At least `bytes` bytes, of any content. */
  take(name: string, bytes: number): Uint8Array {
    let buffer = this.#buffers.get(name)
    if (!buffer || buffer.length < bytes) this.#buffers.set(name, (buffer = new Uint8Array(bytes)))
    return buffer.subarray(0, bytes)
  }
}

/** An item as it is validated: letterboxed, never enlarged beyond its loaded size. */
export async function plainItem(
  source: ItemSource,
  index: number,
  frame: readonly [height: number, width: number],
  scratch: Scratch,
): Promise<Item> {
  const boxed = await letterboxed(source, index, frame, false, scratch)
  toXywhn(boxed.rows, boxed.image.width, boxed.image.height)
  return { ...boxed, flip: noFlip }
}

/**
 * An item as it is trained on.
 *
 * @param frame - [height, width] of the result
 * @param allowMosaic - false for rectangular training, which draws no number for it either
 */
export async function augmentedItem(
  source: ItemSource,
  index: number,
  frame: readonly [height: number, width: number],
  hyp: AugmentHyp,
  allowMosaic: boolean,
  random: Random,
  scratch: Scratch,
): Promise<Item> {
  const { python } = random
  const item =
    allowMosaic && python.random() < hyp.mosaic
      ? await mosaicItem(source, index, frame[0], hyp, random, scratch)
      : await perspectiveItem(source, index, frame, hyp, random, scratch)
  const { image, rows } = item
  toXywhn(rows, image.width, image.height)
  const factors = drawHsv(hyp, random)
  if (factors) applyHsv(image.data, image.width, hsvTables(factors))
  const upDown = python.random() < hyp.flipud
  const leftRight = python.random() < hyp.fliplr
  for (let i = 0; i < rows.length; i += 5) {
    if (upDown) rows[i + 2] = 1 - rows[i + 2]
    if (leftRight) rows[i + 1] = 1 - rows[i + 1]
  }
  return { ...item, flip: { upDown, leftRight } }
}

/** Image and labels (corners in pixels) in a frame. */
async function letterboxed(
  source: ItemSource,
  index: number,
  frame: readonly [height: number, width: number],
  scaleUp: boolean,
  scratch: Scratch,
) {
  const loaded = await source.image(index)
  const target = scratch.take('canvas', 3 * frame[0] * frame[1])
  const { box, ...image } = letterbox(loaded, { frame, scaleUp }, target)
  const rows = source.rows(index)
  toXyxy(rows, box.ratio[0] * loaded.width, box.ratio[1] * loaded.height, box.pad[0], box.pad[1])
  return { image, rows, letterbox: box }
}

async function perspectiveItem(
  source: ItemSource,
  index: number,
  frame: readonly [height: number, width: number],
  hyp: AugmentHyp,
  random: Random,
  scratch: Scratch,
) {
  const boxed = await letterboxed(source, index, frame, true, scratch)
  const { height, width } = boxed.image
  return { ...boxed, ...perspective(boxed.image, boxed.rows, [], hyp, [height, width], random, scratch) }
}

/**
 * The canvas of a mosaic: four images around a random centre of a canvas of twice the size.
 *
 * @param size - side of the items; the canvas has 2 * size
 */
export async function mosaicCanvas(source: ItemSource, index: number, size: number, random: Random, scratch: Scratch) {
  const { python } = random
  // int(random.uniform(-border, 2 * size + border)), border = -size // 2
  const low = Math.ceil(size / 2)
  const centre = () => Math.trunc(python.uniform(low, 2 * size - low))
  const yc = centre()
  const xc = centre()
  const tiles = [index]
  for (let k = 0; k < 3; k++) tiles.push(Math.floor(python.random() * source.length)) // random.choices
  python.shuffle(tiles)

  const side = 2 * size
  const canvas: RgbImage = { data: scratch.take('canvas', 3 * side * side), height: side, width: side }
  canvas.data.fill(BORDER)
  const parts: Float32Array[] = []
  const polygons: Polygon[] = []
  for (const [corner, tile] of tiles.entries()) {
    const image = await source.image(tile)
    // Top-left corner of the whole tile on the canvas; what lies outside is cut off.
    const left = corner % 2 === 0 ? xc - image.width : xc
    const top = corner < 2 ? yc - image.height : yc
    paste(image, canvas, left, top)
    const rows = source.rows(tile)
    toXyxy(rows, image.width, image.height, left, top)
    parts.push(rows)
    for (const polygon of source.polygons(tile))
      polygons.push(
        polygon.map((value, i) => {
          const at = i % 2 === 0 ? Math.fround(image.width * value) + left : Math.fround(image.height * value) + top
          return Math.min(Math.max(Math.fround(at), 0), side)
        }),
      )
  }
  const rows = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    rows.set(part, at)
    at += part.length
  }
  clipRows(rows, side)
  return { canvas, rows, polygons, tiles, centre: [yc, xc] as const }
}

async function mosaicItem(
  source: ItemSource,
  index: number,
  size: number,
  hyp: AugmentHyp,
  random: Random,
  scratch: Scratch,
) {
  const { canvas, rows, polygons } = await mosaicCanvas(source, index, size, random, scratch)
  const item = perspective(canvas, rows, polygons, hyp, [size, size], random, scratch)
  random.python.random() // v7.0 decides here about MixUp, even where its probability is 0
  return item
}

/** v7.0 augmentations.py, random_perspective. */
function perspective(
  image: RgbImage,
  rows: Float32Array,
  polygons: readonly Polygon[],
  hyp: AugmentHyp,
  frame: readonly [height: number, width: number],
  random: Random,
  scratch: Scratch,
) {
  const draws = drawPerspective(hyp, random)
  const matrix = perspectiveMatrix(draws, [image.height, image.width], frame)
  const full = hyp.perspective !== 0
  const [height, width] = frame
  const moved = height !== image.height || width !== image.width || !isIdentity(matrix)
  return {
    image: moved ? warp(image, matrix, height, width, full, scratch.take('warped', 3 * height * width)) : image,
    rows: warpBoxes(rows, polygons, matrix, draws.scale, height, width, full),
  }
}

/** Copies what of `image` falls on the canvas when its top-left corner lies at (left, top). */
function paste(image: RgbImage, canvas: RgbImage, left: number, top: number): void {
  const x1 = Math.max(left, 0)
  const x2 = Math.min(left + image.width, canvas.width)
  const y2 = Math.min(top + image.height, canvas.height)
  if (x2 <= x1) return
  for (let y = Math.max(top, 0); y < y2; y++) {
    const from = 3 * ((y - top) * image.width + x1 - left)
    canvas.data.set(image.data.subarray(from, from + 3 * (x2 - x1)), 3 * (y * canvas.width + x1))
  }
}
