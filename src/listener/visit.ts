/** One admitted request: what the listener made of the bytes, frozen; every later station judges and forwards exactly this. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Duplex } from 'node:stream'

export interface Visit {
  /** Request id: a UUID of our own, never the client's. */
  readonly id: string
  readonly method: string
  /** The scheme as the public sees it: `https` unless the listener is plain and no trusted hop says otherwise. */
  readonly scheme: 'https' | 'http'
  /** Host without port, lower case, IPv6 in brackets; checked against the grammar of RFC 3986 §3.2.2. */
  readonly host: string
  /** The port of the Host header as digits, or '' where it named none. */
  readonly port: string
  /** The Host header, lower case: host, or host:port. */
  readonly authority: string
  /** The canonical path: starts with `/`, percent-encoded as it is forwarded, without query. */
  readonly path: string
  /** `?` and the query byte for byte as it was sent, or ''. */
  readonly query: string
  /** Admitted header fields as a flat list: name (lower case), value, name, value … in the order sent. */
  readonly headers: readonly string[]
  /** Address of the client: of the TCP peer, or what the trusted hops say. */
  readonly clientAddress: string
  /** Address of the TCP peer. */
  readonly peerAddress: string
  /** Addresses to send on as X-Forwarded-For, or '' for none. */
  readonly forwardedFor: string
  readonly httpVersion: '1.0' | '1.1' | '2.0'
  /** `websocket` when the request is a well-formed RFC 6455 handshake. */
  readonly upgrade: 'websocket' | undefined
  /** True when a body follows (Content-Length above 0, chunked, or an open HTTP/2 stream). */
  readonly hasBody: boolean
  /** When the request head was complete, milliseconds since the epoch. */
  readonly receivedAt: number
}

/** A visit with its two live ends. For an upgrade `response` is bound to the socket, so that a refusal is written the same way. */
export interface Exchange {
  readonly visit: Visit
  /** The body; its `url` and `headers` are never read after admission. */
  readonly request: IncomingMessage | Http2ServerRequest
  readonly response: ServerResponse | Http2ServerResponse
  readonly upgraded: { readonly socket: Duplex; readonly head: Buffer } | undefined
}
