// `--cache`: all images of a data set, decoded and resized, one after the other in one file per (images, size). Every
// process and thread reads from it, so its pages are in memory once. Building is atomic: the file appears when complete.
import {
  closeSync,
  fdatasyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { availableMemory, ImageCacheWriteError } from '../../base/index.ts'
import { defaultCacheFolder, removeOldCaches, removeQuietly } from './cache-folder.ts'
import { progressOf } from './dataset.ts'
import { CACHE_HEADER_BYTES, cacheOffsets } from './image-store.ts'
import { asPool, type Pool } from './pool.ts'
import type { LoaderOptions } from './types.ts'

const EXTENSION = '.images'
/** A build that has shown no progress for so long is taken to be dead. */
const STALE_MS = 30_000

/**
 * The file of decoded images for a loader, built now if it is not there; undefined if there is no space for it, which the
 * user is told.
 *
 * @param augment - how images shrink, see `loadSize`
 * @throws ImageCacheWriteError if the disk is full all the same, or the folder cannot be written
 */
export async function imageCacheFile(options: LoaderOptions, augment: boolean): Promise<string | undefined> {
  const { dataset, imagePx, cache = 'none', onNote, signal } = options
  if (cache === 'none') return undefined
  const folder = join(options.cacheFolder ?? defaultCacheFolder(), 'images')
  const file = join(folder, `${dataset.imageHash}-${imagePx}-${augment ? 'linear' : 'area'}${EXTENSION}`)
  const bytes = cacheOffsets(dataset.sizes, imagePx).at(-1)!
  if (cache === 'ram' && bytes > 0.9 * availableMemory().available) {
    onNote?.(
      `--cache ram: ${megabytes(bytes)} of decoded images do not fit into the ${megabytes(availableMemory().available)} of free memory; ` +
        'images are decoded again and again. --cache disk may help.',
    )
    return undefined
  }
  try {
    mkdirSync(folder, { recursive: true })
    if (!isComplete(file, bytes)) {
      const free = await freeDisk(folder)
      if (bytes > 0.95 * free) {
        onNote?.(
          `--cache ${cache}: ${megabytes(bytes)} of decoded images do not fit into the ${megabytes(free)} free in ${folder}; ` +
            'images are decoded again and again. HYPEVOLVE_CACHE can name another folder.',
        )
        return undefined
      }
      await buildOnce(asPool(options.pool), options, augment, file, bytes)
      removeOldCaches(folder, EXTENSION)
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (!code || !/^E[A-Z]+$/.test(code)) throw cause
    const problem = code === 'ENOSPC' ? 'the disk is full' : message
    throw new ImageCacheWriteError(folder, bytes, problem, { cause })
  }
  touch(file)
  if (cache === 'ram') await preload(file, signal)
  return file
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`

function isComplete(file: string, bytes: number): boolean {
  return statSync(file, { throwIfNoEntry: false })?.size === bytes
}

/** Keeps the file from being removed as unused. */
function touch(file: string): void {
  try {
    utimesSync(file, new Date(), new Date())
  } catch {
    // Somebody else's file. It only gets old sooner.
  }
}

async function freeDisk(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Builds the file, or waits while another process does. */
async function buildOnce(
  pool: Pool,
  options: LoaderOptions,
  augment: boolean,
  file: string,
  bytes: number,
): Promise<void> {
  const lock = `${file}.lock`
  for (;;) {
    options.signal?.throwIfAborted()
    if (isComplete(file, bytes)) return
    let fd: number
    try {
      fd = openSync(lock, 'wx')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0)
      if (age > STALE_MS) removeQuietly(lock)
      else await sleep(200)
      continue
    }
    closeSync(fd)
    const alive = setInterval(() => touch(lock), STALE_MS / 6)
    try {
      await build(pool, options, augment, file, bytes)
      return
    } finally {
      clearInterval(alive)
      removeQuietly(lock)
    }
  }
}

async function build(pool: Pool, options: LoaderOptions, augment: boolean, file: string, bytes: number): Promise<void> {
  const { dataset, imagePx, signal, onProgress } = options
  const draft = `${file}.${process.pid}`
  try {
    const fd = openSync(draft, 'w')
    try {
      ftruncateSync(fd, bytes)
      writeSync(fd, header(dataset.imageHash, imagePx), 0, CACHE_HEADER_BYTES, 0)
      const progress = progressOf('cache', dataset.paths.length, onProgress)
      await pool.run({
        kind: 'decode',
        payload: { paths: dataset.paths, sizes: dataset.sizes, imagePx, augment, cacheFile: draft },
        count: dataset.paths.length,
        chunk: CHUNK,
        onResult: (from) => progress(Math.min(CHUNK, dataset.paths.length - from)),
        fileOf: (item) => dataset.paths[item],
        signal,
      })
      fdatasyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(draft, file)
  } catch (error) {
    removeQuietly(draft)
    throw error
  }
}

const CHUNK = 8

function header(imageHash: string, imagePx: number): Buffer {
  const buffer = Buffer.alloc(CACHE_HEADER_BYTES)
  buffer.write(
    `Hypevolve images 1\n${imageHash} ${imagePx}\nRGB, uint8, interleaved, from byte ${CACHE_HEADER_BYTES}; may be deleted\n`,
  )
  return buffer
}

/** Reads the file once, so that the operating system has it in memory. */
async function preload(file: string, signal: AbortSignal | undefined): Promise<void> {
  const fd = openSync(file, 'r')
  try {
    const buffer = Buffer.allocUnsafe(4 * 2 ** 20)
    while (readSync(fd, buffer) > 0) {
      signal?.throwIfAborted()
      await new Promise(setImmediate)
    }
  } finally {
    closeSync(fd)
  }
}
