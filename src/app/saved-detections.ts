// The detections of a validation as files: YOLO's labels and COCO's results.
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { FileWriteError } from '../base/index.ts'
import type { ValidationBatch } from '../detect/index.ts'
import { labelRow } from './label-text.ts'

/** One row of COCO's results. */
interface CocoResult {
  readonly image_id: number | string
  readonly category_id: number
  /** Left, top, width, height in pixels. */
  readonly bbox: readonly number[]
  readonly score: number
}

/** COCO numbers its 80 classes from 1 to 90 and leaves these out. */
const cocoGaps = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83]
const cocoCategories = Array.from({ length: 90 }, (_, i) => i + 1).filter((id) => !cocoGaps.includes(id))

/** Collects detections; {@link write} writes what was asked for. */
export class SavedDetections {
  readonly #labels = new Map<string, string>()
  readonly #results: CocoResult[] = []
  readonly #options: { readonly confidences: boolean; readonly coco: boolean }

  /** @param options.coco - the classes are COCO's and get its numbers; else class c is category c */
  constructor(options: { readonly confidences: boolean; readonly coco: boolean }) {
    this.#options = options
  }

  /** @param native - per image [n, 6] in pixels of the photographs */
  add({ originals }: ValidationBatch, native: readonly Float32Array[]): void {
    const { confidences, coco } = this.#options
    for (const [image, rows] of native.entries()) {
      const { path, width, height } = originals[image]!
      const stem = basename(path, extname(path))
      const lines: string[] = []
      for (let at = 0; at < rows.length; at += 6) {
        const [x1, y1, x2, y2, confidence, cls] = rows.subarray(at, at + 6) as unknown as number[]
        const box = { x1: x1!, y1: y1!, x2: x2!, y2: y2! }
        lines.push(labelRow(cls!, box, { width, height }, confidences ? confidence : undefined))
        this.#results.push({
          image_id: /^\d+$/.test(stem) && Number.isSafeInteger(Number(stem)) ? Number(stem) : stem,
          category_id: coco ? cocoCategories[cls!]! : cls!,
          bbox: [box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1].map((value) => rounded(value, 3)),
          score: rounded(confidence!, 5),
        })
      }
      if (lines.length > 0) this.#labels.set(`${stem}.txt`, `${lines.join('\n')}\n`)
    }
  }

  /** Writes `labels/<image>.txt` into a folder. */
  async writeLabels(folder: string): Promise<void> {
    for (const [file, text] of this.#labels) await write(join(folder, 'labels', file), text)
  }

  /** Writes COCO's results, as its own evaluation reads them. */
  async writeResults(path: string): Promise<void> {
    await write(path, JSON.stringify(this.#results))
  }
}

const rounded = (value: number, digits: number) => Number(value.toFixed(digits))

/** @throws {@link FileWriteError} */
async function write(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  } catch (cause) {
    throw new FileWriteError(path, cause as NodeJS.ErrnoException)
  }
}
