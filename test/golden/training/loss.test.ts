// YOLOv5 v7.0's loss: matched targets row by row, terms, and gradients of the raw heads.
import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import {
  adaptBalance,
  detectionLoss,
  type LossGeometry,
  lossFeeds,
  matchCapacity,
  matchCount,
  matchTargets,
} from '../../../src/detect/loss/index.ts'
import {
  compile,
  type Executable,
  Graph,
  gradients,
  readSafetensors,
  reshape,
  transpose,
} from '../../../src/nn/index.ts'
import { golden, readReferenceJson, referenceFiles, referencePath } from '../reference.ts'

interface LossCase {
  name: string
  file: string
  nc: number
  na: number
  nl: number
  batch: number
  hyp: Record<'box' | 'obj' | 'cls' | 'cls_pw' | 'obj_pw' | 'anchor_t' | 'fl_gamma', number> & {
    label_smoothing?: number
  }
  autobalance: boolean
  matched_per_level: number[]
  balance_used: number[]
  balance_after_call?: number[]
  note: string
}

const read = (): LossCase[] =>
  referenceFiles('training/loss', /^cases\.json$/).length > 0 ? readReferenceJson('training/loss/cases.json') : []

const sessions: Executable[] = []
afterAll(() => Promise.all(sessions.map((session) => session.dispose())))

golden('training/loss', 'matching, terms and gradients', read, (cases) => {
  describe.each(cases)('$name', (c) => {
    const { weights: tensors } = readSafetensors(readFileSync(referencePath(`training/loss/${c.file}`)))
    const get = (name: string) => tensors.get(name)!
    const heads = Array.from({ length: c.nl }, (_, level) => get(`p${level}`))
    const anchors = Array.from({ length: c.nl }, (_, level) =>
      get('anchors_grid').data.subarray(2 * c.na * level, 2 * c.na * (level + 1)),
    )
    const levels = heads.map(({ shape }, level) => ({ ny: shape[2]!, nx: shape[3]!, anchors: anchors[level]! }))
    const matched = matchTargets(get('targets').data, levels, c.hyp.anchor_t)

    it('matches the same rows in the same order', () => {
      expect(matched.map(({ count }) => count)).toEqual(c.matched_per_level)
      for (const [level, rows] of matched.entries()) {
        const list = (name: string) => [...get(`bt${level}_${name}`).data]
        expect([...rows.image]).toEqual(list('image'))
        expect([...rows.anchor]).toEqual(list('anchor'))
        expect([...rows.gridY]).toEqual(list('gj'))
        expect([...rows.gridX]).toEqual(list('gi'))
        expect([...rows.classes]).toEqual(list('tcls'))
        expect([...rows.boxes]).toEqual(list('tbox'))
        expect([...rows.anchorSizes]).toEqual(list('anchor_wh'))
      }
    })

    // Without the focal factor, and with it (gamma 0 must then be off exactly).
    for (const focal of c.hyp.fl_gamma > 0 ? [true] : [false, true])
      it(`has the same loss and gradients${focal ? ' (graph with focal factor)' : ''}`, async () => {
        const geometry: LossGeometry = {
          batch: c.batch,
          classes: c.nc,
          anchorsPerLevel: c.na,
          levels,
          capacity: matchCapacity(matchCount(matched)),
          focal,
        }
        const result = await runLoss(heads, geometry, {
          ...lossFeeds(
            matched,
            {
              gains: c.hyp,
              clsPositiveWeight: c.hyp.cls_pw,
              objPositiveWeight: c.hyp.obj_pw,
              focalGamma: c.hyp.fl_gamma,
              labelSmoothing: c.hyp.label_smoothing ?? 0,
              balance: c.balance_used,
            },
            geometry,
          ),
        })
        expectClose(result.loss, get('loss_total').data, 1e-5)
        for (const [term, value] of get('loss_items_box_obj_cls').data.entries())
          expectClose(result.items.subarray(term, term + 1), [value], 1e-5)
        for (const [level, gradient] of result.gradients.entries()) {
          const expected = get(`dp${level}`).data
          const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
          const worst = gradient.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0)
          if (!(worst <= 5e-4 * largest)) expect.fail(`level ${level}: gradient off by ${worst} of ${largest}`)
        }
        if (c.autobalance) {
          const balance = adaptBalance(c.balance_used, result.levelObjectness, [...get('strides').data])
          for (const [level, value] of balance.entries()) expectClose([value], [c.balance_after_call![level]!], 1e-6)
        }
      })
  })
})

/** Relative to the number itself; 0 must be 0. */
function expectClose(values: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  for (let i = 0; i < expected.length; i++) {
    const [value, wanted] = [values[i]!, expected[i]!]
    if (!(Math.abs(value - wanted) <= tolerance * Math.abs(wanted))) expect.fail(`${value}, not ${wanted}`)
  }
}

/** Heads as the reference has them, [batch, anchors, ny, nx, 5 + nc], through the graph of the training step. */
async function runLoss(
  heads: readonly { shape: readonly number[]; data: Float32Array }[],
  geometry: LossGeometry,
  feeds: Record<string, Float32Array | Int32Array>,
) {
  const graph = new Graph()
  const inputs = heads.map(({ shape }, level) => graph.input(`p${level}`, shape))
  const folded = inputs.map((input) => {
    const [batch, na, ny, nx, columns] = input.shape as number[]
    return reshape(transpose(input, [0, 1, 4, 2, 3]), [batch!, na! * columns!, ny!, nx!])
  })
  const { loss, items, levelObjectness } = detectionLoss(graph, folded, geometry)
  const session = await compile(graph, [loss, items, levelObjectness, ...gradients(loss, inputs)])
  sessions.push(session)
  const results = await session.run({
    ...Object.fromEntries(heads.map(({ data }, level) => [`p${level}`, data])),
    ...feeds,
  })
  const [lossValue, itemValues, objectness, ...gradientValues] = results.map(({ data }) => data as Float32Array)
  return { loss: lossValue!, items: itemValues!, levelObjectness: objectness!, gradients: gradientValues }
}
