// A PyTorch file as plain values: the zip form (since PyTorch 1.6) and the one before. Nothing in a file is executed.
import { HypevolveError, PtFileError, PtUnsupportedError } from '../../base/index.ts'
import { isZip, readZip, ZipProblem } from '../archive/zip.ts'
import { buildObject, resolveGlobal, StorageType } from './globals.ts'
import type { Storage } from './tensor.ts'
import { PickleProblem, unpickle } from './unpickle.ts'
import { PtGlobal, type PtValue } from './values.ts'

/** What a PyTorch file holds. */
export interface PtFile {
  readonly form: 'zip' | 'legacy'
  readonly value: PtValue
}

/** Whether bytes begin as PyTorch's files do: an archive, or the pickle of its magic number. */
export const isPtFile = (bytes: Uint8Array): boolean =>
  isZip(bytes) || (bytes[0] === 0x80 && Buffer.from(bytes.subarray(0, 32)).includes(legacyMagicBytes))

/** Opcode LONG1, ten bytes: {@link legacyMagic}. */
const legacyMagicBytes = Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex')

/**
 * Reads a PyTorch file. Numbers of tensors stay in `bytes` until somebody wants them.
 *
 * @param file - its name, for messages
 * @throws {@link PtFileError}, {@link PtGlobalRefusedError}, {@link PtUnsupportedError}
 */
export function readPt(bytes: Uint8Array, file: string): PtFile {
  return withFileName(file, () => {
    if (isZip(bytes)) return { form: 'zip', value: readZipForm(bytes, file) }
    if (bytes[0] === 0x80) return { form: 'legacy', value: readLegacyForm(bytes, file) }
    if (Buffer.from(bytes.subarray(257, 262)).toString('latin1') === 'ustar')
      throw new PtUnsupportedError(file, 'tar', 'it is in the form of PyTorch before 0.1.10, which is not read.')
    throw new PtFileError(file, `${describeStart(bytes)} Was it downloaded completely?`)
  })
}

/** Gives problems the name of the file. Everything that reads parts of a file later goes through here too. */
export function withFileName<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof HypevolveError) throw error
    if (error instanceof PickleProblem || error instanceof ZipProblem)
      throw new PtFileError(file, error.message, { cause: error.cause })
    throw error
  }
}

function describeStart(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'it is empty.'
  const start = Buffer.from(bytes.subarray(0, 60)).toString('latin1')
  if (start.startsWith('version https://git-lfs')) return 'it is a pointer of Git LFS, not the file itself.'
  if (/^\s*<(!doctype|html|\?xml)/i.test(start)) return 'it is a web page.'
  return 'it begins like no file of PyTorch.'
}

// ---- since PyTorch 1.6

function readZipForm(bytes: Uint8Array, file: string): PtValue {
  const entries = readZip(bytes)
  const roots = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name))
  if (roots.length !== 1) throw new ZipProblem('it is a zip archive, but none that torch.save writes.')
  const prefix = roots[0]!.slice(0, -'data.pkl'.length)
  if (entries.has(`${prefix}constants.pkl`))
    throw new PtUnsupportedError(
      file,
      'TorchScript',
      'it is a TorchScript program, not a checkpoint. Give the .pt that it was exported from.',
    )
  const order = entries.get(`${prefix}byteorder`)
  const littleEndian = order === undefined || order.size > 16 || Buffer.from(order.read()).toString('latin1') !== 'big'
  const contents = new Map<string, Uint8Array>()
  const storage = (type: StorageType['type'], key: string, length: number): Storage => {
    const entry = entries.get(`${prefix}data/${key}`)
    if (!entry) throw new PickleProblem(`the numbers "${shown(key)}" are missing.`)
    if (entry.size !== length * type.width)
      throw new PickleProblem(`the numbers "${shown(key)}" have ${entry.size} bytes, not ${length * type.width}.`)
    return {
      type,
      length,
      littleEndian,
      bytes: () => {
        const known = contents.get(key) ?? entry.read()
        contents.set(key, known)
        return known
      },
    }
  }
  return unpickle(entries.get(roots[0]!)!.read(), 0, {
    global: (module, name) => resolveGlobal(file, module, name),
    build: buildObject,
    persistent: (id) => {
      const { type, key, length, view } = readStorageId(id)
      if (view !== null) throw new PickleProblem('it refers to numbers in an unknown way.')
      return storage(type, key, length)
    },
  }).value
}

interface StorageId {
  readonly type: StorageType['type']
  readonly key: string
  readonly length: number
  /** Legacy form only: (key, first element, elements) of a part of the storage. */
  readonly view: PtValue
}

/** ('storage', type, key, device, elements), in the legacy form with a view. */
function readStorageId(id: PtValue): StorageId {
  const [kind, type, key, , length, view = null] = (Array.isArray(id) ? id : []) as PtValue[]
  if (kind !== 'storage' || !(type instanceof StorageType) || typeof key !== 'string' || !isCount(length))
    throw new PickleProblem('it refers to numbers in an unknown way.')
  return { type: type.type, key, length, view }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

// ---- before PyTorch 1.6

/** What PyTorch writes first, as a pickle: 0x1950a86a20f9469cfc6c. */
const legacyMagic = 0x1950a86a20f9469cfc6cn
const legacyProtocol = 1001

/**
 * Pickles one after the other: magic number, protocol, facts about the machine, the object, the list of storages. Then
 * their numbers in the order of that list, each after a 64-bit count. They are little-endian on every machine.
 */
function readLegacyForm(bytes: Uint8Array, file: string): PtValue {
  let at = 0
  const parts = new Map<string, { type: StorageType['type']; length: number; bytes: Uint8Array | undefined }>()
  const plain = {
    global: (module: string, name: string) => resolveGlobal(file, module, name),
    build: buildObject,
    persistent: (): never => {
      throw new PickleProblem('it refers to numbers in its preamble.')
    },
  }
  const next = (persistent: (id: PtValue) => PtValue = plain.persistent) => {
    const { value, end } = unpickle(bytes, at, { ...plain, persistent })
    at = end
    return value
  }
  if (next() !== legacyMagic) throw new PickleProblem('it is a pickle, but none that torch.save writes.')
  const protocol = next()
  if (protocol !== legacyProtocol) throw new PickleProblem('it is in a later version of its form than is known.')
  next()

  const value = next((id) => {
    const [kind, wrapped] = (Array.isArray(id) ? id : []) as PtValue[]
    // A class, with its source text beside it, which nobody reads.
    if (kind === 'module' && wrapped instanceof PtGlobal) return wrapped
    const { type, key, length, view } = readStorageId(id)
    const known = parts.get(key)
    const part = known ?? { type, length, bytes: undefined }
    if (known && (known.type !== type || known.length !== length))
      throw new PickleProblem(`the numbers "${shown(key)}" are described in two ways.`)
    parts.set(key, part)
    const [, from, size] = (view === null ? [key, 0, length] : Array.isArray(view) ? view : []) as PtValue[]
    if (!isCount(from) || !isCount(size) || from + size > length)
      throw new PickleProblem('it refers to numbers in an unknown way.')
    const storage: Storage = {
      type,
      length: size,
      littleEndian: true,
      bytes: () => part.bytes!.subarray(from * type.width, (from + size) * type.width),
    }
    return storage
  })

  const keys = next()
  if (!Array.isArray(keys) || keys.length !== parts.size || new Set(keys).size !== keys.length)
    throw new PickleProblem('its list of numbers does not fit its description of objects.')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (const key of keys) {
    const part = parts.get(key)
    if (!part || at + 8 > bytes.length) throw new PickleProblem('its numbers are missing. Is it cut off?')
    const count = Number(view.getBigInt64(at, true))
    at += 8
    if (count !== part.length || count * part.type.width > bytes.length - at)
      throw new PickleProblem(`the numbers "${shown(key)}" do not have the size they claim. Is the file cut off?`)
    part.bytes = bytes.subarray(at, at + count * part.type.width)
    at += count * part.type.width
  }
  return value
}

const shown = (key: string) => (key.length > 40 ? `${key.slice(0, 37)}…` : key).replace(/[^\x20-\x7e]/g, '?')
