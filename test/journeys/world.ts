/** The cast of a journey: a provider with three people, an application that echoes, the proxy in a process of its own. */
import { randomBytes } from 'node:crypto'
import type { Browser, Reply } from '#test/actors/browser.ts'
import { type Idp, type IdpOptions, startIdp } from '#test/actors/idp.ts'
import { freePort } from '#test/actors/program.ts'
import { type Config, type ProxyOptions, type RunningProxy, startProxy } from '#test/actors/proxy.ts'
import { type Echo, startUpstream, type Upstream } from '#test/actors/upstream.ts'

export const people = {
  alice: { email: 'alice@corp.test', email_verified: true, name: 'Alice Okafor', groups: ['devops'] },
  bob: { email: 'bob@corp.test', email_verified: true, name: 'Bob Lindqvist', groups: ['finance'] },
  carol: { email: 'carol@corp.test', email_verified: true, name: 'Carol Núñez', groups: ['devops', 'finance'] },
} as const

export interface World extends AsyncDisposable {
  readonly idp: Idp
  readonly upstream: Upstream
  readonly proxy: RunningProxy
  /** The configuration in force, to be changed and written again. */
  readonly config: Config
  url(host: string, path?: string): string
  browser(): Browser
  /** A browser in which `person` has signed in at `host`. */
  signedIn(person: keyof typeof people, host?: string): Promise<Browser>
}

export interface WorldOptions {
  /** Laid over the usual settings; its `routes` replace the usual ones. */
  readonly settings?: Config
  /** Routes beside the usual ones. */
  readonly routes?: (at: { readonly port: number; readonly upstream: string }) => readonly Config[]
  readonly idp?: Partial<IdpOptions>
  readonly proxy?: Omit<ProxyOptions, 'config' | 'port'>
  /** The public address is that of something in front, at this port. */
  readonly publicPort?: number
}

/**
 * Starts everything. Hosts: `hello` (devops only, identity headers), `any` (whoever is signed in), `pub` (everybody),
 * `ws` and `wsgroup` (WebSockets), `*.apps`; all lead to the same application.
 */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  await using opened = new AsyncDisposableStack()
  const port = await freePort()
  const publicPort = options.publicPort ?? port
  const authenticate = `https://authenticate.corp.test:${publicPort}`
  const upstream = opened.use(await startUpstream())
  const idp = opened.use(
    await startIdp({
      users: Object.values(people),
      redirectUris: [`${authenticate}/oauth2/callback`],
      postLogoutRedirectUris: [`${authenticate}/.pomerium/signed_out`],
      ...options.idp,
      // Codes of tabs that come back at the same time do not end one another.
      change: { expiresWithSession: async () => false, ...options.idp?.change },
    }),
  )
  const config = {
    authenticate_service_url: authenticate,
    idp_provider: 'oidc',
    idp_provider_url: idp.issuer,
    idp_client_id: 'pom',
    idp_client_secret: 'pomerium',
    idp_scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
    shared_secret: randomBytes(32).toString('base64'),
    cookie_secret: randomBytes(32).toString('base64'),
    jwt_claims_headers: { 'X-Email': 'email', 'X-Groups': 'groups' },
    routes: [
      ...usualRoutes(publicPort, upstream.url),
      ...(options.routes?.({ port: publicPort, upstream: upstream.url }) ?? []),
    ],
    ...options.settings,
  }
  const proxy = opened.use(await startProxy({ ...options.proxy, port, config }))
  const kept = opened.move()
  const url = (host: string, path = '/') => `https://${host}.corp.test:${publicPort}${path}`
  return {
    idp,
    upstream,
    proxy,
    config,
    url,
    browser: proxy.browser,
    async signedIn(person, host = 'any') {
      const browser = proxy.browser()
      await browser.signIn(url(host), people[person].email)
      return browser
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

function usualRoutes(port: number, to: string): Config[] {
  const route = (name: string, more: Config) => ({ name, from: `https://${name}.corp.test:${port}`, to, ...more })
  const anyone = { allow_any_authenticated_user: true }
  return [
    route('hello', { allowed_groups: ['devops'], pass_identity_headers: true }),
    route('any', { ...anyone, pass_identity_headers: true }),
    route('pub', { allow_public_unauthenticated_access: true }),
    route('ws', { ...anyone, allow_websockets: true }),
    route('wsgroup', { allowed_groups: ['devops'], allow_websockets: true }),
    { ...route('apps', anyone), from: `https://*.apps.corp.test:${port}` },
  ]
}

/** What the application saw of the request that `reply` answers. */
export function echoOf(reply: Reply): Echo {
  try {
    return JSON.parse(reply.body) as Echo
  } catch (cause) {
    throw new Error(`no echo but ${reply.status} ${reply.url}: ${reply.body.slice(0, 1000)}`, { cause })
  }
}
