// Darknet's `.cfg` format: sections in brackets with `key = value` lines. This file knows the format alone; what the
// sections mean is in model.ts. Nothing of a file is trusted: every fault is an error with its line.
import { CfgInvalidError } from '../../base/index.ts'

/** Sections beyond this are no detector. */
const mostSections = 2000

/** A section, as `[convolutional]` and the lines below it. */
export class CfgSection {
  private readonly values = new Map<string, { readonly text: string; readonly line: number }>()

  constructor(
    private readonly file: string,
    readonly name: string,
    /** Counted from 1. */
    readonly line: number,
  ) {}

  /** Takes a line; of several with one key the last one counts, as in Darknet. */
  set(key: string, text: string, line: number): void {
    this.values.set(key, { text, line })
  }

  /** The keys given, in order. */
  get keys(): readonly string[] {
    return [...this.values.keys()]
  }

  text(key: string, fallback: string): string {
    return this.values.get(key)?.text ?? fallback
  }

  /** A whole number in [low, high]. @throws {@link CfgInvalidError} */
  integer(key: string, low: number, high: number, fallback?: number): number {
    const found = this.values.get(key)
    if (found === undefined) {
      if (fallback === undefined) return this.fail(`[${this.name}] lacks "${key}".`)
      return fallback
    }
    const value = /^[+-]?\d{1,9}$/.test(found.text) ? Number(found.text) : Number.NaN
    if (!(value >= low && value <= high))
      return this.fail(`${key} is "${shorten(found.text)}", it must be a whole number from ${low} to ${high}.`, key)
    return value
  }

  /** A list of numbers between commas. @throws {@link CfgInvalidError} */
  numbers(key: string, kind: 'whole' | 'real', fallback?: readonly number[]): readonly number[] {
    const found = this.values.get(key)
    if (found === undefined) {
      if (fallback === undefined) return this.fail(`[${this.name}] lacks "${key}".`)
      return fallback
    }
    const parts = found.text.replace(/,\s*$/, '').split(',')
    const pattern = kind === 'whole' ? /^[+-]?\d{1,6}$/ : /^[+-]?(\d{1,6}\.?\d{0,9}|\.\d{1,9})$/
    return parts.map((part) => {
      if (!pattern.test(part.trim()))
        return this.fail(`${key} is "${shorten(found.text)}", it must be ${kind} numbers between commas.`, key)
      return Number(part)
    })
  }

  /** @param key - whose line is to blame; the section's own if not given */
  fail(problem: string, key?: string): never {
    const line = (key === undefined ? undefined : this.values.get(key)?.line) ?? this.line
    throw new CfgInvalidError(this.file, line, problem)
  }

  /** The section as text, without comments. */
  toString(): string {
    return [`[${this.name}]`, ...[...this.values].map(([key, { text }]) => `${key}=${text}`)].join('\n')
  }
}

/**
 * Splits a cfg into sections.
 *
 * @param file - name for messages
 * @throws {@link CfgInvalidError}
 */
export function parseCfg(text: string, file: string): CfgSection[] {
  const sections: CfgSection[] = []
  for (const [index, raw] of text.split(/\r\n|\r|\n/).entries()) {
    const line = index + 1
    const content = raw.replace(/[#;].*$/, '').trim()
    if (content === '') continue
    if (content.startsWith('[')) {
      const name = /^\[\s*([A-Za-z0-9_]{1,40})\s*\]$/.exec(content)?.[1]
      if (name === undefined)
        throw new CfgInvalidError(file, line, `"${shorten(content)}" is no section, as [convolutional].`)
      if (sections.length === mostSections) throw new CfgInvalidError(file, line, `more than ${mostSections} sections.`)
      sections.push(new CfgSection(file, name, line))
      continue
    }
    const equals = content.indexOf('=')
    const key = content.slice(0, equals).trim()
    if (equals < 0 || key === '')
      throw new CfgInvalidError(file, line, `"${shorten(content)}" is no line of the form key=value.`)
    const section = sections.at(-1)
    if (section === undefined) throw new CfgInvalidError(file, line, 'the first line must be a section, as [net].')
    section.set(key, content.slice(equals + 1).trim(), line)
  }
  return sections
}

const shorten = (text: string) => (text.length > 60 ? `${text.slice(0, 57)}…` : text)
