// The contract of every op in ops/: its shape rule agrees with ONNX Runtime, its gradient with finite differences, and
// its blocked form with its plain form.
import { describe, expect, it } from 'vitest'
import type { Device } from './device.ts'
import { gradients } from './gradients.ts'
import { Graph, type Tensor, type TensorData } from './graph.ts'
import type { Op, Sample, SampleInput } from './op.ts'
import { ops } from './ops/index.ts'
import { probeBlockSize } from './probe.ts'
import { compile } from './session.ts'

const names = Object.keys(ops)
const block = await probeBlockSize()
/** A GPU on which every op is to be checked, as 'webgpu'. */
const device = process.env['HYPEVOLVE_TEST_DEVICE'] as Device | undefined

/** Distinct values that fill the range evenly in a mixed order, so that no two are close (kinks, ties). */
function spreadValues({ shape, low = -1, high = 1 }: SampleInput, number: number): Float32Array {
  const count = shape.reduce((product, dim) => product * dim, 1)
  // A multiplier coprime to the count walks through all cells once.
  const gcd = (a: number, b: number): number => (b ? gcd(b, a % b) : a)
  let stride = Math.max(1, Math.round(count * [0.381966, 0.2897, 0.1618][number % 3]!))
  while (gcd(stride, count) > 1) stride++
  const offset = 0.31 + 0.23 * number
  return Float32Array.from(
    { length: count },
    (_, i) => low + ((high - low) * (((i * stride) % count) + (offset % 1))) / count,
  )
}

function valuesOf(input: SampleInput, number: number): TensorData {
  const { values, dtype = 'float32' } = input
  if (values && typeof values[0] !== 'number') return values as TensorData
  const list = (values as readonly number[] | undefined) ?? spreadValues(input, number)
  if (dtype === 'int64') return BigInt64Array.from(list as number[], (value) => BigInt(Math.round(value)))
  if (dtype === 'bool') return Uint8Array.from(list as number[], (value) => Number(value > 0))
  return Float32Array.from(list)
}

function trace(op: Op<unknown>, sample: Sample<unknown>) {
  const graph = new Graph()
  const inputs = sample.inputs.map(({ shape, dtype = 'float32' }, i) => graph.input(`x${i}`, shape, dtype))
  const outputs = graph.apply(op, inputs, sample.attributes)
  const feeds = Object.fromEntries(sample.inputs.map((input, i) => [`x${i}`, valuesOf(input, i)]))
  return { graph, inputs, outputs, feeds }
}

const describeSample = (sample: Sample<unknown>) =>
  `${sample.inputs.map(({ shape }) => `[${shape}]`).join(' ')} ${JSON.stringify(sample.attributes)}`

const sum = (data: TensorData, weights: Float32Array) => {
  let total = 0
  for (let i = 0; i < data.length; i++) total += Number(data[i]) * weights[i]!
  return total
}

describe(`contract of ${names.length} ops`, () => {
  for (const [name, op] of Object.entries(ops))
    describe(name, () => {
      it('has samples', () => expect(op.samples.length).toBeGreaterThan(0))
      for (const sample of op.samples) {
        const what = describeSample(sample)
        it(`${what}: shape rule`, async () => {
          const { graph, outputs, feeds } = trace(op, sample)
          const executable = await compile(graph, outputs)
          const results = await executable.run(feeds)
          await executable.dispose()
          expect(results.map((result) => result.shape)).toEqual(outputs.map((output) => output.shape))
          const arrays = {
            float32: Float32Array,
            int64: BigInt64Array,
            int32: Int32Array,
            uint8: Uint8Array,
            bool: Uint8Array,
          }
          for (const [i, result] of results.entries()) expect(result.data).toBeInstanceOf(arrays[outputs[i]!.dtype])
        })
        if (op.gradient !== 'none') it(`${what}: gradient`, () => checkGradient(op, sample))
        if (op.blocked && block !== undefined && sample.inputs.some(({ shape }) => shape.length === 4))
          it(`${what}: blocked form`, () => checkForm(op, sample, { block, blockInputs: true }))
        // The runtime computes these nodes on any device, so that they are checked on the processor if no other is named.
        if (op.gpu || device)
          it(`${what}: form for graphics processors`, () =>
            checkForm(op, sample, { gpu: true, ...(device && { device }) }))
      }
    })
})

/** Central differences of Σ r · y for fixed random r, element by element. */
async function checkGradient(op: Op<unknown>, sample: Sample<unknown>) {
  const { graph, inputs, outputs, feeds } = trace(op, sample)
  const floats = inputs.filter(({ dtype }) => dtype === 'float32')
  if (floats.length === 0) return
  for (const [i, output] of outputs.entries()) {
    if (output.dtype !== 'float32' || sample.withoutGradient?.includes(i)) continue
    const upstream = graph.input(`upstream${i}`, output.shape)
    const weights = spreadValues({ shape: output.shape as number[] }, 2)
    const slopes = gradients(output, floats, upstream)
    const forward = await compile(graph, [output])
    const backward = await compile(graph, slopes)
    const analytic = await backward.run({ ...feeds, [`upstream${i}`]: weights })
    for (const [k, input] of floats.entries()) {
      const key = `x${inputs.indexOf(input)}`
      const numeric = await differences(forward, feeds, key, weights)
      const slope = analytic[k]!.data as Float32Array
      const largest = numeric.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3)
      for (const [at, value] of numeric.entries())
        expect(Math.abs(slope[at]! - value), `d ${key}[${at}]: ${slope[at]} against ${value}`).toBeLessThan(
          1e-2 * largest,
        )
    }
    await forward.dispose()
    await backward.dispose()
  }
}

async function differences(
  forward: Awaited<ReturnType<typeof compile>>,
  feeds: Readonly<Record<string, TensorData>>,
  key: string,
  weights: Float32Array,
): Promise<number[]> {
  const original = feeds[key] as Float32Array
  const numeric: number[] = []
  for (let at = 0; at < original.length; at++) {
    const value = async (shift: number) => {
      const moved = original.slice()
      moved[at]! += shift
      const [result] = await forward.run({ ...feeds, [key]: moved })
      return { total: sum(result!.data, weights), at: moved[at]! }
    }
    const [up, down] = [await value(2e-3), await value(-2e-3)]
    numeric.push((up.total - down.total) / (up.at - down.at))
  }
  return numeric
}

/** All forms give the same numbers, forward and backward. */
async function checkForm(op: Op<unknown>, sample: Sample<unknown>, form: Parameters<typeof compile>[2]) {
  const { graph, inputs, outputs, feeds } = trace(op, sample)
  const wanted: Tensor[] = [...outputs]
  if (op.gradient !== 'none')
    for (const [i, output] of outputs.entries()) {
      if (output.dtype !== 'float32' || sample.withoutGradient?.includes(i)) continue
      const upstream = graph.input(`upstream${i}`, output.shape)
      Object.assign(feeds, { [`upstream${i}`]: spreadValues({ shape: output.shape as number[] }, 2) })
      wanted.push(
        ...gradients(
          output,
          inputs.filter(({ dtype }) => dtype === 'float32'),
          upstream,
        ),
      )
    }
  const run = async (options?: typeof form) => {
    const executable = await compile(graph, wanted, options)
    const results = await executable.run(feeds)
    await executable.dispose()
    return results
  }
  const [plain, other] = [await run(), await run(form)]
  for (const [i, expected] of plain.entries()) {
    expect(other[i]!.shape).toEqual(expected.shape)
    const largest = Array.from(expected.data, Number).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3)
    for (let at = 0; at < expected.data.length; at++) {
      const [a, b] = [Number(other[i]!.data[at]), Number(expected.data[at])]
      if (Number.isNaN(b)) expect(a).toBeNaN()
      else expect(Math.abs(a - b), `output ${i}[${at}]: ${a} against ${b}`).toBeLessThanOrEqual(2e-5 * largest)
    }
  }
}
