import { describe, expect, it } from 'vitest'
import { trainingSizes } from './image-sizes.ts'

const none = { multiScale: false }
const many = { multiScale: true }

describe('sizes of a training', () => {
  it.each([
    ['yolov5', none, 640, { imagePx: 640, sizes: [] }],
    // v7.0: from half of the size to one and a half
    ['yolov5', many, 640, { imagePx: 640, sizes: [320, 480, 640, 800, 960] }],
    ['yolov5', many, 160, { imagePx: 160, sizes: [64, 128, 160, 192, 256] }],
    ['yolov5', many, 32, { imagePx: 32, sizes: [32, 64] }],
    // January 2020: two thirds to one and a half, made at the largest
    ['yolov3', many, 416, { imagePx: 640, sizes: [288, 384, 480, 544, 640] }],
    // Three numbers of --img-size
    ['yolov3', { ...none, leastImagePx: 320 }, 640, { imagePx: 640, sizes: [320, 384, 480, 576, 640] }],
    ['yolov3', { ...many, leastImagePx: 640 }, 640, { imagePx: 960, sizes: [416, 544, 672, 832, 960] }],
  ] as const)('of %s, %j, at %i px', (family, options, imagePx, expected) => {
    expect(trainingSizes({ family }, options, imagePx, 32)).toEqual(expected)
  })
})
