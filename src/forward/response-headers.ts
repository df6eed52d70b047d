/** The header list that goes back to the client: what the application may say, and what the route says over it. */
import { ProxyError } from '../errors/proxy-error.ts'
import { setCookieName } from '../wire/cookies.ts'
import { hopByHopHeaders, listMembers } from '../wire/headers.ts'

export interface ResponseHeaderOptions {
  /** `set_response_headers`, the route's laid over the global ones: a flat list. */
  readonly set: readonly string[]
  readonly isOwnCookie: (name: string) => boolean
  /** Told the name when an application tried to set a cookie of ours. */
  readonly onOwnCookieSet: (name: string) => void
}

/** What an answer's head says, apart from its status. */
export interface ResponseHead {
  /** Flat list; names as the application wrote them. */
  readonly headers: string[]
  /** Octets that are announced, or -1. */
  readonly contentLength: number
}

/**
 * Compiles the way back. `raw` is name, value, name … as octets (undici) or text (node:http); throws
 * UPSTREAM_INVALID for a head that cannot be passed on safely.
 */
export function compileResponseHeaders(
  options: ResponseHeaderOptions,
): (status: number, raw: readonly (Buffer | string)[]) => ResponseHead {
  const set = options.set.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text))
  const dropped = new Set([...hopByHopHeaders, 'x-pomerium-intercepted-response'])
  dropped.delete('connection')
  dropped.delete('transfer-encoding')
  for (let at = 0; at < set.length; at += 2) dropped.add(set[at] as string)

  return (status, raw) => {
    const headers: string[] = []
    let contentLength = -1
    let lengthName = ''
    let nominated: readonly string[] | undefined
    for (let at = 0; at < raw.length; at += 2) {
      const name = text(raw[at])
      const lower = name.toLowerCase()
      const value = text(raw[at + 1])
      if (lower === 'connection') {
        if (value !== 'keep-alive' && value !== 'close') {
          nominated = [...(nominated ?? []), ...listMembers(value).map((member) => member.toLowerCase())]
        }
        continue
      }
      if (lower === 'transfer-encoding') {
        // Any other coding would reach the client undecoded (RFC 9112 §6.1).
        if (value.trim().toLowerCase() !== 'chunked') throw invalid(`transfer-encoding is ${JSON.stringify(value)}`)
        continue
      }
      if (dropped.has(lower)) continue
      if (lower === 'content-length') {
        // 1xx and 204 have no length (RFC 9110 §8.6).
        if (status < 200 || status === 204) continue
        if (contentLength !== -1 || !/^\d{1,15}$/.test(value)) throw invalid('content-length is not one number')
        contentLength = Number(value)
        lengthName = name
        continue
      }
      if (lower === 'set-cookie') {
        const cookie = plantedName(value)
        if (options.isOwnCookie(cookie)) {
          options.onOwnCookieSet(cookie)
          continue
        }
      }
      headers.push(name, value)
    }
    if (nominated !== undefined) dropNominated(headers, nominated)
    for (let at = 0; at < set.length; at++) headers.push(set[at] as string)
    // Last, because node:http encodes a Content-Disposition that follows a length anew, and spoils names of files.
    if (contentLength !== -1) headers.push(lengthName, String(contentLength))
    return { headers, contentLength }
  }
}

/**
 * The name under which a cookie would come back. A nameless cookie comes back as its bare value, so `=NAME=value`
 * comes back as a cookie called NAME (RFC 6265bis §5.8.3).
 */
function plantedName(line: string): string {
  let rest = line.trimStart()
  while (rest.startsWith('=')) rest = rest.slice(1).trimStart()
  return setCookieName(rest)
}

function dropNominated(headers: string[], nominated: readonly string[]): void {
  const keep = new Set(['content-length', 'content-type', 'set-cookie', 'location', 'cache-control'])
  for (let at = headers.length - 2; at >= 0; at -= 2) {
    const name = (headers[at] as string).toLowerCase()
    if (nominated.includes(name) && !keep.has(name)) headers.splice(at, 2)
  }
}

function text(piece: Buffer | string | undefined): string {
  return typeof piece === 'string' ? piece : (piece?.toString('latin1') ?? '')
}

function invalid(what: string): ProxyError {
  return new ProxyError('UPSTREAM_INVALID', `cannot pass the answer on: ${what}`)
}
