// Errors of files that are fetched: released weights, archives of data sets.
import { HypevolveError } from './base.ts'

/** A file that is not here could not be fetched. */
export class AssetUnavailableError extends HypevolveError {
  override readonly code = 'ASSET_UNAVAILABLE'

  constructor(
    /** What was asked for, as 'yolov5s.pt'. */
    readonly asset: string,
    readonly address: string,
    readonly problem: string,
    /** Where it would lie: a file put there by hand is taken. */
    readonly place: string,
    options?: ErrorOptions,
  ) {
    super(
      `${asset} could not be fetched from ${address}: ${problem}. Try again (what has come is kept), name a mirror with ` +
        `HYPEVOLVE_ASSETS_URL or a proxy with HTTPS_PROXY, or get it elsewhere: ${place}.`,
      options,
    )
  }
}

/** A file that is not here would have to be fetched, which was forbidden. */
export class AssetOfflineError extends HypevolveError {
  override readonly code = 'ASSET_OFFLINE'

  constructor(
    readonly asset: string,
    readonly address: string,
    readonly place: string,
  ) {
    super(
      `${asset} is not on this machine, and nothing is fetched (--offline, HYPEVOLVE_OFFLINE). ` +
        `Get it from ${address}: ${place}.`,
    )
  }
}

/** What came is not the file that was asked for: its checksum or its size is wrong. It was removed. */
export class AssetDamagedError extends HypevolveError {
  override readonly code = 'ASSET_DAMAGED'

  constructor(
    readonly asset: string,
    readonly address: string,
    readonly problem: string,
  ) {
    super(
      `${asset}, fetched from ${address}, is not what it should be: ${problem}. It was removed. Try again; if that does ` +
        'not help, something between here and there changes files: name a mirror with HYPEVOLVE_ASSETS_URL.',
    )
  }
}

/** A fetched file could not be written, or not unpacked, for a reason of this machine. */
export class AssetWriteError extends HypevolveError {
  override readonly code = 'ASSET_WRITE'

  constructor(
    readonly path: string,
    cause: Error & { readonly code?: string | undefined },
  ) {
    super(
      `${path} cannot be written: ${cause.code === 'ENOSPC' ? 'the disk is full' : cause.message}. Make room there, or ` +
        'name another folder: with HYPEVOLVE_CACHE for weights, with "path:" in its yaml for a data set.',
      { cause },
    )
  }
}

/** An archive is damaged, or made to harm who unpacks it. Nothing of it was kept. */
export class ArchiveError extends HypevolveError {
  override readonly code = 'ARCHIVE'

  constructor(
    readonly file: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(`${file} is not unpacked: ${problem} Nothing of it was kept.`, options)
  }
}

/** HYPEVOLVE_ASSETS_URL or a proxy variable is no address. */
export class AssetAddressError extends HypevolveError {
  override readonly code = 'ASSET_ADDRESS'

  constructor(
    readonly variable: string,
    readonly value: string,
  ) {
    super(`${variable}=${value} is no address. Write one that begins with http:// or https://, or unset it.`)
  }
}
