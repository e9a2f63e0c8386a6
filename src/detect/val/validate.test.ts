import { describe, expect, it } from 'vitest'
import { ConfusionMatrix } from './match.ts'
import { type ValidationBatch, validate } from './validate.ts'

/** A batch of 100 × 100 photographs with [image, class, x1, y1, x2, y2] labels. */
function batchOf(images: number, labels: readonly (readonly number[])[], px = 100): ValidationBatch {
  return {
    images: new Uint8Array(0),
    batch: images,
    height: px,
    width: px,
    targets: Float32Array.from(
      labels.flatMap(([image, c, x1, y1, x2, y2]) => [
        image!,
        c!,
        (x1! + x2!) / 2 / px,
        (y1! + y2!) / 2 / px,
        (x2! - x1!) / px,
        (y2! - y1!) / px,
      ]),
    ),
    originals: Array.from({ length: images }, (_, i) => ({
      path: `${i}.png`,
      height: 100,
      width: 100,
      ratio: [1, 1] as const,
      pad: [0, 0] as const,
    })),
  }
}

/** Decoded rows of [image, x1, y1, x2, y2, objectness, …class probabilities], padded to the same number per image. */
function decodedOf(images: number, nc: number, boxes: readonly (readonly number[])[]): Float32Array {
  const rows = Math.max(1, ...Array.from({ length: images }, (_, i) => boxes.filter((box) => box[0] === i).length))
  const data = new Float32Array(images * rows * (5 + nc))
  const used = Array(images).fill(0)
  for (const [image, x1, y1, x2, y2, ...scores] of boxes)
    data.set(
      [(x1! + x2!) / 2, (y1! + y2!) / 2, x2! - x1!, y2! - y1!, ...scores],
      (image! * rows + used[image!]++) * (5 + nc),
    )
  return data
}

async function* once<T>(...items: T[]) {
  yield* items
}

describe('validate', () => {
  const labels = [
    [0, 0, 10, 10, 40, 40],
    [0, 1, 50, 50, 90, 90],
    [1, 1, 20, 20, 60, 70],
  ]
  const perfect = [
    [0, 10, 10, 40, 40, 1, 0.9, 0],
    [0, 50, 50, 90, 90, 1, 0, 0.8],
    [1, 20, 20, 60, 70, 1, 0, 0.7],
  ]

  it('gives perfect figures to a perfect network', async () => {
    const metrics = await validate({
      run: () => ({ decoded: decodedOf(2, 2, perfect), heads: [] }),
      loader: once(batchOf(2, labels)),
      names: ['cat', 'dog'],
    })
    // The average over 101 recall points of a perfect curve stops short of 1 by the last trapezoid.
    expect(metrics).toMatchObject({ recall: 1, mAP50: 0.995, images: 2, instances: 3 })
    expect(metrics.mAP50to95).toBeCloseTo(0.995, 12)
    expect(metrics.precision).toBeGreaterThan(0.99)
    expect(metrics.perClass.map(({ name, instances }) => [name, instances])).toEqual([
      ['all', 3],
      ['cat', 1],
      ['dog', 2],
    ])
    expect(metrics.curves.confusion).toEqual([
      [1, 0, 0],
      [0, 2, 0],
      [0, 0, 0],
    ])
    expect(metrics.curves.precisionOverRecall.map((row) => row.length)).toEqual([1000, 1000])
  })

  it('gives zeros to a network that finds nothing, and to one that is never right', async () => {
    for (const boxes of [[], [[0, 0, 0, 5, 5, 1, 0.9, 0.9]]]) {
      const metrics = await validate({
        run: () => ({ decoded: decodedOf(2, 2, boxes), heads: [] }),
        loader: once(batchOf(2, labels)),
        names: ['cat', 'dog'],
      })
      expect(metrics).toMatchObject({ precision: 0, recall: 0, mAP50: 0, mAP50to95: 0, f1: 0, instances: 3 })
    }
  })

  it('does not mind a data set without labels or without images', async () => {
    const run = () => ({ decoded: decodedOf(1, 1, [[0, 0, 0, 5, 5, 1, 0.9]]), heads: [] })
    const unlabelled = await validate({ run, loader: once(batchOf(1, [])), names: ['cat'] })
    expect(unlabelled).toMatchObject({ mAP50: 0, images: 1, instances: 0 })
    const empty = await validate({ run, loader: once<ValidationBatch>(), names: ['cat'] })
    expect(empty).toMatchObject({ mAP50: 0, images: 0, valBoxLoss: 0 })
    expect(empty.msPerImage.network).toBe(0)
  })

  it('counts boxes of every class as class 0 under singleCls', async () => {
    const metrics = await validate({
      run: () => ({
        decoded: decodedOf(
          2,
          1,
          perfect.map((box) => [...box.slice(0, 6), 0.9]),
        ),
        heads: [],
      }),
      loader: once(
        batchOf(
          2,
          labels.map(([image, , ...box]) => [image!, 0, ...box]),
        ),
      ),
      names: ['item'],
      singleCls: true,
    })
    expect(metrics.mAP50).toBeCloseTo(0.995, 9)
  })

  it('averages losses over batches and tells each batch', async () => {
    const told: number[] = []
    const terms = [[1, 2, 3] as const, [3, 4, 5] as const]
    const metrics = await validate({
      run: () => ({ decoded: decodedOf(2, 2, perfect), heads: 0 }),
      loader: once(batchOf(2, labels), batchOf(2, labels)),
      names: ['cat', 'dog'],
      computeLoss: () => terms[told.length]!,
      onBatch: (index, _, detections, native) => {
        told.push(index)
        expect(detections.map((rows) => rows.length / 6)).toEqual([2, 1])
        expect(native).toEqual(detections)
      },
    })
    expect(told).toEqual([0, 1])
    expect([metrics.valBoxLoss, metrics.valObjLoss, metrics.valClsLoss]).toEqual([2, 3, 4])
  })

  it('stops between batches when told to', async () => {
    const controller = new AbortController()
    let batches = 0
    const validation = validate({
      run: () => {
        batches++
        controller.abort(new Error('stopped by the user'))
        return { decoded: decodedOf(2, 2, perfect), heads: [] }
      },
      loader: once(batchOf(2, labels), batchOf(2, labels)),
      names: ['cat', 'dog'],
      signal: controller.signal,
    })
    await expect(validation).rejects.toThrow('stopped by the user')
    expect(batches).toBe(1)
  })
})

describe('ConfusionMatrix', () => {
  const label = (c: number) => Float32Array.of(c, 0, 0, 10, 10)
  const detection = (c: number, x = 0, confidence = 0.9) => [x, 0, x + 10, 10, confidence, c]

  it('counts a hit, a mix-up, a miss and a false detection', () => {
    const matrix = new ConfusionMatrix(2)
    matrix.add(Float32Array.from(detection(0)), label(0))
    matrix.add(Float32Array.from([...detection(1), ...detection(1, 50)]), label(0))
    matrix.add(new Float32Array(0), label(1))
    expect(matrix.rows()).toEqual([
      [1, 0, 0],
      [1, 0, 1],
      [0, 1, 0],
    ])
  })

  it('does not count false detections where nothing overlaps, as v7.0', () => {
    const matrix = new ConfusionMatrix(1)
    matrix.add(Float32Array.from(detection(0, 50)), label(0))
    expect(matrix.rows()).toEqual([
      [0, 0],
      [1, 0],
    ])
  })

  it('ignores detections of low confidence', () => {
    const matrix = new ConfusionMatrix(1)
    matrix.add(Float32Array.from(detection(0, 0, 0.25)), label(0))
    expect(matrix.rows()).toEqual([
      [0, 0],
      [1, 0],
    ])
  })
})
