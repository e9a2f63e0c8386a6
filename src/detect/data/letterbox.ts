// Fits an image into a frame: scaled with its aspect kept, bordered with grey. v7.0 augmentations.py, letterbox.
import { resize } from './resize.ts'
import { BORDER, type RgbImage, roundHalfEven } from './rgb.ts'

export interface LetterboxOptions {
  /** Frame [height, width] in pixels. */
  readonly frame: readonly [height: number, width: number]
  /** Only as much border as makes the sides multiples of `stride`. */
  readonly auto?: boolean
  /** Stretch to the frame. */
  readonly fill?: boolean
  /** May the image grow? Default yes. */
  readonly scaleUp?: boolean
  readonly stride?: number
}

export interface Letterbox {
  /** [height, width] of the picture without border. */
  readonly inner: readonly [number, number]
  /** [height, width] of the whole. */
  readonly outer: readonly [number, number]
  /** Scale of [x, y]. */
  readonly ratio: readonly [number, number]
  /** Half of the border, [x, y]; may end in .5 */
  readonly pad: readonly [number, number]
  /** Where the picture begins, pixels. */
  readonly left: number
  readonly top: number
}

/** The geometry of a letterbox, without pixels. */
export function letterboxGeometry(height: number, width: number, options: LetterboxOptions): Letterbox {
  const { frame, auto = false, fill = false, scaleUp = true, stride = 32 } = options
  let r = Math.min(frame[0] / height, frame[1] / width)
  if (!scaleUp) r = Math.min(r, 1)
  let inner: [number, number] = [roundHalfEven(height * r), roundHalfEven(width * r)]
  let ratio: [number, number] = [r, r]
  let dx = frame[1] - inner[1]
  let dy = frame[0] - inner[0]
  if (auto) {
    dx %= stride
    dy %= stride
  } else if (fill) {
    dx = dy = 0
    inner = [frame[0], frame[1]]
    ratio = [frame[1] / width, frame[0] / height]
  }
  const pad: [number, number] = [dx / 2, dy / 2]
  const left = roundHalfEven(pad[0] - 0.1)
  const top = roundHalfEven(pad[1] - 0.1)
  const outer: [number, number] = [
    inner[0] + top + roundHalfEven(pad[1] + 0.1),
    inner[1] + left + roundHalfEven(pad[0] + 0.1),
  ]
  return { inner, outer, ratio, pad, left, top }
}

/** Draws the letterbox, in new memory. */
export function letterbox(image: RgbImage, options: LetterboxOptions): RgbImage & { box: Letterbox } {
  const box = letterboxGeometry(image.height, image.width, options)
  const [height, width] = box.outer
  const data = new Uint8Array(3 * height * width).fill(BORDER)
  place(resize(image, box.inner[1], box.inner[0], 'linear'), { data, height, width }, box.left, box.top)
  return { data, height, width, box }
}

/** Copies `image` into `canvas` at (left, top); it must fit. */
function place(image: RgbImage, canvas: RgbImage, left: number, top: number): void {
  const row = 3 * image.width
  for (let y = 0; y < image.height; y++)
    canvas.data.set(image.data.subarray(y * row, (y + 1) * row), 3 * ((top + y) * canvas.width + left))
}
