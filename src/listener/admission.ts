/** What admission works on and what it answers. */
import type { ErrorCode } from '../errors/catalog.ts'
import type { Visit } from './visit.ts'

export interface AdmitOptions {
  readonly normalizePath: boolean
  readonly mergeSlashes: boolean
  readonly escapedSlashes: 'reject_request' | 'keep_unchanged' | 'unescape_and_redirect' | 'unescape_and_forward'
  readonly underscores: 'reject_request' | 'allow' | 'drop_header'
  /** How many proxies in front are trusted to say who the client is (`xff_num_trusted_hops`). */
  readonly trustedHops: number
  readonly skipXffAppend: boolean
  /** Header fields of one request; one more is refused, never dropped (RFC 9110 §5.4). */
  readonly maximumHeaders: number
}

/** The head of a request as the parser of Node hands it over. */
export interface RequestHead {
  readonly protocol: 'http1' | 'http2'
  readonly method: string
  /** The request target, or `:path`. */
  readonly target: string
  /** `httpVersion` of the message. */
  readonly version: string
  readonly rawHeaders: readonly string[]
  /** The normal address of the TCP peer. */
  readonly peerAddress: string
  /** Whether it came over TLS. */
  readonly secure: boolean
  /** HTTP/2: the stream ended with its headers. */
  readonly ended: boolean
}

/** A request that goes no further: one row of the catalogue and what the log should know. */
export interface Refusal {
  readonly code: ErrorCode
  readonly status: number
  /** For the log only: "cannot admit request: …", without header values and queries. */
  readonly detail: string
  /** Flat list of fields for the answer, such as `location` or `allow`. */
  readonly headers: readonly string[]
  /** Request id of our own. */
  readonly id: string
  /** '' where the head could not be read. */
  readonly method: string
  /** '' where the head could not be read. */
  readonly authority: string
  /** The target up to its query as it was sent, '' where the head could not be read: hostile text. */
  readonly path: string
  readonly peerAddress: string
}

export type Admission =
  | { readonly kind: 'visit'; readonly visit: Visit }
  | { readonly kind: 'refusal'; readonly refusal: Refusal }
