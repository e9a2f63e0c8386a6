// Text on figures: the shipped Open Sans first, then CJK fonts of the machine. Loads canvas; import it lazily.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createCanvas, GlobalFonts, type SKRSContext2D } from '@napi-rs/canvas'

const fontFolder = fileURLToPath(new URL('../../assets/fonts/', import.meta.url))

// In order of preference; a family that the machine lacks is skipped by the text layout.
const cjkFamilies = [
  ...[
    'Noto Sans CJK SC',
    'Noto Sans SC',
    'Source Han Sans SC',
    'WenQuanYi Micro Hei',
    'WenQuanYi Zen Hei',
    'PingFang SC',
  ],
  ...[
    'Hiragino Sans GB',
    'Heiti SC',
    'STHeiti',
    'Microsoft YaHei',
    'SimHei',
    'Droid Sans Fallback',
    'Noto Sans CJK JP',
  ],
  ...['Noto Sans CJK KR', 'AR PL UMing CN', 'AR PL UKai CN', 'Arial Unicode MS'],
]

const shippedFamily = 'Hypevolve Sans'
const userFamilies: string[] = []

for (const file of readdirSync(fontFolder))
  if (file.endsWith('.ttf')) GlobalFonts.registerFromPath(join(fontFolder, file), shippedFamily)

/**
 * Adds a font file (TTF, OTF, TTC, WOFF2) for glyphs that Open Sans lacks; it goes before the fonts of the machine.
 * `HYPEVOLVE_FONT` names one for all figures.
 * @returns whether the file could be read as a font
 */
export function addFont(path: string): boolean {
  const family = `Hypevolve User ${userFamilies.length + 1}`
  const added = GlobalFonts.registerFromPath(path, family) !== null
  if (added) userFamilies.push(family)
  families = undefined
  coverage.clear()
  return added
}

let families: string | undefined

/** CSS font-family list of all texts. */
export function fontFamily(): string {
  families ??= [
    ...[shippedFamily, ...userFamilies, ...cjkFamilies.filter((family) => GlobalFonts.has(family))].map(
      (f) => `"${f}"`,
    ),
    'sans-serif',
  ].join(', ')
  return families
}

export const font = (px: number, weight: 400 | 600 = 400) => `${weight} ${px}px ${fontFamily()}`

let measuring: SKRSContext2D | undefined

/** Width in pixels of a text drawn at this size. */
export function textWidth(text: string, px: number, weight: 400 | 600 = 400): number {
  measuring ??= createCanvas(1, 1).getContext('2d')
  measuring.font = font(px, weight)
  return measuring.measureText(text).width
}

/** The text cut with `…` so that it is at most `width` pixels wide. */
export function fitText(text: string, width: number, px: number, weight: 400 | 600 = 400): string {
  if (textWidth(text, px, weight) <= width) return text
  const glyphs = [...text]
  while (glyphs.length > 1 && textWidth(`${glyphs.join('')}…`, px, weight) > width) glyphs.pop()
  return `${glyphs.join('')}…`
}

// A glyph that no font has looks like a noncharacter: the sign of the first font for both, which may be blank.
const coverage = new Map<string, boolean>()
const noncharacter = '\u{10fffe}'
let missingSign: Buffer | undefined

function covered(glyph: string): boolean {
  if (/^[\s\p{Mark}\p{Cf}]$/u.test(glyph)) return true
  let known = coverage.get(glyph)
  if (known === undefined) {
    missingSign ??= pixelsOf(noncharacter)
    known = !pixelsOf(glyph).equals(missingSign)
    coverage.set(glyph, known)
  }
  return known
}

function pixelsOf(glyph: string): Buffer {
  const canvas = createCanvas(40, 40)
  const context = canvas.getContext('2d')
  context.font = font(24)
  context.fillText(glyph, 6, 30)
  return canvas.data()
}

/** Glyphs of these texts that no font here can draw, each once, in order of appearance. */
export function missingGlyphs(texts: readonly string[]): string[] {
  return [...new Set(texts.flatMap((text) => [...text]))].filter((glyph) => !covered(glyph))
}

/** See {@link fontHint} of the folder's index. */
export function fontHint(texts: readonly string[]): string | undefined {
  const missing = missingGlyphs(texts)
  if (missing.length === 0) return undefined
  const wrongFile =
    fontOfEnvironment && !fontOfEnvironmentRead ? ` (${fontOfEnvironment} could not be read as a font)` : ''
  const examples = missing.slice(0, 5).join(' ') + (missing.length > 5 ? ' …' : '')
  return (
    `No font on this machine can draw ${missing.length === 1 ? '1 character' : `${missing.length} characters`} of the names (${examples}); ` +
    'the pictures show ? and the class index instead. Install a font that has them (Debian/Ubuntu: apt install fonts-noto-cjk) ' +
    'or set HYPEVOLVE_FONT=/path/to/font.ttf' +
    `${wrongFile}.`
  )
}

/** The text with `?` for each glyph that no font here can draw. */
export const drawable = (text: string): string => [...text].map((glyph) => (covered(glyph) ? glyph : '?')).join('')

/** Class names as the figures write them: one with glyphs that cannot be drawn gets its index in front, so that classes stay apart. */
export const drawableNames = (names: readonly string[]): string[] =>
  names.map((name, index) => (missingGlyphs([name]).length > 0 ? `${index} ${drawable(name)}` : name))

const fontOfEnvironment = process.env['HYPEVOLVE_FONT']
const fontOfEnvironmentRead = fontOfEnvironment ? addFont(fontOfEnvironment) : false
