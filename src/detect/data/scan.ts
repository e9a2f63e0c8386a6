// What is looked at once per image before it is trained on: does it decode, what do its labels say. Runs in workers.
import { readFile } from 'node:fs/promises'
import { ImageUnreadableError } from '../../base/index.ts'
import type { Polygon } from './boxes.ts'
import { checkImage } from './decode.ts'
import { parseLabels } from './labels.ts'
import type { Fault } from './types.ts'

/** One image and its label file. */
export interface ScanRecord {
  /** Can it be used? Otherwise the rest is empty. */
  readonly keep: boolean
  readonly labelled: boolean
  readonly width: number
  readonly height: number
  readonly rows: Float32Array
  readonly polygons: readonly Polygon[]
  readonly faults: readonly Fault[]
}

const MIN_SIDE = 10

/** Checks an image and reads its labels. Never throws for what a file holds. v7.0 dataloaders.py, verify_image_label. */
export async function scanImage(image: string, label: string): Promise<ScanRecord> {
  const faults: Fault[] = []
  const rejected = (fault: Fault, labelled: boolean): ScanRecord => ({
    keep: false,
    labelled,
    width: 0,
    height: 0,
    rows: new Float32Array(),
    polygons: [],
    faults: [...faults, fault],
  })

  let size: { width: number; height: number }
  try {
    const check = await checkImage(image)
    size = check
    if (check.damage !== undefined) faults.push({ kind: 'image-damaged', file: image, detail: check.damage })
  } catch (error) {
    if (!(error instanceof ImageUnreadableError)) throw error
    return rejected({ kind: 'image-corrupt', file: image, detail: error.problem }, false)
  }
  if (size.width < MIN_SIDE || size.height < MIN_SIDE) {
    const detail = `${size.width} x ${size.height} pixels, smaller than ${MIN_SIDE}`
    return rejected({ kind: 'image-corrupt', file: image, detail }, false)
  }

  let text: string | undefined
  try {
    text = await readLabelText(label)
  } catch (error) {
    return rejected({ kind: 'label-corrupt', file: label, detail: (error as Error).message }, true)
  }
  if (text === undefined) faults.push({ kind: 'label-missing', file: label, detail: `no labels for ${image}` })
  const parsed = parseLabels(text ?? '')
  if (!parsed.ok) return rejected({ kind: 'label-corrupt', file: label, detail: parsed.reason }, true)
  if (text !== undefined && parsed.rows.length === 0)
    faults.push({ kind: 'label-empty', file: label, detail: 'the file is empty' })
  if (parsed.duplicates > 0)
    faults.push({
      kind: 'label-duplicates',
      file: label,
      detail: `${parsed.duplicates} equal ${parsed.duplicates === 1 ? 'row' : 'rows'} removed`,
      count: parsed.duplicates,
    })
  const { rows, polygons } = parsed
  return { keep: true, labelled: text !== undefined, width: size.width, height: size.height, rows, polygons, faults }
}

/** The text of a label file; undefined if there is none. */
async function readLabelText(file: string): Promise<string | undefined> {
  let bytes: Buffer
  try {
    bytes = await readFile(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new Error(code === 'EISDIR' ? 'is a folder' : `cannot be read (${code})`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('is not a text file')
  }
}
