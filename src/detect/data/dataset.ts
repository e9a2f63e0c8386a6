// Opens a split of a data set: lists images, scans them (or takes the scan from the cache), checks classes, counts faults.
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import {
  DatasetEmptyError,
  DatasetSplitMissingError,
  DatasetUnlabelledError,
  LabelClassOutOfRangeError,
} from '../../base/index.ts'
import { defaultCacheFolder } from './cache-folder.ts'
import { labelPath, listImages } from './image-list.ts'
import { asPool, type Pool } from './pool.ts'
import type { ScanRecord } from './scan.ts'
import { readScan, type Scan, writeScan } from './scan-cache.ts'
import type { DataProgress, Dataset, DatasetOptions, Fault, FaultKind, ScanCounts } from './types.ts'

/**
 * Opens a split of a data set.
 *
 * Images are scanned in the pool the first time and after any change of their files or label files; later the scan comes
 * from the cache folder.
 *
 * @throws DatasetSplitMissingError, DatasetEmptyError, LabelClassOutOfRangeError; DatasetUnlabelledError for `train`
 */
export async function openDataset(options: DatasetOptions): Promise<Dataset> {
  const { definition, split, singleClass = false } = options
  const { images, labels, stamps, hash, scan } = await scanSplit(options)
  if (scan.paths.length === 0)
    throw new DatasetEmptyError(
      definition[split],
      `All ${images.length} images were left out, for example: ${describeFault(scan.faults[0])}`,
    )
  if (split === 'train' && scan.labels.length === 0)
    throw new DatasetUnlabelledError(images.length, { image: images[0], label: labels[0] })

  const classes = singleClass ? undefined : classFaults(scan, definition.names.length)
  if (classes && classes.faults.length > 0)
    throw new LabelClassOutOfRangeError(
      definition.names.length,
      classes.largest,
      classes.faults.map(({ file, detail }) => `${file} (${detail})`),
    )
  const stampOf = new Map(images.map((image, i) => [image, stamps.images[i]]))
  return {
    ...scan,
    names: singleClass ? ['item'] : definition.names,
    labels: singleClass ? withClassZero(scan.labels) : scan.labels,
    split,
    hash,
    imageHash: hashOf(scan.paths.map((path) => stampOf.get(path)!)),
  }
}

/** What is found in a split, faults and all: nothing is refused but a split without images. */
export interface SplitScan {
  /** All images that the split lists, and the place of their labels. */
  readonly images: readonly string[]
  readonly labels: readonly string[]
  readonly stamps: { readonly images: readonly string[]; readonly labels: readonly string[] }
  readonly hash: string
  readonly scan: Scan
}

/** Scans a split, or takes the scan from the cache. @throws DatasetSplitMissingError, DatasetEmptyError */
export async function scanSplit(options: DatasetOptions): Promise<SplitScan> {
  const { definition, split, signal } = options
  const places = definition[split]
  if (places.length === 0) throw new DatasetSplitMissingError(definition.file, split)
  const images = listImages(places, definition.root)
  if (images.length === 0)
    throw new DatasetEmptyError(
      places,
      `No file there has the extension of an image. Correct "${split}" in ${definition.file}.`,
    )

  const labels = images.map(labelPath)
  const stamps = await fileStamps(images, labels, signal)
  const hash = hashOf(['scan 1', ...stamps.images, ...stamps.labels])
  const folder = join(options.cacheFolder ?? defaultCacheFolder(), 'labels')
  let scan = readScan(folder, hash)
  if (!scan) {
    scan = merge(images, await scanAll(asPool(options.pool), images, labels, options))
    const problem = writeScan(folder, hash, scan)
    if (problem)
      options.onNote?.(`The scan of the labels cannot be kept in ${folder} (${problem}); it will be repeated.`)
  }
  return { images, labels, stamps, hash, scan }
}

/** One sentence for the console. */
export const describeFault = ({ file, detail }: Fault) => `${file}: ${detail}`

/** Path, size and modification time of every file; a file that is missing counts as such. */
async function fileStamps(images: readonly string[], labels: readonly string[], signal: AbortSignal | undefined) {
  const stamp = (file: string) => {
    const stat = statSync(file, { throwIfNoEntry: false })
    return stat ? `${file}\0${stat.size}\0${stat.mtimeMs}` : `${file}\0missing`
  }
  const stamps = { images: [] as string[], labels: [] as string[] }
  for (let i = 0; i < images.length; i++) {
    stamps.images.push(stamp(images[i]))
    stamps.labels.push(stamp(labels[i]))
    if (i % 1000 === 999) await new Promise(setImmediate)
    signal?.throwIfAborted()
  }
  return stamps
}

function hashOf(lines: readonly string[]): string {
  const hash = createHash('sha256')
  for (const line of lines) hash.update(line).update('\n')
  return hash.digest('hex').slice(0, 32)
}

async function scanAll(
  pool: Pool,
  images: readonly string[],
  labels: readonly string[],
  { signal, onProgress }: DatasetOptions,
): Promise<ScanRecord[]> {
  const records = new Array<ScanRecord>(images.length)
  const progress = progressOf('scan', images.length, onProgress)
  await pool.run({
    kind: 'scan',
    payload: { images, labels },
    count: images.length,
    chunk: 16,
    onResult: (from, result) => {
      for (const [i, record] of result.entries()) records[from + i] = record
      progress(result.length)
    },
    fileOf: (item) => images[item],
    signal,
  })
  return records
}

/** Tells how far work is, at most ten times a second and at the end. The result is called with each portion done. */
export function progressOf(
  phase: DataProgress['phase'],
  total: number,
  tell: ((progress: DataProgress) => void) | undefined,
): (portion: number) => void {
  const start = performance.now()
  let done = 0
  let told = start
  return (portion) => {
    done += portion
    const now = performance.now()
    if (!tell || (now - told < 100 && done < total)) return
    told = now
    tell({ phase, done, total, imagesPerSecond: (1000 * done) / Math.max(now - start, 1) })
  }
}

/** One set of arrays out of all records. */
function merge(images: readonly string[], records: readonly ScanRecord[]): Scan {
  const kept = records.flatMap((record, i) => (record.keep ? [{ path: images[i], ...record }] : []))
  const sum = (of: (record: ScanRecord) => number) => kept.reduce((total, record) => total + of(record), 0)
  const polygonPoints = (record: ScanRecord) => record.polygons.reduce((total, { length }) => total + length / 2, 0)

  const sizes = sharedInts(2 * kept.length)
  const labels = sharedFloats(sum(({ rows }) => rows.length))
  const labelStart = sharedInts(kept.length + 1)
  const points = sharedFloats(2 * sum(polygonPoints))
  const polygonStart = sharedInts(kept.length + 1)
  const pointStart = sharedInts(sum(({ polygons }) => polygons.length) + 1)
  let polygonCount = 0
  for (const [i, { width, height, rows, polygons }] of kept.entries()) {
    sizes[2 * i] = width
    sizes[2 * i + 1] = height
    labels.set(rows, 5 * labelStart[i])
    labelStart[i + 1] = labelStart[i] + rows.length / 5
    for (const polygon of polygons) {
      points.set(polygon, 2 * pointStart[polygonCount])
      pointStart[polygonCount + 1] = pointStart[polygonCount] + polygon.length / 2
      polygonCount++
    }
    polygonStart[i + 1] = polygonCount
  }
  const faults = records.flatMap((record) => record.faults)
  const counts = countsOf(records, faults)
  const paths = kept.map(({ path }) => path)
  return { paths, sizes, labels, labelStart, points, polygonStart, pointStart, faults, counts }
}

function countsOf(records: readonly ScanRecord[], faults: readonly Fault[]): ScanCounts {
  const count = (kind: FaultKind) => faults.filter((fault) => fault.kind === kind).length
  return {
    images: records.length,
    found: records.filter(({ keep, labelled }) => keep && labelled).length,
    missing: count('label-missing'),
    empty: count('label-empty'),
    corrupt: count('image-corrupt') + count('label-corrupt'),
    damaged: count('image-damaged'),
    duplicates: faults.reduce((sum, { kind, count = 0 }) => sum + (kind === 'label-duplicates' ? count : 0), 0),
  }
}

const sharedInts = (length: number) => new Int32Array(new SharedArrayBuffer(4 * length))
const sharedFloats = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length))

/** Label files with classes that have no name. */
export function classFaults({ paths, labels, labelStart }: Scan, names: number): { faults: Fault[]; largest: number } {
  const faults: Fault[] = []
  let largest = 0
  for (const [i, path] of paths.entries()) {
    let count = 0
    let highest = 0
    for (let row = labelStart[i]; row < labelStart[i + 1]; row++) {
      if (labels[5 * row] < names) continue
      count++
      highest = Math.max(highest, labels[5 * row])
    }
    if (count === 0) continue
    largest = Math.max(largest, highest)
    const detail = `${count} ${count === 1 ? 'row' : 'rows'} with class up to ${highest}`
    faults.push({ kind: 'label-class', file: labelPath(path), detail, count })
  }
  return { faults, largest }
}

function withClassZero(labels: Float32Array): Float32Array {
  const result = sharedFloats(labels.length)
  result.set(labels)
  for (let i = 0; i < result.length; i += 5) result[i] = 0
  return result
}
