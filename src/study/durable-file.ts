// Writing that survives crashes and full disks: what was in a file stays, what was promised is on the disk.
import { constants } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StudyWriteError } from '../base/index.ts'

/** A file that only grows. */
export class DurableFile {
  readonly path: string
  readonly #file: FileHandle
  #size: number
  /** Bytes of blanks kept behind the content, so that the next append cannot fail for want of space. */
  #reserved = 0
  #broken = false

  private constructor(path: string, file: FileHandle, size: number) {
    this.path = path
    this.#file = file
    this.#size = size
  }

  /**
   * Opens for appending; creates the file if need be.
   *
   * @param size - bytes of it that count; what stands behind them (a torn line, a reserve) is cut off
   */
  static async open(path: string, size = 0): Promise<DurableFile> {
    let file: FileHandle | undefined
    try {
      file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o666)
      if ((await file.stat()).size > size) await file.truncate(size)
      return new DurableFile(path, file, size)
    } catch (error) {
      await file?.close()
      throw new StudyWriteError(path, '', error as NodeJS.ErrnoException)
    }
  }

  /**
   * Appends and waits until it is on the disk. If that fails the file is as before.
   *
   * @throws {@link StudyWriteError}
   */
  async append(text: string): Promise<void> {
    const bytes = Buffer.from(text)
    try {
      if (this.#broken) throw new Error('an earlier write failed and could not be undone')
      await this.#write(bytes, this.#size)
      await this.#file.datasync()
      this.#size += bytes.length
      this.#reserved = Math.max(0, this.#reserved - bytes.length)
    } catch (error) {
      await this.#file.truncate(this.#size).catch(() => {
        this.#broken = true
      })
      this.#reserved = 0
      throw new StudyWriteError(this.path, text, error as NodeJS.ErrnoException)
    }
  }

  /**
   * Keeps space for at least this many bytes to come, as blanks behind the content.
   *
   * @throws {@link StudyWriteError} if the disk has no such space
   */
  async reserve(bytes: number): Promise<void> {
    if (this.#reserved >= bytes) return
    try {
      await this.#write(Buffer.alloc(bytes, ' '), this.#size)
      await this.#file.datasync()
      this.#reserved = bytes
    } catch (error) {
      await this.#file.truncate(this.#size).catch(() => {})
      this.#reserved = 0
      throw new StudyWriteError(this.path, '', error as NodeJS.ErrnoException)
    }
  }

  /** Gives the reserve back and closes the file. */
  async close(): Promise<void> {
    if (this.#reserved > 0) await this.#file.truncate(this.#size)
    await this.#file.close()
  }

  async #write(bytes: Buffer, position: number): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, written, bytes.length - written, position + written)
      written += bytesWritten
    }
  }
}

/**
 * Replaces a file in one step: readers see the old text or the new one, also after a crash or on a full disk.
 *
 * @throws {@link StudyWriteError}
 */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.tmp` // one writer: a name left by a crash is used again
  try {
    const file = await open(temporary, 'w')
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw new StudyWriteError(path, typeof content === 'string' ? content : 'a picture', error as NodeJS.ErrnoException)
  }
}

/** Makes new names in the folder of `path` survive a power cut, where the system can. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r').catch(() => undefined) // Windows opens no folders
  await folder?.sync().catch(() => {})
  await folder?.close()
}
