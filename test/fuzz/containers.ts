// Files with lengths and checksums, taken apart and put together again.
import { gunzipSync, gzipSync } from 'node:zlib'
import { crc32 } from '../../src/detect/archive/crc32.ts'
import { readZip, writeZip } from '../../src/detect/archive/zip.ts'
import { withChecksum } from '../helpers/tar.ts'
import { type Container, type Part, textOf, utf8 } from './target.ts'

/** Whatever is wrong with a changed file, it is no container then. */
const orNone = <T>(open: () => T): T | undefined => {
  try {
    return open()
  } catch {
    return undefined
  }
}

export const zip: Container = {
  open: (bytes) => orNone(() => [...readZip(bytes)].map(([name, entry]) => ({ name, bytes: entry.read() }))),
  close: (parts) => writeZip(parts.map(({ name, bytes }) => [name, bytes] as const)),
}

/** Headers and contents by turns. */
export const tarGz: Container = {
  open: (bytes) =>
    orNone(() => {
      const all = gunzipSync(bytes)
      const parts: Part[] = []
      for (let at = 0; at < all.length; ) {
        const header = all.subarray(at, at + 512)
        parts.push({ name: 'header', bytes: header })
        const size = Number.parseInt(header.toString('latin1', 124, 135), 8) || 0
        at += 512
        if (size > 0) parts.push({ name: 'content', bytes: all.subarray(at, at + size) })
        at += 512 * Math.ceil(size / 512)
      }
      return parts
    }),
  close: (parts) => {
    const blocks = parts.map(({ name, bytes }) => {
      const block = Buffer.alloc(512 * Math.ceil(bytes.length / 512))
      block.set(bytes)
      return name === 'header' && block.length === 512 && block[0] !== 0 ? withChecksum(block) : block
    })
    return gzipSync(Buffer.concat(blocks))
  },
}

const pngSignature = Buffer.from('89504e470d0a1a0a', 'hex')

export const png: Container = {
  open: (bytes) =>
    orNone(() => {
      const buffer = Buffer.from(bytes)
      const parts: Part[] = []
      for (let at = 8; at < buffer.length; ) {
        const length = buffer.readUInt32BE(at)
        parts.push({
          name: buffer.toString('latin1', at + 4, at + 8),
          bytes: buffer.subarray(at + 8, at + 8 + length),
        })
        at += 12 + length
      }
      return parts
    }),
  close: (parts) =>
    Buffer.concat([
      pngSignature,
      ...parts.flatMap(({ name, bytes }) => {
        const content = Buffer.concat([Buffer.from(name.padEnd(4).slice(0, 4), 'latin1'), bytes])
        const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)]
        length.writeUInt32BE(bytes.length)
        checksum.writeUInt32BE(crc32(content))
        return [length, content, checksum]
      }),
    ]),
}

/** What a file of weights says of its tensors, each text that it says otherwise, and the numbers. */
export const safetensors: Container = {
  open: (bytes) =>
    orNone(() => {
      const length = Number(Buffer.from(bytes).readBigUInt64LE())
      const { __metadata__: texts = {}, ...tensors } = JSON.parse(textOf(bytes.subarray(8, 8 + length)))
      return [
        { name: 'tensors', bytes: utf8(JSON.stringify(tensors)) },
        ...Object.entries(texts as Record<string, string>).map(([name, text]) => ({ name, bytes: utf8(text) })),
        { name: 'numbers', bytes: bytes.subarray(8 + length) },
      ]
    }),
  close: (parts) => {
    const part = (wanted: string) => parts.find(({ name }) => name === wanted)?.bytes ?? new Uint8Array()
    const texts = parts.filter(({ name }) => name !== 'tensors' && name !== 'numbers')
    const metadata = JSON.stringify(Object.fromEntries(texts.map(({ name, bytes }) => [name, textOf(bytes)])))
    const tensors = textOf(part('tensors')).replace(/^\s*\{/, '')
    const header = utf8(`{"__metadata__":${metadata},${tensors}`.replace(/,\s*\}$/, '}'))
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(header.length))
    return Buffer.concat([length, header, part('numbers')])
  },
}
