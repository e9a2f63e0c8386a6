// Fetches a file and tells about it: one line at the start, progress, what went wrong and is tried again.
import { AssetOfflineError } from '../../base/index.ts'
import type { TrainEvent } from '../train/events.ts'
import { type Downloaded, download, downloadProgress, type Patience } from './download.ts'
import { get } from './http.ts'
import { isOffline, shownAddress, sourceAddress } from './known.ts'

/** What is told while something is fetched: lines, and how far it has come in MB. */
export type AssetEvent = Extract<TrainEvent, { type: 'message' | 'stage' }>

export interface AssetHooks {
  readonly onEvent?: (event: AssetEvent) => void
  /** Ends it; what has come is kept. */
  readonly signal?: AbortSignal
  /** How patient it is; for tests. */
  readonly patience?: Patience
}

export interface FetchOptions {
  /** What messages call it. */
  readonly asset: string
  /** Where it is published. */
  readonly address: string
  readonly file: string
  /** What to do without it: 'put it at …'. */
  readonly place: string
  readonly maxBytes: number
  /** SHA-256 of the published file. A mirror may have another one. */
  readonly sha256?: string | undefined
  readonly hash: boolean
}

/**
 * Fetches a file from its address or the mirror.
 *
 * @throws {@link AssetOfflineError} if that is forbidden; as `download`
 */
export async function fetchAsset(options: FetchOptions, hooks: AssetHooks): Promise<Downloaded & { address: string }> {
  const { asset, address, file, place, maxBytes, sha256: published, hash } = options
  const { url, mirror } = sourceAddress(address)
  const shown = shownAddress(url)
  if (isOffline()) throw new AssetOfflineError(asset, address, place)
  const say = teller(hooks)
  const expected = mirror ? await sidecar(url, hooks) : published
  const stage = stager(asset, hooks)
  const result = await download({
    asset,
    url,
    file,
    place,
    maxBytes,
    sha256: expected,
    hash,
    patience: hooks.patience,
    signal: hooks.signal,
    onStart: ({ bytes, done }) =>
      say(
        'info',
        `Fetching ${asset} (${bytes === undefined ? 'size unknown' : bytesText(bytes)}) from ${shown}` +
          (done > 0 ? `, going on after ${bytesText(done)}` : ''),
      ),
    onProgress: (done, total) => total !== undefined && stage(done, total),
    onRetry: (problem, waitMs) => say('warning', `${shown}: ${problem}. Next try in ${waitMs / 1000} s.`),
  })
  if (mirror && published !== undefined && result.sha256 !== published)
    say('warning', `${shown} is not the published ${asset}: its SHA-256 is ${result.sha256}.`)
  return { ...result, address: shown }
}

export const teller = ({ onEvent }: AssetHooks) => {
  return (level: 'info' | 'warning', text: string) => onEvent?.({ type: 'message', level, text })
}

/** Tells while another process fetches the file: that it does, then how far it is. */
export function waiter(asset: string, file: () => string, hooks: AssetHooks): () => void {
  let told = false
  const stage = stager(asset, hooks)
  return () => {
    if (!told) teller(hooks)('info', `Another process is fetching ${asset}; waiting for it.`)
    told = true
    void downloadProgress(file()).then((progress) => {
      if (progress && progress.done < progress.total) stage(progress.done, progress.total)
    })
  }
}

const betweenMs = 200

/** Turns bytes into events, a few per second and one at the end. */
export function stager(name: string, { onEvent }: AssetHooks): (done: number, total: number) => void {
  let last = Number.NEGATIVE_INFINITY
  return (done, total) => {
    const now = performance.now()
    if (done < total && now - last < betweenMs) return
    last = now
    // Never "done" before it is.
    const whole = megabytes(total)
    onEvent?.({
      type: 'stage',
      stage: `${name}, MB`,
      done: done < total ? Math.min(megabytes(done), whole - 0.1) : whole,
      total: whole,
    })
  }
}

const megabytes = (bytes: number) => Math.ceil(bytes / 1e5) / 10

export const bytesText = (bytes: number) =>
  bytes < 1e6
    ? `${Math.ceil(bytes / 1e3)} kB`
    : bytes < 1e9
      ? `${(bytes / 1e6).toFixed(1)} MB`
      : `${(bytes / 1e9).toFixed(1)} GB`

/** The checksum that a mirror may have beside a file, as `sha256sum` writes it. */
async function sidecar(url: URL, { signal, patience }: AssetHooks): Promise<string | undefined> {
  const address = new URL(url)
  address.pathname += '.sha256'
  try {
    const { status, body, response } = await get(address, {
      silenceMs: Math.min(10_000, patience?.silenceMs ?? 10_000),
      signal,
    })
    let text = ''
    if (status === 200) for await (const piece of body) if ((text += piece.toString('latin1')).length > 64) break
    response.destroy()
    return /^[\da-f]{64}\b/i.exec(text)?.[0].toLowerCase()
  } catch {
    signal?.throwIfAborted()
    return undefined // there is none; if the mirror is not there at all, the file itself will tell
  }
}
