// Zip archives, in memory or in a file of any size: what is strange is refused before anything is unpacked.
import { inflateRawSync } from 'node:zlib'
import { crc32 } from './crc32.ts'
import { type ArchiveLimits, ArchiveProblem, shown } from './problem.ts'

/** Something in an archive that is wrong. The reader of the file says which file it was. */
export class ZipProblem extends ArchiveProblem {}

/** One file or folder of an archive. */
export interface ZipEntry {
  /** Relative, with '/' between its parts and at the end of a folder's; none of them is '..'. */
  readonly name: string
  /** Bytes after unpacking. */
  readonly size: number
  /** Where its packed bytes lie, and how many there are. */
  readonly from: number
  readonly packed: number
  readonly deflated: boolean
  /** CRC-32 of the unpacked bytes; 0 stands for "not computed". */
  readonly checksum: number
  /** Unpacks it in memory and checks it. @throws {@link ZipProblem} */
  read(): Uint8Array
}

/** Bytes that can be read anywhere. */
export interface ZipSource {
  readonly size: number
  /** @returns exactly so many bytes; all of them lie within `size` */
  read(at: number, length: number): Uint8Array
}

/** Models hardly shrink. */
const modelLimits = { growth: 4, least: 1 << 20 }

const endSignature = 0x06054b50
const end64Signature = 0x06064b50
const locator64Signature = 0x07064b50
const centralSignature = 0x02014b50
const localSignature = 0x04034b50

const endLength = 22
const centralLength = 46
const localLength = 30
/** More files than this are not read: COCO has 250,000, and the directory of an archive is held in memory. */
const maxEntries = 1_000_000

/** Whether this begins as a zip archive does. */
export const isZip = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4

/**
 * Lists an archive, from its directory at the end. Nothing is unpacked yet.
 *
 * Refused: archives in several parts, encryption, other methods than "stored" and "deflated", links and special files,
 * files that lie over each other or outside of the archive, that exist twice, whose two headers differ, or whose names
 * lead elsewhere, and sizes that the bytes of the archive cannot have: everything together is at most `growth` times as
 * large as the archive, or `least` bytes (4 times and 1 MiB if not said).
 *
 * @throws {@link ZipProblem}
 */
export function readZip(
  archive: Uint8Array | ZipSource,
  { growth, least }: Pick<ArchiveLimits, 'growth' | 'least'> = modelLimits,
): ReadonlyMap<string, ZipEntry> {
  const source = archive instanceof Uint8Array ? sourceOf(archive) : archive
  const directory = findDirectory(source)
  const bytes = source.read(directory.offset, directory.end - directory.offset)
  const view = viewOf(bytes)
  const entries = new Map<string, ZipEntry>()
  const places: { from: number; to: number }[] = []
  let total = 0
  let at = 0
  for (let i = 0; i < directory.count; i++) {
    const header = readCentral(bytes, view, at)
    at = header.next
    const { name, size, packed, method, checksum } = header
    if (entries.has(name)) throw new ZipProblem(`it holds "${shown(name)}" twice.`)
    if (method !== 0 && method !== 8) throw new ZipProblem(`"${shown(name)}" is packed by method ${method}.`)
    if (method === 0 && size !== packed) throw new ZipProblem(`"${shown(name)}" claims two sizes.`)
    // Deflate shrinks to 1/1032 at most.
    if (size > 1040 * packed + 64) throw new ZipProblem(`"${shown(name)}" claims ${size} bytes in ${packed}.`)
    total += size
    const from = findData(source, header, directory.offset)
    places.push({ from: header.local, to: from + packed })
    const read = () => unpack(name, source.read(from, packed), { size, method, checksum })
    entries.set(name, { name, size, from, packed, deflated: method === 8, checksum, read })
  }
  if (at !== bytes.length) throw new ZipProblem('its directory does not have the length it claims.')
  if (total > Math.max(growth * source.size, least))
    throw new ZipProblem(`it unpacks to ${total} bytes, far more than an archive of its size should.`)
  places.sort((a, b) => a.from - b.from)
  for (let i = 1; i < places.length; i++)
    if (places[i]!.from < places[i - 1]!.to) throw new ZipProblem('files in it lie over each other.')
  return entries
}

const sourceOf = (bytes: Uint8Array): ZipSource => ({
  size: bytes.length,
  read: (at, length) => bytes.subarray(at, at + length),
})

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

interface Directory {
  readonly offset: number
  readonly end: number
  readonly count: number
}

const end64Length = 56
const locatorLength = 20

function findDirectory(source: ZipSource): Directory {
  // The end record, before a comment of at most 65535 bytes; before it, where the 64-bit one lies.
  const base = Math.max(0, source.size - endLength - 0xffff - locatorLength)
  const bytes = source.read(base, source.size - base)
  const view = viewOf(bytes)
  let end = bytes.length - endLength
  const lowest = Math.max(0, end - 0xffff)
  while (end >= lowest && !(view.getUint32(end, true) === endSignature && endsHere(bytes, view, end))) end--
  if (end < lowest) throw new ZipProblem('its directory is missing. Is the file cut off?')
  const parts = view.getUint16(end + 4, true) | view.getUint16(end + 6, true)
  let count = view.getUint16(end + 10, true)
  let size = view.getUint32(end + 12, true)
  let offset = view.getUint32(end + 16, true)
  let limit = base + end
  const locator = end - locatorLength
  if (locator >= 0 && view.getUint32(locator, true) === locator64Signature) {
    const at = big(view, locator + 8)
    const record = at > base + locator - end64Length ? undefined : viewOf(source.read(at, end64Length))
    if (record?.getUint32(0, true) !== end64Signature) throw new ZipProblem('its 64-bit directory is damaged.')
    count = big(record, 32)
    size = big(record, 40)
    offset = big(record, 48)
    limit = at
  }
  if (parts !== 0 && parts !== 0xffff) throw new ZipProblem('it is one part of an archive in several files.')
  if (offset > limit || size > limit - offset || offset + size !== limit)
    throw new ZipProblem('its directory does not lie where it claims. Is the file cut off?')
  if (count > maxEntries || count * centralLength > size || size > maxDirectoryBytes)
    throw new ZipProblem(`its directory claims ${count} files in ${size} bytes.`)
  return { offset, end: offset + size, count }
}

/** A directory above this is not read into memory. */
const maxDirectoryBytes = 256 << 20

const endsHere = (bytes: Uint8Array, view: DataView, at: number) =>
  at + endLength + view.getUint16(at + 20, true) === bytes.length

interface Header {
  readonly name: string
  readonly rawName: Uint8Array
  readonly size: number
  readonly packed: number
  readonly method: number
  readonly checksum: number
  /** Where its local header lies. */
  readonly local: number
  /** Where the next entry of the directory begins. */
  readonly next: number
}

function readCentral(bytes: Uint8Array, view: DataView, at: number): Header {
  const limit = bytes.length
  if (at + centralLength > limit || view.getUint32(at, true) !== centralSignature)
    throw new ZipProblem('its directory is damaged.')
  const flags = view.getUint16(at + 8, true)
  const nameLength = view.getUint16(at + 28, true)
  const extraLength = view.getUint16(at + 30, true)
  const next = at + centralLength + nameLength + extraLength + view.getUint16(at + 32, true)
  if (next > limit) throw new ZipProblem('its directory is damaged.')
  const rawName = bytes.subarray(at + centralLength, at + centralLength + nameLength)
  const name = Buffer.from(rawName.buffer, rawName.byteOffset, rawName.length).toString('utf8')
  if (flags & 0x2041) throw new ZipProblem(`"${shown(name)}" is encrypted.`)
  // One that leads elsewhere says that somebody means harm.
  if (name === '' || /[\\\0:]|^\/|(^|\/)\.\.?(\/|$)/.test(name))
    throw new ZipProblem(`the name "${shown(name)}" in it leads out of the archive.`)
  // Made on a Unix system: the upper half of the attributes tells what kind of file it is; 4 is a folder, 8 a file.
  const kind = view.getUint8(at + 5) === 3 ? view.getUint32(at + 38, true) >>> 28 : 0
  if (kind !== 0 && kind !== 4 && kind !== 8) throw new ZipProblem(`"${shown(name)}" is a link or a special file.`)
  const fields = { packed: 20, size: 24, local: 42 } as const
  const values = {
    packed: view.getUint32(at + fields.packed, true),
    size: view.getUint32(at + fields.size, true),
    local: view.getUint32(at + fields.local, true),
  }
  if (values.packed === 0xffffffff || values.size === 0xffffffff || values.local === 0xffffffff)
    readLargeSizes(view, at + centralLength + nameLength, extraLength, values)
  const { size, packed, local } = values
  return {
    name,
    rawName,
    size,
    packed,
    local,
    method: view.getUint16(at + 10, true),
    checksum: view.getUint32(at + 16, true),
    next,
  }
}

/** ZIP64: sizes that do not fit 32 bits stand in an extra field, in this order. */
function readLargeSizes(
  view: DataView,
  from: number,
  length: number,
  values: { size: number; packed: number; local: number },
): void {
  for (let at = from; at + 4 <= from + length; ) {
    const kind = view.getUint16(at, true)
    const end = at + 4 + view.getUint16(at + 2, true)
    if (end > from + length) break
    if (kind === 1) {
      let field = at + 4
      for (const key of ['size', 'packed', 'local'] as const) {
        if (values[key] !== 0xffffffff) continue
        if (field + 8 > end) throw new ZipProblem('its 64-bit sizes are damaged.')
        values[key] = big(view, field)
        field += 8
      }
      return
    }
    at = end
  }
  throw new ZipProblem('its 64-bit sizes are missing.')
}

/** Checks the header before the data of a file. @returns where the data begins */
function findData(source: ZipSource, header: Header, limit: number): number {
  const { name, rawName, local, packed, method } = header
  const length = localLength + rawName.length
  const bytes = local > limit - localLength ? undefined : source.read(local, Math.min(length, limit - local))
  const view = bytes && viewOf(bytes)
  if (!bytes || view?.getUint32(0, true) !== localSignature)
    throw new ZipProblem(`"${shown(name)}" is not where the directory says.`)
  const from = local + localLength + view.getUint16(26, true) + view.getUint16(28, true)
  if (from > limit || packed > limit - from)
    throw new ZipProblem(`"${shown(name)}" reaches beyond its place. Is the file cut off?`)
  const localName = bytes.subarray(localLength)
  if (
    view.getUint16(8, true) !== method ||
    view.getUint16(26, true) !== rawName.length ||
    Buffer.compare(localName, rawName) !== 0
  )
    throw new ZipProblem(`"${shown(name)}" is called otherwise in its place.`)
  return from
}

function unpack(
  name: string,
  data: Uint8Array,
  { size, method, checksum }: { size: number; method: number; checksum: number },
): Uint8Array {
  let unpacked = data
  if (method === 8)
    try {
      unpacked = inflateRawSync(data, { maxOutputLength: Math.max(size, 1) })
    } catch (cause) {
      throw new ZipProblem(`"${shown(name)}" is damaged.`, { cause })
    }
  // 0 stands for "not computed": torch.serialization.set_crc32_options(False).
  if (unpacked.length !== size || (checksum !== 0 && crc32(unpacked) !== checksum))
    throw new ZipProblem(`"${shown(name)}" is damaged: its checksum is wrong.`)
  return unpacked
}

/** A 64-bit size; larger than any file is cut to the largest exact number. */
function big(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true)
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value)
}

// ---- writing

/** PyTorch aligns the data of files to so many bytes. */
const alignment = 64

/**
 * An archive of these files, stored, their data aligned as PyTorch's own is.
 *
 * @param files - name and content, in order
 */
export function writeZip(files: readonly (readonly [name: string, content: Uint8Array])[]): Uint8Array {
  const places: { name: Buffer; content: Uint8Array; local: number; padding: number; checksum: number }[] = []
  let offset = 0
  let directorySize = 0
  for (const [text, content] of files) {
    const name = Buffer.from(text, 'utf8')
    // The padding is an extra field, four bytes at least.
    const unpadded = offset + localLength + name.length + 4
    const padding = 4 + ((alignment - (unpadded % alignment)) % alignment)
    places.push({ name, content, local: offset, padding, checksum: crc32(content) })
    offset += localLength + name.length + padding + content.length
    directorySize += centralLength + name.length
  }
  const bytes = new Uint8Array(offset + directorySize + endLength)
  const view = new DataView(bytes.buffer)
  const common = (at: number, { name, content, checksum }: (typeof places)[number]) => {
    view.setUint16(at + 2, 0x0800, true) // names are UTF-8
    view.setUint16(at + 8, 0x0021, true) // 1 January 1980
    view.setUint32(at + 10, checksum, true)
    view.setUint32(at + 14, content.length, true)
    view.setUint32(at + 18, content.length, true)
    view.setUint16(at + 22, name.length, true)
  }
  let directory = offset
  for (const place of places) {
    const { name, content, local, padding } = place
    view.setUint32(local, localSignature, true)
    view.setUint16(local + 4, 20, true)
    common(local + 4, place)
    view.setUint16(local + 28, padding, true)
    bytes.set(name, local + localLength)
    const extra = local + localLength + name.length
    view.setUint16(extra, 0x4246, true) // 'FB', as PyTorch marks it
    view.setUint16(extra + 2, padding - 4, true)
    bytes.fill(0x5a, extra + 4, extra + padding)
    bytes.set(content, extra + padding)

    view.setUint32(directory, centralSignature, true)
    view.setUint16(directory + 4, 20, true)
    view.setUint16(directory + 6, 20, true)
    common(directory + 6, place)
    view.setUint32(directory + 42, local, true)
    bytes.set(name, directory + centralLength)
    directory += centralLength + name.length
  }
  view.setUint32(directory, endSignature, true)
  view.setUint16(directory + 8, files.length, true)
  view.setUint16(directory + 10, files.length, true)
  view.setUint32(directory + 12, directorySize, true)
  view.setUint32(directory + 16, offset, true)
  return bytes
}
