import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DigitsWriteError } from '../../base/index.ts'
import {
  type DigitPool,
  type DigitScene,
  digitsCounts,
  ensureDigits,
  labelText,
  loadDigitSheet,
  type MakeDigitsOptions,
  makeDigits,
  makeScene,
  pools,
  writeDigits,
} from './index.ts'

let cache = ''
beforeAll(() => {
  cache = mkdtempSync(join(tmpdir(), 'digits-'))
})
afterAll(() => rmSync(cache, { recursive: true, force: true }))

async function scenesOf(options: MakeDigitsOptions): Promise<DigitScene[]> {
  const scenes: DigitScene[] = []
  for await (const scene of makeDigits(options)) scenes.push(scene)
  return scenes
}

describe('digits', () => {
  it('draws the same pixels and boxes on every machine', async () => {
    const hash = createHash('sha256')
    for (const pool of ['train', 'val', 'test', 'pretrain'] as const)
      for (const scene of await scenesOf({ seed: 20_240_501, count: 8, pool }))
        hash.update(scene.pixels).update(labelText(scene))
    expect(hash.digest('hex')).toMatchInlineSnapshot(
      `"6f114bbdce57f23a4c11c28bb7477464959d4dfca104968593eeca099a841734"`,
    )
  })

  it('draws scene 3 alike whether 4 or 6 are made, and others for another seed or pool', async () => {
    const few = await scenesOf({ seed: 1, count: 4, pool: 'train' })
    const many = await scenesOf({ seed: 1, count: 6, pool: 'train' })
    expect(many.slice(0, 4)).toEqual(few)
    const sheet = await loadDigitSheet()
    expect(makeScene({ sheet, seed: 2, index: 3, pool: 'train' }).pixels).not.toEqual(few[3]!.pixels)
    expect(makeScene({ sheet, seed: 1, index: 3, pool: 'val' }).pixels).not.toEqual(few[3]!.pixels)
  })

  it('never shows one handwriting in two pools', () => {
    const ranges = Object.values(pools).sort((a, b) => a.from - b.from)
    for (const [i, range] of ranges.entries()) {
      expect(range.to).toBeGreaterThan(range.from)
      if (i > 0) expect(range.from).toBeGreaterThanOrEqual(ranges[i - 1]!.to)
    }
  })

  it('holds 1 to 8 digits of all classes, inside the picture, of varied size, hardly overlapping', async () => {
    const scenes = await scenesOf({ seed: 5, count: 150, pool: 'pretrain' })
    const counts = new Set(scenes.map(({ boxes }) => boxes.length))
    expect([...counts].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    const boxes = scenes.flatMap((scene) => scene.boxes)
    expect(new Set(boxes.map(({ digit }) => digit)).size).toBe(10)
    for (const { x1, y1, x2, y2 } of boxes) {
      expect(Math.min(x1, y1)).toBeGreaterThanOrEqual(0)
      expect(Math.max(x2, y2)).toBeLessThanOrEqual(128)
      expect(Math.max(x2 - x1, y2 - y1)).toBeGreaterThan(12)
    }
    const heights = boxes.map(({ y1, y2 }) => y2 - y1).sort((a, b) => a - b)
    expect(heights.at(-1)! / heights[0]!).toBeGreaterThan(2.5)
  })

  it('puts ink where the boxes are: digits differ from the paper at their border', async () => {
    const [scene] = await scenesOf({ seed: 9, count: 1, pool: 'train' })
    const { width, pixels, boxes } = scene!
    const grey = (x: number, y: number) => pixels[(y * width + x) * 3 + 1]!
    for (const { x1, y1, x2, y2 } of boxes) {
      const inside: number[] = []
      for (let y = y1; y < y2; y++) for (let x = x1; x < x2; x++) inside.push(grey(x, y))
      expect(Math.max(...inside) - Math.min(...inside)).toBeGreaterThan(40)
    }
  })

  it('makes the data set once, complete, for processes that ask at the same time', async () => {
    const asked = await Promise.all([ensureDigits(cache), ensureDigits(cache)])
    expect(asked[0]).toBe(asked[1])
    const folder = join(asked[0]!, '..')
    for (const [split, count] of Object.entries(digitsCounts)) {
      expect(readdirSync(join(folder, 'images', split)).length).toBe(count)
      expect(readdirSync(join(folder, 'labels', split)).length).toBe(count)
    }
    expect(readdirSync(cache).filter((name) => name.includes('draft'))).toEqual([])
    expect(readFileSync(asked[0]!, 'utf8')).toBe(
      `# Handwritten digits, drawn by Hypevolve (--data digits).\npath: ${JSON.stringify(folder)}\n` +
        "train: images/train\nval: images/val\ntest: images/test\nnames: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']\n",
    )

    const made = statSync(asked[0]!).mtimeMs
    await ensureDigits(cache)
    expect(statSync(asked[0]!).mtimeMs).toBe(made)
  })

  it('writes what was drawn without loss', async () => {
    const options = { seed: 3, count: 2, pool: 'val' as DigitPool }
    const folder = join(cache, 'own')
    await writeDigits(folder, [{ split: 'val', ...options }])
    const scenes = await scenesOf(options)
    for (const [i, scene] of scenes.entries()) {
      const { data, info } = await sharp(join(folder, `images/val/000${i}.png`))
        .raw()
        .toBuffer({ resolveWithObject: true })
      expect(info).toMatchObject({ width: 128, height: 128, channels: 3 })
      expect(Buffer.compare(data, Buffer.from(scene.pixels))).toBe(0)
      expect(readFileSync(join(folder, `labels/val/000${i}.txt`), 'utf8')).toBe(labelText(scene))
    }
  })

  it('replaces what is not the data set, such as a copy from elsewhere', async () => {
    const other = join(cache, 'moved')
    const name = join((await ensureDigits(cache)).split('/').at(-2)!)
    mkdirSync(join(other, name), { recursive: true })
    writeFileSync(join(other, name, 'data.yaml'), 'path: /elsewhere\n')
    const yaml = await ensureDigits(other)
    expect(readFileSync(yaml, 'utf8')).toContain(JSON.stringify(join(other, name)))
    expect(readdirSync(join(other, name, 'images/val')).length).toBe(digitsCounts.val)
  })

  it('says what to do when the cache folder cannot be written', async () => {
    const file = join(cache, 'a-file')
    writeFileSync(file, '')
    await expect(ensureDigits(join(file, 'cache'))).rejects.toThrow(DigitsWriteError)
    await expect(ensureDigits(join(file, 'cache'))).rejects.toThrow('HYPEVOLVE_CACHE')
  })
})
