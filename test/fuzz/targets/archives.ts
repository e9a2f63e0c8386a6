// Archives of data sets. Whatever is in one, nothing may come into being outside of its folder.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateRawSync, gzipSync } from 'node:zlib'
import { unpack } from '../../../src/detect/archive/unpack.ts'
import { writeZip } from '../../../src/detect/archive/zip.ts'
import { tar } from '../../helpers/tar.ts'
import { tarGz, zip } from '../containers.ts'
import { type FuzzTarget, utf8 } from '../target.ts'
import { all } from './all.ts'

const text = utf8('some text '.repeat(50))

/** The archive with its one file packed. */
function deflated(): Uint8Array {
  const whole = Buffer.from(writeZip([['a.txt', text]]))
  const at = whole.indexOf(text)
  const packed = deflateRawSync(text)
  const directory = whole.subarray(at + text.length)
  const bytes = Buffer.concat([whole.subarray(0, at), packed, directory])
  const entry = at + packed.length
  for (const header of [4, entry + 6]) {
    bytes.writeUInt16LE(8, header + 4)
    bytes.writeUInt32LE(packed.length, header + 14)
  }
  bytes.writeUInt32LE(entry, bytes.length - 6)
  return bytes
}

const archiveTarget = (name: string, more: Omit<FuzzTarget, 'name' | 'run'>): FuzzTarget => ({
  name,
  ...more,
  async run(bytes, folder) {
    rmSync(folder, { recursive: true, force: true })
    const [file, inside] = [join(folder, 'archive'), join(folder, 'inside')]
    mkdirSync(inside, { recursive: true })
    writeFileSync(file, bytes)
    await all(
      () => unpack(file, inside),
      () => {
        const found = readdirSync(folder).sort().join()
        if (found !== 'archive,inside') throw new Error(`outside of the folder: ${found}`)
      },
    )
  },
})

export const archives: readonly FuzzTarget[] = [
  archiveTarget('zip', {
    seeds: () => [
      writeZip([
        ['images/', new Uint8Array()],
        ['images/a.txt', text],
        ['b', utf8('x')],
      ]),
      deflated(),
    ],
    tokens: ['PK\x03\x04', 'PK\x01\x02', 'PK\x05\x06', 'PK\x06\x06', 'PK\x06\x07', '../', '/', 'a/../../b', '\\', 'C:'],
    container: zip,
  }),
  archiveTarget('tar.gz', {
    seeds: () => [
      gzipSync(
        tar([
          { name: 'images/', type: '5' },
          { name: 'images/a.txt', content: text },
          { name: 'b', content: utf8('x') },
        ]),
      ),
      gzipSync(
        tar([
          { name: 'x', type: 'x', content: utf8('14 path=ab/cd\n') },
          { name: 'c', content: text },
        ]),
      ),
      gzipSync(
        tar([
          { name: '././@LongLink', type: 'L', content: utf8(`${'d'.repeat(120)}\0`) },
          { name: 'd', content: text },
        ]),
      ),
    ],
    tokens: [
      'ustar\x0000',
      '../',
      '/etc/x',
      '\x001',
      '\x002',
      'L',
      'x',
      'g',
      'path=',
      '77777777777\0',
      '\x80\x7f',
      '10 size=9\n',
    ],
    container: tarGz,
  }),
]
