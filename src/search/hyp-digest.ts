// A number that stands for a hyp, so that a history need not hold every hyp to know which were tried.
import type { Hyp } from './hyp.ts'

/**
 * 53 bits of the hyp's keys and values, whatever their order. Equal hyps have equal digests; among 100,000 different
 * hyps two share one with a probability below one in a million. Stored in databases: never change it.
 *
 * Two FNV-1a hashes over the text (Fowler, Noll, Vo; 32 bits each, the second one begun elsewhere), joined.
 */
export function hypDigest(hyp: Hyp): number {
  const keys = Object.keys(hyp).sort()
  let a = 0x811c9dc5
  let b = 0x9e3779b9
  for (const key of keys) {
    const text = `${key}:${JSON.stringify(hyp[key])};`
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      a = Math.imul(a ^ unit, 0x01000193)
      b = Math.imul(b ^ unit, 0x01000193)
      b ^= b >>> 15
    }
  }
  return (a >>> 0) + ((b >>> 0) & 0x1fffff) * 4294967296
}
