/** A small company around our endpoints: two published hosts, the authenticate host, a provider, and browsers that keep cookies. */
import { Readable } from 'node:stream'
import { keyRing, type Revealable, randomSecret } from '#src/crypto/key-ring.ts'
import { sealer } from '#src/crypto/seal.ts'
import { urlSigner } from '#src/crypto/signed-url.ts'
import { tokenMaker } from '#src/crypto/tokens.ts'
import type { Pages } from '#src/endpoints/context.ts'
import { type Endpoints, openEndpoints } from '#src/endpoints/open-endpoints.ts'
import { SingleUse } from '#src/endpoints/single-use.ts'
import { catalog } from '#src/errors/catalog.ts'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { IdTokens } from '#src/identity/id-tokens.ts'
import type { Visit } from '#src/listener/visit.ts'
import type { Answer } from '#src/respond/answer.ts'
import { textAnswer } from '#src/respond/answers.ts'
import type { CookieSettings } from '#src/session/cookie-names.ts'
import { RevokedSessions } from '#src/session/revoked-sessions.ts'
import { SessionCookies } from '#src/session/session-cookies.ts'
import { SessionUpkeep } from '#src/session/session-upkeep.ts'
import { headerOf } from '#src/wire/headers.ts'
import { type LyingIdp, startLyingIdp } from '#test/actors/lying-idp.ts'
import { partyOf } from '#test/identity/conversations.ts'
import { setCookieLines } from '#test/session/cookies.ts'

export const authenticate = 'https://authenticate.corp.test'
const published = new Set(['wiki.corp.test', 'files.corp.test', 'wiki.other.test'])

export interface World extends AsyncDisposable {
  readonly idp: LyingIdp
  readonly endpoints: Endpoints
  readonly sessions: SessionCookies
  readonly revoked: RevokedSessions
  /** Milliseconds since the epoch; tests move it. */
  clock: { now: number }
  visit(url: string, more?: VisitOptions): Visit
  /** The answer of endpoint, sign-in or application (`reached USER`), failures as their rows. */
  answer(visit: Visit, body?: string): Promise<Answer>
}

export interface VisitOptions {
  readonly method?: string
  readonly headers?: readonly string[]
}

export interface WorldOptions {
  readonly cookies?: Partial<CookieSettings>
  readonly cookieExpire?: number
  readonly signOutRedirectUrl?: string
  readonly secrets?: { readonly shared: Revealable; readonly cookie: Revealable }
  readonly idp?: LyingIdp
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const idp = options.idp ?? (await startLyingIdp())
  const secrets = options.secrets ?? { shared: randomSecret(), cookie: randomSecret() }
  const [shared, cookie] = [keyRing([secrets.shared], 'shared_secret'), keyRing([secrets.cookie], 'cookie_secret')]
  const clock = { now: Date.now() }
  const cookies = { httpOnly: true, ...options.cookies }
  const revoked = new RevokedSessions()
  const relyingParty = partyOf(idp)
  const keeper = new SessionUpkeep({ revoked, clock: () => clock.now })
  const upkeep = keeper.under({ provider: relyingParty, interval: 0, shape: (session) => session, log: { event() {} } })
  const sessions = new SessionCookies({
    sealer: sealer(cookie),
    cookies,
    neededClaims: new Set(['groups']),
    revoked,
    upkeep,
  })
  const endpoints = openEndpoints({
    authenticateOrigin: authenticate,
    publicScheme: ({ scheme }) => scheme,
    isRouteHost: ({ hostname, port }) => published.has(hostname) && port === '',
    signOutRedirectUrl: options.signOutRedirectUrl,
    cookieExpire: options.cookieExpire ?? 3_600_000,
    cookies,
    sessions,
    revoked,
    upkeep,
    cookieSealer: sealer(cookie),
    sharedSealer: sealer(shared),
    signer: urlSigner(shared),
    signOutTokens: tokenMaker(shared, 'sign-out'),
    used: new SingleUse(),
    relyingParty,
    idTokens: new IdTokens(),
    jwks: '{"keys":[]}',
    pages: plainPages,
    responseHeaders: ['x-frame-options', 'SAMEORIGIN', 'Cache-Control', 'public'],
    clock: () => clock.now,
  })

  async function answer(visit: Visit, body = ''): Promise<Answer> {
    try {
      const endpoint = endpoints.find(visit)
      if (endpoint) return await endpoint.answer({ visit, request: Readable.from([Buffer.from(body)]) as never })
      if (!published.has(visit.host)) return textAnswer('no route', { status: 404 })
      const session = await sessions.open(
        visit.headers,
        { kind: 'session', scheme: visit.scheme, host: visit.host },
        clock.now,
      )
      if (!session) return await endpoints.startSignIn(visit, { now: clock.now })
      return textAnswer(`reached ${session.userId} ${visit.method} ${visit.path}${visit.query}`)
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error
      return textAnswer(`failed ${error.code}`, { status: catalog[error.code].status, headers: error.headers })
    }
  }

  return {
    idp,
    endpoints,
    sessions,
    revoked,
    clock,
    visit: (url, more) => visitOf(url, more),
    answer,
    [Symbol.asyncDispose]: () => idp[Symbol.asyncDispose](),
  }
}

/** Pages as plain text: what they were given, readable for tests. */
const plainPages: Pages = {
  signOutQuestion: (_, { action, token, formTargets, session }) =>
    textAnswer(`question ${action} ${formTargets.join(' ')} ${session?.userId ?? 'nobody'} token=${token}`),
  signedOut: (_, { headers, wayBack }) =>
    textAnswer(wayBack ? `signed out back=${wayBack.href}` : 'signed out', { headers }),
  whoAmI: (_, { session }) => textAnswer(`you are ${session?.userId ?? 'nobody'}`),
  signInProblem: (_, { code, causes, retryUrl, headers }) =>
    textAnswer(`problem ${code} ${causes.join(' ')} retry=${retryUrl ?? ''}`, {
      status: catalog[code].status,
      headers,
    }),
  proceed: (_, { target, headers }) => textAnswer(`proceed ${target}`, { headers }),
}

export const navigation = [
  'accept',
  'text/html,*/*;q=0.8',
  'sec-fetch-mode',
  'navigate',
  'sec-fetch-dest',
  'document',
  'sec-fetch-site',
  'none',
]

function visitOf(url: string, { method = 'GET', headers = navigation }: VisitOptions = {}): Visit {
  const { protocol, host, hostname, port, pathname } = new URL(url)
  return {
    id: '00000000-0000-4000-8000-000000000000',
    method,
    scheme: protocol === 'http:' ? 'http' : 'https',
    host: hostname,
    port,
    authority: host,
    path: pathname,
    // Octet for octet, which URL would not keep.
    query: url.includes('?') ? url.slice(url.indexOf('?')) : '',
    headers,
    clientAddress: '127.0.0.1',
    peerAddress: '127.0.0.1',
    forwardedFor: '',
    httpVersion: '1.1',
    upgrade: headerOf(headers, 'upgrade') === 'websocket' ? 'websocket' : undefined,
    hasBody: method === 'POST',
    receivedAt: 0,
  }
}

export interface Hop {
  readonly url: string
  readonly answer: Answer
}

/** Keeps cookies by host (and Domain), follows redirects, passes through the provider as `idp.person`. */
export class Browser {
  readonly #world: World
  readonly jar = new Map<string, { host: string; domain: boolean; name: string; value: string }>()
  /** Cookies of these names are refused. */
  refuses: (name: string, host: string) => boolean = () => false

  constructor(world: World) {
    this.#world = world
  }

  copy(): Browser {
    const other = new Browser(this.#world)
    for (const [key, cookie] of this.jar) other.jar.set(key, cookie)
    return other
  }

  async request(
    url: string,
    { method = 'GET', headers = navigation, body }: VisitOptions & { body?: string } = {},
  ): Promise<Answer> {
    const { hostname } = new URL(url)
    const cookies = [...this.jar.values()].filter(
      ({ host, domain }) => host === hostname || (domain && hostname.endsWith(`.${host}`)),
    )
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
    const all = cookie === '' ? headers : [...headers, 'cookie', cookie]
    const answer = await this.#world.answer(this.#world.visit(url, { method, headers: all }), body)
    for (const line of setCookieLines(answer.headers)) this.#keep(line, hostname)
    return answer
  }

  /** Follows redirects from `url`; stops before an address that `until` matches, or at the end. */
  async go(
    url: string,
    { until, ...first }: VisitOptions & { until?: RegExp; body?: string } = {},
  ): Promise<{ answer: Answer; url: string; trail: Hop[] }> {
    const trail: Hop[] = []
    let next = url
    for (let hops = 0; hops < 20; hops++) {
      const at = next
      const answer = at.startsWith(this.#world.idp.issuer)
        ? this.#atProvider(at)
        : await this.request(at, hops === 0 ? first : {})
      trail.push({ url: at, answer })
      const location = headerOf(answer.headers, 'location')
      if (location === undefined) return { answer, url: at, trail }
      next = URL.canParse(location) ? location : new URL(location, at).href
      if (until?.test(next)) return { answer, url: next, trail }
    }
    throw new Error(`redirects without end: ${trail.map((hop) => hop.url.slice(0, 60)).join('\n')}`)
  }

  names(host: string): string[] {
    return [...this.jar.values()].filter((cookie) => cookie.host === host).map(({ name }) => name)
  }

  #atProvider(url: string): Answer {
    const { pathname, searchParams } = new URL(url)
    if (pathname === '/end_session') {
      const back = new URL(searchParams.get('post_logout_redirect_uri') ?? '')
      const state = searchParams.get('state')
      if (state !== null) back.searchParams.set('state', state)
      return textAnswer('', { status: 302, headers: ['location', back.href] })
    }
    const back = `${searchParams.get('redirect_uri')}?${this.#world.idp.authorize(url)}`
    return textAnswer('', { status: 302, headers: ['location', back] })
  }

  #keep(line: string, hostname: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    const domain = /; Domain=([^;]+)/.exec(line)?.[1]
    if (this.refuses(name, hostname)) return
    const host = domain ?? hostname
    if (/; Max-Age=0\b/.test(line)) this.jar.delete(`${host} ${name}`)
    else this.jar.set(`${host} ${name}`, { host, domain: domain !== undefined, name, value })
  }
}
