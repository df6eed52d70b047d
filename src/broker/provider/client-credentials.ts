/**
 * Who asks at an endpoint for programs, whichever way the client says it (RFC 6749 §2.3.1): brought into one form
 * before the library looks, so that what Dex's clients are used to works, and secrets may hold any letters.
 */
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/**
 * What the library compares in place of a secret. It takes secrets of visible ASCII only, and has no need to know any.
 */
export function proofOfSecret(secret: string): string {
  return createHash('sha256').update(`client secret ${secret}`).digest('base64url')
}

/** Nobody's: what cannot be read is refused as a client that is not known (RFC 6749 §5.2), and told to the log. */
const nobody = basic('-', '-')

/** Rewrites `headers` and `form` in place. A secret without any text is none: public clients of Dex send one. */
export function settleCredentials(headers: IncomingHttpHeaders, form: URLSearchParams): void {
  const { authorization } = headers
  const read = authorization === undefined ? undefined : readBasic(authorization)
  if (authorization === undefined ? !form.get('client_id') : !read) {
    for (const name of ['client_id', 'client_secret']) form.delete(name)
    headers.authorization = nobody
    return
  }
  const sent = form.getAll('client_secret')
  if (read && read.secret !== '') {
    // The same twice is no second opinion; another one is (RFC 6749 §2.3).
    if (sent.length === 1 && sent[0] === read.secret) form.delete('client_secret')
    headers.authorization = basic(read.id, proofOfSecret(read.secret))
    return
  }
  if (read) {
    delete headers.authorization
    form.append('client_id', read.id)
    if (form.getAll('client_id').every((id) => id === read.id)) form.set('client_id', read.id)
  }
  if (sent.length === 1 && sent[0]) form.set('client_secret', proofOfSecret(sent[0]))
}

/**
 * Where a bare id is nobody: what tells of tokens is for clients that prove who they are (RFC 7662 §2.1), and tells the
 * others nothing, not even whether there is such a token. After `settleCredentials`.
 */
export function wantSecret(headers: IncomingHttpHeaders, form: URLSearchParams): void {
  if (headers.authorization !== undefined || form.get('client_secret')) return
  for (const name of ['client_id', 'client_secret']) form.delete(name)
  headers.authorization = nobody
}

/** Id and secret, form-encoded inside (RFC 6749 §2.3.1), or as they are where that cannot be so encoded. */
export function readBasic(header: string): { readonly id: string; readonly secret: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1]
  if (encoded === undefined) return undefined
  const [id = '', ...rest] = Buffer.from(encoded, 'base64').toString('utf8').split(':')
  if (rest.length === 0 || id === '') return undefined
  return { id: decoded(id), secret: decoded(rest.join(':')) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

function basic(id: string, secret: string): string {
  return `Basic ${Buffer.from(`${encodeURIComponent(id)}:${secret}`).toString('base64')}`
}
