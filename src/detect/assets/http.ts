// One GET over node:http, through a proxy where one is set, after redirects.
import http, {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import tls from 'node:tls'
import { HypevolveError } from '../../base/index.ts'
import { isWeb, shownAddress } from './known.ts'
import { proxyFor } from './proxy.ts'

/** Why there is no answer, or not the one that was asked for. */
export class HttpProblem extends Error {
  constructor(
    message: string,
    /** Whether it may go better the next time. */
    readonly again: boolean,
    /** The server wants to be left alone for so long. */
    readonly waitMs = 0,
  ) {
    super(message)
  }
}

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** Longest time without a byte. */
  readonly silenceMs: number
  readonly signal?: AbortSignal | undefined
}

/** The head of an answer, and its body as it comes. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Errs with what ended it early, or if nothing comes for `silenceMs`. */
  readonly body: AsyncIterable<Buffer>
  /** To be destroyed if the body is not read to its end. */
  readonly response: IncomingMessage
}

const maxRedirects = 10

/**
 * The answer to a GET.
 *
 * @throws {@link HttpProblem}, or the signal's reason
 */
export async function get(address: URL, options: GetOptions): Promise<Answer> {
  let url = address
  for (let redirects = 0; ; redirects++) {
    options.signal?.throwIfAborted()
    const answer = await getOnce(url, options).catch((error: unknown) => {
      options.signal?.throwIfAborted()
      throw toProblem(error)
    })
    const { status, headers, response } = answer
    if (![301, 302, 303, 307, 308].includes(status)) return answer
    response.destroy()
    if (redirects === maxRedirects) throw new HttpProblem(`more than ${maxRedirects} redirects`, false)
    const { location = '' } = headers
    const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined
    if (!next || !isWeb(next)) throw new HttpProblem('it redirects to an address that is none', false)
    if (url.protocol === 'https:' && next.protocol !== 'https:')
      throw new HttpProblem(
        `it redirects from https to ${shownAddress(next)}, which anybody between could change`,
        false,
      )
    url = next
  }
}

async function getOnce(url: URL, { headers = {}, silenceMs, signal }: GetOptions): Promise<Answer> {
  const proxy = proxyFor(url)
  const secure = url.protocol === 'https:'
  const options: RequestOptions = {
    headers: { 'user-agent': 'hypevolve', 'accept-encoding': 'identity', ...headers },
    agent: false,
    ...(signal && { signal }),
  }
  if (!proxy) return answer((secure ? https : http).request(url, options), silenceMs)
  if (!secure) {
    const through = { ...hostOf(proxy), path: url.href.replace(/#.*$/, '') }
    const own = { ...options.headers, host: url.host, ...authorization(proxy) }
    return answer(
      (proxy.protocol === 'https:' ? https : http).request({ ...options, ...through, headers: own }),
      silenceMs,
    )
  }
  const socket = await tunnel(proxy, url, silenceMs, signal)
  const servername = url.hostname
  const createConnection = () => tls.connect({ socket, servername, ALPNProtocols: ['http/1.1'] })
  // Not with `agent: false`, which would make an agent that connects by itself.
  return answer(https.request(url, { ...options, agent: undefined, createConnection }), silenceMs)
}

const hostOf = (proxy: URL) => ({
  host: proxy.hostname.replace(/^\[|\]$/g, ''),
  port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
})

function authorization({ username, password }: URL): Record<string, string> {
  if (username === '') return {}
  const words = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(words).toString('base64')}` }
}

/** A connection through the proxy to a server, not encrypted yet. */
function tunnel(proxy: URL, url: URL, silenceMs: number, signal?: AbortSignal): Promise<Socket> {
  const target = `${url.hostname}:${url.port || 443}`
  const request = (proxy.protocol === 'https:' ? https : http).request({
    ...hostOf(proxy),
    method: 'CONNECT',
    path: target,
    headers: { host: target, ...authorization(proxy) },
    agent: false,
    ...(signal && { signal }),
  })
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => request.destroy(silence(silenceMs)), silenceMs)
    request.once('connect', ({ statusCode = 0 }, socket) => {
      clearTimeout(timer)
      if (statusCode === 200) return resolve(socket as Socket)
      socket.destroy()
      reject(new HttpProblem(`the proxy ${proxy.host} answers ${statusCode}`, statusCode >= 500))
    })
    request.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    request.end()
  })
}

const silence = (ms: number) => new HttpProblem(`nothing came for ${Math.round(ms / 100) / 10} s`, true)

/** Sends a request and waits for the head of the answer; silence before or in its body ends it. */
function answer(request: ClientRequest, silenceMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => request.destroy(silence(silenceMs)), silenceMs)
    request.once('response', (response) => {
      clearTimeout(timer)
      response.setTimeout(silenceMs, () => response.destroy(silence(silenceMs)))
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: collect(response), response })
    })
    // Stays: what a server sends after the end of its answer is an error too, and nobody's loss.
    request.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    request.end()
  })
}

/** So much may wait to be taken. */
const queueBytes = 4 << 20

/**
 * The body of an answer, piece by piece; it listens from now on. Of one that breaks off, all that came is given before the
 * error. (Node's own iterator throws away what it has at the moment of the error.)
 */
function collect(response: IncomingMessage): AsyncIterable<Buffer> {
  const queue: Buffer[] = []
  let queued = 0
  let wake = () => {}
  let end: { readonly error?: unknown } | undefined
  const finish = (error?: unknown) => {
    end ??= { error }
    wake()
  }
  response.on('data', (chunk: Buffer) => {
    queue.push(chunk)
    queued += chunk.length
    if (queued > queueBytes) response.pause()
    wake()
  })
  response.on('end', () => finish())
  response.on('error', finish)
  response.on('close', () => finish(new HttpProblem('the connection broke', true)))
  return (async function* () {
    for (;;) {
      const chunk = queue.shift()
      if (chunk) {
        queued -= chunk.length
        if (queued <= queueBytes && !end) response.resume()
        yield chunk
      } else if (end) {
        if (end.error !== undefined) throw end.error
        return
      } else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  })()
}

/** Errors of certificates and of addresses do not go away by trying again. */
const lasting = /^(CERT_|ERR_TLS|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|ERR_INVALID|EPROTO)/

/** What a failing connection means, in words. */
export function toProblem(error: unknown): Error {
  if (error instanceof HttpProblem || error instanceof HypevolveError) return error
  if (!(error instanceof Error)) return new HttpProblem(String(error), false)
  const { code = '', message } = error as NodeJS.ErrnoException
  if (code === '' && error.name !== 'AggregateError') return error
  const words: Record<string, string> = {
    ENOTFOUND: 'no server of that name is known (is this machine online?)',
    EAI_AGAIN: 'no name server answers (is this machine online?)',
    ECONNREFUSED: 'the server refuses the connection',
    ECONNRESET: 'the connection broke',
    ETIMEDOUT: 'the server does not answer',
  }
  return new HttpProblem(words[code] ?? (message || code), !lasting.test(code))
}
