import { expect, it } from 'vitest'
import { type ImageLayout, imageBytes, packImage, toPlainImages } from './layout.ts'
import { Scratch } from './scratch.ts'

const height = 6
const width = 8
const rgb = Uint8Array.from({ length: height * width * 3 }, (_, i) => (i * 37 + 11) % 251)
const scratch = new Scratch()
const image = scratch.copy({ data: rgb, height, width }, 'image')
const pixel = (y: number, x: number, c: number) => rgb[(y * width + x) * 3 + c]

const layouts: ImageLayout[] = [{ kind: 'plain' }, { kind: 'blocked', block: 8 }, { kind: 'blocked', block: 16 }]

it.each(layouts)('keeps every pixel, flipped or not, in %o', (layout) => {
  const bytes = imageBytes(layout, height, width)
  for (const upDown of [false, true])
    for (const leftRight of [false, true]) {
      const out = new Uint8Array(2 * bytes).fill(99)
      packImage(image, { upDown, leftRight }, layout, out, bytes, scratch)
      const plain = toPlainImages(out, layout, 2, height, width).subarray(3 * height * width)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (let c = 0; c < 3; c++)
            expect(plain[(c * height + y) * width + x]).toBe(
              pixel(upDown ? height - 1 - y : y, leftRight ? width - 1 - x : x, c),
            )
    }
})

it.each([8, 16] as const)('lies as [N, 16/block, H/2, W/2, block] with block %i', (block) => {
  const layout: ImageLayout = { kind: 'blocked', block }
  const out = new Uint8Array(imageBytes(layout, height, width)).fill(99)
  packImage(image, { upDown: false, leftRight: false }, layout, out, 0, scratch)
  for (let channel = 0; channel < 16; channel++)
    for (let y = 0; y < height / 2; y++)
      for (let x = 0; x < width / 2; x++) {
        const at = (((channel / block) | 0) * (height / 2) + y) * (width / 2) + x
        const corner = (channel / 3) | 0
        const expected = channel < 12 ? pixel(2 * y + (corner >> 1), 2 * x + (corner & 1), channel % 3) : 0
        expect(out[at * block + (channel % block)]).toBe(expected)
      }
})
