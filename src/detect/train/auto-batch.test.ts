import { describe, expect, it } from 'vitest'
import { loadModel } from '../model/index.ts'
import { autoBatch } from './auto-batch.ts'

const definition = loadModel('yolov5n.yaml')
const memory = (available: number) => ({ available, total: 64e9, limited: false })

describe('the batch size that fits', () => {
  it('is 16, or a smaller power of two', () => {
    expect(autoBatch(definition, 640, memory(32e9)).batchSize).toBe(16)
    const tight = autoBatch(definition, 640, memory(2e9))
    expect([2, 4, 8]).toContain(tight.batchSize)
    expect(tight.bytes).toBeLessThanOrEqual(0.6 * 2e9)
    expect(autoBatch(definition, 640, memory(0)).batchSize).toBe(1)
  })
})
