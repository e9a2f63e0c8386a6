// Keeps the scan of a data set in a file: JSON for what is text, raw arrays behind it. One file per state of the data.
import { mkdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { removeOldCaches, removeQuietly } from './cache-folder.ts'
import type { Dataset } from './types.ts'

/** What a scan yields, before names and classes come into play. */
export type Scan = Omit<Dataset, 'names' | 'split' | 'hash' | 'imageHash'>

const MAGIC = 'HVSCAN1\n'
const EXTENSION = '.scan'
const arrays = ['sizes', 'labels', 'labelStart', 'points', 'polygonStart', 'pointStart'] as const
const floats = new Set<string>(['labels', 'points'])

/** The kept scan, or undefined if there is none that can be read. */
export function readScan(folder: string, hash: string): Scan | undefined {
  const file = join(folder, hash + EXTENSION)
  let scan: Scan | undefined
  try {
    scan = decode(readFileSync(file))
  } catch {
    return undefined // not there, cut off, or of another make: scanning again is always right
  }
  try {
    utimesSync(file, new Date(), new Date())
  } catch {
    // Somebody else's file. It only gets old sooner.
  }
  return scan
}

function decode(bytes: Buffer): Scan | undefined {
  if (bytes.subarray(0, MAGIC.length).toString('latin1') !== MAGIC) return undefined
  const jsonLength = bytes.readUInt32LE(MAGIC.length)
  let at = MAGIC.length + 4
  const { paths, faults, counts, lengths } = JSON.parse(bytes.subarray(at, at + jsonLength).toString('utf8'))
  at += jsonLength
  const result: Record<string, unknown> = { paths, faults, counts }
  for (const name of arrays) {
    const length: number = lengths[name]
    const shared = new SharedArrayBuffer(4 * length)
    new Uint8Array(shared).set(bytes.subarray(at, at + 4 * length)) // throws a RangeError if the file is too short
    if (at + 4 * length > bytes.length) return undefined
    result[name] = floats.has(name) ? new Float32Array(shared) : new Int32Array(shared)
    at += 4 * length
  }
  return result as unknown as Scan
}

/** Keeps a scan, whole or not at all. Returns what went wrong, if anything: training goes on without. */
export function writeScan(folder: string, hash: string, scan: Scan): string | undefined {
  const lengths = Object.fromEntries(arrays.map((name) => [name, scan[name].length]))
  const { paths, faults, counts } = scan
  const json = Buffer.from(JSON.stringify({ paths, faults, counts, lengths }))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(json.length)
  const parts = arrays.map((name) => Buffer.from(scan[name].buffer, scan[name].byteOffset, scan[name].byteLength))
  const file = join(folder, hash + EXTENSION)
  const draft = `${file}.${process.pid}`
  try {
    mkdirSync(folder, { recursive: true })
    removeOldCaches(folder, EXTENSION)
    writeFileSync(draft, Buffer.concat([Buffer.from(MAGIC, 'latin1'), length, json, ...parts]))
    renameSync(draft, file)
    return undefined
  } catch (error) {
    removeQuietly(draft)
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message
  }
}
