// The `download` entry of a data set's yaml: addresses of archives. Scripts, which YOLOv5 would execute, stay text.

/** An archive that belongs to a data set. */
export interface DatasetDownload {
  readonly url: URL
  /** Folder within the data set's that its content goes into; its own top folder is kept then. */
  readonly into: string | undefined
}

/**
 * The archives that a data set's yaml names: one address, or a list of addresses or of `{url, into}`. Empty if there is no
 * entry, or if any of it is something else: a script in Bash or Python, an address of no zip or tar.
 */
export function datasetDownloads({ download }: Readonly<Record<string, unknown>>): DatasetDownload[] {
  const list = Array.isArray(download) ? download : [download]
  const found = list.map(toDownload)
  return found.every((each) => each !== undefined) ? found : []
}

function toDownload(entry: unknown): DatasetDownload | undefined {
  if (typeof entry === 'string') {
    const url = toUrl(entry)
    return url && { url, into: undefined }
  }
  if (typeof entry !== 'object' || entry === null) return undefined
  const { url: address, into } = entry as Record<string, unknown>
  const url = typeof address === 'string' ? toUrl(address) : undefined
  if (!url || typeof into !== 'string' || !/^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/.test(into)) return undefined
  return { url, into }
}

function toUrl(text: string): URL | undefined {
  const trimmed = text.trim()
  if (!/^https?:\/\/\S+$/i.test(trimmed) || !URL.canParse(trimmed)) return undefined
  const url = new URL(trimmed)
  return /\/[\w-][\w.-]*\.(zip|tar|tar\.gz|tgz)$/i.test(url.pathname) ? url : undefined
}

/** What to say of an entry that is not followed; `undefined` if there is nothing to say. */
export function downloadNote(entries: Readonly<Record<string, unknown>>): string | undefined {
  if (!entries['download'] || datasetDownloads(entries).length > 0) return undefined
  return 'Its "download" entry is not the address of a zip or tar.gz archive but something to execute, and nothing in a data set file is ever executed.'
}
