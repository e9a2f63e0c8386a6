import { describe, expect, it } from 'vitest'
import { rectangularBatches } from './rect.ts'

const options = { batchSize: 1, imagePx: 640, stride: 32, pad: 0 }
/** Images of 640 px and these heights. */
const heights = (...all: number[]) => Int32Array.from(all.flatMap((height) => [640, height]))

describe('rectangular batches', () => {
  it('go from flat to tall images, each in the least frame', () => {
    const { order, frames } = rectangularBatches(heights(480, 320, 640), options)
    expect(Array.from(order)).toEqual([1, 0, 2])
    expect(frames).toEqual([
      [320, 640],
      [480, 640],
      [640, 640],
    ])
  })

  it('have no more frames than asked for, joined where that adds least border', () => {
    const { frames } = rectangularBatches(heights(320, 320, 320, 352, 480, 512, 640), { ...options, mostFrames: 3 })
    expect(frames).toEqual([...[352, 352, 352, 352], 512, 512, 640].map((height) => [height, 640]))
    const all = rectangularBatches(heights(320, 352, 480), { ...options, mostFrames: 3 })
    expect(all.frames).toEqual([320, 352, 480].map((height) => [height, 640]))
  })
})
