// Divides units (images, or groups of them) so that every part gets its share of the images and of each class.
import type { PythonRandom } from '../../base/index.ts'

/** What is never divided. */
export interface Unit {
  /** Images in it. */
  readonly images: number
  /** Images with a class, by class; classes that do not occur may be missing. */
  readonly classes: ReadonlyMap<number, number>
}

/**
 * Gives every unit to a part: iterative stratification (Sechidis, Tsoumakas and Vlahavas, "On the stratification of
 * multi-label data", 2011, algorithm 1), here for units of several images. The rarest class goes first, and each of its
 * units to the part that still wants most of it and has room; what has no class goes last, by the number of images. Units without
 * classes alone make it a plain random split.
 *
 * @param shares - of each part; they add up to 1
 * @returns the part of each unit
 */
export function stratify(units: readonly Unit[], shares: readonly number[], random: PythonRandom): number[] {
  const order = units.map((_, i) => i)
  random.shuffle(order)
  // Large ones first: what is left over at the end is easier to balance with small ones.
  order.sort((a, b) => units[b].images - units[a].images)

  const images = units.reduce((sum, unit) => sum + unit.images, 0)
  const wantedImages = shares.map((share) => share * images)
  /** By class: images not given away yet, and the units that have it. */
  const left = new Map<number, number>()
  const owners = new Map<number, number[]>()
  for (const index of order)
    for (const [label, count] of units[index].classes) {
      left.set(label, (left.get(label) ?? 0) + count)
      const list = owners.get(label)
      if (list) list.push(index)
      else owners.set(label, [index])
    }
  const wanted = new Map([...left].map(([label, count]) => [label, shares.map((share) => share * count)]))

  const parts = new Array<number>(units.length).fill(-1)
  const give = (index: number, label: number | undefined) => {
    const wish = label === undefined ? wantedImages : wanted.get(label)!
    // The number of images comes before classes: a part that is full takes no more while another has room.
    const asked = shares.flatMap((share, part) => (share > 0 ? [part] : []))
    const open = asked.filter((part) => wantedImages[part] > units[index].images / 2 - 1e-9)
    const best = (open.length > 0 ? open : asked).reduce((best, part) => {
      const difference = wish[part] - wish[best]
      return difference > 1e-9 || (difference > -1e-9 && wantedImages[part] > wantedImages[best]) ? part : best
    })
    parts[index] = best
    wantedImages[best] -= units[index].images
    for (const [other, count] of units[index].classes) {
      wanted.get(other)![best] -= count
      left.set(other, left.get(other)! - count)
    }
  }

  const isOpen = (index: number) => parts[index] === -1
  while (left.size > 0) {
    const [rarest] = [...left].reduce((a, b) => (b[1] < a[1] || (b[1] === a[1] && b[0] < a[0]) ? b : a))
    for (const index of owners.get(rarest)!) if (isOpen(index)) give(index, rarest)
    for (const [label, count] of left) if (count === 0) left.delete(label)
  }
  for (const index of order) if (isOpen(index)) give(index, undefined)
  fillEmpty(units, shares, parts)
  return parts
}

/** No part that was asked for stays empty while another has units to spare: the smallest of the largest part moves. */
function fillEmpty(units: readonly Unit[], shares: readonly number[], parts: number[]): void {
  for (const [part, share] of shares.entries()) {
    if (share <= 0 || parts.includes(part)) continue
    const counts = shares.map((_, each) => parts.filter((owner) => owner === each).length)
    const richest = counts.indexOf(Math.max(...counts))
    if (counts[richest] < 2) continue
    const candidates = parts.flatMap((owner, index) => (owner === richest ? [index] : []))
    parts[candidates.reduce((a, b) => (units[b].images < units[a].images ? b : a))] = part
  }
}
