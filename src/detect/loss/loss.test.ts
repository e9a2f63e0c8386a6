import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MatchCapacityError } from '../../base/index.ts'
import { compile, Graph, gradients, reshape, type Tensor, transpose } from '../../nn/index.ts'
import { detectionLossReference } from '../val/index.ts'
import { detectionLoss } from './detection-loss.ts'
import { type MatchedRows, matchTargets } from './match-targets.ts'
import {
  type LossGeometry,
  type LossNumbers,
  levelBalance,
  lossFeeds,
  lossInputs,
  matchCapacity,
  matchCount,
} from './pack-matches.ts'

const anchors = Float32Array.from([1.25, 1.625, 2, 3.75, 4.125, 2.875])

/** One box in the middle of cell (2, 3) of an 8x8 map, as large as the first anchor. */
const oneBox = (x: number, y: number) => Float32Array.from([0, 1, x / 8, y / 8, 1.25 / 8, 1.625 / 8])

const cellsOf = ({ count, gridX, gridY, anchor }: MatchedRows) =>
  Array.from({ length: count }, (_, i) => [anchor[i], gridY[i], gridX[i]])

describe('matchTargets', () => {
  const match = (targets: Float32Array, anchorT = 1.2) =>
    matchTargets(targets, [{ ny: 8, nx: 8, anchors }], anchorT)[0]!

  it('takes the cell of the centre and the two nearest neighbours', () => {
    expect(cellsOf(match(oneBox(2.25, 3.75)))).toEqual([
      [0, 3, 2],
      [0, 3, 1], // left
      [0, 4, 2], // down
    ])
  })

  it('takes only the cell of a centre that lies in its middle', () => {
    expect(match(oneBox(2.5, 3.5)).count).toBe(1)
  })

  it('takes all four neighbours of a centre on a crossing', () => {
    expect(match(oneBox(3, 3)).count).toBe(5)
  })

  it('takes no neighbour outside', () => {
    expect(cellsOf(match(oneBox(0.25, 7.75)))).toEqual([[0, 7, 0]])
  })

  it('takes every anchor within the ratio', () => {
    expect([...match(oneBox(2.5, 3.5), 4).anchor]).toEqual([0, 1, 2])
    expect(match(oneBox(2.5, 3.5), 1).count).toBe(0)
  })

  it('stays on the map whatever the boxes are', () => {
    const value = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1, 0.5, 0.125))
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value, value, value), { maxLength: 20 }), (boxes) => {
        const targets = Float32Array.from(boxes.flatMap((box) => [0, 0, ...box]))
        const rows = match(targets, 4)
        for (let i = 0; i < rows.count; i++) {
          expect(rows.gridX[i]! >= 0 && rows.gridX[i]! < 8 && rows.gridY[i]! >= 0 && rows.gridY[i]! < 8).toBe(true)
          expect(Math.abs(rows.boxes[4 * i]! - 0.5)).toBeLessThanOrEqual(1)
        }
      }),
    )
  })
})

describe('lossFeeds', () => {
  const geometry: LossGeometry = {
    batch: 1,
    classes: 3,
    anchorsPerLevel: 3,
    levels: [{ ny: 8, nx: 8 }],
    capacity: 8,
    focal: false,
  }
  const matchMany = (boxes: Float32Array) => matchTargets(boxes, [{ ny: 8, nx: 8, anchors }], 1.2)
  const twoInOneCell = Float32Array.from([...oneBox(2.5, 3.5), ...oneBox(2.5, 3.5)])

  it('gives the last row of a cell the place, the others the dump slot', () => {
    const feeds = lossFeeds(matchMany(twoInOneCell), numbers(1), geometry)
    const indices = feeds[lossInputs.indices]
    expect([...indices.slice(8, 12)]).toEqual([192, 26, 192, 192])
  })

  it('weights the rows of a level to a mean', () => {
    const rows = lossFeeds(matchMany(twoInOneCell), numbers(1), geometry)[lossInputs.rows]
    expect([rows[6], rows[13], rows[20]]).toEqual([0.5, 0.5, 0])
  })

  it('never drops a match', () => {
    const many = Float32Array.from(Array.from({ length: 9 }, () => [...oneBox(2.5, 3.5)]).flat())
    expect(() => lossFeeds(matchMany(many), numbers(1), geometry)).toThrow(MatchCapacityError)
  })

  it('chooses few capacities', () => {
    expect([0, 256, 257, 384, 385, 512, 513, 5000].map(matchCapacity)).toEqual([
      256, 256, 384, 384, 512, 512, 768, 6144,
    ])
  })

  it('refuses a gamma where the graph has no focal factor', () => {
    expect(() => lossFeeds(matchMany(twoInOneCell), { ...numbers(1), focalGamma: 1 }, geometry)).toThrow(/gamma/)
  })
})

describe('detectionLoss', () => {
  it('agrees with the plain loops in float64, whatever the numbers', async () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const random = generator(seed)
      const between = (low: number, high: number) => low + (high - low) * random()
      const [batch, classes, levels] = [1 + (seed % 3), [1, 2, 12][seed % 3]!, [2, 3, 5][seed % 3]!]
      const c = randomCase(random, batch, classes, levels, 40)
      const options: LossNumbers = {
        gains: { box: between(0.02, 0.2), obj: between(0.2, 4), cls: between(0.2, 4) },
        clsPositiveWeight: between(0.5, 2),
        objPositiveWeight: between(0.5, 2),
        focalGamma: seed % 2 ? between(0.3, 2) : 0,
        labelSmoothing: between(0, 0.2),
        balance: levelBalance(levels),
      }
      const { loss, items } = await run(c, options, { focal: seed % 2 === 1 })
      const expected = detectionLossReference(
        c.heads.map(({ data, shape }) => ({ data, shape })),
        c.matched,
        {
          ...options.gains,
          objPw: options.objPositiveWeight,
          clsPw: options.clsPositiveWeight,
          flGamma: options.focalGamma,
          labelSmoothing: options.labelSmoothing,
          balance: options.balance,
        },
      )
      const relative = (value: number, wanted: number) => Math.abs(value - wanted) / (Math.abs(wanted) || 1)
      expect(relative(loss, expected.total)).toBeLessThan(1e-5)
      for (const [i, term] of (['box', 'obj', 'cls'] as const).entries())
        expect(relative(items[i]!, expected[term])).toBeLessThan(1e-5)
    }
  })

  it('does not depend on the capacity', async () => {
    const c = randomCase(generator(7), 2, 3, 3, 30)
    const small = await run(c, numbers(3), { capacity: matchCount(c.matched) })
    const large = await run(c, numbers(3), { capacity: 1024 })
    expect(Math.abs(small.loss - large.loss)).toBeLessThan(1e-6 * small.loss)
    for (const [level, gradient] of small.gradients.entries())
      for (const [i, value] of gradient.entries())
        expect(Math.abs(value - large.gradients[level]![i]!)).toBeLessThan(1e-7)
  })

  it('is the same, to the last bit, with a focal factor of gamma 0 and without one', async () => {
    const c = randomCase(generator(8), 2, 3, 3, 30)
    const without = await run(c, numbers(3), { focal: false })
    const off = await run(c, numbers(3), { focal: true })
    expect(off).toEqual(without)
  })

  it('has finite gradients at saturated logits, without targets, and with gamma below 1', async () => {
    for (const scale of [50, 200])
      for (const targets of [0, 30])
        for (const gamma of [0, 0.5]) {
          const c = randomCase(generator(9), 2, 3, 3, targets, scale)
          const { loss, gradients: slopes } = await run(c, { ...numbers(3), focalGamma: gamma }, { focal: true })
          expect(Number.isFinite(loss)).toBe(true)
          for (const slope of slopes) expect(slope.every(Number.isFinite)).toBe(true)
        }
  })
})

function numbers(levels: number): LossNumbers {
  return {
    gains: { box: 0.05, obj: 1, cls: 0.5 },
    clsPositiveWeight: 1,
    objPositiveWeight: 1,
    focalGamma: 0,
    labelSmoothing: 0,
    balance: levelBalance(levels),
  }
}

interface Case {
  batch: number
  classes: number
  heads: { data: Float32Array; shape: [number, number, number, number, number] }[]
  matched: MatchedRows[]
}

/** Random logits and boxes over maps of 16, 8, 4, … cells. */
function randomCase(
  random: () => number,
  batch: number,
  classes: number,
  levels: number,
  targetCount: number,
  scale = 2,
): Case {
  const sides = Array.from({ length: levels }, (_, level) => Math.max(2, 16 >> level))
  const heads = sides.map((side) => {
    const shape: [number, number, number, number, number] = [batch, 3, side, side, 5 + classes]
    const size = shape.reduce((a, b) => a * b, 1)
    return { shape, data: Float32Array.from({ length: size }, () => scale * (random() + random() + random() - 1.5)) }
  })
  const targets = new Float32Array(6 * targetCount)
  for (let t = 0; t < targetCount; t++)
    targets.set(
      [
        Math.floor(random() * batch),
        Math.floor(random() * classes),
        random(),
        random(),
        0.05 + 0.5 * random(),
        0.05 + 0.5 * random(),
      ],
      6 * t,
    )
  const geometry = sides.map((side) => ({ ny: side, nx: side, anchors }))
  return { batch, classes, heads, matched: matchTargets(targets, geometry, 4) }
}

async function run(c: Case, options: LossNumbers, { focal = false, capacity = 512 } = {}) {
  const graph = new Graph()
  const geometry: LossGeometry = {
    batch: c.batch,
    classes: c.classes,
    anchorsPerLevel: 3,
    levels: c.heads.map(({ shape }) => ({ ny: shape[2], nx: shape[3] })),
    capacity,
    focal,
  }
  const inputs = c.heads.map(({ shape }, level) => graph.input(`p${level}`, shape))
  const folded = inputs.map((input): Tensor => {
    const [batch, na, ny, nx, columns] = input.shape as number[]
    return reshape(transpose(input, [0, 1, 4, 2, 3]), [batch!, na! * columns!, ny!, nx!])
  })
  const { loss, items } = detectionLoss(graph, folded, geometry)
  const session = await compile(graph, [loss, items, ...gradients(loss, inputs)])
  const results = await session.run({
    ...Object.fromEntries(c.heads.map(({ data }, level) => [`p${level}`, data])),
    ...lossFeeds(c.matched, options, geometry),
  })
  await session.dispose()
  const [lossValue, itemValues, ...slopes] = results.map(({ data }) => data as Float32Array)
  return { loss: lossValue![0]!, items: [...itemValues!], gradients: slopes }
}

/** mulberry32. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
