/**
 * Admission: the head of a request becomes one frozen Visit, or a refusal. What is malformed or ambiguous ends here,
 * before anything else looks at it. Never throws, whatever the bytes were. This is the hot path: one pass over the
 * fields, no allocation that is not kept.
 */
import { catalog } from '../errors/catalog.ts'
import { printAuthority } from '../wire/host.ts'
import { canonicalPath } from '../wire/path.ts'
import type { Admission, AdmitOptions, RequestHead } from './admission.ts'
import { clientOf } from './client-address.ts'
import { allowedMethods, methods } from './methods.ts'
import {
  badExpect,
  badLength,
  badScheme,
  codingOnOldVersion,
  disguisedFraming,
  escapedSlash,
  framingNames,
  joined,
  lengthAndCoding,
  lengthSyntax,
  malformedField,
  otherCoding,
  type Problem,
  twoCodings,
  twoHosts,
  twoLengths,
  underscore,
} from './problems.ts'
import { readTarget } from './target.ts'
import { handshakeOf } from './upgrade.ts'

/** Id and instant of the visit: randomness and time are arguments. */
export interface Arrival {
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Admits or refuses one request head. */
export function admit(head: RequestHead, options: AdmitOptions, arrival: Arrival): Admission {
  const { rawHeaders: raw, method, version } = head
  const isHttp2 = head.protocol === 'http2'
  if (!isHttp2 && version !== '1.1' && version !== '1.0') {
    return refuse(head, arrival, { code: 'VERSION_UNSUPPORTED', detail: `HTTP version ${version} is not served` })
  }
  if (!methods.has(method)) {
    return method === 'TRACE' || method === 'CONNECT'
      ? refuse(head, arrival, { code: 'METHOD_REFUSED', detail: `method ${method} is not served` })
      : refuse(head, arrival, { code: 'REQUEST_MALFORMED', detail: 'its method is not one we know' })
  }
  if (raw.length > options.maximumHeaders * 2) {
    return refuse(head, arrival, {
      code: 'HEADERS_TOO_MANY',
      detail: `it has more than ${options.maximumHeaders} header fields`,
    })
  }

  const headers: string[] = []
  const found = scan(head, headers, options)
  if (typeof found === 'object' && 'code' in found) return refuse(head, arrival, found)

  const framing = problemOfFraming(found, version)
  if (framing) return refuse(head, arrival, framing)

  const place = readTarget({
    target: head.target,
    host: found.host,
    pseudoAuthority: found.pseudoAuthority,
    secure: head.secure,
  })
  if (typeof place === 'string') {
    const code = head.target.startsWith('/') ? 'HOST_INVALID' : 'TARGET_INVALID'
    return refuse(head, arrival, { code, detail: place })
  }
  const authority = printAuthority(place.authority)
  if (found.hostAt === -1) headers.unshift('host', authority)
  else headers[found.hostAt] = authority

  const canonical = canonicalPath(place.target, options)
  if (canonical.kind !== 'path') return refusePath(head, arrival, canonical)

  const client = clientOf({
    peerAddress: head.peerAddress,
    secure: head.secure,
    forwardedFor: found.forwardedFor,
    forwardedProto: found.forwardedProto,
    trustedHops: options.trustedHops,
    skipXffAppend: options.skipXffAppend,
  })
  if (!client)
    return refuse(head, arrival, {
      code: 'FORWARDED_INVALID',
      detail: 'the trusted entry of X-Forwarded-For is no address',
    })

  let upgrade: 'websocket' | undefined
  if (found.upgrade && !isHttp2) {
    const handshake = handshakeOf(head)
    if (handshake === 'broken')
      return refuse(head, arrival, { code: 'UPGRADE_INVALID', detail: 'it is no valid WebSocket handshake' })
    if (handshake === 'valid') upgrade = 'websocket'
  }
  if (found.upgrade && upgrade === undefined) dropUpgrade(headers)

  const { contentLength } = found
  const visit = Object.freeze({
    id: arrival.id,
    method,
    scheme: client.scheme,
    host: place.authority.host,
    port: place.authority.port,
    authority,
    path: canonical.path,
    query: canonical.query,
    headers: Object.freeze(headers),
    clientAddress: client.address,
    peerAddress: head.peerAddress,
    forwardedFor: client.forwardedFor,
    httpVersion: isHttp2 ? '2.0' : version === '1.0' ? '1.0' : '1.1',
    upgrade,
    hasBody: isHttp2 ? !head.ended : found.chunked || (contentLength !== undefined && contentLength !== '0'),
    receivedAt: arrival.now,
  } as const)
  return { kind: 'visit', visit }
}

/** What one pass over the fields found beside the list of fields itself. */
interface Found {
  host: string | undefined
  /** Index of the value of `host` in the list, -1 where it was not sent. */
  hostAt: number
  pseudoAuthority: string | undefined
  cookieAt: number
  contentLength: string | undefined
  transferEncoding: string | undefined
  chunked: boolean
  expect: string | undefined
  upgrade: boolean
  forwardedFor: string | undefined
  forwardedProto: string | undefined
}

const colon = 0x3a

function scan(head: RequestHead, headers: string[], options: AdmitOptions): Found | Problem {
  const raw = head.rawHeaders
  const found: Found = {
    host: undefined,
    hostAt: -1,
    pseudoAuthority: undefined,
    cookieAt: -1,
    contentLength: undefined,
    transferEncoding: undefined,
    chunked: false,
    expect: undefined,
    upgrade: false,
    forwardedFor: undefined,
    forwardedProto: undefined,
  }
  for (let at = 0; at < raw.length; at += 2) {
    const sent = raw[at] ?? ''
    const value = raw[at + 1] ?? ''
    if (sent.charCodeAt(0) === colon) {
      if (head.protocol !== 'http2') return malformedField
      if (sent === ':authority') found.pseudoAuthority = value
      else if (sent === ':scheme' && value !== 'https' && value !== 'http') return badScheme
      continue
    }
    const name = sent.toLowerCase()
    if (name.indexOf('_') !== -1) {
      if (framingNames.has(name)) return disguisedFraming
      if (options.underscores === 'reject_request') return underscore
      if (options.underscores === 'drop_header') continue
    }
    const problem = note(found, { name, value, headers })
    if (problem === joined) continue
    if (problem) return problem
    headers.push(name, value)
  }
  return found
}

/** Notes the fields that admission itself has to know. Returns `joined` where the field was joined to an earlier one. */
function note(found: Found, field: { name: string; value: string; headers: string[] }): Problem | undefined {
  const { name, value, headers } = field
  switch (name) {
    case 'host':
      if (found.hostAt !== -1) return twoHosts
      found.host = value
      found.hostAt = headers.length + 1
      return undefined
    case 'cookie':
      // HTTP/2 cuts it into pieces; nobody behind us may see more than one (RFC 9113 §8.2.3).
      if (found.cookieAt !== -1) {
        headers[found.cookieAt] += `; ${value}`
        return joined
      }
      found.cookieAt = headers.length + 1
      return undefined
    case 'content-length':
      if (found.contentLength !== undefined) return twoLengths
      found.contentLength = value
      return undefined
    case 'transfer-encoding':
      if (found.transferEncoding !== undefined) return twoCodings
      found.transferEncoding = value
      return undefined
    case 'expect':
      if (found.expect !== undefined) return badExpect
      found.expect = value
      return undefined
    case 'upgrade':
      found.upgrade = true
      return undefined
    case 'x-forwarded-for':
      found.forwardedFor = found.forwardedFor === undefined ? value : `${found.forwardedFor}, ${value}`
      return undefined
    case 'x-forwarded-proto':
      found.forwardedProto = found.forwardedProto === undefined ? value : `${found.forwardedProto}, ${value}`
      return undefined
    default:
      return undefined
  }
}

/** RFC 9112 §6: exactly one way to know where the body ends, and one that we decoded ourselves. */
function problemOfFraming(found: Found, version: string): Problem | undefined {
  const { contentLength, transferEncoding, expect } = found
  if (contentLength !== undefined && !lengthSyntax.test(contentLength)) return badLength
  if (transferEncoding !== undefined) {
    if (version !== '1.1') return codingOnOldVersion
    if (contentLength !== undefined) return lengthAndCoding
    if (transferEncoding.toLowerCase() !== 'chunked') return otherCoding
    found.chunked = true
  }
  if (expect !== undefined && version !== '1.0' && expect.toLowerCase() !== '100-continue') return badExpect
  return undefined
}

function refusePath(
  head: RequestHead,
  arrival: Arrival,
  canonical: Exclude<ReturnType<typeof canonicalPath>, { kind: 'path' }>,
): Admission {
  switch (canonical.kind) {
    case 'escaped-slash':
      return refuse(head, arrival, escapedSlash)
    case 'redirect': {
      const headers = ['location', canonical.path + canonical.query]
      return refuse(head, arrival, { code: 'PATH_REWRITTEN', detail: 'its path was unescaped' }, headers)
    }
    case 'malformed':
      return refuse(head, arrival, { code: 'TARGET_INVALID', detail: `its target is malformed: ${canonical.detail}` })
  }
}

function refuse(
  head: RequestHead,
  arrival: Arrival,
  { code, detail }: Problem,
  headers: readonly string[] = code === 'METHOD_REFUSED' ? allowedMethods : [],
): Admission {
  const query = head.target.indexOf('?')
  const refusal = {
    code,
    status: catalog[code].status,
    detail: `cannot admit request: ${detail}`,
    headers,
    id: arrival.id,
    method: head.method,
    authority: authorityText(head.rawHeaders),
    path: (query === -1 ? head.target : head.target.slice(0, query)).slice(0, 2048),
    peerAddress: head.peerAddress,
  }
  return { kind: 'refusal', refusal }
}

function authorityText(raw: readonly string[]): string {
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? ''
    if (name === ':authority' || name.toLowerCase() === 'host') return (raw[at + 1] ?? '').slice(0, 260)
  }
  return ''
}

/** An ignored offer to switch protocols must not travel on (h2c smuggling). */
function dropUpgrade(headers: string[]): void {
  for (let at = headers.length - 2; at >= 0; at -= 2) {
    const name = headers[at]
    if (name === 'upgrade' || name === 'http2-settings') headers.splice(at, 2)
  }
}
