// train_batch*.jpg, val_batch*_labels.jpg, val_batch*_pred.jpg: a mosaic of the images of a batch with their boxes.
import type { SKRSContext2D } from '@napi-rs/canvas'
import { classColor } from './colors.ts'
import { drawFrame, drawTab } from './frames.ts'
import type { BatchPicture } from './types.ts'

/** Images drawn of a batch, and the longest side of the mosaic in pixels (v7.0). */
const maxImages = 16
const maxSidePx = 1920
/** Smaller images are enlarged to this (unlike v7.0, where labels on 64 px images cannot be read). */
const minTilePx = 400

/**
 * Draws the first 16 images of a batch as a square mosaic (JPEG, longest side at most 1920 px) with boxes, class names, and
 * the confidence where `columns` is 7. An empty batch gives a picture that says so.
 */
export async function batchFigure(picture: BatchPicture): Promise<Uint8Array> {
  const { createCanvas } = await import('@napi-rs/canvas')
  const { encode, renderChart } = await import('./chart.ts')
  const { drawable, drawableNames, fitText, font } = await import('./fonts.ts')
  const { noDataOption } = await import('./panels.ts')
  const { batch, height, width } = picture
  const shown = Math.min(batch, maxImages)
  if (shown === 0)
    return renderChart(noDataOption({ width: 960, height: 960 }, 'Batch'), { width: 960, height: 960 }, 'jpeg')

  const side = Math.ceil(Math.sqrt(shown))
  const rows = Math.ceil(shown / side)
  const scale = Math.min(maxSidePx / (side * Math.max(height, width)), Math.max(1, minTilePx / Math.max(height, width)))
  const tile = { width: Math.round(width * scale), height: Math.round(height * scale) }
  const canvas = createCanvas(tile.width * side, tile.height * rows)
  const context = canvas.getContext('2d')
  context.fillStyle = '#ffffff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.imageSmoothingQuality = 'high'

  const px = Math.max(12, Math.min(22, Math.round(Math.max(tile.width, tile.height) * 0.042)))
  const line = Math.max(2, Math.round(px / 8))
  const names = drawableNames(picture.names)
  const boxes = boxesByImage(picture, shown)
  for (let image = 0; image < shown; image++) {
    const left = (image % side) * tile.width
    const top = Math.floor(image / side) * tile.height
    const source = createCanvas(width, height)
    const sourceContext = source.getContext('2d')
    const pixels = sourceContext.createImageData(width, height)
    copyImage(picture, image, pixels.data)
    sourceContext.putImageData(pixels, 0, 0)

    context.save()
    context.translate(left, top)
    context.beginPath()
    context.rect(0, 0, tile.width, tile.height)
    context.clip()
    context.drawImage(source, 0, 0, tile.width, tile.height)
    context.font = font(px)
    // All frames first: no frame crosses a name.
    const tabs = boxes[image]!.map((box) => drawFrame(context, inTile(box, tile), classColor(box.class), line))
    boxes[image]!.forEach((box, i) => {
      const label = names[box.class] ?? String(box.class)
      const text = box.confidence === undefined ? label : `${label} ${box.confidence.toFixed(1)}`
      drawTab(context, text, tabs[i]!, tile.width, px)
    })
    const path = picture.paths?.[image]
    if (path !== undefined) drawCaption(context, fitText(drawable(fileName(path)), tile.width - px, px), px)
    context.restore()
    context.strokeStyle = '#ffffff'
    context.lineWidth = 2
    context.strokeRect(left, top, tile.width, tile.height)
  }
  return encode(canvas, 'jpeg')
}

/**
 * Detections of a batch as boxes for {@link batchFigure} (7 columns).
 * @param detections - per image [n, 6] flat: x1, y1, x2, y2 in pixels of the batch images, confidence, class
 */
export function boxesOfDetections(
  detections: readonly ArrayLike<number>[],
  { height, width }: { readonly height: number; readonly width: number },
): Float32Array {
  const rows: number[] = []
  detections.forEach((found, image) => {
    for (let at = 0; at + 5 < found.length; at += 6) {
      const [x1, y1, x2, y2] = [found[at]!, found[at + 1]!, found[at + 2]!, found[at + 3]!]
      rows.push(image, found[at + 5]!, (x1 + x2) / 2 / width, (y1 + y2) / 2 / height)
      rows.push((x2 - x1) / width, (y2 - y1) / height, found[at + 4]!)
    }
  })
  return Float32Array.from(rows)
}

interface Box {
  readonly class: number
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly confidence: number | undefined
}

function boxesByImage(picture: BatchPicture, images: number): Box[][] {
  const { boxes, columns = 6, units = 'normalised', minConfidence = 0.25, showConfidence = columns === 7 } = picture
  const [unitX, unitY] = units === 'pixels' ? [1 / picture.width, 1 / picture.height] : [1, 1]
  const byImage: Box[][] = Array.from({ length: images }, () => [])
  for (let at = 0; at + columns <= boxes.length; at += columns) {
    const confidence = columns === 7 ? boxes[at + 6]! : undefined
    if (confidence !== undefined && confidence < minConfidence) continue
    const [x, y] = [boxes[at + 2]! * unitX, boxes[at + 3]! * unitY]
    const [width, height] = [boxes[at + 4]! * unitX, boxes[at + 5]! * unitY]
    if (![x, y, width, height].every(Number.isFinite)) continue
    byImage[boxes[at]!]?.push({
      class: boxes[at + 1]!,
      x,
      y,
      width,
      height,
      confidence: showConfidence ? confidence : undefined,
    })
  }
  return byImage
}

/** Image `index` of the batch as RGBA, row by row. */
function copyImage({ images, layout, height, width }: BatchPicture, index: number, rgba: Uint8ClampedArray): void {
  const plane = height * width
  const at = byteAddress(layout, height, width)
  const start = index * (layout.kind === 'blocked' ? plane * 4 : plane * 3)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const to = (y * width + x) * 4
      for (let c = 0; c < 3; c++) rgba[to + c] = images[start + at(y, x, c)]!
      rgba[to + 3] = 255
    }
}

/** Offset of a byte inside its image. */
function byteAddress(
  layout: BatchPicture['layout'],
  height: number,
  width: number,
): (y: number, x: number, c: number) => number {
  if (layout.kind === 'plain') return (y, x, c) => (c * height + y) * width + x
  if (layout.kind === 'nhwc') return (y, x, c) => (y * width + x) * 3 + c
  const { block } = layout
  const [halfHeight, halfWidth] = [height / 2, width / 2]
  return (y, x, c) => {
    const channel = ((y & 1) * 2 + (x & 1)) * 3 + c
    const pixel = (Math.floor(channel / block) * halfHeight + (y >> 1)) * halfWidth + (x >> 1)
    return pixel * block + (channel % block)
  }
}

/** A box in pixels of its tile, by its upper left corner. */
const inTile = (box: Box, tile: { readonly width: number; readonly height: number }) => ({
  x: (box.x - box.width / 2) * tile.width,
  y: (box.y - box.height / 2) * tile.height,
  width: box.width * tile.width,
  height: box.height * tile.height,
})

/** The file name in the upper left corner of an image. */
function drawCaption(context: SKRSContext2D, text: string, px: number): void {
  context.fillStyle = 'rgba(0, 0, 0, 0.6)'
  context.fillRect(0, 0, context.measureText(text).width + px * 0.6, px * 1.35)
  context.textBaseline = 'middle'
  context.fillStyle = '#ffffff'
  context.fillText(text, px * 0.3, px * 0.68)
}

const fileName = (path: string) => path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
