// One picture with handwritten digits and their boxes, drawn from numbers alone: the same on every machine.
//
// All arithmetic is addition, multiplication, division and square roots, which IEEE 754 fixes to the last bit.
import { SceneRandom } from './scene-random.ts'
import { CELL, type DigitPool, type DigitSheet, pools, SAMPLES_PER_DIGIT } from './sheet.ts'

/** Side of the scenes of the built-in data set, pixels. */
export const SCENE_PX = 128

/** A digit's place: the box around its visible ink, pixels. */
export interface DigitBox {
  /** 0 … 9 */
  readonly digit: number
  readonly x1: number
  readonly y1: number
  readonly x2: number
  readonly y2: number
}

export interface DigitScene {
  readonly width: number
  readonly height: number
  /** [height, width, 3] RGB */
  readonly pixels: Uint8Array
  readonly boxes: readonly DigitBox[]
}

export interface SceneOptions {
  readonly sheet: DigitSheet
  /** Integer; other seeds, other scenes. */
  readonly seed: number
  /** Number of the scene; scene 5 is the same whether 6 or 600 are made. */
  readonly index: number
  readonly pool: DigitPool
  /** Side in pixels, {@link SCENE_PX} by default. */
  readonly imagePx?: number
}

/** Scenes hold one to this many digits. */
const MAX_DIGITS = 8
/** Longer side of a digit, as share of the scene's. */
const DIGIT_SIZE = { smallest: 0.15, largest: 0.42 }
/** {@link CELL}, at hand in the innermost loop. */
const side20 = CELL
/** Ink from here on counts as visible and lies in the box. */
const VISIBLE = 0.35

/** Draws a scene: uneven background, clutter, digits of varied size, slant and contrast, noise. */
export function makeScene({ sheet, seed, index, pool, imagePx = SCENE_PX }: SceneOptions): DigitScene {
  const random = new SceneRandom(seed, index, Object.keys(pools).indexOf(pool) + 1)
  const canvas = new Canvas(imagePx)
  const paper = background(canvas, random)
  clutter(canvas, random, paper)

  const boxes: DigitBox[] = []
  const wanted = random.integer(1, MAX_DIGITS)
  // A scene that is full keeps the digits it has; the first one always finds a place.
  for (let attempt = 0; attempt < 5 * wanted && boxes.length < wanted; attempt++) {
    const stamp = digitStamp(sheet, random, pool, imagePx)
    const x = random.integer(1, imagePx - stamp.width - 1)
    const y = random.integer(1, imagePx - stamp.height - 1)
    const box = { digit: stamp.digit, x1: x, y1: y, x2: x + stamp.width, y2: y + stamp.height }
    if (boxes.some((other) => meet(box, other))) continue
    canvas.stamp(stamp, x, y, inkColour(random, canvas.meanColour(box)))
    boxes.push(box)
  }
  noise(canvas, random)
  return { width: imagePx, height: imagePx, pixels: canvas.toBytes(), boxes }
}

/** Boxes may touch, not overlap by more than a few pixels. */
function meet(a: DigitBox, b: DigitBox): boolean {
  const width = Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1)
  const height = Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1)
  if (width <= 0 || height <= 0) return false
  const smaller = Math.min((a.x2 - a.x1) * (a.y2 - a.y1), (b.x2 - b.x1) * (b.y2 - b.y1))
  return width * height > 0.04 * smaller
}

type Colour = readonly [r: number, g: number, b: number]

const luminance = ([r, g, b]: Colour) => 0.299 * r + 0.587 * g + 0.114 * b

/** A digit after slant and scaling, cropped to its visible ink. */
interface Stamp {
  readonly digit: number
  readonly width: number
  readonly height: number
  /** [height, width] ink in [0, 1] */
  readonly ink: Float64Array
}

/** A random sample, turned by up to 20°, slanted, stretched and scaled. */
function digitStamp({ ink }: DigitSheet, random: SceneRandom, pool: DigitPool, imagePx: number): Stamp {
  const digit = random.integer(0, 9)
  const { from, to } = pools[pool]
  const sample = random.integer(from, to - 1)
  const at = (digit * SAMPLES_PER_DIGIT + sample) * CELL * CELL

  // Small digits are as likely as large ones per octave, roughly: the square of a uniform number.
  const share = DIGIT_SIZE.smallest + (DIGIT_SIZE.largest - DIGIT_SIZE.smallest) * random.next() ** 2
  const scale = (share * imagePx) / CELL
  const stretch = random.between(0.85, 1.15)
  // Rotation by half-angle tangent t: cos = (1 - t²) / (1 + t²), sin = 2 t / (1 + t²).
  const t = random.between(-0.17, 0.17)
  const cos = (1 - t * t) / (1 + t * t)
  const sin = (2 * t) / (1 + t * t)
  const slant = random.between(-0.2, 0.2)
  // Cell → scene: scale · rotation · slant. Its inverse finds the ink of a pixel.
  const a = scale * stretch * cos
  const b = scale * (slant * cos - sin)
  const c = scale * stretch * sin
  const d = scale * (slant * sin + cos)
  const determinant = a * d - b * c

  const side = Math.ceil(CELL * Math.max(Math.abs(a) + Math.abs(b), Math.abs(c) + Math.abs(d))) + 2
  const raw = new Float64Array(side * side)
  let [left, top, right, bottom] = [side, side, -1, -1]
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      // The mean of four points inside the pixel keeps small digits smooth.
      let sum = 0
      for (let oy = 0.25; oy < 1; oy += 0.5)
        for (let ox = 0.25; ox < 1; ox += 0.5) {
          const dx = x + ox - side / 2
          const dy = y + oy - side / 2
          sum += sampleInk(
            ink,
            at,
            (d * dx - b * dy) / determinant + CELL / 2 - 0.5,
            (a * dy - c * dx) / determinant + CELL / 2 - 0.5,
          )
        }
      const value = Math.min(Math.max((sum / 4 / 255 - 0.15) / 0.6, 0), 1)
      raw[y * side + x] = value
      if (value < VISIBLE) continue
      left = Math.min(left, x)
      right = Math.max(right, x)
      top = Math.min(top, y)
      bottom = Math.max(bottom, y)
    }

  // One pixel more on each side for the soft edge would make the box loose; the crop is the box.
  const width = right - left + 1
  const height = bottom - top + 1
  const cropped = new Float64Array(width * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) cropped[y * width + x] = raw[(top + y) * side + left + x]!
  return { digit, width, height, ink: cropped }
}

/** Bilinear ink at a point of a cell; paper outside. */
function sampleInk(ink: Uint8Array, at: number, x: number, y: number): number {
  const x0 = Math.floor(x)
  const y0 = Math.floor(y)
  if (x0 < -1 || y0 < -1 || x0 >= side20 || y0 >= side20) return 0
  const fx = x - x0
  const fy = y - y0
  const above = y0 >= 0
  const below = y0 + 1 < side20
  const leftOf = x0 >= 0
  const rightOf = x0 + 1 < side20
  const from = at + y0 * side20 + x0
  const p00 = above && leftOf ? ink[from]! : 0
  const p10 = above && rightOf ? ink[from + 1]! : 0
  const p01 = below && leftOf ? ink[from + side20]! : 0
  const p11 = below && rightOf ? ink[from + side20 + 1]! : 0
  return (p00 * (1 - fx) + p10 * fx) * (1 - fy) + (p01 * (1 - fx) + p11 * fx) * fy
}

/** A colour that stands out from the place it goes to, by little or by much. */
function inkColour(random: SceneRandom, around: Colour): Colour {
  const contrast = random.between(70, 200)
  const level = luminance(around)
  // Away from the side where there is no room.
  const sign = level + contrast > 255 ? -1 : level - contrast < 0 ? 1 : random.chance(0.5) ? 1 : -1
  const target = Math.min(Math.max(level + sign * contrast, 0), 255)
  const tint = [random.between(-45, 45), random.between(-45, 45), random.between(-45, 45)] as const
  const shift = target - luminance([target + tint[0], target + tint[1], target + tint[2]])
  return [target + tint[0] + shift, target + tint[1] + shift, target + tint[2] + shift]
}

/** A colour gradient with soft blotches; returns its mean colour. */
function background(canvas: Canvas, random: SceneRandom): Colour {
  const level = random.between(25, 230)
  const colour = () =>
    [
      level + random.between(-35, 35),
      level + random.between(-35, 35),
      level + random.between(-35, 35),
    ] as const satisfies Colour
  const [from, to] = [colour(), colour()]
  const dx = random.between(-1, 1)
  const dy = random.between(-1, 1)
  const length = Math.abs(dx) + Math.abs(dy) + 1e-9
  const knots = 6
  const strength = random.between(0, 22)
  const blotches = Float64Array.from({ length: knots * knots }, () => random.between(-strength, strength))
  const { side } = canvas
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const u = x / (side - 1)
      const v = y / (side - 1)
      const mix = 0.5 + (0.5 * (dx * (2 * u - 1) + dy * (2 * v - 1))) / length
      const kx = u * (knots - 1) * 0.9999
      const ky = v * (knots - 1) * 0.9999
      const x0 = Math.floor(kx)
      const y0 = Math.floor(ky)
      const fx = kx - x0
      const fy = ky - y0
      const knot = (i: number, j: number) => blotches[j * knots + i]!
      const blotch =
        (knot(x0, y0) * (1 - fx) + knot(x0 + 1, y0) * fx) * (1 - fy) +
        (knot(x0, y0 + 1) * (1 - fx) + knot(x0 + 1, y0 + 1) * fx) * fy
      for (let c = 0; c < 3; c++) canvas.set(x, y, c, from[c]! * (1 - mix) + to[c]! * mix + blotch)
    }
  return [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2, (from[2] + to[2]) / 2]
}

/** Strokes, rings and blocks that are not digits; fainter than these. */
function clutter(canvas: Canvas, random: SceneRandom, paper: Colour): void {
  const { side } = canvas
  const count = random.integer(0, 7)
  for (let i = 0; i < count; i++) {
    const delta = random.between(15, 60) * (random.chance(0.5) ? 1 : -1)
    const colour = paper.map((value) => value + delta + random.between(-20, 20)) as unknown as Colour
    const point = () => [random.between(0, side), random.between(0, side)] as const
    const kind = random.next()
    if (kind < 0.5) canvas.stroke(point(), point(), random.between(0.5, 1.6), colour)
    else if (kind < 0.75) canvas.ring(point(), random.between(0.04, 0.2) * side, random.between(0.6, 1.6), colour)
    else canvas.block(point(), random.between(0.05, 0.3) * side, random.between(0.05, 0.3) * side, colour)
  }
}

/** Grain over everything, about bell-shaped (the sum of four uniform numbers). */
function noise(canvas: Canvas, random: SceneRandom): void {
  const strength = random.between(1, 9)
  const { values } = canvas
  for (let i = 0; i < values.length; i++) {
    const sum = random.next() + random.next() + random.next() + random.next()
    values[i] = values[i]! + (sum - 2) * strength
  }
}

/** A square RGB picture of numbers, rounded to bytes at the end. */
class Canvas {
  /** [side, side, 3] */
  readonly values: Float64Array

  constructor(readonly side: number) {
    this.values = new Float64Array(side * side * 3)
  }

  set(x: number, y: number, channel: number, value: number): void {
    this.values[(y * this.side + x) * 3 + channel] = value
  }

  /** Mixes a colour in by `share`; outside the picture nothing happens. */
  blend(x: number, y: number, colour: Colour, share: number): void {
    if (share <= 0 || x < 0 || y < 0 || x >= this.side || y >= this.side) return
    const at = (y * this.side + x) * 3
    for (let c = 0; c < 3; c++) this.values[at + c] = this.values[at + c]! * (1 - share) + colour[c]! * share
  }

  stamp(stamp: Stamp, left: number, top: number, colour: Colour): void {
    for (let y = 0; y < stamp.height; y++)
      for (let x = 0; x < stamp.width; x++) this.blend(left + x, top + y, colour, stamp.ink[y * stamp.width + x]!)
  }

  /** A line between two points, soft at its edge. */
  stroke(from: readonly [number, number], to: readonly [number, number], radius: number, colour: Colour): void {
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]]
    const square = dx * dx + dy * dy + 1e-9
    const edge = radius + 1
    const around = [
      Math.min(from[0], to[0]),
      Math.min(from[1], to[1]),
      Math.max(from[0], to[0]),
      Math.max(from[1], to[1]),
    ]
    this.shade(colour, around, edge, (x, y) => {
      const along = Math.min(Math.max(((x - from[0]) * dx + (y - from[1]) * dy) / square, 0), 1)
      const ox = x - from[0] - along * dx
      const oy = y - from[1] - along * dy
      return radius + 0.5 - Math.sqrt(ox * ox + oy * oy)
    })
  }

  ring(centre: readonly [number, number], radius: number, width: number, colour: Colour): void {
    this.shade(colour, [...centre, ...centre], radius + width + 1, (x, y) => {
      const dx = x - centre[0]
      const dy = y - centre[1]
      return width + 0.5 - Math.abs(Math.sqrt(dx * dx + dy * dy) - radius)
    })
  }

  block(centre: readonly [number, number], width: number, height: number, colour: Colour): void {
    this.shade(
      colour,
      [...centre, ...centre],
      Math.max(width, height) / 2 + 1,
      (x, y) => Math.min(width / 2 - Math.abs(x - centre[0]), height / 2 - Math.abs(y - centre[1])) + 0.5,
    )
  }

  /** Mean colour inside a box. */
  meanColour({ x1, y1, x2, y2 }: DigitBox): Colour {
    const sum = [0, 0, 0]
    for (let y = y1; y < y2; y++)
      for (let x = x1; x < x2; x++) for (let c = 0; c < 3; c++) sum[c]! += this.values[(y * this.side + x) * 3 + c]!
    const count = (x2 - x1) * (y2 - y1)
    return [sum[0]! / count, sum[1]! / count, sum[2]! / count]
  }

  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.values.length)
    for (let i = 0; i < bytes.length; i++) bytes[i] = Math.min(Math.max(Math.floor(this.values[i]! + 0.5), 0), 255)
    return bytes
  }

  /**
   * Blends a colour wherever `cover` (1 inside, 0 outside, soft between) says so.
   *
   * @param around - left, top, right, bottom; nothing is covered farther than `edge` from it
   */
  private shade(
    colour: Colour,
    around: readonly number[],
    edge: number,
    cover: (x: number, y: number) => number,
  ): void {
    const left = Math.max(Math.floor(around[0]! - edge), 0)
    const top = Math.max(Math.floor(around[1]! - edge), 0)
    const right = Math.min(Math.ceil(around[2]! + edge), this.side)
    const bottom = Math.min(Math.ceil(around[3]! + edge), this.side)
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++)
        this.blend(x, y, colour, Math.min(Math.max(cover(x + 0.5, y + 0.5), 0), 1) * 0.85)
  }
}
