/** Cookies on the wire: the `Cookie` field read byte for byte, the `Set-Cookie` line printed strictly (RFC 6265bis). */

/** A cookie as it was sent: both bytes kept, only the blanks around them gone. */
export interface SentCookie {
  readonly name: string
  readonly value: string
}

/** What a Set-Cookie line may say. */
export interface CookieLine {
  readonly name: string
  readonly value: string
  /** Default: `/`. */
  readonly path?: string | undefined
  /** Absent: for this host only. */
  readonly domain?: string | undefined
  readonly secure?: boolean | undefined
  readonly httpOnly?: boolean | undefined
  readonly sameSite?: 'strict' | 'lax' | 'none' | undefined
  /** Seconds; 0 removes the cookie. */
  readonly maxAge?: number | undefined
  /** Milliseconds since the epoch. */
  readonly expires?: number | undefined
}

/**
 * The cookies of a `Cookie` value, in the order sent, equal names included. A piece without `=` is a value without a
 * name, as browsers send it (RFC 6265bis §5.8.3). Quotes have no meaning, so nothing can hide a `;`.
 */
export function cookiesOf(header: string | undefined): SentCookie[] {
  const cookies: SentCookie[] = []
  if (header === undefined) return cookies
  for (const piece of header.split(';')) {
    const cookie = readPiece(piece)
    if (cookie) cookies.push(cookie)
  }
  return cookies
}

/** A `Cookie` value without the cookies whose name `leaves`; the others keep their bytes. '' where none is left. */
export function withoutCookies(header: string, leaves: (name: string) => boolean): string {
  const kept: string[] = []
  for (const piece of header.split(';')) {
    const cookie = readPiece(piece)
    if (cookie && !leaves(cookie.name)) kept.push(trim(piece))
  }
  return kept.join('; ')
}

/**
 * The name that a browser reads in a `Set-Cookie` line, '' where it has none (RFC 6265bis §5.6). Browsers compare the
 * prefixes `__Host-` and `__Secure-` without regard to case, so whoever guards a name should, too.
 */
export function setCookieName(line: string): string {
  const end = line.indexOf(';')
  const pair = end === -1 ? line : line.slice(0, end)
  const equals = pair.indexOf('=')
  return equals === -1 ? '' : trim(pair.slice(0, equals))
}

/** Prints one `Set-Cookie` value; throws on a name, value, path or domain that a browser would read differently. */
export function printSetCookie(cookie: CookieLine): string {
  const { name, value, path = '/', domain, sameSite, maxAge, expires } = cookie
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) throw new TypeError('cannot print cookie: its name is no token')
  if (!/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/.test(value)) {
    throw new TypeError(`cannot print cookie ${name}: its value holds a character that cookies do not allow`)
  }
  if (!/^\/[\x20-\x3a\x3c-\x7e]*$/.test(path)) throw new TypeError(`cannot print cookie ${name}: bad path`)
  if (domain !== undefined && !/^[.0-9A-Za-z_-]+$/.test(domain)) {
    throw new TypeError(`cannot print cookie ${name}: bad domain`)
  }
  if (maxAge !== undefined && !Number.isSafeInteger(maxAge)) {
    throw new TypeError(`cannot print cookie ${name}: max-age must be a whole number of seconds`)
  }
  let line = `${name}=${value}; Path=${path}`
  if (domain !== undefined) line += `; Domain=${domain}`
  if (maxAge !== undefined) line += `; Max-Age=${maxAge}`
  if (expires !== undefined) line += `; Expires=${new Date(expires).toUTCString()}`
  if (cookie.secure === true) line += '; Secure'
  if (cookie.httpOnly === true) line += '; HttpOnly'
  if (sameSite !== undefined) line += `; SameSite=${sameSiteText[sameSite]}`
  return line
}

const sameSiteText = { strict: 'Strict', lax: 'Lax', none: 'None' } as const

function readPiece(piece: string): SentCookie | undefined {
  const equals = piece.indexOf('=')
  if (equals === -1) {
    const value = trim(piece)
    return value === '' ? undefined : { name: '', value }
  }
  return { name: trim(piece.slice(0, equals)), value: trim(piece.slice(equals + 1)) }
}

/** Only blanks and tabs: `trim()` would take away bytes that others see as part of the value. */
function trim(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return start === 0 && end === text.length ? text : text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
