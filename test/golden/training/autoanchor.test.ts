// AutoAnchor against yolov5 v7.0's own runs: sizes, every start of k-means, the thousand mutations, the 0.98 decision.
import { expect, it } from 'vitest'
import { NumpyRandom, PythonRandom } from '../../../src/base/index.ts'
import {
  checkAnchors,
  evolveAnchors,
  fitOf,
  kmeans,
  kmeansAnchors,
  labelSizes,
  orderAnchors,
  searchAnchors,
  toFloat32,
} from '../../../src/detect/anchors/index.ts'
import { golden, readReferenceJson, referenceFiles } from '../reference.ts'
import { float32, type GoldenTensor, numbers, readTensors } from '../tensors.ts'

// biome-ignore lint/suspicious/noExplicitAny: recorded JSON
type Recorded = any

const folder = 'training/autoanchor'
const cases = (key: string): Recorded[] =>
  referenceFiles(folder, /^cases\.json$/).length > 0 ? (readReferenceJson(`${folder}/cases.json`)[key] ?? []) : []

const randomOf = (numpySeed: number, pythonSeed: number) => ({
  numpy: new NumpyRandom(numpySeed),
  python: new PythonRandom(pythonSeed),
})

/** The recorded labels as a data set has them. */
function labelled(tensors: Map<string, GoldenTensor>) {
  const counts = numbers(tensors, 'label_counts')
  const wh = float32(tensors, 'labels_wh_normalised')
  const labels = new Float32Array((wh.length / 2) * 5)
  for (let row = 0; row < wh.length / 2; row++) labels.set([0, 0.5, 0.5, wh[2 * row]!, wh[2 * row + 1]!], 5 * row)
  const labelStart = [0]
  for (const count of counts) labelStart.push(labelStart.at(-1)! + count)
  return { sizes: numbers(tensors, 'shapes_wh'), labels, labelStart }
}

/** The recorded mutations in turn. */
function recordedFactors(tensors: Map<string, GoldenTensor>, size: number): () => Float64Array {
  const all = tensors.get('evolve_v')!.data as Float64Array
  let at = 0
  return () => all.subarray(at, (at += size))
}

const levelsOf = (tensors: Map<string, GoldenTensor>, name: string, levels: number) => {
  const flat = numbers(tensors, name)
  const size = flat.length / levels
  return Array.from({ length: levels }, (_, i) => flat.slice(i * size, (i + 1) * size))
}

golden<Recorded>(
  folder,
  'search for anchors',
  () => cases('kmean_anchors'),
  (all) => {
    for (const c of all) {
      const tensors = readTensors(`${folder}/${c.name}.safetensors`)
      const labels = labelled(tensors)
      const points = () => toFloat32(labelSizes(labels, c.img_size), (width, height) => width >= 2 || height >= 2)

      it(`${c.name}: sizes of labels`, () => {
        expect(Array.from(labelSizes(labels, c.img_size))).toEqual(numbers(tensors, 'wh_pixels_all'))
        expect(Array.from(points())).toEqual(numbers(tensors, 'wh_pixels_filtered'))
      })

      if (tensors.has('kmeans_init_indices')) {
        it(`${c.name}: k-means, every start and the best`, () => {
          const [restarts] = tensors.get('kmeans_init_indices')!.shape as [number]
          const deviation = (column: number) => {
            const values = Array.from(points()).filter((_, i) => i % 2 === column)
            const mean = values.reduce((sum, value) => sum + value) / values.length
            return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
          }
          const scale = [deviation(0), deviation(1)]
          const scaled = points().map((value, i) => value / Math.fround(scale[i % 2]!))
          const result = kmeans(scaled, c.n, new NumpyRandom(c.numpy_seed), restarts)
          expect(result.starts.flatMap((start) => start.rows)).toEqual(numbers(tensors, 'kmeans_init_indices'))
          for (const [i, expected] of numbers(tensors, 'kmeans_distortions').entries())
            expect(result.starts[i]!.distortion).toBeCloseTo(expected, 6)
          expect(result.run).toBe(c.kmeans_best_run)
          const start = kmeansAnchors(points(), c.n, randomOf(c.numpy_seed, 0))!
          expect(Array.from(start)).toEqual(numbers(tensors, 'k_start'))
        })
      }

      it(`${c.name}: evolution by the recorded mutations`, () => {
        const recorded = tensors.get('k_start_sorted')!.data as Float32Array | Float64Array
        const accepted: number[] = []
        const best = evolveAnchors(recorded, points(), {
          threshold: c.thr,
          generations: c.gen,
          nextFactors: recordedFactors(tensors, 2 * c.n),
          onAccept: (generation, fitness) => accepted.push(generation, fitness),
        })
        const expected = numbers(tensors, 'accepted_gen_fitness')
        expect(accepted.filter((_, i) => i % 2 === 0)).toEqual(expected.filter((_, i) => i % 2 === 0))
        for (const [i, value] of expected.entries()) expect(accepted[i]).toBeCloseTo(value, 6)
        const bySize = (flat: ArrayLike<number>) =>
          Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]).sort(
            (a, b) => a[0]! * a[1]! - b[0]! * b[1]!,
          )
        expect(bySize(Float32Array.from(best))).toEqual(bySize(float32(tensors, 'k_final')))
      })

      it(`${c.name}: the same anchors from the same seeds`, () => {
        const messages: string[] = []
        const anchors = searchAnchors(labels, {
          count: c.n,
          imagePx: c.img_size,
          threshold: c.thr,
          generations: c.gen,
          random: randomOf(c.numpy_seed, c.python_random_seed),
          onMessage: (_, text) => messages.push(text),
        })
        expect(Array.from(anchors)).toEqual(numbers(tensors, 'k_final'))
        expect(messages.length).toBe(c.log.length)
        const fit = fitOf(toFloat32(labelSizes(labels, c.img_size)), anchors, c.thr)
        expect(fit.bpr).toBeCloseTo(c.metrics_final_on_all_labels.bpr, 6)
        expect(fit.aat).toBeCloseTo(c.metrics_final_on_all_labels.aat, 6)
        expect(fit.meanAll).toBeCloseTo(c.metrics_final_on_all_labels.metric_all_mean, 6)
        expect(fit.meanBest).toBeCloseTo(c.metrics_final_on_all_labels.metric_best_mean, 6)
      })
    }
  },
)

golden<Recorded>(
  folder,
  'decision at 0.98',
  () => cases('check_anchors'),
  (all) => {
    for (const c of all) {
      const tensors = readTensors(`${folder}/check_${c.name}.safetensors`)
      const labels = labelled(tensors)
      const levels = tensors.get('anchors_before_grid')!.shape[0]!
      const before = levelsOf(tensors, 'anchors_before_px', levels)
      const grid = levelsOf(tensors, 'anchors_before_grid', levels)
      const strides = before.map((level, i) => Math.round(level[0]! / grid[i]![0]!))

      it(c.name, () => {
        const scales = new NumpyRandom(c.numpy_seed)
        expect(labels.labelStart.slice(1).map(() => scales.uniform(0.9, 1.1))).toEqual(numbers(tensors, 'scale_draws'))

        // The two generators were seeded alike.
        const random = randomOf(c.numpy_seed, c.python_random_seed ?? c.numpy_seed)
        const checked = checkAnchors(labels, {
          anchorsPx: before,
          strides,
          imagePx: c.imgsz,
          threshold: c.thr,
          random,
        })
        expect(checked.changed).toBe(c.changed)
        expect(checked.before.bpr).toBeCloseTo(c.before.bpr, 6)
        expect(checked.before.aat).toBeCloseTo(c.before.aat, 6)
        expect(checked.after.bpr).toBeCloseTo(c.after.bpr, 6)
        expect(checked.after.aat).toBeCloseTo(c.after.aat, 6)
        expect(checked.anchorsPx.flat()).toEqual(numbers(tensors, 'anchors_after_px'))
        const cells = checked.anchorsPx.flatMap((level, i) => level.map((value) => value / strides[i]!))
        expect(cells).toEqual(numbers(tensors, 'anchors_after_grid'))
      })
    }
  },
)

golden<Recorded>(
  folder,
  'order of levels',
  () => cases('anchor_order'),
  (all) => {
    it.each(all.map((c, i) => [i, c]))('case %i', (_, c: Recorded) => {
      expect(
        orderAnchors(
          c.in,
          c.in.map((_: unknown, i: number) => 8 * 2 ** i),
        ),
      ).toEqual(c.out)
    })
  },
)
