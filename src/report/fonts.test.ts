// Runs in a process of its own (vitest's forks), before which no font was added.
import { fileURLToPath } from 'node:url'
import { createCanvas, GlobalFonts } from '@napi-rs/canvas'
import { afterEach, expect, it, vi } from 'vitest'
import { addFont, drawableNames, fitText, font, fontFamily, fontHint, missingGlyphs, textWidth } from './fonts.ts'

const pixels = (text: string) => {
  const canvas = createCanvas(120, 40)
  const context = canvas.getContext('2d')
  context.font = font(24)
  context.fillText(text, 4, 30)
  return canvas.data()
}
const differ = (texts: readonly string[]) => new Set(texts.map((text) => pixels(text).toString('base64'))).size

// Private use: no font of any machine draws these, so the case of a missing font is the same everywhere.
const nowhere = '\u{f8f0a}\u{f8f0b}'

it('draws different glyphs with the shipped font: Latin, Greek, Cyrillic, signs', () => {
  const glyphs = [...'aàbÄßñøžΩλЖщ−±°…@']
  expect(GlobalFonts.has('Hypevolve Sans')).toBe(true)
  expect(fontFamily()).toMatch(/^"Hypevolve Sans", /)
  expect(missingGlyphs(glyphs)).toEqual([])
  expect(differ(glyphs)).toBe(glyphs.length)
})

it('gives one hint with the glyphs that no font draws, and none otherwise', () => {
  expect(fontHint(['person', 'Ärger', 'жук'])).toBeUndefined()
  const hint = fontHint(['person', `${nowhere}x`, nowhere])
  expect(hint).toContain('2 characters')
  expect(hint).toContain('fonts-noto-cjk')
  expect(hint).not.toContain('\n')
})

it('tells names apart that cannot be drawn', () => {
  expect(drawableNames(['car', nowhere, `${nowhere}s`])).toEqual(['car', '1 ??', '2 ??s'])
})

it('draws Chinese names once a font that has them is there', () => {
  expect(addFont(fileURLToPath(new URL('./fixtures/noto-sans-sc-116.woff2', import.meta.url)))).toBe(true)
  const glyphs = ['红', '细', '白']
  expect(missingGlyphs(glyphs)).toEqual([])
  expect(fontHint(glyphs)).toBeUndefined()
  expect(drawableNames(['红细', 'RBC'])).toEqual(['红细', 'RBC'])
  expect(differ(glyphs)).toBe(3)
  expect(differ([...glyphs, '?'])).toBe(4)
})

it('takes the font that HYPEVOLVE_FONT names, and says if it cannot', async () => {
  vi.stubEnv('HYPEVOLVE_FONT', fileURLToPath(new URL('./fixtures/noto-sans-sc-116.woff2', import.meta.url)))
  vi.resetModules()
  expect((await import('./fonts.ts')).fontFamily()).toContain('"Hypevolve User 1"')
  vi.stubEnv('HYPEVOLVE_FONT', '/no/such/font.ttf')
  vi.resetModules()
  expect((await import('./fonts.ts')).fontHint([nowhere])).toContain('/no/such/font.ttf could not be read')
})
afterEach(() => vi.unstubAllEnvs())

it('refuses a file that is no font', () => {
  expect(addFont(fileURLToPath(import.meta.url))).toBe(false)
  expect(addFont('/no/such/file.ttf')).toBe(false)
})

it('cuts a text to a width', () => {
  const long = 'a name that goes on and on'
  const cut = fitText(long, 80, 16)
  expect(cut).toMatch(/^a na.*…$/)
  expect(textWidth(cut, 16)).toBeLessThanOrEqual(80)
  expect(fitText('short', 80, 16)).toBe('short')
})
