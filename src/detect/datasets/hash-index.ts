// Hashes of 64 bits found by likeness, without comparing all with all.
import { type Fingerprint, hashDistance } from './fingerprint.ts'

/** Hashes that differ in at most so many bits are found. */
export const largestDistance = 11

/** 16 bits each: of two hashes that differ in 11 bits at most, one quarter differs in two at most. */
const quarters = 4
const quarterBits = 16
const probeBits = 2

/** All ways to change up to two of sixteen bits. */
const changes = Array.from({ length: 1 << quarterBits }, (_, value) => value).filter((value) => {
  let ones = 0
  for (let rest = value; rest !== 0; rest &= rest - 1) ones++
  return ones <= probeBits
})

/** Multi-index hashing (Norouzi, Punjani and Fleet, 2012): one table for each quarter of the hashes. */
export class HashIndex {
  readonly #hashes: readonly Fingerprint['hash'][]
  /** By quarter: first place in `#order` of each value, and the places of hashes sorted by value. */
  readonly #tables: readonly { readonly start: Int32Array; readonly order: Int32Array }[]

  constructor(hashes: readonly Fingerprint['hash'][]) {
    this.#hashes = hashes
    this.#tables = Array.from({ length: quarters }, (_, quarter) => {
      const start = new Int32Array((1 << quarterBits) + 1)
      for (const hash of hashes) start[quarterOf(hash, quarter) + 1]++
      for (let value = 0; value < 1 << quarterBits; value++) start[value + 1] += start[value]
      const next = start.slice()
      const order = new Int32Array(hashes.length)
      for (const [place, hash] of hashes.entries()) order[next[quarterOf(hash, quarter)]++] = place
      return { start, order }
    })
  }

  /** Places of the hashes within {@link largestDistance}, each once, in no order of likeness. */
  *near(hash: Fingerprint['hash']): Generator<number> {
    const seen = new Set<number>()
    for (const [quarter, { start, order }] of this.#tables.entries()) {
      const own = quarterOf(hash, quarter)
      for (const change of changes)
        for (let at = start[own ^ change]; at < start[(own ^ change) + 1]; at++) {
          const place = order[at]
          if (seen.has(place)) continue
          seen.add(place)
          if (hashDistance(hash, this.#hashes[place]) <= largestDistance) yield place
        }
    }
  }
}

const quarterOf = (hash: Fingerprint['hash'], quarter: number) => (hash[quarter >> 1] >>> (16 * (quarter & 1))) & 0xffff
