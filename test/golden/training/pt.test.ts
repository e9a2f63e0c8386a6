// Checkpoints as PyTorch itself wrote them: every tensor exactly, and everything that a file says about its model.
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  detectorOf,
  isPtFile,
  type PtCheckpoint,
  type PtModel,
  readPt,
  readPtCheckpoint,
  readTensor,
  Tensor,
} from '../../../src/detect/pt/index.ts'
import { toPlain } from '../../../src/detect/pt/plain.ts'
import { readSafetensors } from '../../../src/nn/index.ts'
import { golden, readReferenceJson, referenceFiles, referencePath } from '../reference.ts'

const folder = 'training/pt'

interface TensorFacts {
  readonly name: string
  readonly shape: number[]
  readonly dtype: string
  readonly mean: number
  readonly abs_sum: number
  readonly first8: number[]
}

interface CheckpointFacts {
  readonly top_level_keys: string[]
  readonly epoch: number
  readonly best_fitness: number | null
  readonly updates: number | null
  readonly date: string
  readonly opt: Record<string, string>
  readonly model_class: string
  readonly model: Record<string, unknown> & { yaml: unknown; names: Record<string, string>; nc: number; hyp: unknown }
  readonly model_state_dict: TensorFacts[]
  readonly ema_state_dict?: TensorFacts[]
  readonly optimizer_param_groups?: Record<string, unknown>[]
  readonly optimizer_state_momentum?: { index: number; shape: number[]; mean: number; first4: number[] }[]
}

interface ViewFacts {
  readonly tensors: Record<
    string,
    { shape: number[]; dtype: string; stride: number[]; storage_offset: number; values_row_major: (number | string)[] }
  >
  readonly meta: Record<string, unknown>
}

type Facts = string | TensorFacts[] | CheckpointFacts | ViewFacts

const bytesOf = (name: string) => readFileSync(referencePath(`${folder}/${name}`))
const checkpoint = (name: string) => readPtCheckpoint(bytesOf(name), name)
/** Records of the reader have no prototype; as JSON both are the same. */
const json = (value: unknown) => JSON.parse(JSON.stringify(value ?? null)) as unknown

/** Python's str() of a plain value; whole floats lose their '.0'. */
function pythonText(value: unknown, nested = false): string {
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (Array.isArray(value)) return `[${value.map((item) => pythonText(item, true)).join(', ')}]`
  if (typeof value === 'string') return nested ? `'${value}'` : value
  return String(value)
}

function checkTensors(model: PtModel, facts: readonly TensorFacts[]) {
  const tensors = model.tensors()
  expect([...tensors.keys()]).toEqual(facts.map(({ name }) => name))
  for (const { name, shape, dtype, mean, abs_sum, first8 } of facts) {
    const tensor = tensors.get(name)!
    expect({ shape: tensor.shape, dtype: tensor.storage.type.dtype }, name).toEqual({ shape, dtype })
    const data = readTensor(tensor)
    expect(Array.from(data.subarray(0, 8)), name).toEqual(first8)
    const sum = data.reduce((a, b) => a + b, 0)
    const absolute = data.reduce((a, b) => a + Math.abs(b), 0)
    expect(absolute, name).toBeCloseTo(abs_sum, absolute > 1e4 ? 2 : 6)
    if (data.length > 0) expect(Math.abs(sum / data.length - mean), name).toBeLessThan(1e-7 + 1e-6 * Math.abs(mean))
  }
}

/** The tensors of `<name>.model.safetensors` or `.ema.safetensors`, bit for bit. */
function checkExactly(model: PtModel, file: string) {
  const { weights: expected } = readSafetensors(bytesOf(file))
  const weights = model.weights()
  expect(new Set(weights.keys())).toEqual(new Set(expected.keys()))
  let differing = 0
  for (const [name, { shape, data }] of expected) {
    const found = weights.get(name)!
    expect(found.shape, name).toEqual(shape)
    for (let i = 0; i < data.length; i++) if (!Object.is(found.data[i], data[i])) differing++
  }
  expect(differing).toBe(0)
  return expected.size
}

golden(
  folder,
  'files that torch.save wrote',
  () => {
    const expected = readReferenceJson<Record<string, Facts>>(`${folder}/expected.json`)
    return referenceFiles(folder, /\.pt$/).map((name) => ({ name, facts: expected[name] }))
  },
  (cases) => {
    const expected = (name: string) => cases.find((one) => one.name === name)?.facts

    it.each(cases)('$name is recognised', ({ name }) => expect(isPtFile(bytesOf(name))).toBe(true))

    for (const { name, facts } of cases) {
      const stem = name.replace(/\.pt$/, '')
      for (const part of ['model', 'ema'] as const) {
        const exact = `${stem}.${part}.safetensors`
        if (existsSync(referencePath(`${folder}/${exact}`)))
          it(`${name}: every tensor of ${part} exactly`, () => {
            expect(checkExactly(checkpoint(name)[part]!, exact)).toBeGreaterThan(0)
          })
      }
      if (facts === undefined) continue

      if (typeof facts === 'string') {
        // 'same tensors as state_dict_zip.pt, …', 'keys epoch=-1, …, model (state_dict as in state_dict_zip.pt), …'
        const other = /(?:same tensors as|as in) (\S+?\.pt)/.exec(facts)?.[1]
        it(`${name}: ${facts}`, () => {
          const same = other === undefined ? undefined : expected(other)
          if (!Array.isArray(same)) return expect.fail(`no list of tensors for ${other}`)
          const read = checkpoint(name)
          checkTensors(read.best, same)
          const epoch = /epoch=(-?\d+)/.exec(facts)?.[1]
          if (epoch !== undefined) expect(read.epoch).toBe(Number(epoch))
        })
      } else if (Array.isArray(facts)) {
        it(`${name}: ${facts.length} tensors`, () => {
          const read = checkpoint(name)
          expect(read.kind).toBe('weights')
          checkTensors(read.best, facts)
        })
      } else if ('tensors' in facts) describe(name, () => viewsOf(name, facts))
      else describe(name, () => detectorFile(name, facts))
    }
  },
)

function viewsOf(name: string, { tensors, meta }: ViewFacts) {
  const root = () => readPt(bytesOf(name), name).value as Map<string, Map<string, unknown>>

  it.each(Object.entries(tensors))('%s', (key, facts) => {
    const tensor = root().get('tensors')!.get(key)
    if (!(tensor instanceof Tensor)) return expect.fail(`${key} is no tensor`)
    const { shape, strides, offset, storage } = tensor
    expect({ shape, stride: strides, storage_offset: offset, dtype: storage.type.dtype }).toEqual({
      shape: facts.shape,
      stride: facts.stride,
      storage_offset: facts.storage_offset,
      dtype: facts.dtype,
    })
    expect(Array.from(readTensor(tensor))).toEqual(facts.values_row_major.map((value) => Math.fround(Number(value))))
  })

  it('the values beside them', () => expect(json(toPlain(root().get('meta')!, name))).toEqual(meta))
}

function detectorFile(name: string, facts: CheckpointFacts) {
  const read = (): PtCheckpoint => checkpoint(name)

  it('has the tensors of its model', () => checkTensors(read().model!, facts.model_state_dict))

  if (facts.ema_state_dict)
    it('has the tensors of its moving average, and prefers them', () => {
      const { ema, best } = read()
      checkTensors(ema!, facts.ema_state_dict!)
      expect(best).toBe(ema)
    })

  it('says where its training stands', () => {
    const { kind, epoch, bestFitness, updates, date, model } = read()
    expect({ kind, epoch, bestFitness, updates, date, class: model!.className }).toEqual({
      kind: 'checkpoint',
      epoch: facts.epoch,
      bestFitness: facts.best_fitness ?? undefined,
      updates: facts.updates ?? undefined,
      date: facts.date,
      class: facts.model_class,
    })
  })

  it('says with which flags it was trained', () => {
    const { options } = read()
    expect(Object.keys(options!).sort()).toEqual(Object.keys(facts.opt).sort())
    const plain = Object.entries(facts.opt).filter(([, text]) => !text.startsWith('{'))
    expect(plain.length).toBeGreaterThan(0)
    for (const [key, text] of plain) expect(pythonText(options![key]), key).toBe(text.replace(/^(-?\d+)\.0$/, '$1'))
  })

  it('says what its model is', () => {
    const { model } = read()
    for (const key of ['yaml', 'names', 'nc', 'hyp', 'stride', 'save'])
      if (key in facts.model) expect(json(model!.attribute(key)), key).toEqual(facts.model[key])
  })

  it('is a detector of ours', () => {
    const { definition, weights, names, epoch, imagePx } = detectorOf(read(), name)
    expect(names).toEqual(Object.values(facts.model.names))
    expect(definition.classes).toBe(facts.model.nc)
    expect(epoch).toBe(facts.epoch)
    expect(imagePx).toBe(Number(facts.opt['imgsz']))
    const grid = facts.model['detect_anchors_grid_units'] as number[][][]
    const strides = facts.model['stride'] as number[]
    expect(definition.strides).toEqual(strides)
    expect(definition.anchorsPx).toEqual(grid.map((level, i) => level.flat().map((cells) => cells * strides[i]!)))
    expect(weights.size).toBe(facts.model_state_dict.length)
  })

  const momentum = facts.optimizer_state_momentum
  if (momentum)
    it(`has ${momentum.length} tensors of its optimizer`, () => {
      const { groups, state } = read().optimizer!
      expect(json(groups)).toEqual(facts.optimizer_param_groups)
      expect(state.size).toBe(momentum.length)
      for (const { index, shape, mean, first4 } of momentum) {
        const tensor = state.get(index)!.get('momentum_buffer')!
        expect(tensor.shape).toEqual(shape)
        const data = readTensor(tensor)
        expect(Array.from(data.subarray(0, 4))).toEqual(first4)
        expect(data.reduce((a, b) => a + b, 0) / data.length).toBeCloseTo(mean, 6)
      }
    })
}
