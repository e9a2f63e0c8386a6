// The modules of YOLOv5 v7.0: forward in training, gradients, running statistics, forward in evaluation.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Layer,
  type ModelContext,
  type ModuleName,
  modules,
  RowArguments,
} from '../../../src/detect/modules/index.ts'
import {
  compile,
  type Executable,
  Graph,
  gradients,
  probeBlockSize,
  readSafetensors,
  Scope,
  type Tensor,
  type Weights,
} from '../../../src/nn/index.ts'
import { golden, readReferenceJson, referenceFiles, referencePath } from '../reference.ts'

interface ModuleCase {
  name: string
  layer: Layer
  tensors: Weights
}

const model: ModelContext = {
  classes: 1,
  anchorsPerLevel: 1,
  activation: { kind: 'SiLU' },
  width: (channels) => channels,
}

/** 'C3_8_8_n1_noshortcut' is C3 from 8 to 8 channels with one bottleneck and no shortcut, and so on. */
function plan(name: string, side: number, kernel: number): Layer {
  const [module, inChannels, outChannels, ...rest] = name.split('_')
  const option = (letter: string, fallback: number) =>
    Number(rest.find((part) => new RegExp(`^${letter}\\d+$`).test(part))?.slice(1) ?? fallback)
  const windows = rest.filter((part) => /^\d+$/.test(part)).map(Number)
  const args: unknown[] = [Number(outChannels)]
  if (module === 'Conv' || module === 'Focus' || module === 'DWConv') args.push(option('k', 1), option('s', 1))
  else if (module === 'SPPF') args.push(option('k', 5))
  else if (module === 'SPP') args.push(windows)
  else if (module !== 'GhostConv') args.push(!rest.includes('noshortcut'))
  else args.push(kernel, option('s', 1)) // its name leaves the kernel out
  return modules[module as ModuleName].plan({
    inputs: [{ channels: Number(inChannels), side }],
    args: new RowArguments(args),
    repeats: option('n', 1),
    model,
  })
}

function read(): ModuleCase[] {
  if (referenceFiles('training/ops', /^modules\.safetensors$/).length === 0) return []
  const { weights: all } = readSafetensors(readFileSync(referencePath('training/ops/modules.safetensors')))
  const names = readReferenceJson<{ modules: { name: string }[] }>('training/ops/ops.json').modules
  return names.map(({ name }) => {
    const tensors: Weights = new Map()
    for (const [key, tensor] of all) if (key.startsWith(`${name}.`)) tensors.set(key.slice(name.length + 1), tensor)
    return {
      name,
      tensors,
      layer: plan(name, tensors.get('x')!.shape[2]!, tensors.get('sd.cv1.conv.weight')?.shape[2] ?? 1),
    }
  })
}

/** Tensors whose names start with a prefix, without it. */
const below = (tensors: Weights, prefix: string): Weights =>
  new Map([...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, t]) => [name.slice(prefix.length), t]))

golden('training/ops', 'modules', read, (cases) => {
  let block: number | undefined
  beforeAll(async () => {
    block = await probeBlockSize()
  })
  const sessions: Executable[] = []
  afterAll(() => Promise.all(sessions.map((session) => session.dispose())))

  const run = async (outputs: readonly Tensor[], feeds: Weights, layout: 'plain' | 'blocked') => {
    const session = await compile(outputs[0]!.graph, outputs, layout === 'blocked' ? { block } : {})
    sessions.push(session)
    const results = await session.run(Object.fromEntries([...feeds].map(([name, { data }]) => [name, data])))
    return results.map(({ data }) => data as Float32Array)
  }

  describe.each(cases)('$name', ({ layer, tensors }) => {
    const get = (name: string) => tensors.get(name)!
    const state = below(tensors, 'sd.')
    const expectWithin = (
      values: Float32Array,
      expected: Float32Array,
      relative: number,
      absolute: number,
      what: string,
    ) => {
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i]!)), 0)
      if (values.length !== expected.length || !(worst <= relative * largest + absolute))
        expect.fail(`${what} is off by ${worst}, largest entry ${largest}`)
    }

    it.each(['plain', 'blocked'] as const)('trains as the original (%s)', async (layout) => {
      if (layout === 'blocked' && block === undefined) return
      const scope = Scope.train(new Graph())
      const x = scope.graph.input('x', get('x').shape)
      const dy = scope.graph.input('dy', get('dy').shape)
      const [y] = layer.build(scope, [x])
      const parameters = [...scope.parameters]
      const updates = scope.updates
      const outputs = [
        y!,
        ...updates.map(({ batch }) => batch),
        ...gradients(y!, [x, ...parameters.map(([, tensor]) => tensor)], dy),
      ]
      const feeds: Weights = new Map([...state, ['x', get('x')], ['dy', get('dy')]])
      const [forward, ...rest] = await run(outputs, feeds, layout)
      const [dx, ...gradientValues] = rest.slice(updates.length)

      expectWithin(forward!, get('y_train').data, 0, 1e-4, 'y')
      expectWithin(dx!, get('dx').data, 5e-4, 0, 'dx')
      expect(parameters.map(([name]) => name).sort()).toEqual([...below(tensors, 'grad.').keys()].sort())
      for (const [i, [name]] of parameters.entries())
        expectWithin(gradientValues[i]!, get(`grad.${name}`).data, 5e-4, 0, `gradient of ${name}`)
      for (const [i, { name, momentum }] of updates.entries()) {
        const old = state.get(name)!.data
        const after = rest[i]!.map((batch, j) => (1 - momentum) * old[j]! + momentum * batch)
        expectWithin(after, get(`after.${name}`).data, 1e-5, 1e-6, name)
      }
    })

    it('evaluates as the original', async () => {
      const scope = Scope.evaluate(new Map([...state, ...below(tensors, 'after.')]), new Graph())
      const [y] = layer.build(scope, [scope.graph.input('x', get('x').shape)])
      const [forward] = await run([y!], new Map([['x', get('x')]]), 'plain')
      expectWithin(forward!, get('y_eval_after').data, 0, 1e-4, 'y')
    })
  })
})
