// Single operations against PyTorch 1.13: forward within 1e-4, gradients within 5e-4 of the tensor's largest entry.
import { readFileSync } from 'node:fs'
import { afterAll, expect, it } from 'vitest'
import {
  add,
  addBias,
  atan,
  BATCH_NORM_EPSILON,
  batchNorm,
  bceWithLogits,
  clamp,
  compile,
  conv2d,
  convTranspose2d,
  div,
  exp,
  Graph,
  gradients,
  hardSwish,
  leakyRelu,
  maximum,
  maxPool2d,
  minimum,
  mish,
  mul,
  pad,
  probeBlockSize,
  readSafetensors,
  relu,
  relu6,
  reshape,
  resizeBilinear,
  sigmoid,
  silu,
  softplus,
  sqrt,
  sub,
  type Tensor,
  upsampleNearest,
} from '../../../src/nn/index.ts'
import { golden, readReferenceJson, referencePath } from '../reference.ts'

interface Case {
  readonly name: string
  readonly attrs: Record<string, any>
  readonly inputs: readonly string[]
}

type Builder = (
  inputs: Record<string, Tensor>,
  attributes: Record<string, any>,
  extra: Record<string, Tensor>,
) => Tensor

const unary =
  (apply: (x: Tensor) => Tensor): Builder =>
  ({ x }) =>
    apply(x!)

const conv: Builder = ({ x, w, b }, { stride, padding, groups, dilation }) =>
  conv2d(x!, w!, b, { stride, padding, groups, dilation })
const perChannel = (x: Tensor) => reshape(x, [1, x.shape[0]!, 1, 1])

/** The operation a case is about, by the start of its name; the first that fits. */
const builders: readonly (readonly [RegExp, Builder])[] = [
  [/^conv_transpose/, ({ x, w, b }, { stride, padding }) => convTranspose2d(x!, w!, b, { stride, padding })],
  [/^conv/, conv],
  [/^batchnorm_train/, ({ x, w, b }, { eps }) => batchNorm(x!, w!, b!, eps).y],
  [
    /^batchnorm_eval/,
    ({ x, w, b }, { eps = BATCH_NORM_EPSILON }, { mean, var: variance }) => {
      const scale = div(w!, sqrt(add(variance!, eps)))
      return addBias(mul(sub(x!, perChannel(mean!)), perChannel(scale)), b!)
    },
  ],
  [/^silu/, unary(silu)],
  [/^leaky_relu/, ({ x }, _, __) => leakyRelu(x!, 0.1)],
  [/^mish/, unary(mish)],
  [/^hardswish/, unary(hardSwish)],
  [/^sigmoid/, unary(sigmoid)],
  [/^relu6/, unary(relu6)],
  [/^relu/, unary(relu)],
  [/^softplus/, unary(softplus)],
  [/^exp_clamp/, unary((x) => clamp(exp(x), undefined, 1e3))],
  [/^atan/, unary(atan)],
  [/^maxpool/, ({ x }, { k, s, p }) => maxPool2d(x!, k ?? 3, s ?? 1, p ?? 1)],
  [/^zeropad_right_bottom_then_maxpool2s1/, ({ x }) => maxPool2d(pad(pad(x!, 2, 0, 1), 3, 0, 1), 2, 1)],
  [/^upsample_nearest/, unary((x) => upsampleNearest(x, 2))],
  [/^interpolate_bilinear/, ({ x }, { size }) => resizeBilinear(x!, size)],
  [/^minimum/, ({ a, b }) => minimum(a!, b!)],
  [/^maximum/, ({ a, b }) => maximum(a!, b!)],
  [/^clamp_min0/, unary((x) => clamp(x, 0))],
  [
    /^bce_logits_posweight/,
    ({ x }, { pos_weight }) => {
      const count = x!.shape[0] as number
      const targets = Float32Array.from({ length: count }, (_, i) => i / (count - 1))
      return bceWithLogits(x!, x!.graph.constant(targets), pos_weight)
    },
  ],
]

golden<Case>(
  'training/ops',
  'single operations',
  () => readReferenceJson<{ ops: Case[] }>('training/ops/ops.json').ops,
  (cases) => {
    const { weights } = readSafetensors(readFileSync(referencePath('training/ops/ops.safetensors')))
    const disposals: (() => Promise<void>)[] = []
    afterAll(async () => {
      for (const dispose of disposals) await dispose()
    })
    for (const layout of ['plain', 'blocked'])
      for (const { name, attrs, inputs } of cases)
        it(`${name}, ${layout}`, async (context) => {
          const block = layout === 'blocked' ? await probeBlockSize() : undefined
          if (layout === 'blocked' && block === undefined) return context.skip('no blocked layout on this machine')
          const builder = builders.find(([pattern]) => pattern.test(name))?.[1]
          expect(builder, `no operation known for case ${name}`).toBeDefined()
          const graph = new Graph()
          const feed: Record<string, Float32Array> = {}
          const tensor = (key: string) => {
            const { shape, data } = weights.get(`${name}.${key}`)!
            feed[key] = data
            return graph.input(key, shape)
          }
          const operands = Object.fromEntries(inputs.map((key) => [key, tensor(key)]))
          const extra = Object.fromEntries(
            ['mean', 'var'].filter((key) => weights.has(`${name}.${key}`)).map((key) => [key, tensor(key)]),
          )
          const y = builder!(operands, attrs, extra)
          const slopes = gradients(y, Object.values(operands), tensor('dy'))
          const executable = await compile(graph, [y, ...slopes], { block })
          disposals.push(executable.dispose)
          const [forward, ...backward] = await executable.run(feed)
          const expected = weights.get(`${name}.y`)!
          expect(forward!.shape).toEqual(expected.shape)
          expectClose(forward!.data as Float32Array, expected.data, 1e-4, `${name}.y`)
          for (const [i, key] of inputs.entries()) {
            const slope = weights.get(`${name}.d_${key}`)!
            expect(backward[i]!.shape).toEqual(slope.shape)
            const largest = slope.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
            expectClose(backward[i]!.data as Float32Array, slope.data, 5e-4 * largest + 1e-12, `${name}.d_${key}`)
          }
        })
  },
)

function expectClose(actual: Float32Array, expected: Float32Array, tolerance: number, what: string) {
  expect(actual.length).toBe(expected.length)
  let worst = 0
  for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(actual[i]! - expected[i]!))
  expect(worst, `largest deviation of ${what}`).toBeLessThanOrEqual(tolerance)
}
