// `--data digits`: the built-in data set. Its scenes are drawn once into the cache folder, the same for everyone.
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DigitsWriteError } from '../../base/index.ts'
import { defaultCacheFolder } from '../data/cache-folder.ts'
import { type DigitScene, makeScene, SCENE_PX } from './scene.ts'
import { type DigitPool, loadDigitSheet } from './sheet.ts'

/** Rises with every change of what is drawn, so that old caches are not taken for new ones. */
const VERSION = 1
const SEED = 20_240_501

/** Scenes of each split. */
export const digitsCounts = { train: 128, val: 64, test: 64 } as const

export interface MakeDigitsOptions {
  /** Integer in [0, 2^32). */
  readonly seed: number
  readonly count: number
  /** Whose handwriting; see {@link pools}. */
  readonly pool: DigitPool
  /** Side of the scenes in pixels, 128 by default. */
  readonly imagePx?: number
}

/** Draws scenes one after the other; scene n does not depend on how many there are. */
export async function* makeDigits({
  seed,
  count,
  pool,
  imagePx = SCENE_PX,
}: MakeDigitsOptions): AsyncIterable<DigitScene> {
  const sheet = await loadDigitSheet()
  for (let index = 0; index < count; index++) yield makeScene({ sheet, seed, index, pool, imagePx })
}

export interface DigitsSplit extends MakeDigitsOptions {
  readonly split: 'train' | 'val' | 'test'
}

export interface WriteDigitsOptions {
  /** Told after each image. */
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal
}

/**
 * Writes scenes as a YOLO data set: images/<split>/0000.png, labels/<split>/0000.txt, data.yaml.
 *
 * @param folder - made if it is missing
 * @param root - what data.yaml says under `path`; `folder` by default
 * @returns path of data.yaml
 */
export async function writeDigits(
  folder: string,
  splits: readonly DigitsSplit[],
  { onProgress, signal }: WriteDigitsOptions = {},
  root = folder,
): Promise<string> {
  const { default: sharp } = await import('sharp')
  const total = splits.reduce((sum, { count }) => sum + count, 0)
  let done = 0
  for (const { split, ...options } of splits) {
    const images = join(folder, 'images', split)
    const labels = join(folder, 'labels', split)
    await Promise.all([images, labels].map((path) => mkdir(path, { recursive: true })))
    let index = 0
    for await (const scene of makeDigits(options)) {
      signal?.throwIfAborted()
      const name = String(index++).padStart(4, '0')
      const { width, height, pixels } = scene
      const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
        .png({ compressionLevel: 6 })
        .toBuffer()
      await Promise.all([
        writeFile(join(images, `${name}.png`), png),
        writeFile(join(labels, `${name}.txt`), labelText(scene)),
      ])
      onProgress?.(++done, total)
    }
  }
  const yaml = join(folder, 'data.yaml')
  await writeFile(yaml, yamlText(root, splits))
  return yaml
}

/** Rows of class, centre x, centre y, width, height, normalised. */
export function labelText({ width, height, boxes }: DigitScene): string {
  return boxes
    .map(({ digit, x1, y1, x2, y2 }) =>
      [digit, (x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height].join(' '),
    )
    .map((row) => `${row}\n`)
    .join('')
}

function yamlText(root: string, splits: readonly DigitsSplit[]): string {
  return [
    '# Handwritten digits, drawn by Hypevolve (--data digits).',
    `path: ${JSON.stringify(root)}`,
    ...splits.map(({ split }) => `${split}: images/${split}`),
    `names: [${Array.from({ length: 10 }, (_, digit) => `'${digit}'`).join(', ')}]`,
    '',
  ].join('\n')
}

const splitsOfDigits: readonly DigitsSplit[] = (['train', 'val', 'test'] as const).map((split) => ({
  split,
  pool: split,
  seed: SEED,
  count: digitsCounts[split],
}))

/**
 * The built-in data set, made if this machine does not have it yet. Several processes may ask at once: each makes its
 * own copy, and the first one done is kept.
 *
 * @param cacheFolder - the user's cache folder by default
 * @returns path of its data.yaml
 * @throws {@link DigitsWriteError} if the folder cannot be written
 */
export async function ensureDigits(
  cacheFolder: string = defaultCacheFolder(),
  options: WriteDigitsOptions = {},
): Promise<string> {
  const folder = join(cacheFolder, `digits-v${VERSION}`)
  const yaml = join(folder, 'data.yaml')
  if (await isComplete(folder, yaml)) return yaml
  let draft: string | undefined
  try {
    await mkdir(cacheFolder, { recursive: true })
    draft = await mkdtemp(join(cacheFolder, `digits-v${VERSION}.draft-`))
    await writeDigits(draft, splitsOfDigits, options, folder)
    await moveIntoPlace(draft, folder, yaml)
    return yaml
  } catch (error) {
    options.signal?.throwIfAborted()
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
    throw new DigitsWriteError(folder, error as NodeJS.ErrnoException)
  } finally {
    if (draft) await rm(draft, { recursive: true, force: true })
  }
}

/** data.yaml is written last, so it stands for the whole; a copy that was moved elsewhere names another path. */
async function isComplete(folder: string, yaml: string): Promise<boolean> {
  try {
    return (await readFile(yaml, 'utf8')) === yamlText(folder, splitsOfDigits)
  } catch {
    return false
  }
}

async function moveIntoPlace(draft: string, folder: string, yaml: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await rename(draft, folder)
      return
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EEXIST' && code !== 'ENOTEMPTY' && code !== 'EPERM') throw error
      if (await isComplete(folder, yaml)) return // another process was faster
      if (attempt > 0) throw error
      await rm(folder, { recursive: true, force: true }) // what stood there is not this data set
    }
  }
}
