// Frames and names of boxes, as all pictures with boxes draw them.
import type { SKRSContext2D } from '@napi-rs/canvas'
import { textColorOn } from './colors.ts'

/** Where the name of a box goes. */
export interface Corner {
  readonly x: number
  readonly y: number
  readonly color: string
}

/**
 * Draws the frame of a box, given by its upper left corner and size in pixels; returns where its name goes.
 */
export function drawFrame(
  context: SKRSContext2D,
  { x, y, width, height }: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
  color: string,
  line: number,
): Corner {
  context.strokeStyle = color
  context.lineWidth = line
  context.lineJoin = 'round'
  context.strokeRect(x, y, width, height)
  return { x: x - line / 2, y: y - line / 2, color }
}

/**
 * The name on a filled tab above the upper left corner of its box, or inside the box where there is no room above.
 *
 * @param widthPx - of the picture, beyond which no tab reaches
 */
export function drawTab(context: SKRSContext2D, text: string, corner: Corner, widthPx: number, px: number): void {
  const width = context.measureText(text).width + px * 0.4
  const height = px * 1.3
  const x = Math.max(0, Math.min(corner.x, widthPx - width))
  const y = corner.y >= height ? corner.y - height : Math.max(0, corner.y)
  context.fillStyle = corner.color
  context.fillRect(x, y, width, height)
  context.textBaseline = 'middle'
  context.fillStyle = textColorOn(corner.color)
  context.fillText(text, x + px * 0.2, y + height / 2)
}
