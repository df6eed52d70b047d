/** The session's way into cookies and back: sealed for one purpose and host, cut into pieces, opened once and remembered. */
import type { Sealer } from '../crypto/seal.ts'
import { ProxyError } from '../errors/proxy-error.ts'
import { cookiesOf, printSetCookie } from '../wire/cookies.ts'
import { type HeaderList, headerOf } from '../wire/headers.ts'
import {
  type CookieNames,
  type CookieSettings,
  cookieNames,
  maximumPieces,
  pieceName,
  type Scheme,
  sharedDomain,
} from './cookie-names.ts'
import { OpenedSessions } from './opened-sessions.ts'
import { type Payload, printSession, readSession } from './payload.ts'
import { cut, join, type Piece } from './pieces.ts'
import type { RevokedSessions } from './revoked-sessions.ts'
import type { Session } from './session.ts'
import type { Upkeep } from './session-upkeep.ts'

/** Whose cookie: a route host's, or the authenticate host's. */
export type SessionKind = 'session' | 'authenticate'

/** Where a cookie is read or set. */
export interface CookiePlace {
  readonly kind: SessionKind
  readonly scheme: Scheme
  /** Host without port: cookies do not tell ports apart (RFC 6265 §8.5). */
  readonly host: string
}

export interface SessionCookieOptions {
  readonly sealer: Sealer
  readonly cookies: CookieSettings
  /** Claims that policies or headers name, dotted where they nest; they stay when a session must be cut down. */
  readonly neededClaims: ReadonlySet<string>
  readonly revoked: RevokedSessions
  /** What the provider said since a cookie was sealed. */
  readonly upkeep?: Pick<Upkeep, 'current'>
  readonly opened?: OpenedSessions
}

/**
 * Characters of a session as JSON. A claim that compresses well fits the cookies at any length, and would then be in
 * the headers of each request, where no application takes it.
 */
const longestPayload = 64 * 1024

export class SessionCookies {
  readonly #options: SessionCookieOptions
  readonly #names: Readonly<Record<Scheme, CookieNames>>
  readonly #opened: OpenedSessions
  /** Seals being opened right now, so that a page's many requests open one cookie once. */
  readonly #opening = new Map<string, Promise<Session | undefined>>()

  constructor(options: SessionCookieOptions) {
    this.#options = options
    this.#names = { https: cookieNames(options.cookies, 'https'), http: cookieNames(options.cookies, 'http') }
    this.#opened = options.opened ?? new OpenedSessions()
  }

  /**
   * Who the request's cookies say it is, as that stands now; at once where the cookie was seen before. Nobody where there
   * is none, a piece is missing, the seal was made elsewhere, or the session has ended or was ended. Never rejects.
   */
  open(headers: HeaderList, place: CookiePlace, now: number): Session | undefined | Promise<Session | undefined> {
    const session = this.peek(headers, place, now)
    return session instanceof Promise
      ? session.then((opened) => this.#standing(opened, now))
      : this.#standing(session, now)
  }

  /** As `open`, for signing out: also a session that was ended before its time, to know whose it was. */
  peek(headers: HeaderList, place: CookiePlace, now: number): Session | undefined | Promise<Session | undefined> {
    const sealed = this.#sealedOf(headers, place)
    if (sealed === undefined) return undefined
    const key = `${place.kind} ${this.#audience(place)} ${sealed}`
    return this.#opened.get(key, now) ?? this.#openOnce(key, { sealed, place, now })
  }

  /**
   * The set-cookie lines (flat header list) that give the browser `session`. What stands of a longer one is removed.
   * @throws SESSION_TOO_LARGE when even the claims that rules name do not fit four cookies
   */
  async print(
    session: Session,
    place: CookiePlace,
    { now, headers }: { now: number; headers: HeaderList },
  ): Promise<string[]> {
    const { whole, trimmed } = this.forms(session)
    const pieces = (await this.#pieces(whole, place)) ?? (await this.#pieces(trimmed, place))
    if (!pieces) {
      throw new ProxyError(
        'SESSION_TOO_LARGE',
        `cannot set session of ${session.userId}: its claims do not fit ${maximumPieces} cookies`,
      )
    }
    const maxAge = Math.max(0, Math.floor((session.expiresAt - now) / 1000))
    const lines = pieces.flatMap(({ name, value }) => ['set-cookie', this.#line({ name, value, maxAge }, place)])
    return [...lines, ...this.#removals(headers, place, pieces.length)]
  }

  /** The session as it is handed to another host, whole and cut down to the claims that rules name. */
  forms(session: Session): { readonly whole: Payload; readonly trimmed: Payload } {
    const whole = printSession(session, this.#form(false))
    const trimmed = printSession(session, this.#form(true))
    return { whole: isModest(whole) ? whole : trimmed, trimmed }
  }

  /** The set-cookie lines that take the session away; the first piece always, so that nothing depends on what was sent. */
  clear(headers: HeaderList, place: CookiePlace): string[] {
    const first = this.#line({ name: this.#nameOf(place), value: '', maxAge: 0 }, place)
    return ['set-cookie', first, ...this.#removals(headers, place, 1)]
  }

  #form(trimmed: boolean) {
    return { needed: this.#options.neededClaims, trimmed }
  }

  async #pieces(payload: Payload, place: CookiePlace): Promise<Piece[] | undefined> {
    return isModest(payload) ? cut(await this.#seal(payload, place), this.#nameOf(place)) : undefined
  }

  #seal(payload: Payload, place: CookiePlace): Promise<string> {
    return this.#options.sealer.seal(payload, {
      purpose: place.kind,
      audience: this.#audience(place),
      expiresAt: payload.x,
    })
  }

  /** A cookie of several hosts opens on all of them, and on no other. */
  #audience({ kind, host }: CookiePlace): string {
    const domain = kind === 'session' ? sharedDomain(this.#options.cookies, host) : undefined
    return domain === undefined ? host : `*.${domain}`
  }

  #nameOf({ kind, scheme }: CookiePlace): string {
    return this.#names[scheme][kind]
  }

  #sealedOf(headers: HeaderList, place: CookiePlace): string | undefined {
    const header = headerOf(headers, 'cookie')
    const name = this.#nameOf(place)
    if (header === undefined || !header.includes(name)) return undefined
    const sent = cookiesOf(header)
    return join(name, (wanted) => sent.find((cookie) => cookie.name === wanted)?.value)
  }

  #openOnce(
    key: string,
    { sealed, place, now }: { sealed: string; place: CookiePlace; now: number },
  ): Promise<Session | undefined> {
    const opening = this.#opening.get(key) ?? this.#unseal(key, { sealed, place, now })
    this.#opening.set(key, opening)
    return opening.then((session) => (session && session.expiresAt > now ? session : undefined))
  }

  async #unseal(
    key: string,
    { sealed, place, now }: { sealed: string; place: CookiePlace; now: number },
  ): Promise<Session | undefined> {
    const value = await this.#options.sealer.unseal(sealed, {
      purpose: place.kind,
      audience: this.#audience(place),
      now,
    })
    this.#opening.delete(key)
    const session = readSession(value)
    if (session) this.#opened.keep(key, session)
    return session
  }

  #standing(session: Session | undefined, now: number): Session | undefined | Promise<Session | undefined> {
    const { revoked, upkeep } = this.#options
    if (session === undefined || revoked.isRevoked(session)) return undefined
    return upkeep === undefined ? session : upkeep.current(session, now)
  }

  /** Removes pieces from `from` on that the browser sent. */
  #removals(headers: HeaderList, place: CookiePlace, from: number): string[] {
    const sent = new Set(cookiesOf(headerOf(headers, 'cookie')).map(({ name }) => name))
    const names = Array.from({ length: maximumPieces }, (_, index) => pieceName(this.#nameOf(place), index)).slice(from)
    return names
      .filter((name) => sent.has(name))
      .flatMap((name) => ['set-cookie', this.#line({ name, value: '', maxAge: 0 }, place)])
  }

  #line(cookie: { name: string; value: string; maxAge: number }, { kind, scheme, host }: CookiePlace): string {
    const { cookies } = this.#options
    return printSetCookie({
      ...cookie,
      domain: kind === 'session' ? sharedDomain(cookies, host) : undefined,
      secure: scheme === 'https',
      httpOnly: cookies.httpOnly,
      sameSite: sameSiteOf(cookies, { kind, scheme }),
    })
  }
}

function isModest(payload: Payload): boolean {
  return JSON.stringify(payload).length <= longestPayload
}

/**
 * The authenticate host is always reached from other sites (routes, the provider), where a Strict cookie would not be
 * sent: Strict is for the session alone. None needs Secure, so over plain http it is Lax.
 */
function sameSiteOf(
  { sameSite = 'lax' }: CookieSettings,
  { kind, scheme }: Pick<CookiePlace, 'kind' | 'scheme'>,
): 'strict' | 'lax' | 'none' {
  if (sameSite === 'strict' && kind === 'authenticate') return 'lax'
  return sameSite === 'none' && scheme === 'http' ? 'lax' : sameSite
}
