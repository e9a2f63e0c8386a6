// Training steps: what is updated when, several sessions on one state, both layouts, failure.
import { afterEach, describe, expect, it } from 'vitest'
import { Graph, type ImageLayout, type Tensor } from './graph.ts'
import { add, concat, mul, reduceMean, reshape, silu, sub } from './ops/index.ts'
import { type LayoutChoice, probeBlockSize } from './probe.ts'
import type { Weights } from './safetensors.ts'
import { batchNormLayer, convBatchNorm, convLayer, Scope } from './scope.ts'
import { compile } from './session.ts'
import { StepCache } from './step-cache.ts'
import { TrainState, type TrainStateOptions } from './train-state.ts'
import { type StepScalars, TrainStep } from './train-step.ts'

const layouts: LayoutChoice[] = (await probeBlockSize()) === undefined ? ['plain'] : ['plain', 'blocked']
const size = 16

const steps: TrainStep[] = []
afterEach(async () => {
  for (const step of steps.splice(0)) await step.dispose()
})

/** A small detector-like network: stem, side-by-side branches, stride 2, head with bias. */
function network(scope: Scope, image: Tensor): Tensor {
  const block = (name: string, x: Tensor, out: number, kernel: number, stride = 1, padding = (kernel - 1) / 2) =>
    silu(convBatchNorm(scope.child(name), x, { out, kernel, stride, padding }))
  const stem = block('stem', image, 16, 6, 2, 2)
  const left = block('left', stem, 16, 1)
  const right = block('right', stem, 16, 1)
  const joined = concat([add(left, block('inner', left, 16, 3)), right], 1)
  const down = block('down', joined, 12, 3, 2)
  return convLayer(scope.child('head'), down, { out: 5, kernel: 1, bias: true })
}

const build =
  (batch: number) =>
  (scope: Scope): { loss: Tensor; outputs: { y: Tensor } } => {
    const y = network(scope, scope.image('image', batch, size, size))
    const error = sub(reshape(reduceMean(y, [2, 3]), [batch, 5]), scope.graph.input('target', [batch, 5]))
    return { loss: mul(reduceMean(mul(error, error)), scope.graph.input('gain', [])), outputs: { y } }
  }

/** Numbers from a simple generator, the same in every test. */
function numbers(count: number, seed: number): Float32Array {
  let state = seed * 2654435761 + 12345
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}

function initialWeights(): Weights {
  const scope = Scope.train(new Graph())
  network(scope, scope.image('image', 2, size, size))
  const weights: Weights = new Map()
  for (const [i, { name, shape, group }] of scope.declarations.entries()) {
    const count = shape.reduce((a, b) => a * b, 1)
    const base = name.endsWith('running_var') || group === 'norm' ? 1 : 0
    weights.set(name, { shape, data: numbers(count, i + 1).map((value) => base + 0.3 * value) })
  }
  return weights
}

function feeds(batch: number, layout: ImageLayout, seed = 3) {
  const plain = Uint8Array.from(numbers(batch * 3 * size * size, seed), (value) => Math.round((value + 1) * 127))
  return { image: packed(plain, batch, layout), target: numbers(batch * 5, seed + 1), gain: 1 }
}

/** The image as `ImageLayout` says. */
function packed(plain: Uint8Array, batch: number, layout: ImageLayout): Uint8Array {
  if (layout.kind === 'plain') return plain
  const { block } = layout
  const half = size / 2
  const bytes = new Uint8Array(batch * 16 * half * half)
  for (let n = 0; n < batch; n++)
    for (let dy = 0; dy < 2; dy++)
      for (let dx = 0; dx < 2; dx++)
        for (let c = 0; c < 3; c++)
          for (let y = 0; y < half; y++)
            for (let x = 0; x < half; x++) {
              const channel = (dy * 2 + dx) * 3 + c
              const place = ((n * (16 / block) + Math.floor(channel / block)) * half + y) * half + x
              bytes[place * block + (channel % block)] = plain[((n * 3 + c) * size + 2 * y + dy) * size + 2 * x + dx]!
            }
  return bytes
}

const scalars = (more: Partial<StepScalars> = {}): StepScalars => ({
  step: 1,
  learningRate: { bias: 0.1, decayed: 0.05, norm: 0.02 },
  momentum: 0.9,
  weightDecay: 5e-4,
  emaDecay: 0.9,
  maxNorm: 10,
  ...more,
})

async function trainer(
  layout: LayoutChoice,
  batch = 8,
  options: TrainStateOptions = {},
  state = new TrainState(options).load(initialWeights()),
) {
  const step = await TrainStep.create({ state, layout, build: build(batch) })
  steps.push(step)
  return { state, step, feeds: feeds(batch, step.imageLayout) }
}

function distance(a: Weights, b: Weights): number {
  let most = 0
  for (const [name, { data }] of a)
    for (const [i, value] of data.entries()) most = Math.max(most, Math.abs(value - b.get(name)!.data[i]!))
  return most
}

describe.each(layouts)('training step, %s', (layout) => {
  it('brings the loss down', async () => {
    const { step, feeds } = await trainer(layout)
    const first = await step.run(feeds, scalars())
    let last = first
    for (let i = 0; i < 30; i++) last = await step.run(feeds, scalars())
    expect(last.loss).toBeLessThan(0.3 * first.loss)
    expect(first.outputs['y']).toHaveLength(8 * 5 * 4 * 4)
  })

  it('gives the same numbers in the same order', async () => {
    const losses = async () => {
      const { state, step, feeds } = await trainer(layout)
      for (let i = 0; i < 3; i++) await step.run(feeds, scalars())
      return state.toWeights('ema')
    }
    expect(distance(await losses(), await losses())).toBe(0)
  })

  it('accumulates: two halves of a step equal one step with the sum of their losses', async () => {
    const once = await trainer(layout)
    await once.step.run({ ...once.feeds, gain: 2 }, scalars({ maxNorm: 1e9 }))
    const twice = await trainer(layout)
    const first = await twice.step.run(twice.feeds, scalars({ step: 0 }))
    expect(first.updated).toBe(false)
    expect(first.gradientNorm).toBeUndefined()
    const second = await twice.step.run(twice.feeds, scalars({ maxNorm: 1e9 }))
    expect(second.updated).toBe(true)
    const [a, b] = [once.state.toWeights('model'), twice.state.toWeights('model')]
    for (const name of a.keys()) if (name.includes('running')) a.set(name, b.get(name)!)
    expect(distance(a, b)).toBeLessThan(1e-6)
  })

  it('leaves weights and averages alone in micro-steps, but not batch-norm statistics', async () => {
    const { state, step, feeds } = await trainer(layout)
    const [before, average] = [state.toWeights('model'), state.toWeights('ema')]
    await step.run(feeds, scalars({ step: 0 }))
    const after = state.toWeights('model')
    for (const [name, { data }] of after)
      if (name.includes('running')) expect(data).not.toEqual(before.get(name)!.data)
      else expect(data).toEqual(before.get(name)!.data)
    expect(distance(state.toWeights('ema'), average)).toBe(0)
  })

  it('updates batch-norm statistics with the unbiased variance and momentum 0.03', async () => {
    const batch = 4
    const graph = new Graph()
    const scope = Scope.train(graph)
    const x = graph.input('x', [batch, 3, 2, 2])
    batchNormLayer(scope, x)
    const values = numbers(batch * 12, 9)
    const update = scope.updates.map(({ batch: statistic }) => statistic)
    const executable = await compile(graph, update)
    const [mean, variance] = await executable.run({
      x: values,
      weight: Float32Array.of(1, 1, 1),
      bias: new Float32Array(3),
    })
    await executable.dispose()
    for (let c = 0; c < 3; c++) {
      const own = [...values].filter((_, i) => Math.floor(i / 4) % 3 === c)
      const average = own.reduce((a, b) => a + b) / own.length
      const unbiased = own.reduce((sum, value) => sum + (value - average) ** 2, 0) / (own.length - 1)
      expect(Number(mean!.data[c])).toBeCloseTo(average, 5)
      expect(Number(variance!.data[c])).toBeCloseTo(unbiased, 5)
    }
    expect(scope.updates.map(({ momentum }) => momentum)).toEqual([0.03, 0.03])
  })

  it('moves the average by 1 − d of the way', async () => {
    const { state, step, feeds } = await trainer(layout)
    const before = state.toWeights('ema')
    await step.run(feeds, scalars({ emaDecay: 0.75 }))
    const [model, ema] = [state.toWeights('model'), state.toWeights('ema')]
    for (const [name, { data }] of ema)
      for (const [i, value] of data.entries())
        expect(value).toBeCloseTo(0.75 * before.get(name)!.data[i]! + 0.25 * model.get(name)!.data[i]!, 5)
  })

  it('serves other batch sizes from one state, and continues accumulating across them', async () => {
    const state = new TrainState().load(initialWeights())
    const large = await trainer(layout, 8, {}, state)
    const small = await trainer(layout, 3, {}, state)
    await large.step.run(large.feeds, scalars({ step: 0 }))
    const { updated } = await small.step.run(small.feeds, scalars())
    expect(updated).toBe(true)
    expect(state.updates).toBe(1)
    expect(distance(state.toWeights('model'), initialWeights())).toBeGreaterThan(1e-3)
  })

  it('skips an iteration that overflows, says so, and goes on unharmed', async () => {
    const { state, step, feeds } = await trainer(layout)
    await step.run(feeds, scalars())
    const before = state.toWeights('model')
    const bad = await step.run({ ...feeds, gain: Number.POSITIVE_INFINITY }, scalars())
    expect(bad).toMatchObject({ finite: false, updated: false })
    expect(distance(state.toWeights('model'), before)).toBe(0)
    const good = await step.run(feeds, scalars())
    expect(good).toMatchObject({ finite: true, updated: true })
    for (const { data } of state.toWeights('ema').values()) expect(data.every(Number.isFinite)).toBe(true)
  })

  it('reports an overflow in a micro-step on the update, too', async () => {
    const { state, step, feeds } = await trainer(layout)
    const first = await step.run({ ...feeds, gain: Number.NaN }, scalars({ step: 0 }))
    expect(first.finite).toBe(false)
    const second = await step.run(feeds, scalars())
    expect(second).toMatchObject({ finite: false, updated: false })
    expect(distance(state.toWeights('ema'), initialWeights())).toBe(0)
    expect((await step.run(feeds, scalars())).updated).toBe(true)
  })

  it('never touches frozen weights, and does not count them in the gradient norm', async () => {
    const { state, step, feeds } = await trainer(layout, 8, { frozen: (name) => name.startsWith('stem.') })
    const all = await trainer(layout)
    const { gradientNorm } = await step.run(feeds, scalars())
    const complete = await all.step.run(all.feeds, scalars())
    expect(gradientNorm!).toBeLessThan(complete.gradientNorm!)
    const [before, after] = [initialWeights(), state.toWeights('model')]
    expect(after.get('stem.conv.weight')).toEqual(before.get('stem.conv.weight'))
    expect(after.get('stem.bn.bias')).toEqual(before.get('stem.bn.bias'))
    expect(after.get('stem.bn.running_mean')).not.toEqual(before.get('stem.bn.running_mean'))
    expect(after.get('head.weight')).not.toEqual(before.get('head.weight'))
  })

  it('continues from saved weights and optimizer as if it had never stopped', async () => {
    const through = await trainer(layout, 8, { optimizer: 'AdamW' })
    for (let i = 0; i < 2; i++) await through.step.run(through.feeds, scalars())
    const saved = {
      model: through.state.toWeights('model'),
      ema: through.state.toWeights('ema'),
      optimizer: through.state.optimizerState(),
    }
    await through.step.run(through.feeds, scalars())

    const resumed = new TrainState({ optimizer: 'AdamW' }).load(saved.model, 'model').load(saved.ema, 'ema')
    const again = await trainer(layout, 8, {}, resumed.loadOptimizer(saved.optimizer))
    await again.step.run(again.feeds, scalars())
    for (const which of ['model', 'ema'] as const)
      expect(distance(resumed.toWeights(which), through.state.toWeights(which))).toBe(0)
  })

  it('continues from a saved gradient that was not used yet', async () => {
    const through = await trainer(layout)
    await through.step.run(through.feeds, scalars())
    await through.step.run(through.feeds, scalars({ step: 0 }))
    const saved = {
      model: through.state.toWeights('model'),
      ema: through.state.toWeights('ema'),
      optimizer: through.state.optimizerState(),
    }
    expect(saved.optimizer.gradient?.size).toBeGreaterThan(0)
    await through.step.run(through.feeds, scalars())
    expect(through.state.optimizerState().gradient).toBeUndefined()

    const resumed = new TrainState().load(saved.model, 'model').load(saved.ema, 'ema').loadOptimizer(saved.optimizer)
    const again = await trainer(layout, 8, {}, resumed)
    await again.step.run(again.feeds, scalars())
    for (const which of ['model', 'ema'] as const)
      expect(distance(resumed.toWeights(which), through.state.toWeights(which))).toBe(0)
  })

  it('starts another training after reset and load', async () => {
    const { state, step, feeds } = await trainer(layout)
    const run = async () => {
      await step.run(feeds, scalars({ step: 0 }))
      for (let i = 0; i < 2; i++) await step.run(feeds, scalars())
      return state.toWeights('ema')
    }
    const first = await run()
    await step.run(feeds, scalars({ step: 0 }))
    state.reset().load(initialWeights())
    expect(distance(await run(), first)).toBe(0)
  })

  it('refuses weights of another model', async () => {
    const weights = initialWeights()
    weights.set('head.weight', { shape: [6, 12, 1, 1], data: new Float32Array(72) })
    await expect(trainer(layout, 8, {}, new TrainState().load(weights))).rejects.toMatchObject({ code: 'WEIGHT_SHAPE' })
    weights.delete('head.weight')
    await expect(trainer(layout, 8, {}, new TrainState().load(weights))).rejects.toMatchObject({ code: 'WEIGHT_SHAPE' })
  })

  it('names an input that is missing or too short', async () => {
    const { step, feeds } = await trainer(layout)
    const { target: _, ...rest } = feeds
    await expect(step.run(rest, scalars())).rejects.toThrow('"target"')
    await expect(step.run({ ...feeds, target: new Float32Array(3) }, scalars())).rejects.toThrow('[8,5]')
  })
})

it.runIf(layouts.length > 1)('gives the same weights in both layouts', async () => {
  const results: Weights[] = []
  for (const layout of layouts) {
    const { state, step, feeds } = await trainer(layout)
    for (let i = 0; i < 3; i++) await step.run(feeds, scalars())
    results.push(state.toWeights('ema'))
  }
  expect(distance(results[0]!, results[1]!)).toBeLessThan(1e-4)
})

it('evaluates with batch norm folded into the convolution as without folding', async () => {
  const { state, step, feeds: own } = await trainer('plain')
  for (let i = 0; i < 3; i++) await step.run(own, scalars())
  const scope = Scope.evaluate(state.toWeights('model'))
  const image = scope.image('image', 8, size, size)
  const stem = scope.child('stem')
  const layer = { out: 16, kernel: 6, stride: 2, padding: 2 }
  const folded = convBatchNorm(stem, image, layer)
  const apart = batchNormLayer(stem.child('bn'), convLayer(stem.child('conv'), image, layer))
  const executable = await compile(scope.graph, [folded, apart])
  const [a, b] = await executable.run({ image: own.image })
  await executable.dispose()
  for (const [i, value] of (a!.data as Float32Array).entries()) expect(value).toBeCloseTo(Number(b!.data[i]), 4)
})

describe('step cache', () => {
  it('keeps steps within the budget and drops the one that was unused for longest', async () => {
    const state = new TrainState().load(initialWeights())
    const made: number[] = []
    const make = (batch: number) => async () => {
      made.push(batch)
      return TrainStep.create({ state, layout: 'plain', build: build(batch) })
    }
    const probe = await make(4)()
    const cache = new StepCache(state, { budgetBytes: 2.9 * probe.bytes })
    await probe.dispose()
    made.length = 0
    const first = await cache.get('4', make(4))
    await cache.get('3', make(3))
    expect(await cache.get('4', make(4))).toBe(first)
    await cache.get('5', make(5))
    expect(made).toEqual([4, 3, 5])
    expect(cache.bytes).toBeLessThanOrEqual(2.9 * probe.bytes)
    expect(await cache.get('4', make(4))).toBe(first)
    await cache.get('3', make(3))
    expect(made).toEqual([4, 3, 5, 3])
    await cache.dispose()
    expect(cache.size).toBe(0)
  })
})
