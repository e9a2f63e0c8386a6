// Images and boxes against YOLOv5 v7.0 with OpenCV 4.6: every pixel equal unless a test says otherwise.
import { basename } from 'node:path'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { NumpyRandom, PythonRandom, type Random } from '../../../src/base/index.ts'
import { isCandidate, type Polygon, warpBoxes } from '../../../src/detect/data/boxes.ts'
import { copyPaste } from '../../../src/detect/data/copy-paste.ts'
import { applyHsv, hsvTables, rgbToHsv, VECTOR, writeRgb } from '../../../src/detect/data/hsv.ts'
import { augmentedItem, type Item, type ItemSource, plainItem } from '../../../src/detect/data/item.ts'
import { packImage, toPlainImages } from '../../../src/detect/data/layout.ts'
import { letterbox } from '../../../src/detect/data/letterbox.ts'
import { mixInto } from '../../../src/detect/data/mixup.ts'
import { mosaic } from '../../../src/detect/data/mosaic.ts'
import { perspectiveMatrix } from '../../../src/detect/data/perspective.ts'
import { rectangularBatches } from '../../../src/detect/data/rect.ts'
import { resize, resizeForLoad } from '../../../src/detect/data/resize.ts'
import type { RgbImage } from '../../../src/detect/data/rgb.ts'
import { Scratch } from '../../../src/detect/data/scratch.ts'
import type { AugmentHyp } from '../../../src/detect/data/types.ts'
import { warp } from '../../../src/detect/data/warp.ts'
import { golden, readReferenceJson, referenceFiles, referencePath } from '../reference.ts'

const folder = 'training/augment'
const scratch = new Scratch()

interface Draw {
  rng: 'python' | 'numpy'
  fn: string
  args?: unknown[]
  value?: number | number[]
  result?: number[]
}

const files = referenceFiles(folder, /^cases.*\.json$/)
const reference = files.map((file) => readReferenceJson(`${folder}/${file}`))
/** All cases of a kind, whatever the number of files; kinds that are one object count as one case. */
// biome-ignore lint/suspicious/noExplicitAny: each kind of case has its own fields, which the tests that follow name.
const casesOf = <Case = any>(kind: string): (Case & { sources: Source[] })[] =>
  reference.flatMap((file) =>
    [file[kind] ?? []].flat().map((entry: Case) => ({ ...entry, sources: file.sources as Source[] })),
  )

interface Source {
  file: string
  labels_cls_xywhn: number[][]
}

async function read(file: string): Promise<RgbImage> {
  const { data, info } = await sharp(referencePath(`${folder}/${file}`))
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  expect(info.channels).toBe(3)
  return { data, height: info.height, width: info.width }
}

/** Every byte equal; says how many are not. */
function expectSame(actual: RgbImage, expected: RgbImage): void {
  expect([actual.height, actual.width]).toEqual([expected.height, expected.width])
  let different = 0
  let largest = 0
  for (let i = 0; i < expected.data.length; i++) {
    const difference = Math.abs(actual.data[i] - expected.data[i])
    if (difference > 0) different++
    largest = Math.max(largest, difference)
  }
  expect({ different, largest }).toEqual({ different: 0, largest: 0 })
}

const expectRows = (actual: ArrayLike<number>, expected: readonly number[][], tolerance: number) => {
  const flat = expected.flat()
  expect(actual.length).toBe(flat.length)
  const worst = flat.reduce((worst, value, i) => Math.max(worst, Math.abs(value - actual[i])), 0)
  expect(worst).toBeLessThanOrEqual(tolerance)
}

// The cutout of the reference is left out: no hyperparameter and no call of v7.0 leads to it.
const kinds = ['letterbox', 'resize', 'load_image', 'augment_hsv', 'colour_conversion', 'random_perspective']
kinds.push('random_perspective_segments', 'copy_paste', 'box_candidates', 'mixup', 'mosaic_canvas', 'mosaic9_canvas')
kinds.push('dataset_items')

golden(
  folder,
  'augmentation of v7.0',
  () => kinds.flatMap((kind) => casesOf(kind)),
  () => {
    describe.each(casesOf('letterbox'))(
      'letterbox $file',
      ({ sources, src, args, file, ratio_wh, pad_dw_dh, out_hw }) => {
        it('has the geometry and the pixels', async () => {
          const frame = [args.new_shape].flat()
          const options = {
            frame: [frame[0], frame.at(-1)] as [number, number],
            auto: args.auto ?? true,
            fill: args.scaleFill ?? false,
            scaleUp: args.scaleup ?? true,
            stride: args.stride ?? 32,
          }
          const result = letterbox(await read(sources[src].file), options)
          expect(result.box.ratio).toEqual(ratio_wh)
          expect(result.box.pad).toEqual(pad_dw_dh)
          expect([result.height, result.width]).toEqual(out_hw)
          expectSame(result, await read(file))
        })
      },
    )

    it.each(casesOf('resize'))('resize $interpolation $file', async ({ sources, src, out_wh, interpolation, file }) => {
      expectSame(resize(await read(sources[src].file), out_wh[0], out_wh[1], interpolation), await read(file))
    })

    it.each(casesOf('load_image'))('load_image $file', async ({ sources, src, img_size, augment, hw, file }) => {
      const image = resizeForLoad(await read(sources[src].file), img_size, augment)
      expect([image.height, image.width]).toEqual(hw)
      expectSame(image, await read(file))
    })

    it.each(casesOf('augment_hsv'))('augment_hsv $file', async (testCase) => {
      const { sources, src, gains_h_s_v, numpy_seed, uniform_draws, r, file } = testCase
      const numpy = new NumpyRandom(numpy_seed)
      const draws = [0, 1, 2].map(() => numpy.uniform(-1, 1))
      expect(draws).toEqual(uniform_draws)
      const factors = draws.map((draw, i) => draw * gains_h_s_v[i] + 1)
      expect(factors).toEqual(r)
      const image = scratch.copy(await read(sources[src].file), 'image')
      applyHsv(image, hsvTables(factors), scratch)
      expectSame(image, await read(file))
    })

    it.each(casesOf('colour_conversion'))('colour conversion of source $src', async (testCase) => {
      const image = await read(testCase.sources[testCase.src].file)
      // The planes H, S, V are stored as B, G, R of a picture, so its red is V.
      const planes = await read(testCase.file_hsv_as_png_channels_bgr_order_h_s_v)
      const hsv = new Uint8Array(image.data.length)
      const back = new Uint8Array(image.data.length)
      for (let i = 0; i < hsv.length; i += 3) {
        const packed = rgbToHsv(image.data[i], image.data[i + 1], image.data[i + 2])
        hsv.set([packed & 255, (packed >> 8) & 255, packed >> 16], i)
        const cut = (i / 3) % image.width < image.width - (image.width % VECTOR)
        writeRgb(packed >> 16, (packed >> 8) & 255, packed & 255, cut, back, i)
      }
      expectSame({ ...image, data: hsv }, planes)
      expectSame({ ...image, data: back }, await read(testCase.file_back_to_bgr))
    })

    it.each(casesOf('random_perspective'))('random_perspective $file', async (testCase) => {
      const { sources, src, args, draws, M, out_hw, file } = testCase
      const image = await read(sources[src].file)
      const matrix = matrixOf(draws, image, out_hw)
      expectRows(matrix, M, 1e-9)
      const [height, width] = out_hw
      expectSame(
        warp(scratch.copy(image, 'image'), matrix, height, width, args.perspective !== 0, scratch),
        await read(file),
      )
      const rows = Float32Array.from(testCase.targets_in_cls_xyxy.flat() as number[])
      const boxes = warpBoxes({ rows, polygons: [] }, matrix, draws[3], height, width, args.perspective !== 0)
      expectRows(boxes, testCase.targets_out_cls_xyxy, 2e-5)
    })

    it.each(casesOf('random_perspective_segments'))('random_perspective with polygons $file', async (testCase) => {
      const { sources, src, args, draws, file } = testCase
      const image = await read(sources[src].file)
      const expected = await read(file)
      const { height, width } = expected
      const matrix = matrixOf(draws, image, [height, width])
      expectSame(warp(scratch.copy(image, 'image'), matrix, height, width, args.perspective !== 0, scratch), expected)
      const polygons: Polygon[] = testCase.segments_px.map((points: number[][]) => Float32Array.from(points.flat()))
      const rows = Float32Array.from(testCase.targets_in.flat() as number[])
      const boxes = warpBoxes({ rows, polygons }, matrix, draws[3], height, width, args.perspective !== 0)
      expectRows(boxes, testCase.targets_out, 2e-5)
    })

    it.each(casesOf('box_candidates'))('box_candidates', (testCase) => {
      const column = (boxes: number[][], i: number) => boxes.map((row) => row[i])
      const before: number[][] = testCase.box1_4xn_xyxy
      const after: number[][] = testCase.box2_4xn_xyxy
      for (const [key, keep] of Object.entries<number[]>(testCase)) {
        const threshold = /^keep_area_([\d.]+)$/.exec(key)
        if (!threshold) continue
        const kept = keep.map((_, i) => Number(isCandidate(column(before, i), column(after, i), Number(threshold[1]))))
        expect(kept).toEqual(keep)
      }
    })

    it.each(casesOf('copy_paste'))('copy_paste $file', async (testCase) => {
      const { sources, src, p, segments_px, labels_in, draws, labels_out, segments_out, file } = testCase
      const image = await read(sources[src].file)
      const polygons: Polygon[] = segments_px.map((points: number[][]) => Float32Array.from(points.flat()))
      const replay = new Replay(draws)
      const labels = { rows: Float32Array.from((labels_in as number[][]).flat()), polygons }
      const pasted = copyPaste(image, labels, p, replay.random)
      replay.expectDone()
      expectRows(pasted.rows, labels_out, 1e-5)
      expect(pasted.polygons).toHaveLength(segments_out.length)
      for (const [i, points] of (segments_out as number[][][]).entries()) expectRows(pasted.polygons[i]!, points, 1e-5)
      expectSame(image, await read(file))
    })

    it.each(casesOf('mixup'))('mixup $file', async ({ a, b, r, file }) => {
      const image = scratch.copy(await read(a), 'image')
      mixInto(image, scratch.copy(await read(b), 'other'), r, scratch)
      expectSame(image, await read(file))
    })

    it.each(casesOf('mosaic_canvas'))('mosaic canvas $file', async (testCase) => {
      const side = testCase.canvas_hw[0]
      const order = testCase.sources.map((source: Source) => source.file)
      const source = await sourceOf(testCase.sources, order, side / 2, true)
      const replay = new Replay(testCase.draws)
      const { canvas, labels, tiles, centre } = await mosaic(
        4,
        source,
        testCase.index,
        side / 2,
        replay.random,
        scratch,
      )
      replay.expectDone()
      expect(centre).toEqual(testCase.center_yc_xc)
      expect(tiles).toEqual(testCase.tile_order_after_shuffle)
      expectRows(labels.rows, testCase.labels_cls_xyxy_clipped, 5e-4)
      expectSame(canvas, await read(testCase.file))
    })

    it.each(casesOf('mosaic9_canvas'))('mosaic of nine $file', async (testCase) => {
      const expected = await read(testCase.file)
      const order = testCase.sources.map((source: Source) => source.file)
      const source = await sourceOf(testCase.sources, order, expected.width / 2, true)
      const replay = new Replay(testCase.draws)
      const { canvas, labels } = await mosaic(9, source, testCase.index, expected.width / 2, replay.random, scratch)
      replay.expectDone()
      expectSame(canvas, expected)
      expectRows(labels.rows, testCase.labels_cls_xyxy, 5e-4)
    })

    it.each(casesOf<ItemCase>('dataset_items'))('item $file from its recorded draws', async (testCase) => {
      const replay = new Replay(testCase.draws)
      await expectItem(testCase, replay.random)
      replay.expectDone()
    })

    it.each(casesOf<ItemCase>('dataset_items'))('item $file from its seed', async (testCase) => {
      const seed = testCase.seed_python_and_numpy
      await expectItem(testCase, { python: new PythonRandom(seed), numpy: new NumpyRandom(seed) })
    })
  },
)

interface ItemCase {
  hyp: AugmentHyp
  dataset_args: {
    img_size: number
    augment: boolean
    rect?: boolean
    pad?: number
    batch_size?: number
    stride?: number
  }
  index: number
  image_order_in_dataset: string[]
  seed_python_and_numpy: number
  draws: Draw[]
  labels_out_0_cls_xywhn: number[][]
  out_hw: [number, number]
  shapes_for_rescale: [[number, number], [[number, number], [number, number]]] | null
  file: string
  batch_shapes_hw?: number[][]
  batch_of_image?: number[]
}

async function expectItem(testCase: ItemCase & { sources: Source[] }, random: Random): Promise<void> {
  const { hyp, dataset_args: args, index } = testCase
  const files = testCase.image_order_in_dataset.map((name) => basename(name))
  const source = await sourceOf(testCase.sources, files, args.img_size, args.augment)
  let frame: readonly [number, number] = [args.img_size, args.img_size]
  if (args.rect) {
    const originals = await Promise.all(files.map(read))
    const sizes = Int32Array.from(originals.flatMap(({ width, height }) => [width, height]))
    const rect = rectangularBatches(sizes, {
      batchSize: args.batch_size ?? 16,
      imagePx: args.img_size,
      stride: args.stride ?? 32,
      pad: args.pad ?? 0,
    })
    expect(Array.from(rect.order)).toEqual(files.map((_, i) => i)) // the recorded order is the sorted one
    expect(rect.frames).toEqual(testCase.batch_shapes_hw)
    frame = rect.frames[testCase.batch_of_image![index]]
  }
  const item = args.augment
    ? await augmentedItem(source, index, frame, hyp, args.rect ? 0 : 4, random, scratch)
    : await plainItem(source, index, frame, scratch)
  expect([item.image.height, item.image.width]).toEqual(testCase.out_hw)
  expectSame(flipped(item), await read(testCase.file))
  const expected = testCase.labels_out_0_cls_xywhn.map(([, ...row]) => row)
  expectRows(item.rows, expected, 2e-6)
  if (testCase.shapes_for_rescale) {
    const [original, [ratio, pad]] = testCase.shapes_for_rescale
    const image = await read(files[index])
    const loaded = await source.image(index)
    expect([image.height, image.width]).toEqual(original)
    expect([loaded.height / image.height, loaded.width / image.width]).toEqual(ratio)
    expect(item.letterbox!.pad).toEqual(pad)
  } else expect(item.letterbox).toBeUndefined()
}

/** The item's image as it leaves the loader. */
function flipped({ image, flip }: Item): RgbImage {
  const { height, width } = image
  const planes = new Uint8Array(3 * height * width)
  packImage(image, flip, { kind: 'plain' }, planes, 0, scratch)
  const plain = toPlainImages(planes, { kind: 'plain' }, 1, height, width)
  const data = new Uint8Array(plain.length)
  for (let i = 0; i < height * width; i++) for (let c = 0; c < 3; c++) data[3 * i + c] = plain[c * height * width + i]
  return { data, height, width }
}

async function sourceOf(sources: Source[], order: string[], size: number, augment: boolean): Promise<ItemSource> {
  const images = await Promise.all(order.map(async (file) => resizeForLoad(await read(file), size, augment)))
  const labels = order.map((file) => sources.find((source) => source.file === file)!.labels_cls_xywhn)
  return {
    length: order.length,
    image: (index) => images[index],
    // The data set was read from text files with six decimals.
    rows: (index) => Float32Array.from(labels[index].flat(), (value) => Number(value.toFixed(6))),
    polygons: () => [],
  }
}

function matrixOf(draws: number[], image: RgbImage, result: [number, number]): readonly number[] {
  const [perspectiveX, perspectiveY, angleDegrees, scale, shearXDegrees, shearYDegrees, translateX, translateY] = draws
  return perspectiveMatrix(
    { perspectiveX, perspectiveY, angleDegrees, scale, shearXDegrees, shearYDegrees, translateX, translateY },
    [image.height, image.width],
    result,
  )
}

/** Serves recorded draws in their order and fails where another one is asked for. */
class Replay {
  readonly #draws: Draw[]
  /** Values still to serve of a draw of several. */
  readonly #open: number[] = []

  constructor(draws: Draw[]) {
    this.#draws = [...draws]
  }

  readonly random = {
    python: {
      random: () => this.#take('python', ['random', 'choices'], []),
      uniform: (a: number, b: number) => this.#take('python', ['uniform'], [a, b]),
      randint: (a: number, b: number) => this.#take('python', ['randint'], [a, b]),
      sample: (array: number[], k: number) => {
        const chosen = this.#draws.shift()
        expect([chosen?.rng, chosen?.fn, chosen?.args]).toEqual(['python', 'sample', [`len ${array.length}`]])
        expect(chosen!.value).toHaveLength(k)
        return (chosen!.value as number[]).map((i) => array[i])
      },
      shuffle: (array: number[]) => {
        const draw = this.#draws.shift()
        expect([draw?.rng, draw?.fn]).toEqual(['python', 'shuffle'])
        expect([...draw!.result!].sort()).toEqual([...array].sort())
        array.splice(0, array.length, ...draw!.result!)
      },
    },
    numpy: {
      uniform: (a: number, b: number) => this.#take('numpy', ['uniform'], [a, b]),
      beta: (a: number, b: number) => this.#take('numpy', ['beta'], [a, b]),
    },
  } as unknown as Random

  expectDone(): void {
    expect([...this.#open, ...this.#draws]).toEqual([])
  }

  #take(rng: string, names: string[], args: number[]): number {
    const rest = this.#open.shift()
    if (rest !== undefined) return rest
    const draw = this.#draws.shift()
    expect(draw?.rng).toBe(rng)
    expect(names).toContain(draw?.fn)
    if (draw!.fn === 'choices') {
      // random.choices(n items) takes floor(random() * n).
      const n = Number(/len (\d+)/.exec(String(draw!.args![0]))![1])
      this.#open.push(...(draw!.value as number[]).map((value) => (value + 0.5) / n))
      return this.#open.shift()!
    }
    for (const [i, arg] of args.entries()) expect(draw!.args![i]).toBeCloseTo(arg, 12)
    if (typeof draw!.value === 'number') return draw!.value
    this.#open.push(...draw!.value!)
    return this.#open.shift()!
  }
}
