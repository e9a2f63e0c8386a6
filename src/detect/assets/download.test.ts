import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { assetServer, type Fault } from '../../../test/helpers/asset-server.ts'
import { temporaryFolder } from '../../../test/helpers/data-set.ts'
import { AssetDamagedError, AssetUnavailableError, AssetWriteError } from '../../base/index.ts'
import { type DownloadOptions, download } from './download.ts'
import { proxyFor } from './proxy.ts'

const body = randomBytes(300_000)
const sha256 = createHash('sha256').update(body).digest('hex')
const quick = { silenceMs: 300, pausesMs: [1, 1, 1] }

async function scene(faults: readonly Fault[] = [], more: Partial<DownloadOptions> = {}) {
  const server = await assetServer({ 'a.bin': body })
  server.faults.set('a.bin', [...faults])
  const folder = temporaryFolder()
  const file = join(folder, 'a.bin')
  const url = new URL(`${server.url}/a.bin`)
  const options: DownloadOptions = {
    ...{ asset: 'a.bin', url, file, place: 'put it there', maxBytes: 1e9, sha256, hash: true, patience: quick },
    ...more,
  }
  return { server, folder, file, options, fetch: () => download(options) }
}
const lastHeaders = ({ requests }: Awaited<ReturnType<typeof assetServer>>) => requests.at(-1)!.headers

describe('a download', () => {
  it('puts the whole file in its place, and nothing else', async () => {
    const progress: (number | undefined)[][] = []
    const onProgress = (done: number, total: number | undefined) => progress.push([done, total])
    const { file, folder, fetch } = await scene([], { onProgress })
    expect(await fetch()).toMatchObject({ bytes: body.length, sha256 })
    expect(readFileSync(file).equals(body)).toBe(true)
    expect(readdirSync(folder)).toEqual(['a.bin'])
    expect(progress.at(-1)).toEqual([body.length, body.length])
  })

  it('goes on where the connection broke, again and again', async () => {
    const problems: string[] = []
    const onRetry = (problem: string) => problems.push(problem)
    // More breaks than tries in a row: each of them brought something.
    const breaks = [70_000, 50_000, 40_000, 30_000, 20_000].map((breakAfter) => ({ breakAfter }))
    const { server, file, fetch } = await scene(breaks, { onRetry })
    await fetch()
    expect(readFileSync(file).equals(body)).toBe(true)
    expect(problems).toHaveLength(5)
    const asked = server.requests.map(({ headers }) => Number(/\d+/.exec(headers.range ?? '0')))
    expect(asked).toEqual([0, 70_000, 120_000, 160_000, 190_000, 210_000])
  })

  it('goes on after the process that began it', async () => {
    const { server, file, options } = await scene([{ breakAfter: 100_000 }])
    await expect(download({ ...options, patience: { ...quick, pausesMs: [] } })).rejects.toThrow(AssetUnavailableError)
    expect(existsSync(file)).toBe(false)
    const starts: unknown[] = []
    await download({ ...options, onStart: (start) => starts.push(start) })
    expect(lastHeaders(server).range).toBe('bytes=100000-')
    expect(starts).toEqual([{ bytes: body.length, done: 100_000 }])
    expect(readFileSync(file).equals(body)).toBe(true)
  })

  it('begins anew if the file has changed meanwhile', async () => {
    const { server, file, options } = await scene([{ breakAfter: 100_000 }], { sha256: undefined })
    await expect(download({ ...options, patience: { ...quick, pausesMs: [] } })).rejects.toThrow()
    const other = randomBytes(200_000)
    server.files.set('a.bin', other)
    await download(options)
    expect(readFileSync(file).equals(other)).toBe(true)
  })

  it('begins anew if the parts do not belong together', async () => {
    const { file, fetch } = await scene([{ breakAfter: 100_000 }, { body: randomBytes(body.length) }])
    await fetch()
    expect(readFileSync(file).equals(body)).toBe(true)
  })

  it('gives nothing on a partial file that it does not know', async () => {
    const { server, file, fetch } = await scene()
    writeFileSync(`${file}.part`, 'left by somebody else')
    await fetch()
    expect(lastHeaders(server).range).toBeUndefined()
    expect(readFileSync(file).equals(body)).toBe(true)
  })

  it('refuses a file with another checksum and keeps nothing of it', async () => {
    const { server, folder, fetch } = await scene()
    server.files.set('a.bin', randomBytes(1000))
    await expect(fetch()).rejects.toThrow(AssetDamagedError)
    await expect(fetch()).rejects.toThrow(/SHA-256/)
    expect(readdirSync(folder)).toEqual([])
  })

  it('refuses more than was announced', async () => {
    const { folder, options } = await scene([{ breakAfter: 100_000 }, { surplus: 1, chunked: true }])
    await expect(download(options)).rejects.toThrow(/more came than the 300000 bytes/)
    expect(readdirSync(folder)).toEqual([])
  })

  it('takes no notice of what follows the end of the answer', async () => {
    const { file, fetch } = await scene([{ surplus: 50, chunked: false }])
    await fetch()
    expect(readFileSync(file).equals(body)).toBe(true)
  })

  it('refuses more than it may fetch, announced or not', async () => {
    const announced = await scene([], { maxBytes: 1000 })
    await expect(announced.fetch()).rejects.toThrow(/300000 bytes, and more than 1000/)
    const silent = await scene([{ surplus: 0, chunked: true }], { maxBytes: 1000 })
    await expect(silent.fetch()).rejects.toThrow(/more than 1000 bytes came/)
    expect(readdirSync(silent.folder)).toEqual([])
  })

  it('is given up where nothing is, at once', async () => {
    const { server, options } = await scene()
    server.files.delete('a.bin')
    await expect(download(options)).rejects.toThrow(/answers 404.*HYPEVOLVE_ASSETS_URL.*put it there/)
    expect(server.requests).toHaveLength(1)
  })

  it('is tried again while the server is in trouble, as long as it wishes', async () => {
    const waits: number[] = []
    const busy = { status: 503, headers: { 'retry-after': '1' } }
    const { file, fetch } = await scene([busy, { status: 500 }], { onRetry: (_, waitMs) => waits.push(waitMs) })
    await fetch()
    expect(waits).toEqual([1000, 1])
    expect(existsSync(file)).toBe(true)
  })

  it('is given up after as many tries as were granted', async () => {
    const { server, fetch } = await scene(Array.from({ length: 9 }, () => ({ status: 500 })))
    await expect(fetch()).rejects.toThrow(/answers 500/)
    expect(server.requests).toHaveLength(4)
  })

  it('does not wait for a server that has fallen silent', async () => {
    const { server, file, fetch } = await scene([{ stallAfter: 10_000 }, { stallAfter: 0 }])
    await fetch()
    expect(readFileSync(file).equals(body)).toBe(true)
    expect(server.requests.map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=10000-', 'bytes=10000-'])
  })

  it('waits for a server that is slow', async () => {
    const { server, file, fetch } = await scene([{ slowMs: 100, pieces: 10 }])
    await fetch()
    expect(server.requests).toHaveLength(1)
    expect(readFileSync(file).equals(body)).toBe(true)
  })

  it('follows redirects, to other hosts too, and goes on behind them', async () => {
    const { server, options, file } = await scene([{ breakAfter: 5000 }])
    const to = (location: string) => ({ status: 302, headers: { location } })
    const front = await assetServer()
    front.faults.set('x', [to('/y'), to('/y')])
    front.faults.set('y', [to(`${server.url}/a.bin`), to(`${server.url}/a.bin`)])
    await download({ ...options, url: new URL(`${front.url}/x`) })
    expect(readFileSync(file).equals(body)).toBe(true)
    expect(lastHeaders(server).range).toBe('bytes=5000-')
  })

  it.each([
    ['/a.bin', /redirects/],
    ['file:///etc/passwd', /redirects to an address that is none/],
  ])('is not led in circles or elsewhere: %s', async (location, message) => {
    const { fetch } = await scene(Array.from({ length: 20 }, () => ({ status: 301, headers: { location } })))
    await expect(fetch()).rejects.toThrow(message)
  })

  it('ends when it is told to, and goes on later', async () => {
    const abort = new AbortController()
    const { file, options } = await scene([{ stallAfter: 90_000 }])
    const onProgress = (done: number) => done === 90_000 && abort.abort(new Error('enough'))
    await expect(download({ ...options, onProgress, signal: abort.signal })).rejects.toThrow('enough')
    const starts: unknown[] = []
    await download({ ...options, onStart: (start) => starts.push(start) })
    expect(starts).toEqual([{ bytes: body.length, done: 90_000 }])
    expect(readFileSync(file).equals(body)).toBe(true)
  })

  it('says that nobody is there', async () => {
    const { options } = await scene()
    const nobody = createServer()
    await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve))
    const { port } = nobody.address() as AddressInfo
    await new Promise((resolve) => nobody.close(resolve))
    await expect(download({ ...options, url: new URL(`http://127.0.0.1:${port}/a.bin`) })).rejects.toThrow(
      /refuses the connection/,
    )
  })

  it('says that it cannot be written', async () => {
    const { options, folder } = await scene()
    await expect(download({ ...options, file: join(folder, 'no/such/folder/a') })).rejects.toThrow(AssetWriteError)
  })

  it('goes through a proxy, with its password', async () => {
    const { server, options, file } = await scene()
    const proxy = await assetServer({ 'a.bin': body })
    vi.stubEnv('http_proxy', proxy.url.replace('//', '//me:se%20cret@'))
    vi.stubEnv('no_proxy', '')
    onTestFinished(() => void vi.unstubAllEnvs())
    await download(options)
    expect(readFileSync(file).equals(body)).toBe(true)
    expect(server.requests).toEqual([])
    const { host, 'proxy-authorization': password } = lastHeaders(proxy)
    expect(host).toBe(options.url.host)
    expect(password).toBe(`Basic ${Buffer.from('me:se cret').toString('base64')}`)
  })

  it('reaches https through a tunnel of the proxy', async () => {
    const { options } = await scene()
    const asked: string[] = []
    const proxy = createServer().on('connect', (request, socket) => {
      asked.push(request.url!)
      // What comes first through the tunnel is TLS, for the server that was meant.
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.once('data', (hello: Buffer) => {
        asked.push(hello.includes('github.example') && hello[0] === 0x16 ? 'hello' : 'something else')
        socket.destroy()
      })
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void proxy.close())
    vi.stubEnv('https_proxy', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`)
    vi.stubEnv('no_proxy', '')
    onTestFinished(() => void vi.unstubAllEnvs())
    const url = new URL('https://github.example/a.bin')
    await expect(download({ ...options, url, patience: { ...quick, pausesMs: [] } })).rejects.toThrow(
      AssetUnavailableError,
    )
    expect(asked).toEqual(['github.example:443', 'hello'])
  })
})

describe('proxies', () => {
  const proxies = { https_proxy: 'http://p:1', HTTP_PROXY: 'q:2' }
  it.each([
    ['https://a.b/', '', 'p:1'],
    ['http://a.b/', '', 'q:2'],
    ['https://a.b/', 'b', undefined],
    ['https://a.b/', '.b', undefined],
    ['https://a.b/', '*.b', undefined],
    ['https://ab/', 'b', 'p:1'],
    ['https://a.b/', 'c, a.b', undefined],
    ['https://a.b/', 'a.b:80', 'p:1'],
    ['https://a.b/', 'a.b:443', undefined],
    ['http://127.0.0.1/', '127.0.0.1', undefined],
    ['http://10.127.0.0.1.nip/', '0.0.1.nip', undefined],
    ['http://1.127.0.0/', '127.0.0', 'q:2'],
    ['http://[::1]:90/', '::1', undefined],
    ['http://[::1]:90/', '[::1]:90', undefined],
    ['http://x/', '*', undefined],
  ])('%s without %s: %s', (url, no_proxy, proxy) => {
    expect(proxyFor(new URL(url), { ...proxies, no_proxy })?.host).toBe(proxy)
  })

  it('are named if they are none, without their password', () => {
    expect(() => proxyFor(new URL('https://a/'), { https_proxy: 'socks5://me:secret@p' })).toThrow(
      'https_proxy=socks5://…@p is no address',
    )
  })
})
