// Each augmentation hyperparameter alone: what is drawn, what happens to pixels and labels, and that nothing else does.
import { describe, expect, it } from 'vitest'
import { noise } from '../../../test/helpers/data-set.ts'
import { NumpyRandom, PythonRandom, type Random } from '../../base/index.ts'
import type { Polygon } from './boxes.ts'
import { copyPaste } from './copy-paste.ts'
import { rgbToHsv } from './hsv.ts'
import { augmentedItem, type Item, type ItemSource } from './item.ts'
import { augmentHyp } from './loader.ts'
import { type MosaicTiles, mosaic } from './mosaic.ts'
import { drawPerspective, perspectiveMatrix } from './perspective.ts'
import { fillPolygon } from './polygon-fill.ts'
import { Scratch } from './scratch.ts'
import { warp } from './warp.ts'

const size = 64
const scratch = new Scratch()

/** One draw: function, arguments, value. */
type Draw = readonly [name: string, ...rest: unknown[]]

/** Random numbers that write down what is drawn. */
function recorded(seed: number): { random: Random; draws: Draw[] } {
  const python = new PythonRandom(seed)
  const numpy = new NumpyRandom(seed)
  const draws: Draw[] = []
  const record = <Arguments extends readonly unknown[], Value>(name: string, draw: (...args: Arguments) => Value) =>
    ((...args: Arguments) => {
      const value = draw(...args)
      draws.push([name, ...structuredClone(args), structuredClone(value)])
      return value
    }) as (...args: Arguments) => Value
  const random = {
    python: {
      random: record('random', () => python.random()),
      uniform: record('uniform', (a: number, b: number) => python.uniform(a, b)),
      randint: record('randint', (a: number, b: number) => python.randint(a, b)),
      shuffle: record('shuffle', (array: number[]) => python.shuffle(array)),
      sample: record('sample', (array: number[], k: number) => python.sample(array, k)),
    },
    numpy: {
      uniform: record('numpy.uniform', (a: number, b: number) => numpy.uniform(a, b)),
      beta: record('numpy.beta', (a: number, b: number) => numpy.beta(a, b)),
    },
  } as unknown as Random
  return { random, draws }
}

const names = (draws: readonly Draw[]) => draws.map(([name]) => name)

/** Smooth pictures, each with a box in the left half, as a polygon where asked for. */
function sourceOf(polygons: boolean): ItemSource {
  const images = [0, 1, 2, 3, 4].map((i) => {
    const [width, height] = [size - 8 * (i % 2), size - 4 * i]
    const data = Uint8Array.from({ length: 3 * width * height }, (_, k) => {
      const [x, y, c] = [Math.floor(k / 3) % width, Math.floor(k / 3 / width), k % 3]
      return [60 + 2 * x, 40 + 3 * y, 20 + 10 * i][(c + i) % 3]
    })
    return { data, width, height }
  })
  return {
    length: images.length,
    image: (index) => images[index],
    rows: (index) => Float32Array.of(index, 0.25, 0.5, 0.2, 0.4),
    polygons: () => (polygons ? [Float32Array.of(0.15, 0.3, 0.35, 0.3, 0.35, 0.7, 0.15, 0.7)] : []),
  }
}

interface Made {
  image: Uint8Array
  rows: number[]
  flip: Item['flip']
  draws: Draw[]
}

async function make(
  hyp: Record<string, number>,
  { polygons = false, tiles = 4 as MosaicTiles | 0, index = 1 } = {},
): Promise<Made> {
  const { random, draws } = recorded(3)
  const item = await augmentedItem(sourceOf(polygons), index, [size, size], augmentHyp(hyp), tiles, random, scratch)
  return { image: item.image.data.slice(), rows: Array.from(item.rows), flip: item.flip, draws }
}

const mosaicDraws = ['uniform', 'uniform', 'random', 'random', 'random', 'shuffle', ...new Array(8).fill('uniform')]
const base = { mosaic: 1 }

describe('without any augmentation', () => {
  it('draws what v7.0 draws even so, and leaves the picture alone', async () => {
    const plain = await make({}, { index: 0 })
    expect(names(plain.draws)).toEqual(['random', ...new Array(8).fill('uniform'), 'random', 'random'])
    expect(plain.flip).toEqual({ upDown: false, leftRight: false })
    expect(plain.image).toEqual((await sourceOf(false).image(0)).data)
    for (const [i, value] of [0, 0.25, 0.5, 0.2, 0.4].entries()) expect(plain.rows[i]).toBeCloseTo(value, 6)
  })

  it.each([4, 9] as const)('decides about a mixture after a mosaic of %i', async (tiles) => {
    const { draws } = await make(base, { tiles })
    const choices = new Array(tiles - 1).fill('random')
    const centre = ['uniform', 'uniform']
    const first = tiles === 4 ? [...centre, ...choices, 'shuffle'] : [...choices, 'shuffle', ...centre]
    expect(names(draws)).toEqual(['random', ...first, ...new Array(8).fill('uniform'), 'random', 'random', 'random'])
  })

  it('draws nothing about mosaics in rectangular training', async () => {
    expect(names((await make(base, { tiles: 0 })).draws)).toEqual([...new Array(8).fill('uniform'), 'random', 'random'])
  })
})

it('a probability or gain of 0 is the same as none', async () => {
  const none = await make(base, { polygons: true })
  const zero = Object.fromEntries(Object.keys(augmentHyp({})).map((key) => [key, 0]))
  expect(await make({ ...zero, ...base }, { polygons: true })).toEqual(none)
})

describe('where pixels go', () => {
  // Of the eight draws of the perspective: which ones a hyperparameter widens.
  const at = ['perspectiveX', 'perspectiveY', 'angleDegrees', 'scale', 'shearXDegrees', 'shearYDegrees'] as const
  const eight = [...at, 'translateX', 'translateY'] as const
  it.each([
    ['degrees', 20, [2]],
    ['scale', 0.5, [3]],
    ['shear', 15, [4, 5]],
    ['translate', 0.3, [6, 7]],
    ['perspective', 0.001, [0, 1]],
  ] as const)('%s changes its own draws and what follows from them', async (key, value, places) => {
    const before = await make(base)
    const after = await make({ ...base, [key]: value })
    const first = 1 + mosaicDraws.length - 8
    for (const [i, draw] of after.draws.entries()) {
      const centre = i - first === 3 ? 1 : i - first >= 6 ? 0.5 : 0
      if (places.some((place) => first + place === i))
        expect(draw.slice(0, 3)).toEqual(['uniform', centre - value, centre + value])
      else expect(draw).toEqual(before.draws[i])
    }
    expect(after.draws).toHaveLength(before.draws.length)

    // The same mosaic, moved by a matrix of the drawn values.
    const { random, draws } = recorded(3)
    random.python.random()
    const { canvas } = await mosaic(4, sourceOf(false), 1, size, random, scratch)
    expect(draws).toEqual(after.draws.slice(0, first))
    const values = Object.fromEntries(eight.map((name, i) => [name, after.draws[first + i].at(-1)]))
    const matrix = perspectiveMatrix(values as never, [2 * size, 2 * size], [size, size])
    expect(after.image).toEqual(warp(canvas, matrix, size, size, key === 'perspective', scratch).data)
    expect(after.image).not.toEqual(before.image)
    expect(after.rows).not.toEqual(before.rows)
    expect(after.flip).toEqual(before.flip)
  })
})

describe('colours', () => {
  it.each([
    ['hsv_h', 0.1, 16],
    ['hsv_s', 0.5, 8],
    ['hsv_v', 0.4, 0],
  ] as const)('%s changes one channel of HSV', async (key, value, shift) => {
    const before = await make(base)
    const after = await make({ ...base, [key]: value })
    expect(names(after.draws)).toEqual([
      ...names(before.draws).slice(0, -2),
      ...['numpy.uniform', 'numpy.uniform', 'numpy.uniform', 'random', 'random'],
    ])
    expect(after.draws.filter(([name]) => !name.startsWith('numpy'))).toEqual(before.draws)
    expect([after.rows, after.flip]).toEqual([before.rows, before.flip])

    const factor =
      (after.draws.filter(([name]) => name === 'numpy.uniform')[2 - shift / 8].at(-1) as number) * value + 1
    let compared = 0
    for (let i = 0; i < before.image.length; i += 3) {
      const [old, now] = [before, after].map(({ image }) => rgbToHsv(image[i], image[i + 1], image[i + 2]))
      // Of weak colours hue and saturation are uncertain.
      if (((old >> 8) & 255) < 90 || (old & 255) < 90 || (now & 255) < 90) continue
      compared++
      for (const channel of [16, 8, 0]) {
        const [a, b] = [(old >> channel) & 255, (now >> channel) & 255]
        const expected = channel === shift ? (channel === 16 ? (a * factor + 180) % 180 : Math.min(a * factor, 255)) : a
        const difference = Math.abs(b - expected)
        expect(channel === 16 ? Math.min(difference, 180 - difference) : difference).toBeLessThan(4)
      }
    }
    expect(compared).toBeGreaterThan(500)
  })
})

describe('flips', () => {
  it.each([
    ['flipud', 'upDown', 2],
    ['fliplr', 'leftRight', 1],
  ] as const)('%s turns the item over and draws nothing more', async (key, direction, column) => {
    const before = await make(base)
    const after = await make({ ...base, [key]: 1 })
    expect(after.draws).toEqual(before.draws)
    expect(after.image).toEqual(before.image)
    expect(after.flip).toEqual({ ...before.flip, [direction]: true })
    expect(after.rows).toEqual(before.rows.map((value, i) => (i % 5 === column ? Math.fround(1 - value) : value)))
    const threshold = before.draws.at(key === 'flipud' ? -2 : -1)!.at(-1) as number
    expect((await make({ ...base, [key]: threshold })).flip).toEqual(before.flip)
    expect((await make({ ...base, [key]: threshold + 1e-9 })).flip).toEqual(after.flip)
  })
})

it('mosaic decides between one image and several', async () => {
  const one = await make({})
  const threshold = one.draws[0].at(-1) as number
  expect((await make({ mosaic: threshold })).draws).toEqual(one.draws)
  const several = await make({ mosaic: threshold + 1e-9 })
  expect(several).toEqual(await make(base))
  expect(names(several.draws)).toEqual(['random', ...mosaicDraws, 'random', 'random', 'random'])
})

describe('mixup', () => {
  it('lays a second mosaic over the first, with the labels of both', async () => {
    const before = await make(base)
    const after = await make({ ...base, mixup: 1 })
    const common = 1 + mosaicDraws.length + 1
    expect(after.draws.slice(0, common)).toEqual(before.draws.slice(0, common))
    expect(names(after.draws.slice(common))).toEqual(['randint', ...mosaicDraws, 'numpy.beta', 'random', 'random'])
    expect(after.draws[common].slice(1, 3)).toEqual([0, 4])
    expect(after.draws.at(-3)!.slice(1, 3)).toEqual([32, 32])
    expect(after.rows.slice(0, before.rows.length)).toEqual(before.rows)
    expect(after.rows.length).toBeGreaterThan(before.rows.length)

    // Both again, by hand.
    const random = { python: new PythonRandom(3), numpy: new NumpyRandom(3) }
    const half = async (index: number) => {
      const { canvas } = await mosaic(4, sourceOf(false), index, size, random, scratch)
      const matrix = perspectiveMatrix(drawPerspective(augmentHyp(base), random), [2 * size, 2 * size], [size, size])
      return warp(canvas, matrix, size, size, false, scratch).data.slice()
    }
    random.python.random()
    const first = await half(1)
    random.python.random()
    const second = await half(random.python.randint(0, 4))
    const share = random.numpy.beta(32, 32)
    expect(first).toEqual(before.image)
    expect(after.image).toEqual(first.map((value, i) => Math.trunc(value * share + second[i] * (1 - share))))
  })

  it('depends on the number drawn for it', async () => {
    const before = await make(base)
    const threshold = before.draws.at(-3)!.at(-1) as number
    expect(await make({ ...base, mixup: threshold })).toEqual(before)
    expect((await make({ ...base, mixup: threshold + 1e-9 })).draws.length).toBeGreaterThan(before.draws.length)
  })
})

describe('copy_paste', () => {
  it('adds a draw, labels and pixels in mirrored places', async () => {
    const before = await make(base, { polygons: true })
    const after = await make({ ...base, copy_paste: 1 }, { polygons: true })
    const place = names(after.draws).indexOf('sample')
    expect(names(after.draws.toSpliced(place, 1))).toEqual(names(before.draws))
    expect(names(before.draws)[place - 1]).toBe('shuffle')
    expect(after.draws[place].slice(1, 3)).toEqual([[0, 1, 2, 3], 4])
    expect(after.rows.slice(0, before.rows.length)).toEqual(before.rows)
    expect(after.rows.length).toBeGreaterThan(before.rows.length)
    expect(after.image).not.toEqual(before.image)
  })

  it('does nothing where labels are boxes', async () => {
    expect(await make({ ...base, copy_paste: 1 })).toEqual(await make(base))
  })

  it('does nothing without a mosaic', async () => {
    const boxes = { polygons: true, tiles: 0 } as const
    expect(await make({ copy_paste: 1 }, boxes)).toEqual(await make({}, boxes))
  })

  const image = () => ({ data: noise(40, 30, 1), width: 40, height: 30 })
  const triangle: Polygon = Float32Array.of(4.9, 5.2, 14.7, 8.1, 6.3, 20.9)
  const row = (label: number, polygon: Polygon) => [label, ...boxOf(polygon)]

  it('pastes the pixels of a polygon mirrored, and changes no others', () => {
    const before = image()
    const after = image()
    const labels = { rows: Float32Array.from(row(2, triangle)), polygons: [triangle] }
    const pasted = copyPaste(after, labels, 1, recorded(0).random)
    const mask = new Uint8Array(40 * 30)
    fillPolygon(mask, 40, 30, Int32Array.from(triangle))
    let moved = 0
    for (let y = 0; y < 30; y++)
      for (let x = 0; x < 40; x++) {
        const from = mask[y * 40 + 39 - x] === 1 ? 39 - x : x
        if (from !== x) moved++
        for (const c of [0, 1, 2]) expect(after.data[3 * (40 * y + x) + c]).toBe(before.data[3 * (40 * y + from) + c])
      }
    expect(moved).toBeGreaterThan(60)
    const mirrored = triangle.map((value, i) => (i % 2 === 0 ? 40 - value : value))
    expect(pasted.polygons).toEqual([triangle, mirrored])
    expect(Array.from(pasted.rows.subarray(5))).toEqual(Array.from(Float32Array.from(row(2, mirrored))))
  })

  it('hides no other object: 30 % of it are too much', () => {
    const box = [4, 5, 14, 21]
    const other = (share: number) => [1, 26, 5 + 16 * (1 - share), 36, 21 + 16 * (1 - share)] // mirrored: 26 to 36
    for (const [share, allowed] of [
      [0.29, true],
      [0.31, false],
    ] as const) {
      const rows = Float32Array.from([[2, ...box], other(share)].flat())
      const labels = { rows, polygons: [triangle, undefined] }
      const pasted = copyPaste(image(), labels, 1, recorded(0).random)
      expect(pasted.rows.length).toBe(allowed ? 15 : 10)
    }
  })

  it('keeps polygons with their labels where other objects have none', () => {
    const rows = Float32Array.from([[1, 16, 2, 18, 4], row(2, triangle)].flat())
    const { random, draws } = recorded(0)
    const pasted = copyPaste(image(), { rows, polygons: [undefined, triangle] }, 1, random)
    expect(draws).toEqual([['sample', [1], 1, [1]]])
    expect(pasted.rows[10]).toBe(2)
    expect(pasted.polygons.map((polygon) => polygon !== undefined)).toEqual([false, true, true])
  })

  it('takes its share of the objects, halves to the even number', () => {
    const polygons = [0, 1, 2, 3, 4].map((i) => triangle.map((value, k) => (k % 2 === 0 ? value / 4 + 3 * i : value)))
    const rows = Float32Array.from(polygons.flatMap((polygon, i) => row(i, polygon)))
    for (const [share, count] of [
      [0.5, 2],
      [0.7, 4],
      [0.09, 0],
    ]) {
      const { random, draws } = recorded(0)
      copyPaste(image(), { rows, polygons }, share, random)
      expect(draws[0][2]).toBe(count)
    }
  })
})

function boxOf(polygon: Polygon): number[] {
  const xs = polygon.filter((_, i) => i % 2 === 0)
  const ys = polygon.filter((_, i) => i % 2 === 1)
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)]
}
