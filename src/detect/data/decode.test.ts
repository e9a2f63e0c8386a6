import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { noise, temporaryFolder, writeImage, writeText } from '../../../test/helpers/data-set.ts'
import { crc32 } from '../archive/crc32.ts'
import { checkImage, decodeImage } from './decode.ts'

const raw = (width: number, height: number, seed = 1) =>
  sharp(noise(width, height, seed), { raw: { width, height, channels: 3 } })

it.each(['png', 'tiff', 'webp'])('decodes lossless %s to the very pixels', async (extension) => {
  const file = join(temporaryFolder(), `ä 图.${extension}`)
  await raw(13, 17)
    .toFormat(extension as 'webp', { lossless: true, compression: undefined } as object)
    .toFile(file)
  const image = await decodeImage(file)
  expect([image.width, image.height]).toEqual([13, 17])
  if (extension !== 'tiff') expect(Buffer.from(image.data).equals(noise(13, 17, 1))).toBe(true)
})

it('applies EXIF rotation to size and pixels', async () => {
  const folder = temporaryFolder()
  const upright = join(folder, 'upright.png')
  const turned = join(folder, 'turned.jpg')
  await raw(20, 12).toFile(upright)
  await raw(20, 12).withMetadata({ orientation: 6 }).jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toFile(turned)
  expect(await checkImage(turned)).toEqual({ width: 12, height: 20 })
  const image = await decodeImage(turned)
  expect([image.width, image.height]).toEqual([12, 20])
  // Orientation 6: turned by 90 degrees clockwise; the top left pixel comes from the bottom left.
  const original = await decodeImage(upright)
  const from = 3 * (11 * 20)
  for (let c = 0; c < 3; c++) expect(Math.abs(image.data[c] - original.data[from + c])).toBeLessThan(40)
})

it('drops transparency without blending, and makes grey three channels', async () => {
  const folder = temporaryFolder()
  const transparent = join(folder, 'a.png')
  await sharp(Buffer.from([10, 20, 30, 0, 40, 50, 60, 128]), { raw: { width: 2, height: 1, channels: 4 } }).toFile(
    transparent,
  )
  expect(Array.from((await decodeImage(transparent)).data)).toEqual([10, 20, 30, 40, 50, 60])
  const grey = join(folder, 'g.png')
  await sharp(Buffer.from([7, 9]), { raw: { width: 2, height: 1, channels: 1 } })
    .toColourspace('b-w')
    .toFile(grey)
  expect(Array.from((await decodeImage(grey)).data)).toEqual([7, 7, 7, 9, 9, 9])
})

it('takes the upper 8 of 16 bits', async () => {
  const file = join(temporaryFolder(), 'deep.png')
  const deep = Uint16Array.of(0x12ff, 0x3400, 0xffff)
  await sharp(deep, { raw: { width: 1, height: 1, channels: 3 } })
    .toColourspace('rgb16')
    .png()
    .toFile(file)
  expect((await sharp(file).metadata()).depth).toBe('ushort')
  expect(Array.from((await decodeImage(file)).data)).toEqual([0x12, 0x34, 0xff])
})

describe('bitmaps', () => {
  const header = (width: number, height: number, bits: number, palette: number[], rows: Buffer) => {
    const head = Buffer.alloc(54)
    head.write('BM')
    head.writeUInt32LE(54 + palette.length, 10)
    head.writeUInt32LE(40, 14)
    head.writeInt32LE(width, 18)
    head.writeInt32LE(height, 22)
    head.writeUInt16LE(1, 26)
    head.writeUInt16LE(bits, 28)
    return Buffer.concat([head, Buffer.from(palette), rows])
  }

  it('decodes 24 bits, from the bottom up and from the top down', async () => {
    const folder = temporaryFolder()
    const rows = Buffer.from([1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0])
    const up = writeText(join(folder, 'up.bmp'), header(2, 2, 24, [], rows))
    const down = writeText(join(folder, 'down.bmp'), header(2, -2, 24, [], rows))
    expect(Array.from((await decodeImage(up)).data)).toEqual([9, 8, 7, 12, 11, 10, 3, 2, 1, 6, 5, 4])
    expect(Array.from((await decodeImage(down)).data)).toEqual([3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10])
    expect(await checkImage(up)).toEqual({ width: 2, height: 2 })
  })

  it('decodes a palette', async () => {
    const file = writeText(
      join(temporaryFolder(), 'p.bmp'),
      header(3, 1, 4, [1, 2, 3, 0, 4, 5, 6, 0], Buffer.from([0x10, 0x10, 0, 0])),
    )
    expect(Array.from((await decodeImage(file)).data)).toEqual([6, 5, 4, 3, 2, 1, 6, 5, 4])
  })

  it('refuses a truncated one', async () => {
    const file = writeText(join(temporaryFolder(), 't.bmp'), header(20, 20, 24, [], Buffer.alloc(9)))
    await expect(checkImage(file)).rejects.toThrow(/truncated/)
  })
})

it('tells a truncated JPEG, which decodes in part', async () => {
  const folder = temporaryFolder()
  const file = await writeImage(join(folder, 'a.jpg'), 64, 64, 3)
  expect(await checkImage(file)).toEqual({ width: 64, height: 64 })
  const bytes = readFileSync(file)
  writeFileSync(file, bytes.subarray(0, bytes.length / 2))
  expect(await checkImage(file)).toEqual({ width: 64, height: 64, damage: 'premature end of JPEG image' })
  expect(await decodeImage(file)).toMatchObject({ width: 64, height: 64 })
})

it.each([
  ['garbage.jpg', 'this is no picture'],
  ['empty.png', ''],
  ['raw.dng', 'II*'],
  ['drawing.png', '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>'],
])('refuses %s with its name', async (name, content) => {
  const file = writeText(join(temporaryFolder(), name), content)
  await expect(checkImage(file)).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE', file })
  await expect(decodeImage(file)).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE', file })
})

it.each([
  [30_000, 30_000, /pixel limit/],
  [24, 1_000_000, /24 x 1000000 pixels/],
])('refuses a small file that claims to be a huge picture of %d x %d pixels', async (width, height, message) => {
  const file = await writeImage(join(temporaryFolder(), 'a.png'), 64, 64, 3)
  const bytes = readFileSync(file)
  bytes.writeUInt32BE(width, 16)
  bytes.writeUInt32BE(height, 20)
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29)
  writeFileSync(file, bytes)
  await expect(checkImage(file)).rejects.toThrow(message)
  await expect(decodeImage(file)).rejects.toThrow(message)
})

it('says when a file is not there', async () => {
  await expect(checkImage('/nowhere/a.jpg')).rejects.toThrow('/nowhere/a.jpg cannot be decoded: there is no such file')
})
