// Fetches one file: goes on where an earlier try broke off, checks what came, and puts it in its place as a whole.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { AssetDamagedError, AssetUnavailableError, AssetWriteError } from '../../base/index.ts'
import { type Answer, get, HttpProblem, toProblem } from './http.ts'
import { shownAddress } from './known.ts'

/** How patient a download is. */
export interface Patience {
  /** Longest time without a byte. */
  readonly silenceMs: number
  /** Pauses before the second, third, … try; after as many in a row that brought nothing it is given up. */
  readonly pausesMs: readonly number[]
}

export const patience: Patience = { silenceMs: 30_000, pausesMs: [500, 1000, 2000, 4000, 8000] }

export interface DownloadOptions {
  /** What messages call it. */
  readonly asset: string
  readonly url: URL
  /** Where it goes. Beside it, until it is whole, lie `<file>.part` and `<file>.part.json`. */
  readonly file: string
  /** What to do without it, for the message of an error. */
  readonly place: string
  readonly maxBytes: number
  /** SHA-256 that it must have, hexadecimal. */
  readonly sha256?: string | undefined
  /** Also computes the checksum where none is known. */
  readonly hash: boolean
  readonly patience?: Patience | undefined
  readonly signal?: AbortSignal | undefined
  /** Told once, when the server has answered; `bytes` is undefined if it does not say how many there will be. */
  readonly onStart?: (start: { readonly bytes: number | undefined; readonly done: number }) => void
  readonly onProgress?: (done: number, total: number | undefined) => void
  /** Told of every try that failed and will be repeated. */
  readonly onRetry?: (problem: string, waitMs: number) => void
}

/** What was fetched. */
export interface Downloaded {
  readonly bytes: number
  readonly sha256: string | undefined
  readonly etag: string | undefined
}

/** What belongs to a partial file: without it, it is worth nothing. */
interface Partial {
  readonly address: string
  /** ETag or date by which the server knows the file again. */
  readonly validator?: string
  readonly total?: number
}

/** The answer is not a part of the file that the first part is of. */
class Restart extends Error {}

/**
 * Fetches a file.
 *
 * @throws {@link AssetUnavailableError}, {@link AssetDamagedError}, {@link AssetWriteError}, or the signal's reason
 */
export async function download(options: DownloadOptions): Promise<Downloaded> {
  const { asset, url, file, sha256, signal } = options
  const job = new Download(options)
  const { total, etag } = await job.fetch()
  signal?.throwIfAborted()
  const part = partOf(file)
  const { size } = await stat(part)
  const found = options.hash || sha256 !== undefined ? await hashFile(part, signal) : undefined
  const damaged =
    total !== undefined && size !== total
      ? `it has ${size} bytes instead of ${total}`
      : sha256 !== undefined && found !== sha256
        ? `its SHA-256 is ${found}, not ${sha256}`
        : undefined
  if (damaged !== undefined) {
    await removePart(file)
    // Of a file in two parts it may be that they do not belong together.
    if (job.resumed) return download({ ...options, onStart: () => {} })
    throw new AssetDamagedError(asset, shownAddress(url), damaged)
  }
  await writing(file, () => rename(part, file))
  await rm(`${part}.json`, { force: true })
  return { bytes: size, sha256: found, etag }
}

/** How far a download has come, for those who wait for it. */
export async function downloadProgress(file: string): Promise<{ done: number; total: number } | undefined> {
  try {
    const [{ size }, { total }] = await Promise.all([stat(partOf(file)), readPartial(file)])
    return total === undefined ? undefined : { done: size, total }
  } catch {
    return undefined
  }
}

const partOf = (file: string) => `${file}.part`

async function removePart(file: string): Promise<void> {
  for (const each of [partOf(file), `${partOf(file)}.json`]) await rm(each, { force: true })
}

async function readPartial(file: string): Promise<Partial> {
  return JSON.parse(await readFile(`${partOf(file)}.json`, 'utf8')) as Partial
}

/** SHA-256 of a file, hexadecimal. */
export async function hashFile(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20, ...(signal && { signal }) }))
    hash.update(chunk as Buffer)
  return hash.digest('hex')
}

async function writing<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw new AssetWriteError(path, error as NodeJS.ErrnoException)
  }
}

class Download {
  readonly #options: DownloadOptions
  readonly #part: string
  #started = false
  /** It goes on from what an earlier try or process had fetched. */
  resumed = false

  constructor(options: DownloadOptions) {
    this.#options = options
    this.#part = partOf(options.file)
  }

  /** Tries until the whole file is there. */
  async fetch(): Promise<{ total: number | undefined; etag: string | undefined }> {
    const { signal, asset, url, place, patience: { silenceMs, pausesMs } = patience, onRetry } = this.#options
    let before = -1
    let failures = 0
    for (let tries = 1; ; tries++) {
      try {
        return await this.#try(silenceMs)
      } catch (error) {
        signal?.throwIfAborted()
        const done = await this.#size()
        if (error instanceof Restart) {
          await removePart(this.#options.file)
          if (tries > 20) throw this.#unavailable('the server answers with parts of other files')
          continue
        }
        const problem = toProblem(error)
        if (!(problem instanceof HttpProblem)) throw problem
        if (done > before) failures = 0
        before = done
        const pause = pausesMs[failures++]
        if (!problem.again || pause === undefined || tries > 1000)
          throw new AssetUnavailableError(asset, shownAddress(url), problem.message, place, { cause: problem })
        const waitMs = Math.max(pause, problem.waitMs)
        onRetry?.(problem.message, waitMs)
        await delay(waitMs, undefined, { ...(signal && { signal }) }).catch(() => {})
      }
    }
  }

  #unavailable(problem: string) {
    const { asset, url, place } = this.#options
    return new AssetUnavailableError(asset, shownAddress(url), problem, place)
  }

  async #size(): Promise<number> {
    return (await stat(this.#part).catch(() => undefined))?.size ?? 0
  }

  /** What there is already, if the server can say that it is still the same file. */
  async #partial(): Promise<{ done: number; partial: Partial } | undefined> {
    const { url, file } = this.#options
    const partial = await readPartial(file).catch(() => undefined)
    const done = await this.#size()
    if (done === 0 || partial?.address !== shownAddress(url) || partial.validator === undefined) return undefined
    return partial.total !== undefined && done > partial.total ? undefined : { done, partial }
  }

  async #try(silenceMs: number): Promise<{ total: number | undefined; etag: string | undefined }> {
    const { url, signal, maxBytes, onStart, onProgress } = this.#options
    const known = await this.#partial()
    if (known && known.done === known.partial.total) {
      this.resumed = true
      return { total: known.partial.total, etag: known.partial.validator }
    }
    const headers = known && { range: `bytes=${known.done}-`, 'if-range': known.partial.validator! }
    const answer = await get(url, { silenceMs, signal, ...(headers && { headers }) })
    try {
      const { offset, total } = rangeOf(answer, known)
      if (total !== undefined && total > maxBytes)
        throw this.#unavailable(`it has ${total} bytes, and more than ${maxBytes} are not fetched`)
      if (total !== undefined) await this.#requireSpace(total - offset)
      if (offset > 0) this.resumed = true
      if (!this.#started) onStart?.({ bytes: total, done: offset })
      this.#started = true
      const etag = answer.headers.etag
      const strong = etag?.startsWith('W/') ? undefined : etag
      const validator = strong ?? answer.headers['last-modified']
      const partial: Partial = {
        address: shownAddress(url),
        ...(validator !== undefined && { validator }),
        ...(total !== undefined && { total }),
      }
      const handle = await writing(this.#part, async () => {
        if (offset === 0) await rm(this.#part, { force: true })
        await writeFile(`${this.#part}.json`, JSON.stringify(partial))
        return open(this.#part, offset === 0 ? 'w' : 'r+')
      })
      try {
        let at = offset
        for await (const chunk of answer.body) {
          if (at + chunk.length > (total ?? maxBytes)) throw await this.#tooMuch(handle, total)
          await writing(this.#part, () => writeAll(handle, chunk, at))
          at += chunk.length
          onProgress?.(at, total)
        }
        // A body without a length ends where the connection does, broken or not: only `complete` tells.
        if (!answer.response.complete || (total !== undefined && at < total))
          throw new HttpProblem(`the connection broke after ${at} of ${total ?? 'unknown'} bytes`, true)
        await writing(this.#part, () => handle.sync())
        return { total, etag }
      } finally {
        await handle.close()
      }
    } finally {
      answer.response.destroy()
    }
  }

  async #tooMuch(handle: FileHandle, total: number | undefined): Promise<AssetDamagedError> {
    const { asset, url, file, maxBytes } = this.#options
    await handle.truncate(0)
    await removePart(file)
    const problem =
      total === undefined ? `more than ${maxBytes} bytes came` : `more came than the ${total} bytes it said`
    return new AssetDamagedError(asset, shownAddress(url), problem)
  }

  async #requireSpace(bytes: number): Promise<void> {
    const free = await statfs(dirname(this.#part)).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => Number.POSITIVE_INFINITY,
    )
    if (bytes > free) throw new AssetWriteError(this.#part, Object.assign(new Error(), { code: 'ENOSPC' }))
  }
}

async function writeAll(handle: FileHandle, chunk: Buffer, at: number): Promise<void> {
  for (let written = 0; written < chunk.length; )
    written += (await handle.write(chunk, written, chunk.length - written, at + written)).bytesWritten
}

/** Which part of the file an answer holds. @throws {@link HttpProblem}, {@link Restart} */
function rangeOf(
  { status, headers }: Answer,
  known: { readonly done: number; readonly partial: Partial } | undefined,
): { offset: number; total: number | undefined } {
  if (status === 416 && known) throw new Restart()
  if (status !== 200 && status !== 206) throw statusProblem(status, headers['retry-after'])
  const coding = headers['content-encoding']
  if (coding !== undefined && coding !== 'identity') throw new HttpProblem(`it comes packed as ${coding}`, false)
  const length = headers['content-length'] === undefined ? undefined : Number(headers['content-length'])
  if (status === 200) return { offset: 0, total: length }
  const [, from, to, all] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? []
  if (!known || Number(from) !== known.done || Number(to) < Number(from)) throw new Restart()
  const total = all === '*' ? Number(to) + 1 : Number(all)
  if (known.partial.total !== undefined && total !== known.partial.total) throw new Restart()
  return { offset: known.done, total }
}

function statusProblem(status: number, retryAfter: string | undefined): HttpProblem {
  const words: Record<number, string> = {
    401: ' (it wants a password)',
    403: ' (it is forbidden)',
    404: ' (it is not there)',
    407: ' (the proxy wants a password)',
    429: ' (too many requests)',
  }
  const again = status === 408 || status === 429 || status >= 500
  const seconds = /^\d+$/.test(retryAfter ?? '') ? Number(retryAfter) : 0
  return new HttpProblem(`the server answers ${status}${words[status] ?? ''}`, again, Math.min(60, seconds) * 1000)
}
