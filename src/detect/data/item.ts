// One item of a data set as training or validation sees it: mosaic or letterbox, perspective, colours, flips.
// The order of random draws is v7.0's (dataloaders.py, LoadImagesAndLabels.__getitem__); golden items depend on it.
import type { Random } from '../../base/index.ts'
import { joinLabels, type Labels, type Polygon, toXywhn, toXyxy, warpBoxes } from './boxes.ts'
import { copyPaste } from './copy-paste.ts'
import { applyHsv, drawHsv, hsvTables } from './hsv.ts'
import { type Letterbox, letterboxGeometry } from './letterbox.ts'
import { drawMixup, mixInto } from './mixup.ts'
import { type MosaicTiles, mosaic } from './mosaic.ts'
import { drawPerspective, isIdentity, perspectiveMatrix } from './perspective.ts'
import { resize } from './resize.ts'
import type { RgbImage } from './rgb.ts'
import type { Scratch } from './scratch.ts'
import type { AugmentHyp } from './types.ts'
import { warp } from './warp.ts'

/** Where items take images and labels from. */
export interface ItemSource {
  /** Number of images. */
  readonly length: number
  /** What mosaics choose their other tiles from, where that is not all images alike. */
  readonly pool?: Int32Array
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
 * @param tiles - images of a mosaic; 0 for rectangular training, which draws no number for it either
 */
export async function augmentedItem(
  source: ItemSource,
  index: number,
  frame: readonly [height: number, width: number],
  hyp: AugmentHyp,
  tiles: MosaicTiles | 0,
  random: Random,
  scratch: Scratch,
): Promise<Item> {
  const { python } = random
  const item: Pick<Item, 'image' | 'rows' | 'letterbox'> =
    tiles !== 0 && python.random() < hyp.mosaic
      ? await mixedItem(source, index, frame[0], hyp, tiles, random, scratch)
      : await perspectiveItem(source, index, frame, hyp, random, scratch)
  const { image, rows } = item
  toXywhn(rows, image.width, image.height)
  const factors = drawHsv(hyp, random)
  if (factors) applyHsv(image, hsvTables(factors), scratch)
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
  const box = letterboxGeometry(loaded.height, loaded.width, { frame, scaleUp })
  const image = scratch.blank('canvas', ...box.outer)
  scratch.paste(resize(loaded, box.inner[1], box.inner[0], 'linear'), image, box.left, box.top)
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
  const { image, rows, letterbox } = boxed
  // Without polygons, as v7.0.
  const labels = { rows, polygons: [] }
  return { letterbox, ...perspective(image, labels, hyp, [image.height, image.width], random, scratch, 'warped') }
}

/** A mosaic, or two of them mixed. */
async function mixedItem(
  source: ItemSource,
  index: number,
  size: number,
  hyp: AugmentHyp,
  tiles: MosaicTiles,
  random: Random,
  scratch: Scratch,
) {
  const { python } = random
  const item = await mosaicItem(source, index, size, hyp, tiles, random, scratch, 'warped')
  if (!(python.random() < hyp.mixup)) return item // drawn even where the probability is 0
  const other = python.randint(0, source.length - 1)
  const second = await mosaicItem(source, other, size, hyp, tiles, random, scratch, 'second')
  mixInto(item.image, second.image, drawMixup(random), scratch)
  const { rows } = joinLabels([item, second].map(({ rows }) => ({ rows, polygons: [] })))
  return { image: item.image, rows }
}

async function mosaicItem(
  source: ItemSource,
  index: number,
  size: number,
  hyp: AugmentHyp,
  tiles: MosaicTiles,
  random: Random,
  scratch: Scratch,
  piece: string,
) {
  const { canvas, labels } = await mosaic(tiles, source, index, size, random, scratch)
  const pasted = copyPaste(canvas, labels, hyp.copy_paste, random)
  return perspective(canvas, pasted, hyp, [size, size], random, scratch, piece)
}

/** v7.0 augmentations.py, random_perspective. @param piece - of `scratch`, which the result is drawn into */
function perspective(
  image: RgbImage,
  labels: Labels,
  hyp: AugmentHyp,
  frame: readonly [height: number, width: number],
  random: Random,
  scratch: Scratch,
  piece: string,
) {
  const draws = drawPerspective(hyp, random)
  const matrix = perspectiveMatrix(draws, [image.height, image.width], frame)
  const full = hyp.perspective !== 0
  const [height, width] = frame
  const moved = height !== image.height || width !== image.width || !isIdentity(matrix)
  return {
    image: moved ? warp(image, matrix, height, width, full, scratch, piece) : image,
    rows: warpBoxes(labels, matrix, draws.scale, height, width, full),
  }
}
