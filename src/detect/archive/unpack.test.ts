import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../../../test/helpers/data-set.ts'
import { tar } from '../../../test/helpers/tar.ts'
import { ArchiveError } from '../../base/index.ts'
import { unpack } from './unpack.ts'
import { writeZip } from './zip.ts'

/** Runs of every property; `HYPEVOLVE_FUZZ_RUNS=10000` looks longer. */
const numRuns = Number(process.env['HYPEVOLVE_FUZZ_RUNS'] ?? 150)

/** An archive that Python writes. */
function pythonZip(lines: string): Uint8Array {
  const folder = temporaryFolder()
  const script = `import zipfile; z = zipfile.ZipFile('a.zip', 'w', zipfile.ZIP_DEFLATED); ${lines}; z.close()`
  execFileSync('python3', ['-c', script], { cwd: folder })
  return readFileSync(join(folder, 'a.zip'))
}

function scene(archive: Uint8Array, name = 'a.zip') {
  const root = temporaryFolder()
  const file = join(root, name)
  writeFileSync(file, archive)
  const folder = join(root, 'inside')
  mkdirSync(folder)
  return { root, file, folder }
}
async function unpacked(archive: Uint8Array): Promise<Record<string, string>> {
  const { root, file, folder } = scene(archive)
  await unpack(file, folder)
  expect(readdirSync(root).sort()).toEqual(['a.zip', 'inside'])
  return contents(folder)
}
function contents(folder: string): Record<string, string> {
  const names = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(
    names
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(folder.length + 1), readFileSync(path, 'latin1')] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}
/** Refused, and nothing is outside of the folder that it was unpacked into. */
async function refused(archive: Uint8Array, message: RegExp): Promise<void> {
  const { root, file, folder } = scene(archive)
  const error = await unpack(file, folder).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(ArchiveError)
  expect((error as Error).message).toMatch(message)
  expect(readdirSync(root).sort()).toEqual(['a.zip', 'inside'])
}
const bytes = (text: string) => Buffer.from(text, 'latin1')
const paths = fc
  .uniqueArray(fc.stringMatching(/^[a-z]{1,3}(\/[a-z]{1,3}){0,2}$/), { maxLength: 12 })
  // No name may be the folder of another.
  .map((names) => names.filter((name) => !names.some((other) => other.startsWith(`${name}/`))))

describe('an archive', () => {
  it('of tar, zip and gzip themselves, with long names and large files', async () => {
    const source = temporaryFolder()
    const long = `${'long/'.repeat(40)}${'name'.repeat(30)}.txt`
    mkdirSync(join(source, 'data', long, '..'), { recursive: true })
    mkdirSync(join(source, 'data/empty'))
    writeFileSync(join(source, 'data', long), 'far away')
    writeFileSync(join(source, 'data/größer 小.txt'), 'text')
    writeFileSync(join(source, 'data/large.bin'), Buffer.alloc(20e6, 'abcdefg'))
    writeFileSync(join(source, 'data/nothing'), '')
    const expected = contents(source)
    for (const flags of [
      ['-czf', 'a.tar.gz'],
      ['--format=gnu', '-czf', 'b.tgz'],
      ['--format=pax', '-cf', 'c.tar'],
    ]) {
      execFileSync('tar', [...flags, 'data'], { cwd: source })
      const folder = temporaryFolder()
      await unpack(join(source, flags.at(-1)!), folder)
      expect(contents(folder)).toEqual(expected)
      expect(existsSync(join(folder, 'data/empty'))).toBe(true)
    }
    execFileSync('python3', ['-m', 'zipfile', '-c', 'd.zip', 'data'], { cwd: source })
    const folder = temporaryFolder()
    const progress: number[] = []
    await unpack(join(source, 'd.zip'), folder, { onProgress: (done) => progress.push(done) })
    expect(contents(folder)).toEqual(expected)
    expect([...progress].sort((a, b) => a - b)).toEqual(progress)
    expect(existsSync(join(folder, 'data/empty'))).toBe(true)
  })

  it('comes out as it went in: zip', async () => {
    await fc.assert(
      fc.asyncProperty(paths, fc.uint8Array({ maxLength: 2000 }), async (names, content) => {
        const files = names.map((name) => [name, content] as const)
        const expected = Object.fromEntries(names.map((name) => [name, Buffer.from(content).toString('latin1')]))
        expect(await unpacked(writeZip(files))).toEqual(expected)
      }),
      { numRuns: Math.min(numRuns, 500) },
    )
  })

  it('comes out as it went in: tar.gz', async () => {
    await fc.assert(
      fc.asyncProperty(paths, fc.uint8Array({ maxLength: 2000 }), async (names, content) => {
        const expected = Object.fromEntries(names.map((name) => [name, Buffer.from(content).toString('latin1')]))
        expect(await unpacked(gzipSync(tar(names.map((name) => ({ name, content })))))).toEqual(expected)
      }),
      { numRuns: Math.min(numRuns, 500) },
    )
  })

  it('is what its content says, whatever it is called', async () => {
    expect(await unpacked(tar([{ name: './a/./b', content: bytes('x') }]))).toEqual({ 'a/b': 'x' })
  })
})

describe('an archive is refused', () => {
  const outside = ['../x', 'a/../../x', '/x', '/', 'a/..', '..', 'C:\\x', 'C:x', '..\\x', 'a\\..\\..\\x', '/etc/passwd']
  it.each(outside)('that leads out by %s', async (name) => {
    await refused(writeZip([[name, bytes('x')]]), /leads out of the archive/)
    await refused(tar([{ name, content: bytes('x') }]), /leads out of the archive/)
    await refused(gzipSync(tar([{ name, type: '5' }])), /leads out of the archive/)
  })

  it('that leads out by a long name or a prefix', async () => {
    const pax = (record: string) => bytes(record)
    await refused(
      tar([
        { name: 'x', type: 'x', content: pax('13 path=../x\n') },
        { name: 'ok', content: bytes('x') },
      ]),
      /leads out/,
    )
    await refused(
      tar([
        { name: '././@LongLink', type: 'L', content: bytes('/x\0') },
        { name: 'ok', content: bytes('x') },
      ]),
      /leads out/,
    )
    await refused(tar([{ name: 'x', prefix: '../a', content: bytes('x') }]), /leads out/)
  })

  it.each(['1', '2', '3', '4', '6', 'S', 'M', 'Z'])('with a link or something special, of type %s', async (type) => {
    await refused(tar([{ name: 'x', type, link: '/etc/passwd' }]), /link or a special file/)
  })

  it('with a link, in a zip', async () => {
    const link = 'i = zipfile.ZipInfo("link"); i.create_system = 3; i.external_attr = 0o120777 << 16'
    await refused(pythonZip(`${link}; z.writestr(i, "/etc"); z.writestr("link/x", "x")`), /link or a special file/)
  })

  it('that holds a name twice, or as a file and a folder', async () => {
    const x = bytes('x')
    await refused(
      tar([
        { name: 'a', content: x },
        { name: 'a', content: x },
      ]),
      /cannot be/,
    )
    await refused(
      tar([
        { name: 'a', content: x },
        { name: 'a/b', content: x },
      ]),
      /cannot be/,
    )
    await refused(
      writeZip([
        ['a', x],
        ['a/b', x],
      ]),
      /cannot be/,
    )
  })

  it('that would fill the disk', async () => {
    const zeros = Buffer.alloc(200e6)
    await refused(gzipSync(tar([{ name: 'zeros', content: zeros }])), /far more than it should hold/)
    await refused(pythonZip('z.writestr("zeros", bytes(200_000_000))'), /far more than/)
    const files = Array.from({ length: 50 }, (_, i) => ({ name: `f${i}`, content: new Uint8Array() }))
    const { file, folder } = scene(tar(files))
    await expect(unpack(file, folder, { limits: { growth: 40, least: 1 << 20, files: 49 } })).rejects.toThrow(
      /more than 49 files/,
    )
  })

  it('that claims sizes beyond all bounds', async () => {
    await refused(tar([{ name: 'x', size: '77777777777\0' }]), /cut off/)
    await refused(tar([{ name: 'x', size: '\x80\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f' }]), /beyond all bounds/)
    await refused(tar([{ name: 'x', type: 'L', size: '77777777777\0' }]), /attributes of/)
  })

  it('that is none, or empty', async () => {
    await refused(bytes(''), /cut off/)
    await refused(bytes('<html>Not Found</html>'), /cut off/)
    await refused(bytes('PK\x03\x04 and no more'), /cut off/)
    await refused(bytes('\x1f\x8b\x08 and no more than that'), /damaged|cut off/)
  })

  const good = {
    zip: writeZip([
      ['a/b.txt', bytes('some text '.repeat(50))],
      ['c', bytes('x')],
    ]),
    tar: tar([
      { name: 'a/b.txt', content: bytes('some text '.repeat(50)) },
      { name: 'c', content: bytes('x') },
    ]),
  }
  const archives = { ...good, gzip: gzipSync(good.tar) }
  it.each(Object.keys(archives) as (keyof typeof archives)[])('by a typed error if it is damaged: %s', async (kind) => {
    const archive = archives[kind]
    let refusals = 0
    const damage = fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(damage, fc.option(fc.nat(archive.length), { freq: 3 }), async (changes, length) => {
        const broken = Buffer.from(archive)
        for (const [at, value] of changes) broken[at] = value
        const { root, file, folder } = scene(broken.subarray(0, length ?? broken.length))
        await unpack(file, folder).catch((error: unknown) => {
          refusals++
          if (!(error instanceof ArchiveError)) throw error
        })
        expect(readdirSync(root).sort()).toEqual(['a.zip', 'inside'])
      }),
      { numRuns },
    )
    expect(refusals).toBeGreaterThan(0)
  })

  it('by a typed error if it is anything at all', async () => {
    const head = fc.constantFrom([], [0x50, 0x4b, 3, 4], [0x1f, 0x8b, 8, 0])
    await fc.assert(
      fc.asyncProperty(head, fc.uint8Array({ maxLength: 1500 }), async (start, rest) => {
        const { file, folder } = scene(Uint8Array.from([...start, ...rest]))
        await unpack(file, folder).catch((error: unknown) => {
          if (!(error instanceof ArchiveError)) throw error
        })
      }),
      { numRuns },
    )
  })
})
