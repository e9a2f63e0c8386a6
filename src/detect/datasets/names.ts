// Names of classes where labelling programs leave them: classes.txt, obj.names, a data set yaml.
import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { AnnotationFileError } from '../../base/index.ts'
import { listFiles, readYamlNames } from '../data/index.ts'
import { seenFrom } from './files.ts'

/** In order of preference. */
const files = [
  /^(data|dataset|_?data)\.ya?ml$/i,
  /^(obj|classes|coco|voc)\.names$/i,
  /^(_?classes|class_names|names|labels|predefined_classes)\.txt$/i,
  /^_darknet\.labels$/i,
  /\.names$/i,
]

/** No list of names comes near it. */
const largestBytes = 1 << 20

/** Whether a file of text is a list of names or of images rather than the labels of one image. */
export const isListFile = (path: string): boolean =>
  files.some((pattern) => pattern.test(basename(path))) ||
  /^(train|trainval|val|valid|test|readme[\w.-]*|autosplit_\w+)\.txt$/i.test(basename(path))

/**
 * The names of classes that a folder keeps, the file nearest to its top first; undefined if there is none.
 *
 * @param yaml - whether a data set yaml counts as well
 */
export function findNames(
  folder: string,
  { yaml = true } = {},
): { readonly file: string; readonly names: readonly string[] } | undefined {
  const isNames = (path: string) =>
    files.some((pattern) => pattern.test(basename(path))) && (yaml || !/\.ya?ml$/i.test(path))
  const found = listFiles(folder, isNames)
  const rank = (path: string) => files.findIndex((pattern) => pattern.test(basename(path)))
  const depth = (path: string) => seenFrom(folder, path).split('/').length
  found.sort((a, b) => depth(a) - depth(b) || rank(a) - rank(b) || (a < b ? -1 : 1))
  for (const file of found) {
    const names = /\.ya?ml$/i.test(file) ? readYamlNames(file) : readNames(file)
    if (names !== undefined && names.length > 0) return { file, names }
  }
  return undefined
}

/** A list of names, one a line. LabelMe's `__ignore__` and `_background_` are no classes. @throws AnnotationFileError */
export function readNames(file: string): string[] {
  if (statSync(file).size > largestBytes)
    throw new AnnotationFileError(file, 'a list of class names', 'it is too large')
  return readFileSync(file, 'utf8')
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && line !== '__ignore__' && line !== '_background_')
}
