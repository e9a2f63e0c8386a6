import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HalfRangeError, HypevolveError } from '../../base/index.ts'
import { type Model, openModel } from '../../nn/index.ts'
import { loadModel } from './definition.ts'
import { boxOutput, exportDetector, imageInput } from './export.ts'
import { initialWeights } from './initial-weights.ts'

const definition = loadModel('yolov5n', { classes: 2 })
const weights = initialWeights(definition, 3)

describe('an exported detector', () => {
  let bytesModel: Model
  let floatModel: Model
  beforeAll(async () => {
    bytesModel = await openModel(exportDetector(definition, weights, { images: 'uint8', heads: true }))
    floatModel = await openModel(exportDetector(definition, weights))
  })
  afterAll(() => Promise.all([bytesModel.dispose(), floatModel.dispose()]))

  it.each([
    [1, 64, 64],
    [3, 64, 96],
    [2, 160, 32],
  ])('takes %i images of %i x %i, as bytes or floats', async (batch, height, width) => {
    const bytes = Uint8Array.from({ length: batch * 3 * height * width }, (_, i) => (i * 7919) % 256)
    const shape = [batch, 3, height, width]
    const fromBytes = await bytesModel.run({ [imageInput]: { dtype: 'uint8', data: bytes, shape } })
    const floats = Float32Array.from(bytes, (value) => value / 255)
    const fromFloats = await floatModel.run({ [imageInput]: { dtype: 'float32', data: floats, shape } })

    const rows = definition.strides.reduce((sum, stride) => sum + (3 * height * width) / stride ** 2, 0)
    expect(fromBytes[boxOutput]!.shape).toEqual([batch, rows, 7])
    expect(fromBytes['head2']!.shape).toEqual([batch, 3, height / 32, width / 32, 7])
    expect(Object.keys(fromFloats)).toEqual([boxOutput])
    const [a, b] = [fromBytes, fromFloats].map((output) => output[boxOutput]!.data as Float32Array) as [
      Float32Array,
      Float32Array,
    ]
    for (const [i, value] of a.entries()) if (Math.abs(value - b[i]!) > 1e-3) expect.fail(`${i}: ${value}, ${b[i]}`)
  })

  it('puts boxes of an untrained model around their cells', async () => {
    const shape = [1, 3, 64, 64]
    const output = await bytesModel.run({ [imageInput]: { dtype: 'uint8', data: new Uint8Array(3 * 64 * 64), shape } })
    const boxes = output[boxOutput]!.data as Float32Array
    // Rows: level, then anchor, row, column. The second anchor of level 0, row 3, column 5:
    const at = 7 * (64 + 3 * 8 + 5)
    expect(Math.abs(boxes[at]! - 5.5 * 8)).toBeLessThan(8)
    expect(Math.abs(boxes[at + 1]! - 3.5 * 8)).toBeLessThan(8)
    expect(boxes[at + 2]! > 0 && boxes[at + 2]! < 4 * 16 && boxes[at + 3]! > 0 && boxes[at + 3]! < 4 * 30).toBe(true)
  })

  it('carries stride, names and size as YOLOv5 writes them', () => {
    const options = { names: ["red cell's", '白细胞'], imagePx: 160, metadata: { author: 'me' } }
    const text = Buffer.from(exportDetector(definition, weights, options)).toString('utf8')
    for (const part of ["{0: 'red cell\\'s', 1: '白细胞'}", '[160, 160]', 'author', 'stride'])
      expect(text).toContain(part)
  })

  it('computes in half precision what it computes in full, if so written', async () => {
    const bytes = exportDetector(definition, weights, { floats: 'float16' })
    const full = exportDetector(definition, weights)
    expect(bytes.length).toBeLessThan(0.55 * full.length)
    const halfModel = await openModel(bytes)
    expect([...halfModel.inputs, ...halfModel.outputs].map(({ dtype }) => dtype)).toEqual(['float16', 'float16'])
    const shape = [2, 3, 64, 96]
    const data = Float32Array.from({ length: 2 * 3 * 64 * 96 }, (_, i) => ((i * 7919) % 256) / 255)
    const [half, float] = await Promise.all(
      [halfModel, floatModel].map(async (model) => {
        const output = await model.run({ [imageInput]: { dtype: 'float32', data, shape } })
        return output[boxOutput]!.data as Float32Array
      }),
    )
    await halfModel.dispose()
    expect(half!.length).toBe(float!.length)
    expect(half).not.toEqual(float)
    // Pixels up to 96 have steps of 1/16, scores below 1 steps of 1/2048.
    for (const [i, value] of half!.entries()) {
      const tolerance = i % 7 < 4 ? 0.25 : 0.005
      if (!(Math.abs(value - float![i]!) <= tolerance)) expect.fail(`${i}: ${value}, ${float![i]}`)
    }
  })

  it('refuses what half precision cannot hold', () => {
    const large = new Map(weights)
    const name = 'model.24.m.0.bias'
    large.set(name, { ...weights.get(name)!, data: weights.get(name)!.data.map(() => 1e5) })
    expect(() => exportDetector(definition, large, { floats: 'float16' })).toThrow(HalfRangeError)
  })

  it('refuses weights of another model', () => {
    const other = initialWeights(loadModel('yolov5n', { classes: 3 }), 0)
    expect(() => exportDetector(definition, other)).toThrow(HypevolveError)
  })
})
