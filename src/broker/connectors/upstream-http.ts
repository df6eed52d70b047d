/** Calls to the services behind connectors: bounded in time, size and number, and never led to another origin. */
import { fetch as undiciFetch } from 'undici'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { ProxyFor } from '../../outbound/environment-proxy.ts'
import { OutboundWays } from '../../outbound/ways.ts'
import { failureInWords } from './network-words.ts'

export interface UpstreamHttpOptions {
  /** PEM texts, trusted besides the machine's own authorities (as Dex does). */
  readonly roots?: readonly string[]
  /** Takes any certificate. */
  readonly insecureSkipVerify?: boolean
  /** Milliseconds for one call, from its beginning to the last octet of the answer. */
  readonly timeLimit?: number
  /** Octets of one answer, after decompression. */
  readonly sizeLimit?: number
  /** Which proxy leads to an address; absent: none to any. */
  readonly proxyFor?: ProxyFor | undefined
}

export interface UpstreamRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | URLSearchParams
  readonly signal?: AbortSignal
}

export interface UpstreamAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export interface UpstreamHttp {
  /**
   * One call, whatever its status. Redirects of a GET are followed within the origin only (RFC 9110 §15.4 leaves it to
   * the client); one that leads elsewhere is an answer that cannot be trusted, as it would carry our token along.
   * @throws ProxyError CONNECTOR_UNREACHABLE, CONNECTOR_ANSWER_INVALID
   */
  request(url: string, options?: UpstreamRequest): Promise<UpstreamAnswer>
  /** The same as `fetch`, for libraries: follows no redirect, throws `UpstreamFailure` (or the signal's DOMException). */
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>
  /** Cuts what is under way. */
  close(): Promise<void>
}

/** A TypeError, because that is what openid-client lets through as it is. `failure` is what to throw to our own callers. */
export class UpstreamFailure extends TypeError {
  readonly failure: ProxyError

  constructor(failure: ProxyError) {
    super(failure.message)
    this.name = 'UpstreamFailure'
    this.failure = failure
  }
}

const mostRedirects = 3
const mostUnderWay = 64

export function openUpstreamHttp(options: UpstreamHttpOptions = {}): UpstreamHttp {
  const { roots = [], insecureSkipVerify = false, timeLimit = 10_000, sizeLimit = 1024 * 1024 } = options
  const ways = new OutboundWays({ roots, insecureSkipVerify, timeLimit, proxyFor: options.proxyFor })
  let underWay = 0

  const call = async (url: string, init: RequestInit): Promise<Response> => {
    if (underWay >= mostUnderWay) throw unreachable(url, `${mostUnderWay} calls are under way already`)
    underWay++
    const limits = [AbortSignal.timeout(timeLimit), ...(init.signal ? [init.signal] : [])]
    const signal = AbortSignal.any(limits)
    let proxy: string | undefined
    try {
      const way = ways.to(url)
      proxy = way.proxy
      const response = await undiciFetch(url, {
        ...init,
        signal,
        redirect: 'manual',
        dispatcher: way.dispatcher,
      } as never)
      const body = await readBounded(response.body, { url, sizeLimit })
      return rebuilt(response as unknown as Response, body)
    } catch (cause) {
      if (cause instanceof UpstreamFailure) throw cause
      if (signal.aborted) throw init.signal?.aborted ? signal.reason : unreachable(url, `nothing in ${timeLimit} ms`)
      throw unreachable(url, reasonOf(cause, proxy))
    } finally {
      underWay--
    }
  }

  return {
    fetch: (url, init = {}) => call(url, init),

    async request(url, { method = 'GET', headers = {}, body, signal } = {}) {
      let target = url
      for (let redirects = 0; ; redirects++) {
        const response = await call(target, {
          method,
          headers: { 'user-agent': 'ostiary', ...headers },
          ...(body !== undefined && { body }),
          ...(signal && { signal }),
        }).catch((cause: unknown) => {
          throw asProxyError(cause, target)
        })
        const { status } = response
        const location = response.headers.get('location')
        const isRedirect = status >= 300 && status < 400 && location !== null && method === 'GET'
        if (!isRedirect) return { status, headers: response.headers, text: await response.text() }
        if (redirects >= mostRedirects) throw invalid(target, 'more redirects than one follows').failure
        target = followed(target, location)
      }
    },

    close: () => ways.close(),
  }
}

function followed(from: string, location: string): string {
  const to = URL.canParse(location, from) ? new URL(location, from) : undefined
  if (to?.origin !== new URL(from).origin)
    throw invalid(from, `a redirect to another origin (${to?.origin ?? 'no address'})`).failure
  return to.href
}

/** A Response of the global class, without the body's former encoding. */
function rebuilt(response: Response, body: Buffer): Response {
  const headers = new Headers(
    [...response.headers].filter(([name]) => name !== 'content-encoding' && name !== 'content-length'),
  )
  const isBodyless = [101, 204, 205, 304].includes(response.status)
  return new Response(isBodyless ? null : new Uint8Array(body), { status: response.status, headers })
}

async function readBounded(
  stream: AsyncIterable<Uint8Array> | null,
  { url, sizeLimit }: { readonly url: string; readonly sizeLimit: number },
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream ?? []) {
    size += chunk.length
    if (size > sizeLimit) throw invalid(url, `an answer longer than ${sizeLimit} octets`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function asProxyError(cause: unknown, url: string): ProxyError {
  return cause instanceof UpstreamFailure ? cause.failure : unreachable(url, 'called off').failure
}

function unreachable(url: string, reason: string): UpstreamFailure {
  const message = `cannot reach ${originOf(url)}: ${reason}`
  return new UpstreamFailure(new ProxyError('CONNECTOR_UNREACHABLE', message, { headers: ['retry-after', '5'] }))
}

function invalid(url: string, found: string): UpstreamFailure {
  return new UpstreamFailure(new ProxyError('CONNECTOR_ANSWER_INVALID', `cannot use ${originOf(url)}: got ${found}`))
}

/** Paths and queries may hold what is nobody's business. */
function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'an address that is none'
}

function reasonOf(cause: unknown, proxy: string | undefined): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  if (proxy === undefined) return failureInWords(inner)
  // The library tells the proxy's answer in a message only.
  const status = causesOf(cause)
    .map((one) => /^Proxy .*\((\d{3})\)/.exec(one.message)?.[1])
    .find(Boolean)
  return `through the proxy ${proxy}: ${status === undefined ? failureInWords(inner) : `it answered ${status}`}`
}

function causesOf(error: unknown, depth = 0): readonly Error[] {
  return error instanceof Error && depth < 5 ? [error, ...causesOf(error.cause, depth + 1)] : []
}
