// A real HTTP server on this machine that serves files as GitHub does (ETag, Range, If-Range), and goes wrong on demand.
import { createHash } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** What the next answer to a path does instead of serving the file. */
export type Fault =
  /** Closes the connection after so many bytes of the body. */
  | { readonly breakAfter: number }
  /** Says nothing more after so many bytes of the body, and keeps the connection. */
  | { readonly stallAfter: number }
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Serves this body as the part that was asked for, under the same ETag. */
  | { readonly body: Uint8Array }
  /** Sends more than it said. */
  | { readonly surplus: number; readonly chunked: boolean }
  /** A piece every so often. */
  | { readonly slowMs: number; readonly pieces: number }

export interface AssetServer {
  readonly url: string
  readonly files: Map<string, Uint8Array>
  /** By path, used up one by one. */
  readonly faults: Map<string, Fault[]>
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly method: string }[]
  /** Requests for a path. */
  count(path: string): number
}

const etagOf = (body: Uint8Array) => `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`

/** Serves until the test ends. */
export async function assetServer(files: Readonly<Record<string, Uint8Array>> = {}): Promise<AssetServer> {
  const requests: AssetServer['requests'] = []
  const served = new Map(Object.entries(files))
  const faults = new Map<string, Fault[]>()
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/^http:\/\/[^/]*/, '').slice(1)
    requests.push({ path, headers: request.headers, method: request.method ?? '' })
    answer(request, response, served.get(path), faults.get(path)?.shift())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    files: served,
    faults,
    requests,
    count: (path) => requests.filter((request) => request.path === path).length,
  }
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  file: Uint8Array | undefined,
  fault: Fault | undefined,
): void {
  if (fault && 'status' in fault) {
    response.writeHead(fault.status, fault.headers).end('an answer that is no file')
    return
  }
  if (!file) {
    response.writeHead(404).end('Not Found')
    return
  }
  const etag = etagOf(file)
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? []
  const ranged = from !== undefined && request.headers['if-range'] === etag
  const offset = ranged ? Number(from) : 0
  if (offset >= file.length && offset > 0) {
    response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end()
    return
  }
  const body = fault && 'body' in fault ? fault.body.subarray(offset) : file.subarray(offset)
  const surplus = fault && 'surplus' in fault ? fault : undefined
  response.writeHead(ranged ? 206 : 200, {
    etag,
    ...(!surplus?.chunked && { 'content-length': body.length }),
    ...(ranged && { 'content-range': `bytes ${offset}-${file.length - 1}/${file.length}` }),
  })
  if (!fault || 'body' in fault) response.end(body)
  else if ('breakAfter' in fault) response.write(body.subarray(0, fault.breakAfter), () => response.destroy())
  else if ('stallAfter' in fault) response.write(body.subarray(0, fault.stallAfter))
  else if ('slowMs' in fault) void trickle(response, body, fault)
  else if (fault.chunked) response.end(Buffer.concat([body, Buffer.alloc(fault.surplus)]))
  else response.write(body, () => response.socket?.end(Buffer.alloc(fault.surplus, 'x')))
}

async function trickle(
  response: ServerResponse,
  body: Uint8Array,
  { slowMs, pieces }: { slowMs: number; pieces: number },
) {
  const size = Math.ceil(body.length / pieces)
  for (let at = 0; at < body.length; at += size) {
    await new Promise((resolve) => setTimeout(resolve, slowMs))
    response.write(body.subarray(at, at + size))
  }
  response.end()
}
