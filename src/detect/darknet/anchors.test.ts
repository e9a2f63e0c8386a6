import { describe, expect, it } from 'vitest'
import { randomFor } from '../../base/index.ts'
import { matchByOverlap } from '../loss/index.ts'
import { bestPossibleRecall, tellCfgAnchors } from './anchors.ts'

/** Labels of one image of 100 px, squares of these sides in pixels. */
function labels(sides: readonly number[]) {
  const rows = sides.flatMap((side) => [0, 0.5, 0.5, side / 100, side / 100])
  return { sizes: [100, 100], labels: Float32Array.from(rows), labelStart: [0, sides.length] }
}

function told(sides: readonly number[], imagePx: number): string[] {
  const texts: string[] = []
  tellCfgAnchors(labels(sides), {
    source: 'x.cfg',
    anchorsPx: [
      [40, 40],
      [10, 10],
    ],
    imagePx,
    iouT: 0.225,
    random: randomFor(0, 0),
    onMessage: (level, text) => texts.push(`${level}: ${text}`),
  })
  return texts
}

describe('anchors of a cfg', () => {
  const boxes = [10, 10, 4, 4, 60, 30, 100, 100]
  const anchors = [40, 40, 10, 10]

  it('recall the boxes that the assignment gives an anchor', () => {
    const targets = Float32Array.from([0, 1, 2, 3].flatMap((i) => [0, i, 0.5, 0.5, boxes[2 * i]!, boxes[2 * i + 1]!]))
    for (const iouT of [0, 0.15, 0.225, 0.5, 0.9]) {
      const [rows] = matchByOverlap(targets, [{ ny: 1, nx: 1, anchors: Float32Array.from(anchors) }], iouT)
      const matched = new Set(rows!.classes).size
      expect(bestPossibleRecall(boxes, anchors, iouT), `iou_t ${iouT}`).toBe(matched / 4)
    }
  })

  it('that fit are told in one line', () => {
    expect(told([10, 12, 40, 45], 100)).toEqual([
      'info: Anchors of x.cfg: best possible recall 1.000 at 100 pixels, iou_t 0.225.',
    ])
  })

  it('that do not fit are told with those that would, for the image size', () => {
    const [text, ...rest] = told([10, 12, 40, 45], 25)
    expect(rest).toEqual([])
    expect(text).toMatch(/^warning: .* recall 0.500 at 25 pixels, iou_t 0.225. The other 50 % .* never learned/)
    expect(text).toMatch(/\(1\.000\): anchors=3,3, 11,11$/)
  })

  it('cannot be suggested from fewer boxes than anchors', () => {
    expect(told([10], 25)[0]).toMatch(/or a lower iou_t\.$/)
  })

  it('are not judged without labels', () => {
    expect(told([], 100)).toEqual([])
  })
})
