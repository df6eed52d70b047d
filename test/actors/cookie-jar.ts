/** The cookies of one browser, kept and sent by the rules of RFC 6265bis: prefixes, sizes, Secure, SameSite, order. */

export interface JarCookie {
  readonly name: string
  readonly value: string
  readonly host: string
  readonly isHostOnly: boolean
  readonly path: string
  readonly isSecure: boolean
  readonly isHttpOnly: boolean
  readonly sameSite: 'strict' | 'lax' | 'none'
  /** Milliseconds since the epoch; Infinity for the life of the browser. */
  readonly expiresAt: number
  readonly order: number
}

/** How a request came about: by somebody on the same site, by a link from elsewhere, or from inside a foreign page. */
export type Relation = 'same-site' | 'cross-site-navigation' | 'cross-site'

const NAME_VALUE_OCTETS = 4096
const ATTRIBUTE_OCTETS = 1024
const COOKIES_PER_SITE = 180

export class CookieJar {
  readonly #now: () => number
  #cookies: JarCookie[] = []
  #count = 0
  /** What was thrown away, with the reason: a browser says that in its console. */
  readonly refused: { readonly field: string; readonly reason: string }[] = []

  constructor(now: () => number) {
    this.#now = now
  }

  /** Takes in the Set-Cookie fields of an answer from `url` (§5.7). */
  store(url: URL, fields: readonly string[]): void {
    for (const field of fields) {
      const outcome = this.#parse(field, url)
      if (typeof outcome === 'string') this.refused.push({ field, reason: outcome })
      else this.#keep(outcome)
    }
  }

  /** The Cookie header for a request to `url`, or '' (§5.8.3). */
  header(url: URL, relation: Relation): string {
    const sent = this.matching(url).filter(
      ({ sameSite }) =>
        relation === 'same-site' || sameSite === 'none' || (sameSite === 'lax' && relation === 'cross-site-navigation'),
    )
    return sent.map(({ name, value }) => (name === '' ? value : `${name}=${value}`)).join('; ')
  }

  /** What would be sent to `url` from its own site: longer paths first, older ones first. */
  matching(url: URL): readonly JarCookie[] {
    const now = this.#now()
    return this.#cookies
      .filter((cookie) => cookie.expiresAt > now && (!cookie.isSecure || isTrustworthy(url)))
      .filter(({ host, isHostOnly }) =>
        isHostOnly ? url.hostname === host : url.hostname === host || url.hostname.endsWith(`.${host}`),
      )
      .filter(({ path }) => pathMatches(url.pathname, path))
      .sort((a, b) => b.path.length - a.path.length || a.order - b.order)
  }

  /** All that is kept and has not ended. */
  all(): readonly JarCookie[] {
    return this.#cookies.filter(({ expiresAt }) => expiresAt > this.#now())
  }

  /** As if somebody had deleted what `which` names. */
  forget(which: (cookie: JarCookie) => boolean): void {
    this.#cookies = this.#cookies.filter((cookie) => !which(cookie))
  }

  #keep(cookie: JarCookie): void {
    const index = this.#cookies.findIndex(
      (old) => old.name === cookie.name && old.host === cookie.host && old.path === cookie.path,
    )
    const old = this.#cookies[index]
    if (old) this.#cookies.splice(index, 1)
    if (cookie.expiresAt > this.#now()) this.#cookies.push({ ...cookie, order: old?.order ?? cookie.order })
    const here = this.#cookies.filter(({ host }) => host === cookie.host)
    if (here.length > COOKIES_PER_SITE) this.#cookies = this.#cookies.filter((one) => one !== here[0])
  }

  #parse(field: string, url: URL): JarCookie | string {
    if (/[\0-\x08\x0a-\x1f\x7f]/.test(field)) return 'control character'
    const [pair = '', ...rest] = field.split(';')
    const cut = pair.indexOf('=')
    const name = cut === -1 ? '' : pair.slice(0, cut).trim()
    const value = pair.slice(cut + 1).trim()
    if (Buffer.byteLength(name + value) > NAME_VALUE_OCTETS) return 'name and value are longer than 4096 octets'
    if (name === '' && value === '') return 'empty'
    const attributes = new Map<string, string>()
    for (const part of rest) {
      const [key = '', ...words] = part.split('=')
      const text = words.join('=').trim()
      if (Buffer.byteLength(text) <= ATTRIBUTE_OCTETS) attributes.set(key.trim().toLowerCase(), text)
    }
    const domain = attributes.get('domain')?.replace(/^\./, '').toLowerCase()
    if (domain && url.hostname !== domain && !url.hostname.endsWith(`.${domain}`)) return 'a foreign domain'
    if (domain && !domain.includes('.')) return 'a public suffix'
    const given = attributes.get('path')
    const isSecure = attributes.has('secure')
    const path = given?.startsWith('/') ? given : defaultPath(url.pathname)
    if (isSecure && !isTrustworthy(url)) return 'Secure from a plain page'
    if (/^__secure-/i.test(name) && !isSecure) return '__Secure- without Secure'
    if (/^__host-/i.test(name) && (!isSecure || domain || given !== '/'))
      return '__Host- without Secure, or not host-wide'
    const sameSite = attributes.get('samesite')?.toLowerCase()
    if (sameSite === 'none' && !isSecure) return 'SameSite=None without Secure'
    return {
      name,
      value,
      host: domain || url.hostname,
      isHostOnly: !domain,
      path,
      isSecure,
      isHttpOnly: attributes.has('httponly'),
      sameSite: sameSite === 'strict' || sameSite === 'none' ? sameSite : 'lax',
      expiresAt: expiryOf(attributes, this.#now()),
      order: this.#count++,
    }
  }
}

/** At most 400 days ahead (§5.5). */
function expiryOf(attributes: ReadonlyMap<string, string>, now: number): number {
  const most = now + 400 * 86_400_000
  const age = attributes.get('max-age')
  if (age !== undefined && /^-?\d+$/.test(age)) return Number(age) <= 0 ? 0 : Math.min(most, now + Number(age) * 1000)
  const expires = Date.parse(attributes.get('expires') ?? '')
  return Number.isNaN(expires) ? Number.POSITIVE_INFINITY : Math.min(most, expires)
}

/** Browsers take loopback for as good as https. */
const isTrustworthy = (url: URL) => url.protocol === 'https:' || url.hostname === '127.0.0.1'

const defaultPath = (path: string) => path.replace(/\/[^/]*$/, '') || '/'

function pathMatches(path: string, cookiePath: string): boolean {
  if (path === cookiePath) return true
  return path.startsWith(cookiePath) && (cookiePath.endsWith('/') || path[cookiePath.length] === '/')
}
