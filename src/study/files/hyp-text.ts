// New values in an existing hyp yaml: only the values change, so comments, order, blanks and line ends stay.
import { type Document, isAlias, isMap, isScalar, type Pair, type YAMLMap } from 'yaml'
import { HypFileInvalidError, readYamlDocument, YamlProblem, yamlValues } from '../../base/index.ts'
import type { Hyp } from '../../search/index.ts'
import { yamlLines, yamlValue } from './hyp-yaml.ts'

/**
 * Puts the values of `hyp` into the text of a hyp file. A value that is already there stays as it is written; keys that
 * the file lacks come behind it, keys that only the file has keep their values.
 *
 * @param source - what messages call the file
 * @throws {@link HypFileInvalidError} if the text is no yaml map, or names a key twice
 */
export function updateHypText(text: string, hyp: Hyp, source: string): string {
  const document = parse(text, source)
  const map = document.contents as YAMLMap
  const edits: { start: number; end: number; text: string }[] = []
  const added: [string, Hyp[string]][] = []
  for (const [key, value] of Object.entries(hyp)) {
    const pair = find(map, key)
    if (!pair) added.push([key, value])
    else if (!isScalar(pair.value) || pair.value.value !== value) edits.push(edit(text, pair, value))
  }
  let updated = text
  for (const { start, end, text: value } of edits.sort((a, b) => b.start - a.start))
    updated = updated.slice(0, start) + value + updated.slice(end)
  if (added.length > 0) updated = append(updated, yamlLines(Object.fromEntries(added)))
  if (holds(updated, hyp)) return updated

  // a value in a place where a plain one cannot stand (flow maps, tags, aliases): yaml writes the text itself
  for (const [key, value] of Object.entries(hyp)) {
    const pair = find(map, key)
    if (pair && isScalar(pair.value) && pair.value.tag === undefined) pair.value.value = value
    else if (pair) pair.value = document.createNode(value)
    else map.add(document.createPair(key, value))
  }
  let written: string
  try {
    written = document.toString({ lineWidth: 0 })
  } catch (error) {
    throw new HypFileInvalidError(source, 'new values cannot be written into it.', { cause: error })
  }
  if (!holds(written, hyp)) throw new HypFileInvalidError(source, 'new values cannot be written into it.')
  return written
}

function parse(text: string, source: string): Document {
  try {
    const document = readYamlDocument(text)
    if (!isMap(document.contents))
      throw new HypFileInvalidError(
        source,
        document.contents === null ? 'it is empty.' : 'it is not a list of names and values.',
      )
    yamlValues(document) // what a reader of the file will do: aliases without an anchor, as keys too, come to light only here
    return document
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error
    throw new HypFileInvalidError(source, `${error.message}.`, { cause: error })
  }
}

const find = (map: YAMLMap, key: string): Pair | undefined =>
  map.items.find((pair) => String(isScalar(pair.key) ? pair.key.value : pair.key) === key)

function edit(text: string, pair: Pair, value: Hyp[string]): { start: number; end: number; text: string } {
  const node = pair.value
  const range = (isScalar(node) || isAlias(node) || isMap(node) ? node.range : undefined) ?? undefined
  if (!range) return { start: 0, end: 0, text: '' } // seen by `holds`
  const [start, end] = range
  const before = text[start - 1] === ':' ? ' ' : ''
  const after = text.slice(start, end).endsWith('\n') ? '\n' : text[end] === '#' ? ' ' : ''
  return { start, end, text: before + yamlValue(value) + after }
}

function append(text: string, lines: string): string {
  const end = text.includes('\r\n') ? '\r\n' : '\n'
  return text + (text === '' || text.endsWith('\n') ? '' : end) + lines.replaceAll('\n', end)
}

/** Whether the text is a yaml map that can be read, with exactly these values, and no key twice. */
function holds(text: string, hyp: Hyp): boolean {
  try {
    const document = readYamlDocument(text)
    if (!isMap(document.contents)) return false
    const map = document.contents
    yamlValues(document)
    return Object.entries(hyp).every(([key, value]) => {
      const node = find(map, key)?.value
      return isScalar(node) && Object.is(node.value, value)
    })
  } catch {
    return false
  }
}
