// The data set yaml of YOLOv5: path, train, val, test, names. Nothing in it is ever executed; ../assets fetches what
// `download` names. Darknet's `.data` files are read here too: darknet-data.ts.
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, isAbsolute, resolve } from 'node:path'
import { DatasetFileInvalidError, DatasetPathMissingError, readYaml, YamlProblem } from '../../base/index.ts'
import { packagedDataset } from '../assets/packaged.ts'
import { isDarknetData, parseDarknetData } from './darknet-data.ts'
import { downloadNote } from './download-entry.ts'
import type { DatasetDefinition, Split } from './types.ts'

/**
 * Reads a data set yaml, or a Darknet `.data` file.
 *
 * Relative entries start from `path`; a relative `path` starts from the yaml's folder, or else from the current one
 * (v7.0: from the folder of its own sources). An entry that begins with `../` is also tried without it, as in v7.0.
 *
 * @throws DatasetFileInvalidError, DatasetPathMissingError
 */
export function readDatasetYaml(file: string): DatasetDefinition {
  const { text, file: found } = readDatasetText(file)
  return isDarknetData(found) ? parseDarknetData(text, found) : parseDatasetYaml(text, found)
}

/**
 * The text of a data set yaml: that of the file, else that of the packaged one with its base name, whose places count
 * from the current folder.
 *
 * @throws DatasetFileInvalidError
 */
export function readDatasetText(file: string): { text: string; file: string } {
  const packaged = existsSync(file) ? undefined : packagedDataset(file)
  return packaged === undefined
    ? { text: readText(file), file }
    : { text: readText(packaged), file: basename(packaged) }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const problem =
      code === 'ENOENT'
        ? 'there is no such file.'
        : code === 'EISDIR'
          ? 'it is a folder.'
          : `${(cause as Error).message}.`
    throw new DatasetFileInvalidError(file, problem, { cause })
  }
}

/** Like {@link readDatasetYaml}, from a text that was read already; `file` tells where it is from. */
export function parseDatasetYaml(text: string, file: string): DatasetDefinition {
  const entries = parseDatasetEntries(text, file)
  const notes: string[] = []
  const names = readNames(entries, file, notes)
  const { root, splits } = resolveSplits(entries, file)
  return { file, root, ...splits, names, notes }
}

/** The entries of a data set yaml, whatever they are. @throws DatasetFileInvalidError */
export function parseDatasetEntries(text: string, file: string): Readonly<Record<string, unknown>> {
  let content: unknown
  try {
    content = readYaml(text)
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error
    throw new DatasetFileInvalidError(file, `not valid yaml: ${error.message}.`, { cause: error })
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new DatasetFileInvalidError(file, 'it must have the keys train, val and names.')
  return content as Record<string, unknown>
}

/** The class names of a data set yaml, whatever else it says; undefined if it has none that can be read. */
export function readYamlNames(file: string): string[] | undefined {
  const notes: string[] = []
  try {
    const names = readNames(parseDatasetEntries(readText(file), file), file, notes)
    return notes.length === 0 ? names : undefined
  } catch (error) {
    if (error instanceof DatasetFileInvalidError) return undefined
    throw error
  }
}

/** What a model may have. */
const mostClasses = 65_536

const shown = (value: unknown) => (JSON.stringify(value) ?? String(value)).slice(0, 60)

/** Lists and maps have no text of their own. */
const nameText = (value: unknown) => (typeof value === 'object' ? shown(value) : String(value))

function readNames(entries: Readonly<Record<string, unknown>>, file: string, notes: string[]): string[] {
  const { names, nc } = entries
  const invalid = (problem: string) => new DatasetFileInvalidError(file, problem)
  if (nc !== undefined && nc !== null && !(Number.isInteger(nc) && (nc as number) > 0 && (nc as number) <= mostClasses))
    throw invalid(`"nc: ${shown(nc)}" must be the number of classes, a whole number from 1 to ${mostClasses}.`)
  let result: string[]
  if (Array.isArray(names)) result = names.map(nameText)
  else if (typeof names === 'object' && names !== null) {
    const keys = Object.keys(names).map(Number)
    const missing = keys.findIndex((_, i) => !Object.hasOwn(names, String(i)))
    if (missing >= 0)
      throw invalid(`"names" is a map whose keys must be 0 to ${keys.length - 1}; ${missing} is missing.`)
    result = keys.map((_, i) => nameText((names as Record<string, unknown>)[i]))
  } else if (names === undefined || names === null) {
    if (nc === undefined || nc === null) throw invalid('"names" is missing. Add a list of class names.')
    notes.push(`${file} has no "names"; the classes are called class0, class1, …`)
    result = Array.from({ length: nc as number }, (_, i) => `class${i}`)
  } else throw invalid('"names" must be a list, as [cat, dog], or a map, as {0: cat, 1: dog}.')

  if (result.length === 0) throw invalid('"names" is empty. Add the class names.')
  if (nc !== undefined && nc !== null && nc !== result.length)
    throw invalid(`"nc" is ${String(nc)}, but "names" has ${result.length}. Correct one of them (nc may be left out).`)
  return result
}

function resolveSplits(entries: Readonly<Record<string, unknown>>, file: string) {
  const path = entries.path ?? ''
  if (typeof path !== 'string')
    throw new DatasetFileInvalidError(file, '"path" must be a text: the folder to start from.')
  const yamlFolder = dirname(resolve(file))
  const roots = isAbsolute(path) ? [path] : [...new Set([resolve(yamlFolder, path), resolve(path)])]
  const values = (['train', 'val', 'test'] as const).map((split) => [split, readEntry(entries, split, file)] as const)
  for (const split of ['train', 'val'] as const)
    if (!values.some(([name, list]) => name === split && list.length > 0))
      throw new DatasetFileInvalidError(file, `"${split}" is missing. Add "${split}: <folder of images>".`)

  const candidates = (root: string, value: string) =>
    isAbsolute(value)
      ? [value]
      : [resolve(root, value), ...(value.startsWith('../') ? [resolve(root, value.slice(3))] : [])]
  // The first root under which a training entry exists is the data set's.
  const first = values[0][1][0]
  const root = roots.find((root) => candidates(root, first).some((place) => existsSync(place))) ?? roots[0]
  const splits = { train: [] as string[], val: [] as string[], test: [] as string[] } satisfies Record<Split, string[]>
  for (const [split, list] of values)
    for (const value of list) {
      const searched = [root, ...roots].flatMap((place) => candidates(place, value))
      const found = searched.find((place) => existsSync(place))
      if (!found) throw new DatasetPathMissingError(file, split, value, [...new Set(searched)], downloadNote(entries))
      splits[split].push(found)
    }
  return { root, splits }
}

function readEntry(entries: Readonly<Record<string, unknown>>, split: Split, file: string): string[] {
  const value = entries[split]
  if (value === undefined || value === null || value === '') return []
  const list = Array.isArray(value) ? value : [value]
  for (const entry of list)
    if (typeof entry !== 'string')
      throw new DatasetFileInvalidError(
        file,
        `"${split}" must be a path or a list of paths, not ${JSON.stringify(entry)}.`,
      )
  return list as string[]
}
