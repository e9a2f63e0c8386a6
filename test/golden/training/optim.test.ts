// Optimizers as YOLOv5 v7.0 builds them (three groups) against PyTorch 1.13: five updates with given gradients; and
// gradient clipping. Each update runs in the training step's own graph.
import { expect, it } from 'vitest'
import {
  addAll,
  mul,
  type OptimizerName,
  optimizerSlots,
  type ParameterGroup,
  reduceSum,
  type Scope,
  type StepScalars,
  TrainState,
  TrainStep,
} from '../../../src/nn/index.ts'
import { golden, readReferenceJson } from '../reference.ts'

type Vectors = Record<string, number[]>

interface OptimizerCase {
  readonly optimizer: string
  readonly momentum_or_beta1: number
  readonly weight_decay_on_conv_weight_only: number
  readonly params0: Vectors
  readonly steps: readonly { readonly grads: Vectors; readonly lr: number; readonly params: Vectors }[]
}

interface ClipCase {
  readonly max_norm: number
  readonly grads_in: readonly number[][]
  readonly norm: number
  readonly grads_out: readonly number[][]
}

const reference = () =>
  readReferenceJson<{ optimizers: OptimizerCase[]; clip_grad_norm: ClipCase[] }>('training/optim/optim.json')

/** The names say which group a weight is in, see the cases' own note. */
const groupOf = (name: string): ParameterGroup =>
  name.endsWith('bias') ? 'bias' : name.startsWith('0') ? 'decayed' : 'norm'

/** A model whose gradient is what is fed: loss = Σ weight · feed. */
const linear = (weights: Vectors) => (scope: Scope) => ({
  loss: addAll(
    Object.entries(weights).map(([name, values]) => {
      const weight = scope.parameter(name, [values.length], groupOf(name))
      return reduceSum(mul(weight, scope.graph.input(`d.${name}`, [values.length])))
    }),
  ),
})

const asWeights = (vectors: Vectors) =>
  new Map(
    Object.entries(vectors).map(([name, data]) => [name, { shape: [data.length], data: Float32Array.from(data) }]),
  )

const asFeeds = (gradients: Vectors) =>
  Object.fromEntries(Object.entries(gradients).map(([name, data]) => [`d.${name}`, Float32Array.from(data)]))

const scalars = (rate: number, more: Partial<StepScalars>): StepScalars => ({
  step: 1,
  learningRate: { bias: rate, decayed: rate, norm: rate },
  momentum: 0,
  weightDecay: 0,
  emaDecay: 0,
  maxNorm: 1e30,
  ...more,
})

golden(
  'training/optim',
  'optimizers',
  () => reference().optimizers,
  (cases) => {
    for (const test of cases)
      it(test.optimizer, async () => {
        expect(Object.keys(optimizerSlots)).toContain(test.optimizer)
        const state = new TrainState({ optimizer: test.optimizer as OptimizerName }).load(asWeights(test.params0))
        const step = await TrainStep.create({ state, build: linear(test.params0) })
        for (const { grads, lr, params } of test.steps) {
          await step.run(
            asFeeds(grads),
            scalars(lr, { momentum: test.momentum_or_beta1, weightDecay: test.weight_decay_on_conv_weight_only }),
          )
          const weights = state.toWeights('model')
          for (const [name, values] of Object.entries(params))
            for (const [i, value] of values.entries())
              expect(Math.abs(weights.get(name)!.data[i]! - value), `${name}[${i}]`).toBeLessThanOrEqual(
                2e-6 * Math.max(1, Math.abs(value)),
              )
        }
        await step.dispose()
      })
  },
)

golden(
  'training/optim',
  'gradient clipping',
  () => reference().clip_grad_norm,
  (cases) => {
    for (const [number, test] of cases.entries())
      it(`case ${number}, norm ${test.norm.toFixed(2)}`, async () => {
        const named = (lists: readonly number[][]): Vectors =>
          Object.fromEntries(lists.map((list, i) => [`${i}.${i % 2 ? 'bias' : 'weight'}`, list]))
        const gradients = named(test.grads_in)
        const zeros = Object.fromEntries(Object.entries(gradients).map(([name, list]) => [name, list.map(() => 0)]))
        const state = new TrainState().load(asWeights(zeros))
        const step = await TrainStep.create({ state, build: linear(zeros) })
        // Without momentum and with rate 1 the new weights are minus the clipped gradient.
        const result = await step.run(asFeeds(gradients), scalars(1, { maxNorm: test.max_norm }))
        expect(Math.abs(result.gradientNorm! - test.norm)).toBeLessThanOrEqual(1e-5 * test.norm)
        for (const [name, values] of Object.entries(named(test.grads_out)))
          for (const [i, value] of values.entries())
            expect(Math.abs(state.toWeights('model').get(name)!.data[i]! + value)).toBeLessThanOrEqual(
              1e-5 * Math.abs(value),
            )
        await step.dispose()
      })
  },
)
