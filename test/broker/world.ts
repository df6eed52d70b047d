/** A broker on a loopback port with an application that stands nowhere, for tests that speak to it as a browser does. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hashSync } from 'bcryptjs'
import type { Decision, SignInEvent } from '#src/broker/audit.ts'
import type { ReadConnector } from '#src/broker/management/local-connectors.ts'
import { type Broker, openBroker } from '#src/broker/open-broker.ts'
import type { BrokerSettings, ClientSettings, StaticPassword } from '#src/config/dex/broker-settings.ts'
import type { ConnectorSettings } from '#src/config/dex/connectors/connector-settings.ts'
import { Secret } from '#src/crypto/secret.ts'
import { brokerPages } from '#src/respond/pages/broker.ts'
import { milliseconds } from '#src/wire/units.ts'
import { type Ask, Browser, type Page, type Reply } from '#test/actors/browser.ts'
import { freePort } from '#test/actors/program.ts'

export const callback = 'https://app.test/cb'
export const verifier = 'v'.repeat(43)
export const rightPassword = 'open sesame'
const hash = hashSync(rightPassword, 10)
const minute = 60_000

export function user(name: string, more: Partial<StaticPassword> = {}): StaticPassword {
  return {
    email: `${name}@corp.test`,
    hash,
    username: name,
    name: name.replace(/^./, (letter) => letter.toUpperCase()),
    preferredUsername: name,
    emailVerified: true,
    userID: `id-${name}`,
    groups: [],
    ...more,
  }
}

export function client(id: string, more: Partial<ClientSettings> = {}): ClientSettings {
  return {
    id,
    name: id,
    secret: new Secret(`${id}-secret`),
    redirectURIs: [callback],
    postLogoutRedirectURIs: [],
    backchannelLogoutURI: undefined,
    trustedPeers: [],
    public: false,
    logoURL: '',
    pkce: 'optional',
    allowedConnectors: [],
    groups: undefined,
    refreshTokenLifetime: 'standalone',
    ...more,
  }
}

export interface WorldOptions {
  readonly settings?: Partial<BrokerSettings>
  readonly users?: readonly StaticPassword[]
  readonly clients?: readonly ClientSettings[]
  readonly connectors?: readonly ConnectorSettings[]
  readonly path?: string
  readonly now?: () => number
  readonly storeSecrets?: readonly Secret[]
  /** Whether `X-Forwarded-For` is believed, as where nginx stands before it: then the test can come from anywhere. */
  readonly isBehindProxy?: boolean
}

const noReader: ReadConnector = () => ({ kind: 'problems', lines: ['not in this test'] })

export async function startBroker(options: WorldOptions = {}) {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}${options.path ?? '/dex'}`
  /** Sign-ins, and beside them all else that was decided about somebody. */
  const audit: SignInEvent[] = []
  const decisions: Decision[] = []
  const log: { level: string; message: string; details: unknown }[] = []
  const settings: BrokerSettings = {
    issuer,
    storage: { type: 'memory' },
    web: {
      http: `127.0.0.1:${port}`,
      https: undefined,
      tls: undefined,
      allowedOrigins: [],
      allowedHeaders: [],
      headers: {},
      clientRemoteIP: options.isBehindProxy
        ? { header: 'X-Forwarded-For', trustedProxies: ['127.0.0.1/32'] }
        : undefined,
    },
    grpc: undefined,
    expiry: {
      idTokens: milliseconds(10 * minute),
      authRequests: milliseconds(60 * minute),
      deviceRequests: milliseconds(5 * minute),
      signingKeys: milliseconds(360 * minute),
      refreshTokens: {
        disableRotation: false,
        reuseInterval: milliseconds(0),
        validIfNotUsedFor: milliseconds(0),
        absoluteLifetime: milliseconds(0),
      },
    },
    signer: { algorithm: 'RS256' },
    oauth2: { grantTypes: [], skipApprovalScreen: true, alwaysShowLoginScreen: false, pkceEnforce: false },
    sessions: {
      absoluteLifetime: milliseconds(24 * 60 * minute),
      validIfNotUsedFor: milliseconds(60 * minute),
      rememberMeCheckedByDefault: true,
    },
    staticClients: options.clients ?? [client('app')],
    connectors: options.connectors ?? [],
    enablePasswordDB: options.connectors === undefined || options.users !== undefined,
    staticPasswords: options.users ?? [user('alice', { groups: ['devops'] }), user('bob')],
    frontend: { issuer: 'dex', logoURL: '', theme: undefined },
    adminSocket: undefined,
    source: { origin: 'file', file: 'test', line: 1, column: 1 },
    ...options.settings,
  }
  const broker: Broker = await openBroker({
    settings,
    storeSecrets: options.storeSecrets ?? [],
    pages: brokerPages(),
    readConnector: noReader,
    readFile: (path) => readFile(path, 'utf8'),
    now: options.now ?? Date.now,
    audit(line) {
      if (line.act !== 'sign-in') return decisions.push(line)
      const { act: _, ...event } = line
      return audit.push(event)
    },
    log: (level, message, details) => log.push({ level, message, details }),
    version: '0.0.0',
  })
  return {
    broker,
    issuer: settings.issuer,
    settings,
    audit,
    decisions,
    log,
    browser: () => new Application({ port: 0, ca: '' }),
    /** A browser at this address; the broker has to be behind a proxy. */
    browserAt: (address: string) => new Elsewhere(address),
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  }
}

export type World = Awaited<ReturnType<typeof startBroker>>

/** A browser for which every application's host is a blank page. */
export class Application extends Browser {
  protected override send(url: URL, ask: Ask): Promise<Reply> {
    if (url.hostname === '127.0.0.1') return super.send(url, ask)
    return Promise.resolve({ url: url.href, status: 200, headers: {}, setCookies: [], body: 'back' })
  }
}

class Elsewhere extends Application {
  readonly #address: string

  constructor(address: string) {
    super({ port: 0, ca: '' })
    this.#address = address
  }

  protected override send(url: URL, ask: Ask): Promise<Reply> {
    return super.send(url, { ...ask, headers: { ...ask.headers, 'x-forwarded-for': this.#address } })
  }
}

/** The address at which an application begins a sign-in. */
export function authorizeUrl(issuer: string, more: Readonly<Record<string, string | undefined>> = {}): string {
  const parameters: Record<string, string | undefined> = {
    client_id: 'app',
    response_type: 'code',
    redirect_uri: callback,
    scope: 'openid profile email groups offline_access',
    state: 's-1',
    nonce: 'n-1',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  }
  const given = Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return `${issuer}/auth?${new URLSearchParams(given)}`
}

/** Opens the form, and sends name and password. */
export async function signIn(
  browser: Browser,
  address: string,
  who: { login?: string; password?: string; fields?: Readonly<Record<string, string>> } = {},
): Promise<Page> {
  const form = await browser.open(address)
  assert.equal(form.status, 200, form.body)
  return await browser.submit(form, {
    login: who.login ?? 'alice@corp.test',
    password: who.password ?? rightPassword,
    ...who.fields,
  })
}

export const answerOf = (page: Page) => new URL(page.url).searchParams

export interface TokenAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Readonly<Record<string, unknown>>
}

/** One call of the token endpoint, or another that takes a form and authenticates clients. */
export async function post(
  address: string,
  fields: Readonly<Record<string, string>>,
  who: { id: string; secret?: string } | undefined = { id: 'app', secret: 'app-secret' },
): Promise<TokenAnswer> {
  const basic = who?.secret === undefined ? undefined : Buffer.from(`${who.id}:${who.secret}`).toString('base64')
  const answer = await fetch(address, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(basic !== undefined && { authorization: `Basic ${basic}` }),
    },
    body: new URLSearchParams({ ...(who && basic === undefined && { client_id: who.id }), ...fields }),
  })
  const text = await answer.text()
  const body = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text }
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body }
}

/** Redeems the code of a page that an application was sent to. */
export async function redeem(
  world: Pick<World, 'issuer'>,
  page: Page,
  more: Readonly<Record<string, string>> = {},
  who?: { id: string; secret?: string },
): Promise<TokenAnswer> {
  const fields = {
    grant_type: 'authorization_code',
    code: answerOf(page).get('code') ?? '',
    redirect_uri: callback,
    code_verifier: verifier,
    ...more,
  }
  return await post(`${world.issuer}/token`, fields, who)
}

export function refresh(
  world: Pick<World, 'issuer'>,
  token: unknown,
  more: Readonly<Record<string, string>> = {},
  who?: { id: string; secret?: string },
): Promise<TokenAnswer> {
  return post(`${world.issuer}/token`, { grant_type: 'refresh_token', refresh_token: String(token), ...more }, who)
}

/** The claims of a token, unverified. */
export function claimsIn(token: unknown): Record<string, unknown> {
  return JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}

export function headerIn(token: unknown): Record<string, unknown> {
  return JSON.parse(Buffer.from(String(token).split('.')[0] ?? '', 'base64url').toString()) as Record<string, unknown>
}
