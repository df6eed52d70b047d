import { test } from 'node:test'
import type { LyingIdp } from '#test/actors/lying-idp.ts'
import type { Config } from '#test/actors/proxy.ts'
import { startUpstream } from '#test/actors/upstream.ts'
import { readVectors } from '#test/vectors/read-vectors.ts'
import { type Address, readAddress, wantedAddress } from './addresses.ts'
import { startProvider } from './provider.ts'
import { type Answer, echo, fieldOf, type Subject, startSubject } from './subject.ts'
import { Verdicts } from './verdicts.ts'

interface VectorCookie {
  readonly name: string
  readonly empty: boolean
  readonly Path: string
  readonly Expires: string
  readonly HttpOnly?: boolean
  readonly Secure?: boolean
  readonly SameSite?: string
}

interface Step {
  readonly step: string
  readonly status: number
  readonly location?: Address
  readonly cookies?: readonly VectorCookie[]
  readonly token_request?: { readonly params: Readonly<Record<string, string>>; readonly auth: string }
}

interface SignInVector {
  readonly id: string
  readonly about: string
  readonly config: Config
  readonly route: Config
  readonly path: string
  readonly provider: { readonly pkce: boolean; readonly end_session_endpoint: boolean }
  readonly expect: { readonly steps: readonly Step[] }
}

/** What is compared of a journey, each under its own id: `signin-01/arrival`. How the hosts pass a session on is each product's own. */
type Facts = Readonly<Record<string, unknown>>

test('a sign-in through the running proxy has the outside of one through Pomerium, but for the listed differences', async (context) => {
  await using upstream = await startUpstream(echo)
  await using subject = await startSubject()
  const verdicts = new Verdicts(['sign-in'])
  for (const vector of readVectors<SignInVector>('pomerium/sign-in-redirect.jsonl')) {
    const { id, about, config, route, provider, expect } = vector
    const wanted = factsOfVector(expect.steps)
    const need =
      'cookie_http_only' in config
        ? 'cookie_http_only'
        : 'idp_client_id' in route
          ? 'a client for each route'
          : undefined
    if (need !== undefined) {
      for (const _ of Object.keys(wanted)) verdicts.skip(need)
      continue
    }
    await using idp = await startProvider({ pkce: provider.pkce, endSession: provider.end_session_endpoint })
    const routeAt = (host: string) => ({
      from: `https://${host}.vectors.test`,
      to: upstream.url,
      allow_any_authenticated_user: true,
    })
    await subject.use({ ...config, idp_provider_url: idp.issuer, routes: [routeAt('app'), routeAt('second')] })
    const seen = await walk(vector, { subject, idp })
    for (const [name, expected] of Object.entries(wanted)) {
      verdicts.compare(`${id}/${name}`, { about: `${about}: ${name}`, seen: seen[name], expected })
    }
  }
  verdicts.end(context, { prefix: 'signin-', atLeast: 40 })
})

function factsOfVector(steps: readonly Step[]): Facts {
  const find = (name: string) => steps.find(({ step }) => step === name)
  const location = (step: Step | undefined) => step?.location && wantedAddress(step.location)
  const cookieOf = (step: Step | undefined, name: string) => {
    const cookie = step?.cookies?.findLast((one) => one.name === name)
    if (!cookie) return undefined
    const { Path, Expires, HttpOnly = false, Secure = false, SameSite } = cookie
    return { Path, HttpOnly, Secure, SameSite, life: Expires === 'past' ? 0 : Number(/\d+/.exec(Expires)?.[0]) }
  }
  const session = cookieOf(find('callback on the route host'), '_pomerium')
  const authenticate = cookieOf(find('provider returns'), '_pomerium_authenticate')
  const signOut = find('sign out')
  return {
    start: { status: find('first request')?.status, location: location(find('first request')) },
    ...providerFacts(location(find('sign_in'))),
    token: tokenFacts(find('provider returns')?.token_request),
    ...cookieFacts({ session, authenticate }),
    arrival: location(find('callback on the route host')),
    follow: find('follow')?.status,
    'second host': location(find('second host, signed in at the authenticate host')),
    ...(signOut && {
      'sign out': { to: signOut.location?.to, life: cookieOf(signOut, '_pomerium')?.life },
      'signed out': {
        location: location(find('sign out, next')),
        life: cookieOf(find('sign out, next'), '_pomerium_authenticate')?.life,
      },
      after: location(find('after sign out')),
    }),
  }
}

/** The nonce has an id of its own, so that what else is asked of the provider is compared all the same. */
function providerFacts(address: Address | undefined): Facts {
  const { nonce, ...query } = address?.query ?? {}
  return { provider: { ...address, query }, nonce }
}

interface CookieFacts {
  readonly Path: string | undefined
  readonly HttpOnly: boolean
  readonly Secure: boolean
  readonly SameSite: string | undefined
  /** Minutes. */
  readonly life: number
}

function cookieFacts(cookies: Readonly<Record<'session' | 'authenticate', CookieFacts | undefined>>): Facts {
  const facts = Object.entries(cookies).flatMap(([name, cookie]) => {
    const { SameSite, ...rest } = cookie ?? { SameSite: undefined }
    return [
      [`${name} cookie`, rest],
      [`${name} SameSite`, SameSite],
    ]
  })
  return Object.fromEntries(facts) as Facts
}

function tokenFacts(request: Step['token_request']) {
  return { auth: request?.auth, parameters: Object.keys(request?.params ?? {}).sort() }
}

/** Walks the journey as a browser does. */
async function walk({ path }: SignInVector, { subject, idp }: { subject: Subject; idp: LyingIdp }): Promise<Facts> {
  const jars = new Map<string, Map<string, string>>()
  const go = async (url: string): Promise<Answer> => {
    // A step that led nowhere shows as one that differs.
    if (url === '') return { status: 0, headers: [], body: '' }
    const { host } = new URL(url)
    const jar = jars.get(host) ?? new Map<string, string>()
    jars.set(host, jar)
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await subject.send({
      method: 'GET',
      host,
      path: url.slice(url.indexOf(host) + host.length),
      headers: [...asBrowser, ...(cookie === '' ? [] : [['Cookie', cookie] as const])],
    })
    for (const { name, value, life } of cookiesOf(answer)) {
      if (life === 0) jar.delete(name)
      else jar.set(name, value)
    }
    return answer
  }
  const locationOf = (answer: Answer) => {
    // Where a page leads on by itself, that is its address.
    const refresh = /http-equiv="refresh" content="0;\s*url=([^"]*)"/i.exec(answer.body)?.[1]?.replaceAll('&amp;', '&')
    return fieldOf(answer, 'location') ?? refresh ?? ''
  }
  const cookieOf = (answer: Answer, wanted: string) => {
    const found = cookiesOf(answer).findLast(({ name }) => name === wanted)
    if (!found) return undefined
    const { Path, HttpOnly, Secure, SameSite, life } = found
    return { Path, HttpOnly, Secure, SameSite, life }
  }

  const first = await go(`https://app.vectors.test${path}`)
  const toProvider = await go(locationOf(first))
  const answer = idp.authorize(locationOf(toProvider) || 'http://nowhere.invalid')
  const returned = await go(`https://authenticate.vectors.test/oauth2/callback?${answer}`)
  const callback = await go(locationOf(returned))
  const arrived = await go(locationOf(callback))
  const second = await go('https://second.vectors.test/x')
  const signOut = await go('https://app.vectors.test/.pomerium/sign_out')
  const next = await go(locationOf(signOut))
  const after = await go('https://app.vectors.test/')
  const address = (one: Answer) => readAddress(locationOf(one), idp.issuer)
  const authorization = idp.authorizations.at(-1)
  return {
    start: { status: first.status, location: address(first) },
    ...providerFacts(address(toProvider)),
    token: { auth: authorization?.split(' ', 1)[0], parameters: [...(idp.forms.at(-1)?.keys() ?? [])].sort() },
    ...cookieFacts({
      session: cookieOf(callback, '_pomerium'),
      authenticate: cookieOf(returned, '_pomerium_authenticate'),
    }),
    arrival: address(callback),
    follow: arrived.status,
    'second host': address(second),
    'sign out': { to: address(signOut).to, life: cookieOf(signOut, '_pomerium')?.life },
    'signed out': { location: address(next), life: cookieOf(next, '_pomerium_authenticate')?.life },
    after: address(after),
  }
}

/** What a browser sends when its user types an address. */
const asBrowser = [
  ['Accept', 'text/html'],
  ['Sec-Fetch-Site', 'none'],
  ['Sec-Fetch-Mode', 'navigate'],
  ['Sec-Fetch-Dest', 'document'],
] as const

function cookiesOf({ headers }: Answer) {
  return headers
    .filter(([name]) => name === 'set-cookie')
    .map(([, line]) => {
      const [pair = '', ...attributes] = line.split(/;\s*/)
      const at = pair.indexOf('=')
      const has = (name: string) => attributes.some((one) => one.toLowerCase() === name)
      const of = (name: string) =>
        attributes.find((one) => one.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1)
      return {
        name: pair.slice(0, at),
        value: pair.slice(at + 1),
        Path: of('path'),
        HttpOnly: has('httponly'),
        Secure: has('secure'),
        SameSite: of('samesite'),
        life: Math.round(Number(of('max-age')) / 60),
      }
    })
}
