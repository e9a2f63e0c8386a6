// A photograph with the boxes of what was found in it, in its own size; and pieces cut out of photographs.
import type { Canvas } from '@napi-rs/canvas'
import { classColor } from './colors.ts'
import { drawFrame, drawTab } from './frames.ts'

/** A photograph: interleaved RGB, [height, width, 3]. */
export interface Photograph {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
}

/** A box to draw, corners in pixels. */
export interface DrawnBox {
  readonly x1: number
  readonly y1: number
  readonly x2: number
  readonly y2: number
  readonly class: number
  /** Text on its tab; no tab without it. */
  readonly label?: string
}

export interface DetectionsPicture {
  readonly image: Photograph
  readonly boxes: readonly DrawnBox[]
  /** Thickness of the frames in pixels, default 3; names are 7 times as high, less on small pictures. */
  readonly line?: number
}

/** File formats that pictures are written in. */
export type PictureFormat = 'jpeg' | 'png' | 'webp'

/** Draws the photograph with its boxes; the surest boxes lie on top. */
export async function detectionsFigure(
  picture: DetectionsPicture,
  format: PictureFormat = 'jpeg',
): Promise<Uint8Array> {
  return encodePhotograph(await drawDetections(picture), format)
}

/** As {@link detectionsFigure}, as pixels: RGBA, [height, width, 4]. */
export async function detectionsPixels(picture: DetectionsPicture): Promise<Uint8Array> {
  const canvas = await drawDetections(picture)
  return new Uint8Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)
}

async function drawDetections({ image, boxes, line = 3 }: DetectionsPicture): Promise<Canvas> {
  const { drawable, font } = await import('./fonts.ts')
  const canvas = await canvasOf(image)
  const context = canvas.getContext('2d')
  const px = Math.max(9, Math.min(7 * line, Math.max(image.width, image.height) * 0.05))
  context.font = font(px)
  const ascending = [...boxes].reverse()
  // All frames first: no frame crosses a name.
  const corners = ascending.map(({ x1, y1, x2, y2, class: index }) =>
    drawFrame(context, { x: x1, y: y1, width: x2 - x1, height: y2 - y1 }, classColor(index), line),
  )
  ascending.forEach(({ label }, i) => {
    if (label !== undefined) drawTab(context, drawable(label), corners[i]!, image.width, px)
  })
  return canvas
}

/** A piece of a photograph, from (x1, y1) up to before (x2, y2), whole pixels. */
export async function cropFigure(
  { data, width }: Photograph,
  { x1, y1, x2, y2 }: Omit<DrawnBox, 'class' | 'label'>,
  format: PictureFormat = 'jpeg',
): Promise<Uint8Array> {
  const piece = { data: new Uint8Array(3 * (x2 - x1) * (y2 - y1)), width: x2 - x1, height: y2 - y1 }
  for (let y = y1; y < y2; y++)
    piece.data.set(data.subarray(3 * (y * width + x1), 3 * (y * width + x2)), 3 * (y - y1) * piece.width)
  return encodePhotograph(await canvasOf(piece), format)
}

async function canvasOf({ data, width, height }: Photograph): Promise<Canvas> {
  const { createCanvas } = await import('@napi-rs/canvas')
  const canvas = createCanvas(width, height)
  const context = canvas.getContext('2d')
  const pixels = context.createImageData(width, height)
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    pixels.data[to] = data[from]!
    pixels.data[to + 1] = data[from + 1]!
    pixels.data[to + 2] = data[from + 2]!
    pixels.data[to + 3] = 255
  }
  context.putImageData(pixels, 0, 0)
  return canvas
}

const encodePhotograph = (canvas: Canvas, format: PictureFormat): Promise<Uint8Array> =>
  format === 'png' ? canvas.encode('png') : canvas.encode(format, 95)
