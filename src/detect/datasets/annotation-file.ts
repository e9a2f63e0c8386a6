// Files that other programs wrote, read with limits: nobody's annotations exhaust the memory.
import { readFile, stat } from 'node:fs/promises'
import { AnnotationFileError } from '../../base/index.ts'

/** The annotations of COCO's training images are 450 MB of JSON; a text of JavaScript ends at 512 MB. */
const largestBytes = 500e6

/**
 * Bytes of a file.
 *
 * @param format - for the message of the error
 * @throws AnnotationFileError
 */
export async function readAnnotation(file: string, format: string, limit = largestBytes): Promise<Buffer> {
  const fail = (problem: string, cause?: unknown) => new AnnotationFileError(file, format, problem, { cause })
  try {
    const { size, ...kind } = await stat(file).then((found) => ({ size: found.size, file: found.isFile() }))
    if (!kind.file) throw fail('it is no file')
    if (size > limit) throw fail(`it has ${(size / 1e6).toFixed(0)} MB; at most ${limit / 1e6} are read`)
    return await readFile(file)
  } catch (error) {
    if (error instanceof AnnotationFileError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw fail(code === 'ENOENT' ? 'there is no such file' : message, error)
  }
}

/**
 * A JSON file.
 *
 * @throws AnnotationFileError
 */
export async function readJson(file: string, format: string): Promise<unknown> {
  const bytes = await readAnnotation(file, format)
  try {
    return JSON.parse(decodeUtf8(bytes))
  } catch (cause) {
    throw new AnnotationFileError(file, format, `it is no JSON (${(cause as Error).message.slice(0, 200)})`, { cause })
  }
}

const decodeUtf8 = (bytes: Buffer) => new TextDecoder('utf-8', { fatal: true }).decode(bytes)
