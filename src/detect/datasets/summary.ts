// Numbers of a data set for people: what is in it, how large things are, whether anchors fit.
import { PythonRandom } from '../../base/index.ts'
import { type AnchorFit, fitOf, labelSizes, toFloat32 } from '../anchors/index.ts'
import { type Dataset, datasetStatistics, decodeImage, letterbox, type Split } from '../data/index.ts'
import type { ModelDefinition } from '../model/definition.ts'
import { mapConcurrently } from './files.ts'

/** Least, quarter, middle, three quarters, largest. */
export type Quartiles = readonly [number, number, number, number, number]

export interface DatasetSummary {
  readonly split: Split
  readonly images: number
  /** Images without a label. */
  readonly background: number
  readonly boxes: number
  /** Labels with an outline. */
  readonly outlines: number
  readonly names: readonly string[]
  readonly boxesPerClass: readonly number[]
  readonly imagesPerClass: readonly number[]
  /** Most boxes of one image, and their mean. */
  readonly boxesPerImage: { readonly mean: number; readonly most: number }
  /** Of boxes: sides in parts of the image, and in pixels at training size; `small`, `medium`, `large` as COCO counts. */
  readonly box: {
    readonly width: Quartiles
    readonly height: Quartiles
    readonly widthPx: Quartiles
    readonly heightPx: Quartiles
    readonly small: number
    readonly medium: number
    readonly large: number
  }
  /** Sizes of images, the most frequent first. */
  readonly imageSizes: readonly { readonly width: number; readonly height: number; readonly images: number }[]
  readonly anchors: Pick<AnchorFit, 'bpr' | 'aat'>
}

/** COCO's limits of small and medium objects: areas in square pixels. */
const [smallArea, mediumArea] = [32 ** 2, 96 ** 2]

export interface SummaryOptions {
  /** Training size: longer side of the images, pixels. */
  readonly imagePx: number
  readonly model: Pick<ModelDefinition, 'anchorsPx'>
  /** Hyp `anchor_t`. */
  readonly threshold: number
}

/** @param dataset - with at least one image */
export function summariseDataset(dataset: Dataset, { imagePx, model, threshold }: SummaryOptions): DatasetSummary {
  const { split, names, sizes, paths, labels, labelStart } = dataset
  const { images, background, instances, instancesPerClass, imagesPerClass } = datasetStatistics(dataset)
  const px = labelSizes(dataset, imagePx)
  const column = (values: ArrayLike<number>, stride: number, at: number) =>
    Float64Array.from({ length: instances }, (_, i) => values[stride * i + at]).sort()
  const areas = Array.from({ length: instances }, (_, i) => px[2 * i] * px[2 * i + 1])
  const small = areas.filter((area) => area < smallArea).length
  const large = areas.filter((area) => area >= mediumArea).length
  const bySize = new Map<string, { width: number; height: number; images: number }>()
  for (let i = 0; i < paths.length; i++) {
    const [width, height] = [sizes[2 * i], sizes[2 * i + 1]]
    const known = bySize.get(`${width} ${height}`)
    if (known) known.images++
    else bySize.set(`${width} ${height}`, { width, height, images: 1 })
  }
  let most = 0
  for (let i = 0; i < images; i++) most = Math.max(most, labelStart[i + 1] - labelStart[i])
  const fit =
    instances === 0 ? { bpr: 0, aat: 0 } : fitOf(toFloat32(px), Float32Array.from(model.anchorsPx.flat()), threshold)
  return {
    split,
    images,
    background,
    boxes: instances,
    outlines: dataset.pointStart.length - 1,
    names,
    boxesPerClass: instancesPerClass,
    imagesPerClass,
    boxesPerImage: { mean: instances / images, most },
    box: {
      width: quartiles(column(labels, 5, 3)),
      height: quartiles(column(labels, 5, 4)),
      widthPx: quartiles(column(px, 2, 0)),
      heightPx: quartiles(column(px, 2, 1)),
      small,
      medium: instances - small - large,
      large,
    },
    imageSizes: [...bySize.values()].sort((a, b) => b.images - a.images || b.width - a.width || b.height - a.height),
    anchors: { bpr: fit.bpr, aat: fit.aat },
  }
}

/** Values between two are interpolated. Zeros where there is nothing. */
function quartiles(sorted: Float64Array): Quartiles {
  const at = (share: number) => {
    const place = share * (sorted.length - 1)
    const low = Math.floor(place)
    return sorted.length === 0 ? 0 : sorted[low] + (place - low) * (sorted[Math.ceil(place)] - sorted[low])
  }
  return [at(0), at(0.25), at(0.5), at(0.75), at(1)]
}

/** Images with boxes, ready to be drawn. */
export interface SampleImages {
  /** uint8 RGB, [batch, height, width, 3]. */
  readonly images: Uint8Array
  readonly batch: number
  readonly height: number
  readonly width: number
  /** Rows of 6: image, class, x, y, width, height, centre form, normalised. */
  readonly boxes: Float32Array
  readonly paths: readonly string[]
}

/**
 * Images of a data set in which every class has its turn, the rarest first, so that a few show what there is.
 *
 * @throws ImageUnreadableError if a file has changed
 */
export async function sampleImages(dataset: Dataset, count: number, px: number, seed: number): Promise<SampleImages> {
  const chosen = chooseSamples(dataset, count, seed)
  const size = 3 * px * px
  const images = new Uint8Array(chosen.length * size)
  const rows = await mapConcurrently(
    chosen,
    async (index, place) => {
      const { data, box } = letterbox(await decodeImage(dataset.paths[index]), { frame: [px, px] })
      images.set(data, place * size)
      const own: number[] = []
      for (let row = dataset.labelStart[index]; row < dataset.labelStart[index + 1]; row++) {
        const [label, x, y, w, h] = dataset.labels.subarray(5 * row, 5 * row + 5)
        const [height, width] = box.inner
        own.push(
          place,
          label,
          (x * width + box.left) / px,
          (y * height + box.top) / px,
          (w * width) / px,
          (h * height) / px,
        )
      }
      return own
    },
    undefined,
    4,
  )
  const boxes = Float32Array.from(rows.flat())
  return { images, batch: chosen.length, height: px, width: px, boxes, paths: chosen.map((i) => dataset.paths[i]) }
}

/** Indices of images, by turns one with each class. */
export function chooseSamples({ paths, names, labels, labelStart }: Dataset, count: number, seed: number): number[] {
  const order = paths.map((_, i) => i)
  new PythonRandom(seed).shuffle(order)
  const byClass: number[][] = names.map(() => [])
  for (const index of order) {
    const own = new Set<number>()
    for (let row = labelStart[index]; row < labelStart[index + 1]; row++) own.add(labels[5 * row])
    for (const label of own) byClass[label]?.push(index)
  }
  const turns = byClass.filter((list) => list.length > 0).sort((a, b) => a.length - b.length)
  const chosen = new Set<number>()
  for (let round = 0; chosen.size < count && turns.some((list) => list.length > round); round++)
    for (const list of turns) {
      const next = list.find((index) => !chosen.has(index))
      if (next !== undefined && chosen.size < count) chosen.add(next)
    }
  for (const index of order) if (chosen.size < count) chosen.add(index)
  return [...chosen]
}
