/** The cookies of one browser, kept and sent as RFC 6265 §5 says. */

interface Cookie {
  readonly name: string
  readonly value: string
  readonly host: string
  readonly hostOnly: boolean
  readonly path: string
  readonly secure: boolean
  readonly httpOnly: boolean
  /** Milliseconds since the epoch; Infinity for a cookie of the session. */
  readonly expiresAt: number
}

export class CookieJar {
  readonly #now: () => number
  #cookies: Cookie[] = []

  constructor(now: () => number) {
    this.#now = now
  }

  /** Takes in the Set-Cookie fields of an answer from `url`. */
  store(url: URL, fields: string | readonly string[] | undefined): void {
    for (const field of fields === undefined ? [] : [fields].flat()) this.#keep(parse(field, url, this.#now()))
  }

  /** The Cookie header for a request to `url`, or ''. */
  header(url: URL): string {
    return this.matching(url)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
  }

  /** The cookies that would be sent to `url`. */
  matching(url: URL): readonly Cookie[] {
    const now = this.#now()
    return this.#cookies.filter(
      (cookie) =>
        cookie.expiresAt > now &&
        (cookie.hostOnly
          ? url.hostname === cookie.host
          : url.hostname === cookie.host || url.hostname.endsWith(`.${cookie.host}`)) &&
        (url.pathname === cookie.path || url.pathname.startsWith(cookie.path.replace(/\/?$/, '/'))) &&
        (!cookie.secure || url.protocol === 'https:'),
    )
  }

  #keep(cookie: Cookie): void {
    const same = (other: Cookie) =>
      other.name === cookie.name && other.host === cookie.host && other.path === cookie.path
    this.#cookies = [...this.#cookies.filter((other) => !same(other)), cookie]
  }
}

function parse(field: string, url: URL, now: number): Cookie {
  const [pair = '', ...rest] = field.split(';')
  const attributes = new Map<string, string>()
  for (const part of rest) {
    const [key = '', ...value] = part.trim().split('=')
    attributes.set(key.toLowerCase(), value.join('='))
  }
  const domain = attributes.get('domain')?.replace(/^\./, '')
  const path = attributes.get('path')
  const age = attributes.get('max-age')
  const expires = attributes.get('expires')
  return {
    name: pair.slice(0, pair.indexOf('=')).trim(),
    value: pair.slice(pair.indexOf('=') + 1).trim(),
    host: domain || url.hostname,
    hostOnly: !domain,
    path: path?.startsWith('/') ? path : url.pathname.replace(/\/[^/]*$/, '') || '/',
    secure: attributes.has('secure'),
    httpOnly: attributes.has('httponly'),
    expiresAt: age !== undefined ? now + Number(age) * 1000 : expires ? Date.parse(expires) : Number.POSITIVE_INFINITY,
  }
}
