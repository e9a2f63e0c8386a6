import sharp from 'sharp'
import { expect, it } from 'vitest'
import { noise, temporaryFolder } from '../../../test/helpers/data-set.ts'
import { type Fingerprint, fingerprint, fingerprintOf, hashDistance } from './fingerprint.ts'
import { HashIndex, largestDistance } from './hash-index.ts'
import { fingerprints, likePairs } from './likeness.ts'

/** A hash and one that differs in `bits` random places. */
function pairs(count: number): { hashes: Fingerprint['hash'][]; changed: Fingerprint['hash'][]; bits: number[] } {
  const words = new Uint32Array(noise(count, 8, 1).slice(0, 16 * count).buffer)
  const hashes = Array.from({ length: count }, (_, i) => [words[2 * i]! | 0, words[2 * i + 1]! | 0] as const)
  const bits = hashes.map((_, i) => i % 16)
  const changed = hashes.map(([a, b], i) => {
    const hash: [number, number] = [a, b]
    for (let k = 0; k < bits[i]!; k++) {
      const bit = (i * 7 + k * 11) % 64 // 11 and 64 have no common factor: each place once
      hash[bit >> 5] = hash[bit >> 5]! ^ (1 << (bit & 31))
    }
    return hash
  })
  return { hashes, changed, bits }
}

it('finds exactly the hashes within the distance, as a search through all does', () => {
  const { hashes, changed, bits } = pairs(500)
  const index = new HashIndex(hashes)
  for (const [i, hash] of changed.entries()) {
    expect(hashDistance(hash, hashes[i]!)).toBe(bits[i])
    const expected = hashes.flatMap((other, k) => (hashDistance(other, hash) <= largestDistance ? [k] : []))
    expect([...index.near(hash)].sort((a, b) => a - b)).toEqual(expected)
    expect(expected.includes(i)).toBe(bits[i]! <= largestDistance)
  }
})

it('finds pictures again that were compressed, made smaller or lighter, and takes no other picture for them', async () => {
  const folder = temporaryFolder()
  /** Twelve soft blobs. */
  const picture = (seed: number) =>
    sharp(noise(8, 6, seed), { raw: { width: 8, height: 6, channels: 3 } }).resize(320, 240, {
      kernel: 'cubic',
      fit: 'fill',
    })
  const originals = await Promise.all(
    Array.from({ length: 12 }, async (_, i) => {
      const file = `${folder}/${i}.png`
      await picture(i).toFile(file)
      return file
    }),
  )
  const changes = [
    (i: number) => picture(i).jpeg({ quality: 20 }),
    (i: number) => picture(i).resize(90, 70, { fit: 'fill' }),
    (i: number) => picture(i).linear(0.8, 20),
  ]
  const copies = await Promise.all(
    originals.slice(0, 6).map(async (_, i) => {
      const file = `${folder}/copy${i}.jpg`
      await changes[i % 3]!(i).toFile(file)
      return file
    }),
  )
  const others = originals.slice(3)
  const found = likePairs([copies, await fingerprints(copies)], [others, await fingerprints(others)], 0.95)
  expect(found.map(({ file, other }) => [file, other])).toEqual([3, 4, 5].map((i) => [copies[i], originals[i]]))
})

it('says nothing of plain pictures and of files that are no pictures', async () => {
  const folder = temporaryFolder()
  const plain = await sharp({ create: { width: 40, height: 40, channels: 3, background: '#777' } })
    .png()
    .toFile(`${folder}/a.png`)
  expect(plain.width).toBe(40)
  expect(await fingerprints([`${folder}/a.png`, `${folder}/none.png`])).toEqual([undefined, undefined])
  expect((await fingerprint(`${folder}/a.png`)).flat).toBe(true)
  expect(fingerprintOf(new Uint8Array(256)).hash).toEqual([0, 0])
})
