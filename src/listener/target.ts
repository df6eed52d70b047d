/** The request target and the authority it is for, whichever of the forms of RFC 9112 §3.2 it has. */
import { type Authority, parseAuthority } from '../wire/host.ts'

export interface Target {
  readonly authority: Authority
  /** Origin form: `/path?query`. */
  readonly target: string
}

export interface TargetParts {
  readonly target: string
  /** The Host field, if it was sent. */
  readonly host: string | undefined
  /** HTTP/2: `:authority`, if it was sent. */
  readonly pseudoAuthority: string | undefined
  readonly secure: boolean
}

/**
 * One authority from all the places that name one. RFC 9112 §3.2.2 lets the target win over Host; two values that
 * disagree are refused here, because then somebody behind us could believe the other. Returns a detail for the log
 * where there is no single well-formed answer.
 */
export function readTarget({ target, host, pseudoAuthority, secure }: TargetParts): Target | string {
  const text = pseudoAuthority ?? host
  if (text === undefined) return 'it names no host'
  const authority = parseAuthority(text)
  if (!authority) return 'its host is malformed'
  if (pseudoAuthority !== undefined && host !== undefined && !isSame(authority, parseAuthority(host))) {
    return ':authority and host differ'
  }
  if (target.charCodeAt(0) === 0x2f || pseudoAuthority !== undefined) return { authority, target }
  return readAbsolute(target, { authority, secure })
}

const absoluteSyntax = /^(https?):\/\/([^/?#]*)(.*)$/is

function readAbsolute(
  target: string,
  { authority, secure }: { authority: Authority; secure: boolean },
): Target | string {
  const [, scheme, named = '', rest = ''] = absoluteSyntax.exec(target) ?? []
  if (scheme === undefined) return 'its target is neither a path nor an absolute http address'
  if (secure && scheme.toLowerCase() !== 'https') return 'its target names another scheme than the connection has'
  if (!isSame(authority, parseAuthority(named))) return 'its target and its host differ'
  return { authority, target: rest.startsWith('/') ? rest : `/${rest}` }
}

function isSame(one: Authority, other: Authority | undefined): boolean {
  return other !== undefined && one.host === other.host && one.port === other.port
}
