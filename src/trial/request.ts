/** What is asked for, as people write it down, and what the listener would make of it. */
import type { Settings } from '../config/schema.ts'
import { methods } from '../listener/methods.ts'
import type { ClientCertificate } from '../policy/facts.ts'
import { plainHost } from '../route/origin.ts'
import { parseAuthority, printAuthority } from '../wire/host.ts'
import { canonicalPath, type PathOptions } from '../wire/path.ts'

export interface TrialRequest {
  /** Upper case. */
  readonly method: string
  /** `https://host[:port]/path?query`, as somebody types it; the scheme may be left out. */
  readonly url: string
  /** Address of the client as policies see it. */
  readonly address: string
  /** The moment of the request, milliseconds since the epoch. */
  readonly time: number
  /** Flat list: name (lower case), value, … The Host field comes from `url`. */
  readonly headers: readonly string[]
  readonly certificate?: ClientCertificate | undefined
}

/** The address that stands for "somewhere on the internet" where none is said (TEST-NET-1, RFC 5737). */
export const somewhere = '192.0.2.1'

/** A request with only what was said of it; everything else as for a plain GET from somewhere. */
export function requestOf(url: string, time: number, more: Partial<TrialRequest> = {}): TrialRequest {
  return { method: 'GET', url, time, address: somewhere, headers: [], ...more }
}

/** Where the request arrives, or why it goes no further. */
export type Arrival =
  | {
      readonly kind: 'arrived'
      /** Lower case, without port. */
      readonly host: string
      readonly port: string
      /** Host, or host:port. */
      readonly authority: string
      /** Canonical. */
      readonly path: string
      /** `?` and the query, or ''. */
      readonly query: string
      /** Admitted, without Host. */
      readonly headers: readonly string[]
    }
  /** The listener answers with an error (or, for escaped slashes, with a redirect). */
  | { readonly kind: 'refused'; readonly reason: string }

export interface ListenerOptions extends PathOptions {
  readonly underscores: 'reject_request' | 'allow' | 'drop_header'
}

/** What the listener refuses and how it makes paths canonical under these settings. */
export function listenerOptionsOf(settings: Settings): ListenerOptions {
  return {
    underscores: settings.headers_with_underscores_action,
    normalizePath: settings.normalize_path,
    mergeSlashes: settings.merge_slashes,
    escapedSlashes: settings.path_with_escaped_slashes_action,
  }
}

const syntax = /^(?:https?:\/\/)?([^/?#]*)([^#]*)/i

/** Takes the address apart by the proxy's own parsers; no other one, whose idea of it could differ. */
export function arrive({ method, url, headers: sent }: TrialRequest, options: ListenerOptions): Arrival {
  if (!methods.has(method)) return refused('method-refused')
  const [, named = '', rest = ''] = syntax.exec(url) ?? []
  const authority = parseAuthority(asciiAuthority(named))
  if (!authority) return refused('host-invalid')
  const headers = admittedHeaders(sent, options)
  if (headers === undefined) return refused('header-with-underscore')
  const canonical = canonicalPath(asTarget(rest), options)
  switch (canonical.kind) {
    case 'path': {
      const { path, query } = canonical
      return { kind: 'arrived', ...authority, authority: printAuthority(authority), path, query, headers }
    }
    case 'redirect':
      return refused('escaped-slash-redirected')
    case 'escaped-slash':
      return refused('escaped-slash')
    case 'malformed':
      return refused('path-malformed')
  }
}

const refused = (reason: string): Arrival => ({ kind: 'refused', reason })

/** Undefined where one of them refuses the whole request. */
function admittedHeaders(sent: readonly string[], { underscores }: ListenerOptions): readonly string[] | undefined {
  if (sent.length === 0) return sent
  const names = sent.filter((_, index) => index % 2 === 0)
  if (underscores === 'reject_request' && names.some((name) => name.includes('_'))) return undefined
  return sent.filter((_, index) => {
    const name = sent[index - (index % 2)] ?? ''
    return name !== 'host' && (underscores === 'allow' || !name.includes('_'))
  })
}

/** Browsers send names in their ASCII form. */
function asciiAuthority(text: string): string {
  if (/^[\x21-\x7e]*$/.test(text)) return text
  const [, host = '', port = ''] = /^(.*?)(:\d*)?$/.exec(text) ?? []
  return plainHost(host) + port
}

/** What a browser would send for what was typed: letters beyond ASCII and blanks are escaped, nothing else is touched. */
function asTarget(text: string): string {
  const escaped = text.replace(/[^\x21-\x7e]+/g, (signs) => encodeURIComponent(signs.toWellFormed()))
  return escaped.startsWith('/') ? escaped : `/${escaped}`
}
