import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomFor } from '../../base/index.ts'
import { checkAnchors, fitOf, orderAnchors, searchAnchors } from './index.ts'

/** Labels of given sizes (normalised), four to an image of 640 × 480. */
function labelsOf(sizes: readonly (readonly [number, number])[]) {
  const labels = Float32Array.from(sizes.flatMap(([width, height]) => [0, 0.5, 0.5, width, height]))
  const labelStart = [0]
  while (labelStart.at(-1)! < sizes.length) labelStart.push(Math.min(labelStart.at(-1)! + 4, sizes.length))
  return { sizes: labelStart.slice(1).flatMap(() => [640, 480]), labels, labelStart }
}

const coco = [
  [10, 13, 16, 30, 33, 23],
  [30, 61, 62, 45, 59, 119],
  [116, 90, 156, 198, 373, 326],
]
const options = { anchorsPx: coco, strides: [8, 16, 32], imagePx: 640, threshold: 4 }

describe('checkAnchors', () => {
  it('leaves anchors alone that fit', () => {
    const labels = labelsOf(Array.from({ length: 40 }, (_, i) => [0.05 + 0.01 * i, 0.08 + 0.01 * i] as const))
    const checked = checkAnchors(labels, { ...options, random: randomFor(1, 0) })
    expect(checked).toMatchObject({ changed: false, anchorsPx: coco, before: { bpr: 1 } })
  })

  it('replaces anchors that fit poorly, small ones at the fine level', () => {
    const labels = labelsOf(Array.from({ length: 200 }, (_, i) => [0.004 + 0.00003 * i, 0.5 + 0.001 * i] as const))
    const messages: string[] = []
    const checked = checkAnchors(labels, {
      ...options,
      random: randomFor(1, 0),
      onMessage: (level, text) => messages.push(`${level} ${text}`),
    })
    expect(checked.changed).toBe(true)
    expect(checked.after.bpr).toBeGreaterThan(Math.max(0.98, checked.before.bpr))
    expect(checked.anchorsPx.map((level) => level.length)).toEqual([6, 6, 6])
    const areas = checked.anchorsPx.flatMap((level) => [0, 2, 4].map((i) => level[i]! * level[i + 1]!))
    expect([...areas].sort((a, b) => a - b)).toEqual(areas)
    expect(messages.every((text) => text.includes('AutoAnchor'))).toBe(true)
  })

  it('keeps anchors if it cannot find better ones', () => {
    // Below 2 pixels wide and high: the search leaves such labels out.
    const labels = labelsOf(Array.from({ length: 60 }, () => [0.001, 0.001] as const))
    const checked = checkAnchors(labels, { ...options, random: randomFor(1, 0) })
    expect(checked).toMatchObject({ changed: false, anchorsPx: coco })
  })

  it('does not fail without labels', () => {
    const messages: string[] = []
    const checked = checkAnchors(
      { sizes: [640, 480], labels: new Float32Array(0), labelStart: [0, 0] },
      { ...options, random: randomFor(1, 0), onMessage: (_, text) => messages.push(text) },
    )
    expect(checked).toMatchObject({ changed: false, anchorsPx: coco })
    expect(messages.join()).toContain('no labels')
  })

  it('finds the same anchors from the same random numbers', () => {
    const labels = labelsOf(Array.from({ length: 100 }, (_, i) => [0.01 + (i % 7) / 50, 0.01 + (i % 11) / 40] as const))
    const search = () => searchAnchors(labels, { count: 9, imagePx: 640, threshold: 4, random: randomFor(3, 0) })
    expect(search()).toEqual(search())
  })

  it('copes with fewer labels than anchors', () => {
    const labels = labelsOf([
      [0.1, 0.2],
      [0.3, 0.1],
    ])
    const anchors = searchAnchors(labels, { count: 9, imagePx: 640, threshold: 4, random: randomFor(3, 0) })
    expect(anchors.length).toBe(18)
    expect(anchors.every((value) => value >= 2)).toBe(true)
  })
})

describe('fitOf', () => {
  it('does not care about the unit', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 2, maxLength: 40 })
    fc.assert(
      fc.property(sizes, sizes, (boxes, anchors) => {
        const flat = (values: number[], factor: number) =>
          Float32Array.from(values.slice(0, 2 * Math.floor(values.length / 2)), (value) => value * factor)
        expect(fitOf(flat(boxes, 8), flat(anchors, 8), 4)).toEqual(fitOf(flat(boxes, 1), flat(anchors, 1), 4))
      }),
    )
  })
})

describe('orderAnchors', () => {
  it('turns levels around that stand the wrong way, for rising and falling strides', () => {
    const turned = [...coco].reverse()
    expect(orderAnchors(turned, [8, 16, 32])).toEqual(coco)
    expect(orderAnchors(coco, [8, 16, 32])).toEqual(coco)
    expect(orderAnchors(coco, [32, 16, 8])).toEqual(turned)
  })
})
