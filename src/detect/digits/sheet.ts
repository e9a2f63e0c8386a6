// The handwritten digits that ship with the package: assets/digits/digits.png, a sheet of 20 × 20 pixel cells, 600 of
// each digit, 0 first. scripts/make-digits-asset.mjs made it; assets/digits/README.md tells where they come from.
import { fileURLToPath } from 'node:url'

/** Side of a cell in pixels. */
export const CELL = 20
const COLUMNS = 60
export const SAMPLES_PER_DIGIT = 600

/**
 * Which samples of each digit a scene may use. No two pools share one, so that a validation scene shows handwriting
 * that training never saw, and weights trained on `pretrain` scenes have seen none of the others.
 */
export const pools = {
  train: { from: 0, to: 150 },
  val: { from: 150, to: 225 },
  test: { from: 225, to: 300 },
  pretrain: { from: 300, to: SAMPLES_PER_DIGIT },
} as const

export type DigitPool = keyof typeof pools

/** The samples as ink, [10, 600, 20, 20], 0 paper to 255 ink. */
export interface DigitSheet {
  readonly ink: Uint8Array
}

let loaded: Promise<DigitSheet> | undefined

/** Decodes the sheet, once per process. */
export function loadDigitSheet(): Promise<DigitSheet> {
  loaded ??= decode()
  return loaded
}

async function decode(): Promise<DigitSheet> {
  const { default: sharp } = await import('sharp')
  const file = fileURLToPath(new URL('../../../assets/digits/digits.png', import.meta.url))
  const { data, info } = await sharp(file).extractChannel(0).raw().toBuffer({ resolveWithObject: true })
  const ink = new Uint8Array(10 * SAMPLES_PER_DIGIT * CELL * CELL)
  for (let index = 0; index < 10 * SAMPLES_PER_DIGIT; index++) {
    const left = (index % COLUMNS) * CELL
    const top = Math.floor(index / COLUMNS) * CELL
    for (let y = 0; y < CELL; y++) {
      const at = (top + y) * info.width + left
      ink.set(data.subarray(at, at + CELL), (index * CELL + y) * CELL)
    }
  }
  return { ink }
}
