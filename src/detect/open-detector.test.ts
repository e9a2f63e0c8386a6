import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckpointError, OnnxModelError } from '../base/index.ts'
import { exportOnnx, Graph, readOnnxMetadata, writeSafetensors } from '../nn/index.ts'
import { exportDarknet } from './darknet/index.ts'
import { exportDetector, initialWeights, loadModel } from './model/index.ts'
import { openDetector } from './open-detector.ts'
import { saveDetector } from './train/checkpoint.ts'

const definition = loadModel('yolov5n', { classes: 2 })
const weights = initialWeights(definition, 3)
const names = ['cat', "dog's"]
const runtime = { threads: 1 }
const frame = { batch: 2, height: 64, width: 96 }
const images = Uint8Array.from({ length: 2 * 3 * 64 * 96 }, (_, i) => (i * 7919) % 256)

let folder: string
const at = (name: string) => join(folder, name)
const decodedBy = async (file: string, cfg?: string) => {
  const { network, ...rest } = await openDetector({ weights: at(file), ...(cfg && { cfg }) }, runtime)
  const { decoded } = await network.run({ images, ...frame })
  await network.dispose()
  return { ...rest, decoded: decoded.slice() }
}
/** Largest difference of two outputs. */
const distance = (a: Float32Array, b: Float32Array) =>
  a.reduce((worst, x, i) => Math.max(worst, Math.abs(x - b[i]!)), 0)

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hypevolve-open-'))
  saveDetector(at('a.safetensors'), { definition, names, imagePx: 160, epoch: 3 }, weights)
  const options = { names, imagePx: 160 }
  writeFileSync(at('a.onnx'), exportDetector(definition, weights, options))
  writeFileSync(at('half.onnx'), exportDetector(definition, weights, { ...options, floats: 'float16' }))
  writeFileSync(at('bytes.onnx'), exportDetector(definition, weights, { ...options, images: 'uint8' }))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('openDetector', () => {
  it('opens checkpoints and exported models, which say the same and give the same boxes', async () => {
    const checkpoint = await decodedBy('a.safetensors')
    expect(checkpoint).toMatchObject({ names, imagePx: 160, stride: 32, family: 'yolov5', fixed: {} })
    for (const [file, tolerance] of [
      ['a.onnx', 1e-3],
      ['bytes.onnx', 1e-6],
      ['half.onnx', 0.25],
    ] as const) {
      const { decoded, path, ...rest } = await decodedBy(file)
      expect(rest).toEqual({ names, imagePx: 160, stride: 32, family: 'yolov5', fixed: {} })
      expect(path).toBe(at(file))
      expect(distance(decoded, checkpoint.decoded)).toBeLessThan(tolerance)
    }
  })

  it('opens weights alone and those of Darknet with their model', async () => {
    writeFileSync(at('alone.safetensors'), writeSafetensors(weights))
    const yaml = at('two.yaml')
    writeFileSync(yaml, JSON.stringify(definition.yaml))
    await expect(decodedBy('alone.safetensors')).rejects.toThrow(/--cfg/)
    const [alone, checkpoint] = await Promise.all([decodedBy('alone.safetensors', yaml), decodedBy('a.safetensors')])
    expect(alone.decoded).toEqual(checkpoint.decoded)
    expect(alone.names).toEqual(['class0', 'class1'])
    await expect(decodedBy('alone.safetensors', 'yolov5s.yaml')).rejects.toThrow(CheckpointError)

    const tiny = loadModel('yolov3-tiny.cfg', { classes: 3 })
    writeFileSync(at('tiny.weights'), exportDarknet({ definition: tiny, weights: initialWeights(tiny, 1) }))
    await expect(decodedBy('tiny.weights')).rejects.toThrow(/--cfg/)
    const source = { weights: at('tiny.weights'), cfg: 'yolov3-tiny.cfg', names: ['a', 'b', 'c'] }
    const opened = await openDetector(source, runtime)
    expect(opened).toMatchObject({ names: ['a', 'b', 'c'], family: 'yolov3', imagePx: 416 })
    await opened.network.dispose()
  })

  it('refuses ONNX models that are no detectors, and what is no model', async () => {
    const graph = new Graph()
    const outputs = { y: graph.input('x', ['batch', 3, 'height', 'width']) }
    writeFileSync(at('other.onnx'), exportOnnx({ outputs }))
    writeFileSync(at('noise.onnx'), images.subarray(0, 500))
    writeFileSync(at('cut.onnx'), exportDetector(definition, weights).subarray(0, 5000))
    for (const file of ['other.onnx', 'noise.onnx', 'cut.onnx'])
      await expect(decodedBy(file), file).rejects.toThrow(OnnxModelError)
    await expect(decodedBy('none.onnx')).rejects.toThrow(/no such file/)
  })
})

describe('readOnnxMetadata', () => {
  it('reads what was written, and survives a file that is cut anywhere', () => {
    const bytes = exportDetector(definition, weights, { names })
    expect(readOnnxMetadata(bytes).get('names')).toBe(`{0: 'cat', 1: 'dog\\'s'}`)
    for (let length = 0; length < bytes.length; length += 9973) readOnnxMetadata(bytes.subarray(0, length))
    for (let length = bytes.length - 60; length < bytes.length; length++) readOnnxMetadata(bytes.subarray(0, length))
  })
})
