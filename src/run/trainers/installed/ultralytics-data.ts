// A look into a data set, as far as it decides which hyperparameters can have an effect. What cannot be found out stays
// unknown: the trainer itself says what is wrong with a data set.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { readYaml } from '../../../base/index.ts'

export interface DatasetFacts {
  /** Number of classes. */
  readonly classes?: number | undefined
  /** Whether labels have outlines of objects; by the first label files. */
  readonly polygons?: boolean | undefined
}

const filesLookedAt = 100
const largestFile = 2 ** 20

/** @param data - data yaml */
export function datasetFacts(data: string): DatasetFacts {
  let yaml: unknown
  try {
    yaml = readYaml(readFileSync(data, 'utf8'))
  } catch {
    return {}
  }
  if (typeof yaml !== 'object' || yaml === null) return {}
  const { path, train, names, nc } = yaml as Record<string, unknown>
  const classes =
    typeof nc === 'number' ? nc : typeof names === 'object' && names !== null ? Object.keys(names).length : undefined
  const folder = Array.isArray(train) ? train[0] : train
  const polygons =
    typeof folder === 'string' ? hasPolygons(data, typeof path === 'string' ? path : '', folder) : undefined
  return { classes, polygons }
}

function hasPolygons(data: string, path: string, train: string): boolean | undefined {
  // A path that is given belongs to the folder of the training if it is there, else to the data sets of Ultralytics.
  const from = path === '' ? dirname(data) : resolve(path)
  const images = isFolder(resolve(from, train)) ? resolve(from, train) : undefined
  if (images === undefined) return undefined
  const parts = images.split(sep)
  const at = parts.lastIndexOf('images')
  const labels = at < 0 ? images : parts.with(at, 'labels').join(sep)
  let files: string[]
  try {
    files = readdirSync(labels)
      .filter((name) => name.endsWith('.txt'))
      .slice(0, filesLookedAt)
  } catch {
    return undefined
  }
  const texts = files.map((name) => readSmall(join(labels, name)))
  if (!texts.some((text) => text.trim() !== '')) return undefined
  // class, x, y, width, height: five numbers. Outlines have a pair for each point.
  return texts.some((text) => text.split('\n').some((line) => line.trim().split(/\s+/).length > 6))
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function readSmall(file: string): string {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  return size > largestFile ? '' : readFileSync(file, 'latin1')
}
