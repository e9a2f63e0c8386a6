// Darknet's data set files: `.data` (classes, train, valid, names) and `.names` (a class per line).
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, isAbsolute, resolve } from 'node:path'
import { DatasetFileInvalidError, DatasetPathMissingError } from '../../base/index.ts'
import type { DatasetDefinition } from './types.ts'

/** No list of class names comes near it. */
const largestNames = 4 << 20

/** Whether a file name is that of a Darknet data set. */
export const isDarknetData = (file: string): boolean => /\.data$/i.test(file)

/**
 * A Darknet data set. `train`, `valid` and, if there, `test` name lists of images, folders or images; relative paths start
 * from the current folder, as there, or else from the file's folder or the one above it.
 *
 * @param file - tells where the text is from
 * @throws DatasetFileInvalidError, DatasetPathMissingError
 */
export function parseDarknetData(text: string, file: string): DatasetDefinition {
  const entries = new Map<string, string>()
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const equals = line.indexOf('=')
    if (equals < 1)
      throw new DatasetFileInvalidError(
        file,
        `line ${index + 1}, "${line.slice(0, 60)}", is not of the form key=value.`,
      )
    entries.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim())
  }
  const folder = dirname(resolve(file))
  const bases = [...new Set([process.cwd(), folder, dirname(folder)])]
  const candidates = (value: string) => (isAbsolute(value) ? [value] : bases.map((base) => resolve(base, value)))
  const find = (key: string, value: string) => {
    const places = candidates(value)
    const found = places.find((place) => existsSync(place))
    if (found === undefined) throw new DatasetPathMissingError(file, key, value, places, '')
    return found
  }
  const required = (...keys: string[]) => {
    const key = keys.find((each) => (entries.get(each) ?? '') !== '')
    if (key === undefined)
      throw new DatasetFileInvalidError(file, `"${keys[0]}" is missing. Add "${keys[0]}=<list of images>".`)
    return find(key, entries.get(key)!)
  }
  const train = required('train')
  const val = required('valid', 'val')
  const test = entries.get('test')
  const { names, notes } = readNames(file, entries.get('classes'), entries.get('names'), (value) =>
    find('names', value),
  )
  const value = entries.get('train')!
  const root = bases.find((base) => resolve(base, value) === train) ?? folder
  return { file, root, train: [train], val: [val], test: test ? [find('test', test)] : [], names, notes }
}

function readNames(
  file: string,
  classes: string | undefined,
  names: string | undefined,
  find: (value: string) => string,
): { names: string[]; notes: string[] } {
  const count = classes === undefined ? undefined : Number(classes)
  if (count !== undefined && !(/^\d{1,5}$/.test(classes!) && count >= 1))
    throw new DatasetFileInvalidError(
      file,
      `"classes=${classes!.slice(0, 40)}" must be the number of classes, a whole number above 0.`,
    )
  if (names === undefined || names === '') {
    if (count === undefined)
      throw new DatasetFileInvalidError(file, '"names" is missing. Add "names=<file with a class name per line>".')
    return {
      names: Array.from({ length: count }, (_, i) => `class${i}`),
      notes: [`${file} has no "names"; the classes are called class0, class1, …`],
    }
  }
  const path = find(names)
  const stat = statSync(path)
  if (!stat.isFile() || stat.size > largestNames)
    throw new DatasetFileInvalidError(file, `"names=${names.slice(0, 200)}" is no file with a class name per line.`)
  const list = readFileSync(path, 'utf8')
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
  if (list.length === 0) throw new DatasetFileInvalidError(file, `${path} has no class name.`)
  if (count !== undefined && count !== list.length)
    throw new DatasetFileInvalidError(
      file,
      `"classes" is ${count}, but ${path} has ${list.length} names. Correct one of them.`,
    )
  return { names: list, notes: [] }
}
