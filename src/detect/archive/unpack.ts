// Unpacks an archive from somewhere into a folder that is empty: no path leads out of it, and nothing but folders and
// plain files comes into being.
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { createGunzip, createInflateRaw } from 'node:zlib'
import { ArchiveError, AssetWriteError } from '../../base/index.ts'
import { crc32 } from './crc32.ts'
import { type ArchiveLimits, ArchiveProblem, dataLimits, safeParts, shown } from './problem.ts'
import { readTar } from './tar.ts'
import { readZip, type ZipEntry, type ZipSource } from './zip.ts'

export interface UnpackOptions {
  readonly limits?: ArchiveLimits
  readonly signal?: AbortSignal | undefined
  /** Bytes of the archive that were gone through, of all. */
  readonly onProgress?: (done: number, total: number) => void
}

/** Archives that are unpacked, by the end of their names. */
export const archiveNames = /\.(zip|tar|tar\.gz|tgz)$/i

/**
 * Unpacks a `.zip`, `.tar`, `.tar.gz` or `.tgz`. What kind it is, its content tells.
 *
 * @param folder - an empty one, for this only
 * @throws {@link ArchiveError}, {@link AssetWriteError}, or the signal's reason; the folder then holds a part
 */
export async function unpack(file: string, folder: string, options: UnpackOptions = {}): Promise<void> {
  const fd = openSync(file, 'r')
  try {
    const size = fstatSync(fd).size
    const head = new Uint8Array(4)
    readSync(fd, head, 0, 4, 0)
    if (head[0] === 0x50 && head[1] === 0x4b) await unpackZip(fd, size, folder, options)
    else await unpackTar(file, size, head[0] === 0x1f && head[1] === 0x8b, folder, options)
  } catch (error) {
    options.signal?.throwIfAborted()
    if (error instanceof ArchiveProblem) throw new ArchiveError(file, error.message, { cause: error })
    const { code = '' } = error as NodeJS.ErrnoException
    if (/^Z_/.test(code) || code === 'ERR_BUFFER_TOO_LARGE')
      throw new ArchiveError(file, 'its packed bytes are damaged.', { cause: error })
    throw error
  } finally {
    closeSync(fd)
  }
}

async function unpackZip(fd: number, size: number, folder: string, options: UnpackOptions): Promise<void> {
  const { limits = dataLimits, signal, onProgress } = options
  const source: ZipSource = {
    size,
    read(at, length) {
      const bytes = new Uint8Array(length)
      for (let done = 0; done < length; ) {
        const count = readSync(fd, bytes, done, length - done, at + done)
        if (count === 0) throw new ArchiveProblem('it is cut off.')
        done += count
      }
      return bytes
    },
  }
  const entries = readZip(source, limits)
  if (entries.size > limits.files) throw new ArchiveProblem(`it has more than ${limits.files} files.`)
  const writer = new Writer(folder)
  let done = 0
  for (const entry of entries.values()) {
    signal?.throwIfAborted()
    const parts = safeParts(entry.name)
    if (entry.name.endsWith('/')) await writer.folder(parts)
    else await writer.file(parts, contentOf(entry, source))
    onProgress?.((done += entry.packed), size)
  }
  onProgress?.(size, size)
}

/** Entries up to this are unpacked at one go. */
const wholeBytes = 16 << 20

async function* contentOf(entry: ZipEntry, source: ZipSource): AsyncGenerator<Uint8Array> {
  if (entry.size <= wholeBytes) {
    yield entry.read()
    return
  }
  let size = 0
  let checksum = 0
  for await (const chunk of unpackedStream(entry, source)) {
    size += chunk.length
    if (size > entry.size) break
    checksum = crc32(chunk, checksum)
    yield chunk
  }
  if (size !== entry.size || (entry.checksum !== 0 && checksum !== entry.checksum))
    throw new ArchiveProblem(`"${shown(entry.name)}" is damaged: its checksum is wrong.`)
}

async function* packedPieces({ from, packed }: ZipEntry, source: ZipSource): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < packed; at += 1 << 20) yield source.read(from + at, Math.min(1 << 20, packed - at))
}

function unpackedStream(entry: ZipEntry, source: ZipSource): AsyncIterable<Uint8Array> {
  const pieces = packedPieces(entry, source)
  return entry.deflated ? through(pieces, createInflateRaw()) : pieces
}

/** Pieces after a filter of node:zlib, which an early end of the reader destroys. */
async function* through(
  pieces: AsyncIterable<Uint8Array>,
  filter: ReturnType<typeof createGunzip> | ReturnType<typeof createInflateRaw>,
): AsyncGenerator<Uint8Array> {
  const feed = (async () => {
    for await (const piece of pieces) {
      if (filter.destroyed) return
      if (!filter.write(piece))
        await new Promise<void>((resolve) => filter.once('drain', resolve).once('close', resolve))
    }
    filter.end()
  })()
  feed.catch((error) => filter.destroy(error))
  try {
    for await (const chunk of filter) yield chunk as Uint8Array
    await feed
  } finally {
    filter.destroy()
  }
}

async function unpackTar(file: string, size: number, gzip: boolean, folder: string, options: UnpackOptions) {
  const { limits = dataLimits, signal, onProgress } = options
  async function* pieces() {
    let done = 0
    for await (const piece of createReadStream(file, { highWaterMark: 1 << 18 })) {
      signal?.throwIfAborted()
      yield piece as Uint8Array
      onProgress?.((done += (piece as Uint8Array).length), size)
    }
  }
  const writer = new Writer(folder)
  const stream = gzip ? through(pieces(), createGunzip()) : pieces()
  // Headers and padding of small files weigh more than they do.
  const maxBytes = Math.max(limits.growth * size, limits.least)
  for await (const entry of readTar(stream, { maxBytes, files: limits.files })) {
    if (entry.folder) await writer.folder(entry.parts)
    else await writer.file(entry.parts, entry.content)
  }
  onProgress?.(size, size)
}

/** Writes into one folder. */
class Writer {
  readonly #root: string
  readonly #folders = new Set<string>()

  constructor(root: string) {
    this.#root = root
  }

  async folder(parts: readonly string[]): Promise<void> {
    const path = join(this.#root, ...parts)
    if (this.#folders.has(path)) return
    await attempt(path, () => mkdir(path, { recursive: true }))
    this.#folders.add(path)
  }

  async file(parts: readonly string[], content: AsyncIterable<Uint8Array>): Promise<void> {
    await this.folder(parts.slice(0, -1))
    const path = join(this.#root, ...parts)
    // 'wx': what an archive holds twice (on this system, in whatever letters) is refused.
    const handle = await attempt(path, () => open(path, 'wx', 0o644))
    try {
      for await (const piece of content) await attempt(path, () => writeAll(handle, piece))
    } finally {
      await handle.close()
    }
  }
}

async function writeAll(handle: FileHandle, piece: Uint8Array): Promise<void> {
  for (let done = 0; done < piece.length; ) done += (await handle.write(piece, done, piece.length - done)).bytesWritten
}

/** Names that cannot be written are the archive's fault, all else the machine's. */
const fromArchive = ['EEXIST', 'EISDIR', 'ENOTDIR', 'ENAMETOOLONG', 'EINVAL', 'EILSEQ']

async function attempt<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (fromArchive.includes(code))
      throw new ArchiveProblem(`it holds "${shown(path)}" in a way that cannot be (${code}).`)
    throw new AssetWriteError(path, error as NodeJS.ErrnoException)
  }
}
