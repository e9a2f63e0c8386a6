// Class names as Python writes them, which is how exported models carry them: {0: 'cat', 1: "dog's"} or ['cat', 'dog'].

/** The text of a dict from 0, as `str()` gives it. */
export function pythonNames(names: readonly string[]): string {
  const quoted = (name: string) =>
    `'${name.replace(/[\\']/g, '\\$&').replace(/\n/g, '\\n').replace(/\r/g, '\\r').replace(/\t/g, '\\t')}'`
  return `{${names.map((name, index) => `${index}: ${quoted(name)}`).join(', ')}}`
}

/** Names of a dict or list by class number; those that are missing are called by their number. Empty if it is neither. */
export function parsePythonNames(text: string): string[] {
  const names: string[] = []
  const entry = /(?:(\d{1,5})\s*:\s*)?(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/gs
  for (const [, index, single, double] of text.matchAll(entry))
    names[index === undefined ? names.length : Number(index)] = unescaped(single ?? double!)
  return Array.from(names, (name, index) => name ?? `class${index}`)
}

const unescaped = (text: string) =>
  text.replace(/\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))/gis, (whole, x, u, long, one) => {
    const hex = x ?? u ?? long
    if (hex === undefined) return { n: '\n', r: '\r', t: '\t' }[one as string] ?? one
    const code = Number.parseInt(hex, 16)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
