import { describe, expect, it } from 'vitest'
import { NumpyRandom } from '../../base/index.ts'
import { PairedBootstrap, WeightedPrecision } from './paired.ts'
import { classMetrics } from './precision.ts'
import { type MarkedImage, Marks } from './validate.ts'

/** Images with labels, and detections of which a share `quality` is near a label. */
function markedImages(seed: number, count: number, classes: number, quality: number): MarkedImage[] {
  const layout = new NumpyRandom(1000) // the same labels for all detectors
  const random = new NumpyRandom(seed)
  const marks = new Marks(classes)
  for (let image = 0; image < count; image++) {
    const labels: number[] = []
    const detections: number[][] = []
    const objects = layout.randint(5)
    for (let k = 0; k < objects; k++) {
      const [c, x, y] = [layout.randint(classes), layout.uniform(0, 80), layout.uniform(0, 80)]
      labels.push(c, x, y, x + 20, y + 20)
      for (let copy = 0; copy < 2; copy++) {
        const [dx, dy] = [random.uniform(-4, 4), random.uniform(-4, 4)]
        if (random.uniform() < quality)
          detections.push([x + dx, y + dy, x + dx + 20, y + dy + 20, Math.round(random.uniform() * 40) / 40, c])
      }
    }
    for (let k = random.randint(6); k > 0; k--) {
      const [x, y] = [random.uniform(0, 80), random.uniform(0, 80)]
      detections.push([x, y, x + 9, y + 9, Math.round(random.uniform() * 30) / 40, random.randint(classes)])
    }
    detections.sort((a, b) => b[4]! - a[4]!)
    // Equal confidences only between images: within one, copies of the image would change places.
    for (const [k, row] of detections.entries()) row[4] = Math.min(row[4]!, (detections[k - 1]?.[4] ?? 2) - 0.02)
    marks.addImage(Float32Array.from(detections.flat()), Float32Array.from(labels), String(image))
  }
  return marks.images
}

/** `classMetrics` of images that are there so many times. */
function literal(images: readonly MarkedImage[], weights: Int32Array) {
  const marks = new Marks(1)
  for (const [i, image] of images.entries()) for (let k = 0; k < weights[i]!; k++) marks.images.push(image)
  return classMetrics(marks.all())
}

/** So many draws at once. */
function comparePaired(
  a: readonly MarkedImage[],
  b: readonly MarkedImage[],
  { resamples, ...options }: { classes: number; resamples: number; seed?: number },
) {
  const bootstrap = new PairedBootstrap(a, b, options)
  bootstrap.draw(resamples)
  return bootstrap.comparison()
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length

describe('WeightedPrecision', () => {
  it('gives what repeated images give', () => {
    const random = new NumpyRandom(5)
    for (let round = 0; round < 60; round++) {
      const classes = 1 + random.randint(3)
      const images = markedImages(round, 1 + random.randint(25), classes, [0, 0.4, 0.9, 1][round % 4]!)
      const precision = new WeightedPrecision(images, classes)
      for (let draw = 0; draw < 5; draw++) {
        const weights = Int32Array.from(images, () => (draw === 0 ? 1 : random.randint(4)))
        const judged = precision.judge(weights)
        const expected = literal(images, weights)
        const found = expected.classes.map((c) => [judged.perClass50[c]!, judged.perClass50to95[c]!])
        for (const [k, [ap50, ap]] of found.entries()) {
          expect(ap50).toBeCloseTo(expected.ap[k]![0]!, 12)
          expect(ap).toBeCloseTo(mean(expected.ap[k]!), 12)
        }
        for (let c = 0; c < classes; c++) expect(Number.isNaN(judged.perClass50[c])).toBe(!expected.classes.includes(c))
        if (found.length > 0) expect(judged.mAP50).toBeCloseTo(mean(expected.ap.map((row) => row[0]!)), 12)
      }
    }
  })
})

describe('PairedBootstrap', () => {
  const [poor, good] = [markedImages(1, 80, 2, 0.5), markedImages(2, 80, 2, 0.95)]
  const options = { classes: 2, resamples: 100 }

  it('is sure of a large difference, and says the opposite the other way round', () => {
    const { mAP50, mAP50to95, images, resamples, perClass50 } = comparePaired(poor, good, options)
    expect([images, resamples, perClass50.length]).toEqual([80, 100, 2])
    expect(mAP50to95.probabilityBetter).toBe(1)
    for (const { a, b, difference, low, high } of [mAP50, mAP50to95]) {
      expect(difference).toBe(b - a)
      expect(0 < low && low < difference && difference < high).toBe(true)
    }
    const back = comparePaired(good, poor, options).mAP50
    expect(back.difference).toBe(-mAP50.difference)
    expect(back.low).toBeCloseTo(-mAP50.high, 12)
    expect(back.high).toBeCloseTo(-mAP50.low, 12)
    expect(back.probabilityBetter).toBe(0)
  })

  it('finds nothing between a detector and itself', () => {
    expect(comparePaired(good, good, options).mAP50).toMatchObject({
      ...{ difference: 0, low: 0, high: 0, probabilityBetter: 0.5 },
    })
  })

  it('doubts a difference of chance: its interval covers 0 about as often as it says', () => {
    let covered = 0
    for (let round = 0; round < 12; round++) {
      const [a, b] = [markedImages(10 + round, 60, 2, 0.8), markedImages(100 + round, 60, 2, 0.8)]
      const { low, high } = comparePaired(a, b, { classes: 2, resamples: 80, seed: round }).mAP50
      if (low <= 0 && high >= 0) covered++
    }
    expect(covered).toBeGreaterThanOrEqual(9)
  })

  it('repeats itself under a seed', () => {
    expect(comparePaired(poor, good, options)).toEqual(comparePaired(poor, good, options))
    const other = comparePaired(poor, good, { ...options, seed: 1 })
    expect(other.mAP50.difference).toBe(comparePaired(poor, good, options).mAP50.difference)
    expect(other.mAP50.low).not.toBe(comparePaired(poor, good, options).mAP50.low)
  })

  it('may draw in portions', () => {
    const bootstrap = new PairedBootstrap(poor, good, { classes: 2 })
    for (const times of [30, 0, 70]) bootstrap.draw(times)
    expect(bootstrap.comparison()).toEqual(comparePaired(poor, good, options))
  })

  it('says nothing about a class without labels', () => {
    const { perClass50 } = comparePaired(poor, good, { classes: 3, resamples: 20 })
    expect(perClass50[2]).toEqual({
      ...{ a: Number.NaN, b: Number.NaN, difference: Number.NaN, low: Number.NaN, high: Number.NaN },
      probabilityBetter: Number.NaN,
    })
  })
})
