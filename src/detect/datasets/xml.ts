// A small reader of XML as annotation programs write it. Safe by what it lacks: document types with declarations are
// refused, so there are no entities to expand and nothing to fetch; depth is limited; nothing is recursive.
import { AnnotationFileError } from '../../base/index.ts'
import { readAnnotation } from './annotation-file.ts'

export interface XmlElement {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
  /** Text directly inside, without that of the children, blanks at both ends removed. */
  readonly text: string
}

/** No annotation file nests anywhere near this deep. */
const deepest = 64
const namePattern = /[\p{L}_:][\p{L}\p{N}_:.\-\u00b7]*/uy
const attributePattern = /\s+([\p{L}_:][\p{L}\p{N}_:.\-\u00b7]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/uy
const tagEnd = /\s*(\/?)>/y
const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/**
 * The root element of an XML file. UTF-8, UTF-16 with byte order mark, and the encodings that a prolog may name are read.
 *
 * @throws AnnotationFileError
 */
export async function readXml(file: string, format: string): Promise<XmlElement> {
  const bytes = await readAnnotation(file, format)
  try {
    return parseXml(decodeXml(bytes))
  } catch (cause) {
    if (!(cause instanceof XmlError)) throw cause
    throw new AnnotationFileError(file, format, cause.message, { cause })
  }
}

/** What is wrong with a text; the message completes "cannot be read: …". */
export class XmlError extends Error {}

/** Bytes to text. @throws XmlError */
export function decodeXml(bytes: Uint8Array): string {
  const marked =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : ''
  const prolog = /^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']/.exec(
    Buffer.from(bytes.subarray(0, 300)).toString('latin1'),
  )
  const encoding = marked || prolog?.[1] || 'utf-8'
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch (error) {
    const unknown = error instanceof RangeError
    throw new XmlError(unknown ? `its encoding "${encoding}" is not known` : `it is not valid ${encoding}`)
  }
}

interface OpenElement {
  readonly name: string
  readonly attributes: Map<string, string>
  readonly children: XmlElement[]
  text: string
}

/** The root element of a text. @throws XmlError */
export function parseXml(text: string): XmlElement {
  const open: OpenElement[] = []
  let root: XmlElement | undefined
  let at = 0
  const problem = (what: string, place = at) => new XmlError(`${what} (line ${lineOf(text, place)})`)
  const past = (mark: string, what: string) => {
    const end = text.indexOf(mark, at)
    if (end < 0) throw problem(`${what} does not end`)
    return end + mark.length
  }
  const close = () => {
    const { name, attributes, children, text: content } = open.pop()!
    const element = { name, attributes, children, text: content.trim() }
    const parent = open.at(-1)
    if (parent) parent.children.push(element)
    else root = element
  }
  const addText = (content: string, place: number) => {
    const parent = open.at(-1)
    if (parent) parent.text += content
    else if (content.trim() !== '') throw problem('there is text outside the root element', place)
  }

  for (;;) {
    const next = text.indexOf('<', at)
    addText(decodeEntities(text.slice(at, next < 0 ? text.length : next), problem), at)
    if (next < 0) break
    at = next
    if (text.startsWith('<!--', at)) at = past('-->', 'a comment')
    else if (text.startsWith('<?', at)) at = past('?>', 'a processing instruction')
    else if (text.startsWith('<![CDATA[', at)) {
      const start = at + 9
      at = past(']]>', 'a CDATA section')
      addText(text.slice(start, at - 3), start)
    } else if (text.startsWith('<!DOCTYPE', at)) {
      const end = past('>', 'the document type')
      if (root || open.length > 0 || text.slice(at, end).includes('['))
        throw problem('its document type has declarations, which are not read for safety')
      at = end
    } else if (text.startsWith('</', at)) {
      const name = match(namePattern, text, at + 2)?.[0]
      const end = name === undefined ? undefined : match(tagEnd, text, at + 2 + name.length)
      if (end?.[1] !== '') throw problem('an end tag is broken')
      if (open.at(-1)?.name !== name) throw problem(`</${name!.slice(0, 40)}> ends what was not begun`)
      close()
      at = end.index + end[0].length
    } else {
      if (root) throw problem('there is more than one root element')
      if (open.length >= deepest) throw problem('it is nested too deep')
      const name = match(namePattern, text, at + 1)?.[0]
      if (name === undefined) throw problem('a tag is broken')
      const attributes = new Map<string, string>()
      let here = at + 1 + name.length
      for (let found = match(attributePattern, text, here); found; found = match(attributePattern, text, here)) {
        if (attributes.has(found[1])) throw problem(`the attribute ${found[1].slice(0, 40)} is given twice`)
        attributes.set(found[1], decodeEntities(found[2] ?? found[3], problem))
        here += found[0].length
      }
      const end = match(tagEnd, text, here)
      if (!end) throw problem(`the tag <${name.slice(0, 40)}> is broken`)
      open.push({ name, attributes, children: [], text: '' })
      at = here + end[0].length
      if (end[1] === '/') close()
    }
  }
  if (open.length > 0) throw problem(`<${open.at(-1)!.name.slice(0, 40)}> does not end`, text.length)
  if (!root) throw problem('it has no element', text.length)
  return root
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

function decodeEntities(text: string, problem: (what: string) => XmlError): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w{1,8}));|&/gi, (whole, decimal, hexadecimal, name) => {
    const code = decimal ? Number(decimal) : hexadecimal ? Number.parseInt(hexadecimal, 16) : undefined
    if (code !== undefined && code > 0 && code <= 0x10ffff) return String.fromCodePoint(code)
    if (name !== undefined && Object.hasOwn(entities, name)) return entities[name]
    throw problem(`the entity ${whole} is not known`)
  })
}

function lineOf(text: string, place: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < place; at = text.indexOf('\n', at + 1)) line++
  return line
}

/** The first child of that name. */
export const child = (element: XmlElement, name: string): XmlElement | undefined =>
  element.children.find((each) => each.name === name)

/** All children of that name. */
export const childrenOf = (element: XmlElement, name: string): XmlElement[] =>
  element.children.filter((each) => each.name === name)

/** Text of a child; empty if there is none. */
export const childText = (element: XmlElement, name: string): string => child(element, name)?.text ?? ''
