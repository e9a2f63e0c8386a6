// Images that are not here are fetched, if the data set's yaml says from where. What it gives is only ever unpacked,
// never executed.
import { existsSync, realpathSync } from 'node:fs'
import { lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { ArchiveError, AssetWriteError, DatasetFileInvalidError, DatasetPathMissingError } from '../../base/index.ts'
import { unpack } from '../archive/unpack.ts'
import { parseDatasetEntries, parseDatasetYaml, readDatasetText } from '../data/dataset-yaml.ts'
import { type DatasetDownload, datasetDownloads } from '../data/download-entry.ts'
import { type AssetHooks, fetchAsset, stager, teller, waiter } from './fetch.ts'
import { baseName } from './known.ts'
import { withLock } from './lock.ts'

const maxBytes = 2 ** 36

/**
 * Makes sure that the images of a data set are there: if `train` or `val` names what does not exist and `download` names
 * archives, these are fetched and unpacked where the yaml looks for the images, once even if several processes ask. Files
 * that exist are never replaced. Everything else that may be wrong with the yaml is left to its reader.
 *
 * @param data - a data set file, or the name of a packaged one
 * @throws AssetUnavailableError, AssetOfflineError, AssetDamagedError, AssetWriteError, AssetAddressError, ArchiveError
 */
export async function ensureDataset(data: string, hooks: AssetHooks = {}): Promise<void> {
  if (data === 'digits' || !/\.ya?ml$/i.test(data)) return
  const { file, text } = readDatasetText(data)
  const entries = parseDatasetEntries(text, file)
  const downloads = datasetDownloads(entries)
  if (downloads.length === 0) return
  const root = rootOf(entries)
  const missing = missingPath(text, file)
  if (root === undefined) {
    if (missing)
      throw new DatasetFileInvalidError(file, 'say where its images go: add "path: ../datasets/<name>" to it.')
    return
  }
  const job = new DatasetFetch(root, file, downloads, hooks)
  if (!missing && !job.begun) return
  await job.run(() => missingPath(text, file) !== undefined)
  const still = missingPath(text, file)
  if (still)
    throw new DatasetFileInvalidError(
      file,
      `"${still.key}: ${still.value}" is not in what "download" gave, in ${root}.`,
    )
}

function missingPath(text: string, file: string): DatasetPathMissingError | undefined {
  try {
    parseDatasetYaml(text, file)
  } catch (error) {
    if (error instanceof DatasetPathMissingError) return error
    throw error
  }
  return undefined
}

/** As YOLOv5: relative to the current folder; in the files of v5.0 and before, `../coco128` of `../coco128/images`. */
function rootOf({ path, train }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof path === 'string' && path !== '') return resolve(path)
  const first = Array.isArray(train) ? train[0] : train
  const [, name] = typeof first === 'string' ? (/^\.\.\/([^/.][^/]*)\//.exec(first) ?? []) : []
  return name === undefined ? undefined : resolve('..', name)
}

/** What a fetch that is under way has done so far; gone when it is done. */
interface Progress {
  /** Addresses whose files are in place. */
  done: string[]
  /** Archives that are ours to remove. */
  own: string[]
}

class DatasetFetch {
  /** Folder that the data set's is in, after links. */
  readonly #parent: string
  readonly #root: string
  readonly #name: string
  readonly #progressFile: string
  readonly #file: string
  readonly #downloads: readonly DatasetDownload[]
  readonly #hooks: AssetHooks
  #current: string

  constructor(root: string, file: string, downloads: readonly DatasetDownload[], hooks: AssetHooks) {
    this.#root = existsSync(root) ? realpathSync(root) : root
    this.#parent = dirname(this.#root)
    this.#name = basename(this.#root)
    this.#progressFile = join(this.#parent, `${this.#name}.download.json`)
    this.#file = file
    this.#downloads = downloads
    this.#hooks = hooks
    this.#current = this.#archiveOf(downloads[0]!)
  }

  /** An earlier fetch broke off, or another one is at work. */
  get begun(): boolean {
    return existsSync(this.#progressFile)
  }

  #archiveOf({ url }: DatasetDownload): string {
    return join(this.#parent, baseName(url))
  }

  async run(needed: () => boolean): Promise<void> {
    const { signal } = this.#hooks
    await writing(this.#parent, () => mkdir(this.#parent, { recursive: true }))
    const lock = join(this.#parent, `${this.#name}.download.lock`)
    const onWait = waiter(basename(this.#file), () => this.#current, this.#hooks)
    await withLock(lock, { signal, onWait }, async () => {
      if (!this.begun && !needed()) return // another process was faster
      await this.#removeDrafts()
      const progress = await this.#readProgress()
      for (const each of this.#downloads) {
        if (progress.done.includes(each.url.href)) continue
        await this.#fetch(each, progress)
      }
      await rm(this.#progressFile, { force: true })
    })
  }

  async #readProgress(): Promise<Progress> {
    try {
      return JSON.parse(await readFile(this.#progressFile, 'utf8')) as Progress
    } catch {
      return { done: [], own: [] }
    }
  }

  async #saveProgress(progress: Progress): Promise<void> {
    const draft = `${this.#progressFile}.part`
    await writing(this.#progressFile, async () => {
      await writeFile(draft, JSON.stringify(progress))
      await rename(draft, this.#progressFile)
    })
  }

  async #fetch(each: DatasetDownload, progress: Progress): Promise<void> {
    const { url, into } = each
    const archive = this.#archiveOf(each)
    this.#current = archive
    if (!existsSync(archive)) {
      if (!progress.own.includes(url.href)) progress.own.push(url.href)
      await this.#saveProgress(progress)
      const place = `put it at ${archive}, or its files into ${this.#root}`
      await fetchAsset(
        { asset: baseName(url), address: url.href, file: archive, place, maxBytes, hash: false },
        this.#hooks,
      )
    }
    const own = progress.own.includes(url.href)
    const draft = await writing(this.#parent, () => mkdtemp(join(this.#parent, this.#draftName)))
    try {
      const onProgress = stager(`${basename(archive)} unpacked`, this.#hooks)
      await unpack(archive, draft, { onProgress, signal: this.#hooks.signal })
      const target = into === undefined ? this.#root : join(this.#root, into)
      const from = into === undefined ? await this.#topOf(draft) : draft
      await writing(target, () => merge(from, target))
    } catch (error) {
      // A damaged archive would be taken for the real one the next time.
      if (error instanceof ArchiveError && own) await rm(archive, { force: true })
      throw error
    } finally {
      await rm(draft, { recursive: true, force: true })
    }
    progress.done.push(url.href)
    await this.#saveProgress(progress)
    if (own) await rm(archive, { force: true })
    teller(this.#hooks)('info', `${basename(archive)} unpacked into ${this.#root}`)
  }

  get #draftName(): string {
    return `.${this.#name}.unpacking-`
  }

  /** What a killed process left half unpacked. */
  async #removeDrafts(): Promise<void> {
    for (const name of await readdir(this.#parent))
      if (name.startsWith(this.#draftName)) await rm(join(this.#parent, name), { recursive: true, force: true })
  }

  /** The folder within an unpacked archive that is the data set's own. */
  async #topOf(draft: string): Promise<string> {
    const folders = (await readdir(draft, { withFileTypes: true })).filter((entry) => entry.isDirectory())
    const named = folders.find(({ name }) => name === this.#name)
    if (named) return join(draft, named.name)
    const [only] = folders
    return folders.length === 1 && existsSync(join(draft, only!.name, 'images')) ? join(draft, only!.name) : draft
  }
}

/** Moves what is not there yet. */
async function merge(from: string, to: string): Promise<void> {
  const target = await lstat(to).catch(() => undefined)
  if (!target) {
    await mkdir(dirname(to), { recursive: true })
    return rename(from, to)
  }
  if (!(await lstat(from)).isDirectory() || !existsSync(join(to, '.'))) return
  for (const name of await readdir(from)) await merge(join(from, name), join(to, name))
}

async function writing<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw new AssetWriteError(path, error as NodeJS.ErrnoException)
  }
}
