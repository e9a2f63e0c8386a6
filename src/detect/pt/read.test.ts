import { readFileSync } from 'node:fs'
import { deflateRawSync, gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { referencePath } from '../../../test/golden/reference.ts'
import {
  CheckpointError,
  HypevolveError,
  PtFileError,
  PtGlobalRefusedError,
  PtUnsupportedError,
} from '../../base/index.ts'
import { crc32 } from '../archive/crc32.ts'
import { readZip, writeZip, ZipProblem } from '../archive/zip.ts'
import { initialWeights, parseModel } from '../model/index.ts'
import { detectorOf, exportPt, isPtFile, readPt, readPtCheckpoint, readTensor, Tensor } from './index.ts'
import { PyCall, PyGlobal, PyObject, PyReference, PyTuple, type PyValue, pickle } from './pickle.ts'
import { toPlain } from './plain.ts'
import { withFileName } from './read.ts'

/** Runs of every property; `HYPEVOLVE_FUZZ_RUNS=10000` looks longer. */
const runs = Number(process.env['HYPEVOLVE_FUZZ_RUNS'] ?? 150)

/** Files that PyTorch 2.13 wrote, see fixtures/README.md. */
const torchFiles: (readonly [name: string, bytes: Uint8Array])[] = Object.entries(
  JSON.parse(readFileSync(new URL('./fixtures/torch-2.13.json', import.meta.url), 'utf8')) as Record<string, string>,
).map(([name, base64]) => [name, gunzipSync(Buffer.from(base64, 'base64'))] as const)

const archive = (value: PyValue | Uint8Array, storages: Readonly<Record<string, Uint8Array>> = {}, more = {}) =>
  writeZip([
    ['x/data.pkl', value instanceof Uint8Array ? value : pickle(value)],
    ...Object.entries(storages).map(([key, content]) => [`x/data/${key}`, content] as const),
    ...Object.entries(more as Record<string, Uint8Array>),
    ['x/version', Buffer.from('3\n')],
  ])

const storage = (type: string, key: string, length: number) =>
  new PyReference(new PyTuple('storage', new PyGlobal(`torch.${type}`), key, 'cpu', length))
const tensor = (source: PyReference, offset: number, shape: readonly number[], strides: readonly number[]) =>
  new PyCall(
    new PyGlobal('torch._utils._rebuild_tensor_v2'),
    new PyTuple(
      source,
      offset,
      new PyTuple(...shape),
      new PyTuple(...strides),
      false,
      new PyCall(new PyGlobal('collections.OrderedDict'), new PyTuple()),
    ),
  )
const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
const floats = (...values: number[]) => bytesOf(Float32Array.from(values))
const record = (className: string, attributes: Record<string, PyValue>) =>
  new PyObject(new PyGlobal(className), new Map(Object.entries(attributes)))

/** Reads all of a file, as training and validation would. */
function readWholly(bytes: Uint8Array) {
  const checkpoint = readPtCheckpoint(bytes, 'x.pt')
  checkpoint.model?.weights()
  const weights = checkpoint.best.weights()
  try {
    detectorOf(checkpoint, 'x.pt')
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error // weights alone
  }
  return weights
}

describe('files of other releases of PyTorch', () => {
  it.each(torchFiles)('%s', (_, bytes) => {
    expect(isPtFile(bytes)).toBe(true)
    const weights = readPtCheckpoint(bytes, 'x.pt').best.weights()
    expect([...weights].map(([name, { shape, data }]) => [name, shape, Array.from(data)])).toEqual([
      ['a.weight', [2, 2], [1.5, -2, 0.25, 4]],
      ['a.half', [2], [1, -0.5]],
      ['b', [3], [0, 1, 2]],
    ])
  })

  it('big-endian numbers', () => {
    const swapped = floats(1.5, -2).map((_, i, all) => all[(i & ~3) + 3 - (i & 3)]!)
    const value = new Map([['w', tensor(storage('FloatStorage', '0', 2), 0, [2], [1])]])
    const bytes = archive(value, { 0: swapped }, { 'x/byteorder': Buffer.from('big') })
    expect(Array.from(readWholly(bytes).get('w')!.data)).toEqual([1.5, -2])
  })

  it('a file packed by deflate', () => {
    const value = new Map([['w', tensor(storage('FloatStorage', '0', 64), 0, [64], [1])]])
    const content = floats(...Array.from({ length: 64 }, (_, i) => i))
    const bytes = repack(archive(value, { 0: content }))
    expect(readWholly(bytes).get('w')!.data[63]).toBe(63)
  })

  it('NumPy numbers, paths and namespaces in what it says', () => {
    const type = (code: string) => new PyCall(new PyGlobal('numpy.dtype'), new PyTuple(code, false, true))
    const latin = (bytes: Uint8Array) =>
      new PyCall(new PyGlobal('_codecs.encode'), new PyTuple(Buffer.from(bytes).toString('latin1'), 'latin1'))
    const scalar = new PyCall(
      new PyGlobal('numpy.core.multiarray.scalar'),
      new PyTuple(type('f8'), latin(bytesOf(Float64Array.of(0.1)))),
    )
    const path = new PyCall(new PyGlobal('pathlib.PosixPath'), new PyTuple('/', 'data', 'coco.yaml'))
    const bytes = archive(
      new Map<PyValue, PyValue>([
        ['best_fitness', scalar],
        ['opt', record('argparse.Namespace', { data: path, imgsz: 320 })],
        ['model', new Map([['w', tensor(storage('FloatStorage', '0', 1), 0, [], [])]])],
      ]),
      { 0: floats(3) },
    )
    const { bestFitness, options } = readPtCheckpoint(bytes, 'x.pt')
    expect({ bestFitness, options: { ...options } }).toEqual({
      bestFitness: 0.1,
      options: { data: '/data/coco.yaml', imgsz: 320 },
    })
  })
})

describe('which weights of a file are used', () => {
  const weight = (key: string) => new Map([['w', tensor(storage('FloatStorage', key, 1), 0, [1], [1])]])
  const numbers = { 0: floats(1), 1: floats(2) }
  const used = (checkpoint: ReadonlyMap<PyValue, PyValue>) =>
    readPtCheckpoint(archive(checkpoint, numbers), 'x.pt').best.weights().get('w')!.data[0]

  it.each<[string, Map<PyValue, PyValue>, number]>([
    [
      'the moving average',
      new Map([
        ['model', weight('0')],
        ['ema', weight('1')],
      ]),
      2,
    ],
    [
      'the moving average with its number of updates',
      new Map<PyValue, PyValue>([
        ['model', weight('0')],
        ['ema', new PyTuple(weight('1'), 7)],
      ]),
      2,
    ],
    [
      'the model, if there is no moving average',
      new Map<PyValue, PyValue>([
        ['model', weight('0')],
        ['ema', null],
      ]),
      1,
    ],
    ['the moving average alone', new Map([['ema', weight('1')]]), 2],
    ['a state_dict', new Map([['state_dict', weight('0')]]), 1],
    ['weights alone', weight('0'), 1],
  ])('%s', (_, checkpoint, value) => expect(used(checkpoint)).toBe(value))

  it('none', () => {
    expect(() =>
      used(
        new Map<PyValue, PyValue>([
          ['model', null],
          ['epoch', 3],
        ]),
      ),
    ).toThrow(/neither a model nor weights/)
  })

  it('the memory of an optimizer is read, too', () => {
    const momentum = new Map([['momentum_buffer', tensor(storage('FloatStorage', '1', 1), 0, [1], [1])]])
    const optimizer = new Map<PyValue, PyValue>([
      ['state', new Map([[0, momentum]])],
      [
        'param_groups',
        [
          new Map<PyValue, PyValue>([
            ['lr', 0.01],
            ['params', [0]],
          ]),
        ],
      ],
    ])
    const bytes = archive(
      new Map<PyValue, PyValue>([
        ['model', weight('0')],
        ['optimizer', optimizer],
      ]),
      numbers,
    )
    const { groups, state } = readPtCheckpoint(bytes, 'x.pt').optimizer!
    expect(groups.map((group) => ({ ...group }))).toEqual([{ lr: 0.01, params: [0] }])
    expect(Array.from(readTensor(state.get(0)!.get('momentum_buffer')!))).toEqual([2])
  })
})

describe('a file that is none', () => {
  it.each([
    ['', /it is empty/],
    ['version https://git-lfs.github.com/spec/v1\noid sha256:1', /pointer of Git LFS/],
    ['<!DOCTYPE html><html>', /web page/],
    ['nothing of the kind', /begins like no file of PyTorch/],
    ['\x80\x02}.', /none that torch.save writes/],
  ])('%j', (text, message) => {
    const read = () => readPt(Buffer.from(text, 'latin1'), 'x.pt')
    expect(read).toThrow(PtFileError)
    expect(read).toThrow(message)
  })

  it('a TorchScript program', () => {
    const bytes = archive(new Map(), {}, { 'x/constants.pkl': pickle(new PyTuple()) })
    expect(() => readPt(bytes, 'x.pt')).toThrow(PtUnsupportedError)
  })

  it('another zip archive', () => {
    expect(() => readPt(writeZip([['a.txt', Buffer.from('a')]]), 'x.pt')).toThrow(/none that torch.save writes/)
  })
})

describe('what a file must not name', () => {
  it.each([
    'os.system',
    'posix.system',
    'nt.system',
    'subprocess.Popen',
    'builtins.eval',
    'builtins.exec',
    '__builtin__.eval',
    'builtins.getattr',
    'builtins.__import__',
    'importlib.import_module',
    'runpy._run_code',
    'torch.load',
    'torch.hub.load',
    'torch.utils.model_zoo.load_url',
    'torch.nn.functional.conv2d',
    'numpy.testing._private.utils.runstring',
    'operator.attrgetter',
    'functools.partial',
    'models.yolo.DetectionModel().__class__',
    'models.',
    'modelsx.yolo.Model',
    'a.toString',
    'Object.constructor',
    'torch.constructor',
    'torch.__proto__',
  ])('%s', (name) => {
    const call = new PyCall(new PyGlobal(name), new PyTuple('touch /tmp/owned'))
    const read = () => readPt(archive(new Map([['model', call]])), 'x.pt')
    expect(read).toThrow(PtGlobalRefusedError)
    expect(read).toThrow(name.replace('__builtin__', 'builtins'))
  })

  it('the same by STACK_GLOBAL', () => {
    // PROTO 4, 'os', 'system', STACK_GLOBAL, ('true',), REDUCE, STOP
    const bytes = Buffer.from('80048c026f738c0673797374656d938c04747275658552 2e'.replace(' ', ''), 'hex')
    expect(() => readPt(archive(bytes), 'x.pt')).toThrow(PtGlobalRefusedError)
  })

  it('classes of models are names, even with the names of our own methods', () => {
    const value = record('models.common.Conv', { __proto__: null as never, constructor: 1, get: 2, attributes: 3 })
    expect(toPlain(readPt(archive(value), 'x.pt').value, 'x.pt')).toMatchObject({
      constructor: 1,
      get: 2,
      attributes: 3,
    })
  })
})

describe('tensors that reach beyond their numbers', () => {
  it.each([
    ['past the end', 1, [4], [1]],
    ['by a stride', 0, [2, 2], [3, 1]],
    ['by an offset', 4, [1], [1]],
    ['backwards', 3, [2], [-1]],
    ['by a shape without end', 0, [2 ** 30, 2 ** 30], [0, 0]],
    ['with a negative length', 0, [-1], [1]],
    ['with fewer strides than axes', 0, [2, 2], [1]],
    ['with half an element', 0.5, [1], [1]],
  ])('%s', (_, offset, shape, strides) => {
    const value = new Map([['w', tensor(storage('FloatStorage', '0', 4), offset, shape, strides)]])
    expect(() => readWholly(archive(value, { 0: floats(1, 2, 3, 4) }))).toThrow(PtFileError)
  })

  it.each([
    ['are missing', storage('FloatStorage', '1', 4)],
    ['are fewer', storage('FloatStorage', '0', 5)],
    ['are more', storage('FloatStorage', '0', 3)],
    ['are of another size', storage('DoubleStorage', '0', 4)],
    ['are beyond all bounds', storage('FloatStorage', '0', 2 ** 52)],
    ['lead elsewhere', storage('FloatStorage', '../../version', 4)],
  ])('numbers that %s', (_, source) => {
    const value = new Map([['w', tensor(source, 0, [1], [1])]])
    expect(() => readWholly(archive(value, { 0: floats(1, 2, 3, 4) }))).toThrow(PtFileError)
  })

  it('one number shown a billion times fills no memory', () => {
    const value = new Map([['w', tensor(storage('FloatStorage', '0', 1), 0, [2 ** 15, 2 ** 15], [0, 0])]])
    expect(() => readWholly(archive(value, { 0: floats(1) }))).toThrow(/more numbers than the file/)
  })

  it('nor do many names for one tensor', () => {
    const one = tensor(storage('FloatStorage', '0', 1 << 16), 0, [1 << 16], [1])
    const value = new Map(Array.from({ length: 4000 }, (_, i) => [`w${i}`, one] as const))
    const bytes = archive(value, { 0: new Uint8Array(4 << 16) })
    expect(() => readWholly(bytes)).toThrow(/more numbers than the file/)
  })
})

/** A pickle from its opcodes. */
const raw = (...parts: (number | string | Uint8Array)[]) =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'number' ? Uint8Array.of(part) : Buffer.from(part as string, 'latin1'))),
  )
const times = (count: number, text: string) => text.repeat(count)

describe('pickles that are meant to harm', () => {
  it.each([
    ['endless marks', raw(0x80, 2, times(3_000_000, '('))],
    ['tuples in tuples', raw(0x80, 2, ')', times(3_000_000, '\x85'), '.')],
    ['a million dictionaries', raw(0x80, 2, '(', times(3_000_000, '}'), 'l.')],
    ['a million lists', raw(0x80, 2, ']', '(', times(3_000_000, ']'), 'e.')],
    ['endless nothing', raw(0x80, 2, times(3_000_000, 'N'), '.')],
    ['an integer without end', raw(0x80, 2, '\x8b\xff\xff\xff\x7f', times(100, 'a'), '.')],
    ['a long integer', raw(0x80, 2, '\x8a\xff', times(255, '\x01'), '.')],
    ['a text beyond the end', raw(0x80, 2, 'X\xff\xff\xff\xffabc.')],
    ['a text beyond all bounds', raw(0x80, 4, '\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc.')],
    ['bytes beyond all bounds', raw(0x80, 4, '\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.')],
    ['a memo that is remembered a million times', raw(0x80, 4, 'N', times(3_000_000, '\x94'), '.')],
    ['a memo that is not there', raw(0x80, 2, 'h\x05.')],
    ['a stack that is empty', raw(0x80, 2, 'R.')],
    ['a mark that is not there', raw(0x80, 2, 'NNt.')],
    ['no end', raw(0x80, 2, 'N')],
    ['two ends', raw(0x80, 2, 'NN.')],
    ['an unknown protocol', raw(0x80, 9, 'N.')],
    ['opcodes of protocol 0', raw(0x80, 2, "cos\nsystem\n(S'true'\ntR.")],
    ['INST', raw(0x80, 2, '(ios\nsystem\n.')],
    ['DUP', raw(0x80, 2, 'N2.')],
    ['an extension', raw(0x80, 2, '\x82\x01.')],
    ['a reference in text', raw(0x80, 2, 'Pstorage\n.')],
    ['a name without end', raw(0x80, 2, 'c', times(5000, 'a'), '\nb\n.')],
    ['a call of a dictionary', raw(0x80, 2, '})R.')],
    ['a call with a list', raw(0x80, 2, 'cmodels.yolo\nModel\n]R.')],
    ['a state for a number', raw(0x80, 2, 'K\x01}b.')],
    ['an item for a tuple', raw(0x80, 2, ')Na.')],
    ['entries for a list', raw(0x80, 2, '](NNu.')],
    ['a storage that is called', raw(0x80, 2, 'ctorch\nFloatStorage\n)R.')],
    ['a reference to nothing', raw(0x80, 2, 'NQ.')],
    [
      'one list copied without end',
      raw(0x80, 2, '](', times(50_000, 'N'), 'eq\x00', times(50_000, 'c__builtin__\nset\nh\x00\x85R')),
      /copies the same things too often/,
    ],
    [
      'one text encoded without end',
      raw(
        0x80,
        2,
        'X\x00\x00\x10\x00',
        times(1 << 20, 'a'),
        'q\x00',
        times(20_000, 'c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R'),
      ),
      /copies the same things too often/,
    ],
    [
      'one dictionary as the state of many objects',
      raw(
        0x80,
        2,
        '}(',
        Array.from({ length: 60_000 }, (_, i) => `M${String.fromCharCode(i & 255, i >> 8)}N`).join(''),
        'uq\x00',
        times(20_000, 'cmodels.a\nB\n)\x81h\x00b'),
      ),
      /copies the same things too often/,
    ],
  ] as [string, Buffer, RegExp?][])('%s', (_, bytes, message = /./) => {
    const before = process.memoryUsage().rss
    const started = performance.now()
    const read = () => readPt(archive(bytes), 'x.pt')
    expect(read).toThrow(HypevolveError)
    expect(read).toThrow(message)
    expect(performance.now() - started).toBeLessThan(30_000)
    expect(process.memoryUsage().rss - before).toBeLessThan(700e6)
  })

  /** MARK-free: a list that holds itself. */
  const itself = raw(0x80, 2, ']q\x00h\x00a.')

  it('a list that holds itself', () => {
    const { value } = readPt(archive(itself), 'x.pt')
    expect(() => toPlain(value, 'x.pt')).toThrow(PtFileError)
  })

  it('a list of lists of lists, each twice', () => {
    // 60 times: a list with the one before twice in it
    let text = ']q\x00'
    for (let i = 0; i < 60; i++)
      text += `0](h${String.fromCharCode(i)}h${String.fromCharCode(i)}eq${String.fromCharCode(i + 1)}`.slice(1)
    const nested = raw(0x80, 2, '(', text, 't.')
    const { value } = readPt(archive(nested), 'x.pt')
    expect(() => toPlain(value, 'x.pt')).toThrow(PtFileError)
  })

  it('a model that is a part of itself', () => {
    // {'_modules': {'a': itself}}
    const bytes = raw(0x80, 2, 'cmodels.yolo\nModel\n)\x81q\x00}X\x08\x00\x00\x00_modules}X\x01\x00\x00\x00ah\x00ssb.')
    const { best } = readPtCheckpoint(archive(bytes), 'x.pt')
    expect(() => best.weights()).toThrow(PtFileError)
  })

  it('a model whose parts are shared without end', () => {
    // 40 levels, each with the one below twice
    let text = 'cmodels.yolo\nModel\n)\x81q\x00'
    for (let i = 0; i < 40; i++) {
      const [below, own] = [String.fromCharCode(i), String.fromCharCode(i + 1)]
      text += `cmodels.yolo\nModel\n)\x81q${own}}X\x08\x00\x00\x00_modules}(X\x01\x00\x00\x00ah${below}X\x01\x00\x00\x00bh${below}usb`
    }
    const bytes = raw(0x80, 2, '(', text, 't.')
    const { value } = readPt(archive(bytes), 'x.pt')
    const top = (value as object[]).at(-1)!
    expect(() => toPlain(top, 'x.pt')).toThrow(PtFileError)
    const last = raw(0x80, 2, '}X\x05\x00\x00\x00model(', text, 't', 's.')
    expect(() => readPtCheckpoint(archive(last), 'x.pt').best.weights()).not.toThrow(RangeError)
  })
})

/** The entries of an archive packed by deflate, as other programs write them. */
function repack(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let offset = 0
  for (const [name, entry] of readZip(bytes)) {
    const content = entry.read()
    const packed = deflateRawSync(content)
    const [local, central] = headers(name, { packed: packed.length, size: content.length, crc: crc32(content), offset })
    parts.push(local, packed)
    directory.push(central)
    offset += local.length + packed.length
  }
  return Buffer.concat([...parts, ...directory, endOf(directory, offset)])
}

function headers(
  name: string,
  facts: { packed: number; size: number; crc: number; offset: number; method?: number; flags?: number },
) {
  const { packed, size, crc, offset, method = 8, flags = 0 } = facts
  const text = Buffer.from(name, 'latin1')
  const local = Buffer.alloc(30)
  local.writeUInt32LE(0x04034b50, 0)
  const common = (target: Buffer, at: number) => {
    target.writeUInt16LE(flags, at)
    target.writeUInt16LE(method, at + 2)
    target.writeUInt32LE(crc, at + 8)
    target.writeUInt32LE(packed, at + 12)
    target.writeUInt32LE(size, at + 16)
    target.writeUInt16LE(text.length, at + 20)
  }
  common(local, 6)
  const central = Buffer.alloc(46)
  central.writeUInt32LE(0x02014b50, 0)
  common(central, 8)
  central.writeUInt32LE(offset, 42)
  return [Buffer.concat([local, text]), Buffer.concat([central, text])] as const
}

function endOf(directory: readonly Uint8Array[], offset: number, count = directory.length): Buffer {
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(
    directory.reduce((sum, entry) => sum + entry.length, 0),
    12,
  )
  end.writeUInt32LE(offset, 16)
  return end
}

describe('archives that are meant to harm', () => {
  const one = (name: string, facts: Partial<Parameters<typeof headers>[1]> = {}, content = Buffer.from('abc')) => {
    const [local, central] = headers(name, {
      packed: content.length,
      size: content.length,
      crc: crc32(content),
      offset: 0,
      method: 0,
      ...facts,
    })
    return Buffer.concat([local, content, central, endOf([central], local.length + content.length)])
  }

  it('a harmless one is read', () => {
    expect(Buffer.from(readZip(one('a/b')).get('a/b')!.read()).toString()).toBe('abc')
  })

  it.each([['../a'], ['/etc/passwd'], ['a/../../b'], ['..\\a'], ['C:/a'], ['a\0b'], ['a/./b'], ['..'], ['']])(
    'the name %j',
    (name) => expect(() => readZip(one(name))).toThrow(ZipProblem),
  )

  it.each([
    ['encryption', { flags: 1 }],
    ['strong encryption', { flags: 0x40 }],
    ['an unknown method', { method: 12 }],
    ['two sizes', { size: 4 }],
    ['data beyond the file', { packed: 1000, size: 1000 }],
    ['a place beyond the file', { offset: 100_000 }],
    ['a size beyond all bounds', { method: 8, size: 0xfffffff0 }],
    ['64-bit sizes that are not there', { method: 8, size: 0xffffffff }],
  ])('%s', (_, facts) => expect(() => readZip(one('a', facts))).toThrow(ZipProblem))

  it('a bomb', () => {
    const content = Buffer.alloc(64 << 20)
    const packed = deflateRawSync(content)
    const [local, central] = headers('x/data.pkl', {
      packed: packed.length,
      size: content.length,
      crc: crc32(content),
      offset: 0,
    })
    const bytes = Buffer.concat([local, packed, central, endOf([central], local.length + packed.length)])
    expect(() => readPt(bytes, 'x.pt')).toThrow(/far more than/)
  })

  it('a bomb that hides its size', () => {
    const packed = deflateRawSync(Buffer.alloc(64 << 20))
    const [local, central] = headers('x/data.pkl', { packed: packed.length, size: 100, crc: 0, offset: 0 })
    const bytes = Buffer.concat([local, packed, central, endOf([central], local.length + packed.length)])
    expect(() => readPt(bytes, 'x.pt')).toThrow(/damaged/)
  })

  it('many entries for the same bytes', () => {
    const content = deflateRawSync(Buffer.alloc(1 << 20))
    const [local] = headers('a', { packed: content.length, size: 1 << 20, crc: 0, offset: 0 })
    const same = Array.from(
      { length: 3 },
      () => headers('a', { packed: content.length, size: 1 << 20, crc: 0, offset: 0 })[1],
    )
    const end = (entries: Uint8Array[]) =>
      Buffer.concat([local, content, ...entries, endOf(entries, local.length + content.length)])
    expect(() => readZip(end(same))).toThrow(/twice/)
    const quoted = Array.from(
      { length: 3 },
      (_, i) => headers(`a${i}`, { packed: content.length, size: 1 << 20, crc: 0, offset: 0 })[1],
    )
    expect(() => readZip(end(quoted))).toThrow(ZipProblem)
  })

  it('entries that lie over each other', () => {
    const inner = one('b')
    const [local, central] = headers('a', {
      packed: inner.length,
      size: inner.length,
      crc: crc32(inner),
      offset: 0,
      method: 0,
    })
    const [, nested] = headers('b', {
      packed: 3,
      size: 3,
      crc: crc32(Buffer.from('abc')),
      offset: local.length,
      method: 0,
    })
    const bytes = Buffer.concat([local, inner, central, nested, endOf([central, nested], local.length + inner.length)])
    expect(() => readZip(bytes)).toThrow(/over each other/)
  })

  it('a directory with more files than it has room for', () => {
    const bytes = one('a')
    bytes.writeUInt16LE(60_000, bytes.length - 12)
    expect(() => readZip(bytes)).toThrow(/claims 60000 files/)
  })
})

describe('damaged files', () => {
  const definition = parseModel(
    'nc: 1\nanchors: [[10, 13]]\nbackbone: [[-1, 1, Conv, [8, 6, 2, 2]]]\nhead: [[-1, 1, C3, [8]], [[1], 1, Detect, [nc, anchors]]]\n',
    'small.yaml',
  )
  const small = exportPt({ definition, weights: initialWeights(definition, 0), names: ['a'], imagePx: 64 })
  const files: (readonly [string, Uint8Array])[] = [
    ['ours', small],
    ...torchFiles,
    ...['state_dict_legacy.pt', 'views_and_dtypes.pt'].map(
      (name) => [name, readFileSync(referencePath(`training/pt/${name}`))] as const,
    ),
  ]

  /** Reads everything; a failure must be one of ours. */
  function attempt(bytes: Uint8Array): 'read' | 'refused' {
    try {
      const { value } = readPt(bytes, 'x.pt')
      toPlain(value, 'x.pt')
      for (const part of value instanceof Map ? value.values() : [])
        if (part instanceof Tensor && part.size < 1e6) withFileName('x.pt', () => readTensor(part))
      readWholly(bytes)
      return 'read'
    } catch (error) {
      if (error instanceof HypevolveError) return 'refused'
      throw error
    }
  }

  it.each(files)('%s, cut off anywhere', (_, bytes) => {
    const step = Math.max(1, Math.floor(bytes.length / 400))
    for (let length = 0; length < bytes.length; length += step)
      expect(attempt(bytes.subarray(0, length)), String(length)).toBe('refused')
  })

  it.each(files)('%s with bytes that differ', (_, bytes) => {
    const change = fc.record({ at: fc.nat(bytes.length - 1), value: fc.nat(255) })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const damaged = Uint8Array.from(bytes)
        for (const { at, value } of changes) damaged[at] = value
        attempt(damaged)
      }),
      { numRuns: runs },
    )
  })

  it.each(files.filter(([, bytes]) => bytes[0] === 0x50))(
    '%s with another description in a whole archive',
    (_, bytes) => {
      const entries = [...readZip(bytes)].map(([name, entry]) => [name, entry.read()] as const)
      const at = entries.findIndex(([name]) => name.endsWith('/data.pkl'))
      const description = entries[at]![1]
      const change = fc.record({
        at: fc.nat(description.length - 1),
        remove: fc.nat(8),
        insert: fc.oneof(
          fc.uint8Array({ maxLength: 8 }),
          fc.constantFrom(...[...'}])(tuseabRQN\x81\x85\x94'].map((c) => Buffer.from(c, 'latin1'))),
        ),
      })
      const counts = { read: 0, refused: 0 }
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
          let text: Uint8Array = description
          for (const { at: from, remove, insert } of changes)
            text = Buffer.concat([text.subarray(0, from), insert, text.subarray(from + remove)])
          counts[attempt(writeZip(entries.map((entry, i) => (i === at ? [entry[0], text] : entry))))]++
        }),
        { numRuns: runs },
      )
      expect(counts.refused).toBeGreaterThan(0)
    },
  )

  it('anything at all', () => {
    const start = fc.constantFrom('', 'PK\x03\x04', '\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.')
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (head, tail) => {
        expect(attempt(Buffer.concat([Buffer.from(head, 'latin1'), tail]))).toBe('refused')
      }),
      { numRuns: runs },
    )
  })
})
