// What splits and new data sets need of label files: which classes an image has.
import { readFile } from 'node:fs/promises'
import { parseLabels } from '../data/index.ts'

export interface ImageClasses {
  /** Classes of its rows, each once. */
  readonly classes: readonly number[]
  readonly rows: number
  /** Why the file cannot be used, if so. */
  readonly problem?: string
}

/** Reads a label file; one that is not there has no rows. */
export async function readClasses(file: string): Promise<ImageClasses> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { classes: [], rows: 0, ...(code !== 'ENOENT' && code !== 'ENOTDIR' && { problem: message }) }
  }
  const parsed = parseLabels(text)
  if (!parsed.ok) return { classes: [], rows: 0, problem: parsed.reason }
  const classes = new Set<number>()
  for (let i = 0; i < parsed.rows.length; i += 5) classes.add(parsed.rows[i])
  return { classes: [...classes], rows: parsed.rows.length / 5 }
}
