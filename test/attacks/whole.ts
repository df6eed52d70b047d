/**
 * The whole product under attack: two doors (TLS and plain) of the real program, applications that record every octet,
 * a provider, and what has to hold whatever was sent.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import type { Browser } from '#test/actors/browser.ts'
import { type Idp, type IdpUser, startIdp } from '#test/actors/idp.ts'
import { freePort } from '#test/actors/program.ts'
import { type Config, type RunningProxy, startProxy } from '#test/actors/proxy.ts'
import { checkLines, checkOurs, linesOf, problemOfCount } from './invariants.ts'
import { type Answer, readAnswers } from './raw-answers.ts'
import { type RecordingUpstream, startRecordingUpstream, type UpstreamOptions } from './recording-upstream.ts'

export const people = {
  alice: { email: 'alice@corp.test', email_verified: true, name: 'Alice', groups: ['admins'] },
  mallory: { email: 'eve@corp.test', email_verified: true, name: 'Eve', groups: ['guests'] },
} as const

export interface Heard {
  readonly text: string
  readonly answers: readonly Answer[]
  /** The proxy closed the connection by itself. */
  readonly closed: boolean
}

export interface SendOptions {
  /** Over the TLS door (HTTP/1.1); the plain one otherwise. */
  readonly secure?: boolean
  /** How many answers end the wait, interim ones not counted. */
  readonly answers?: number
  /** Methods of the requests in order, for who reads the answers. */
  readonly methods?: readonly string[]
  /** Milliseconds of silence that end it. */
  readonly quiet?: number
}

export interface Fort extends AsyncDisposable {
  readonly secure: RunningProxy
  readonly plain: RunningProxy
  readonly idp: Idp
  /** Behind what everybody may see, what only `admins` may, what anybody signed in may, and where the path decides. */
  readonly open: RecordingUpstream
  readonly closed: RecordingUpstream
  readonly any: RecordingUpstream
  readonly paths: RecordingUpstream
  readonly secrets: readonly string[]
  /** Sends pieces (latin1) on a new connection, a moment between them. */
  send(bytes: string | readonly string[], options?: SendOptions): Promise<Heard>
  dial(secure?: boolean): Promise<Socket>
  signedIn(person: keyof typeof people, host?: string): Promise<Browser>
  /** The Cookie value that `browser` sends to `host`. */
  cookieOf(browser: Browser, host: string): string
  /** What has to hold after everything: throws where it does not. */
  check(heard?: readonly Heard[]): Promise<void>
}

export interface FortOptions {
  readonly settings?: Config
  readonly routes?: (at: { readonly port: number }) => readonly Config[]
  readonly users?: readonly IdpUser[]
  readonly upstream?: UpstreamOptions
}

/** Starts everything: hosts `open`, `closed`, `any` and `paths` under corp.test. */
export async function startFort(options: FortOptions = {}): Promise<Fort> {
  await using opened = new AsyncDisposableStack()
  const port = await freePort()
  const authenticate = `https://authenticate.corp.test:${port}`
  const [open, closed, any, paths] = [
    opened.use(await startRecordingUpstream(options.upstream)),
    opened.use(await startRecordingUpstream(options.upstream)),
    opened.use(await startRecordingUpstream(options.upstream)),
    opened.use(await startRecordingUpstream(options.upstream)),
  ]
  const idp = opened.use(
    await startIdp({
      users: [...Object.values(people), ...(options.users ?? [])],
      redirectUris: [`${authenticate}/oauth2/callback`],
      postLogoutRedirectUris: [`${authenticate}/.pomerium/signed_out`],
      change: { expiresWithSession: async () => false },
    }),
  )
  const secrets = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
  const route = (name: string, to: string, more: Config) => ({ from: `https://${name}.corp.test`, to, ...more })
  const config: Config = {
    authenticate_service_url: authenticate,
    idp_provider: 'oidc',
    idp_provider_url: idp.issuer,
    idp_client_id: 'pom',
    idp_client_secret: 'pomerium',
    idp_scopes: ['openid', 'profile', 'email', 'groups'],
    shared_secret: secrets[0],
    cookie_secret: secrets[1],
    log_level: 'debug',
    access_log_fields: [
      ...['method', 'authority', 'path', 'query', 'referer', 'user-agent', 'request-id', 'response-code'],
      ...['response-code-details', 'headers.cookie', 'headers.authorization', 'headers.x-any', 'forwarded-for', 'ip'],
    ],
    jwt_claims_headers: { 'X-Email': 'email', 'X-Groups': 'groups' },
    routes: [
      route('open', open.url, { allow_public_unauthenticated_access: true, allow_websockets: true }),
      route('closed', closed.url, { allowed_groups: ['admins'], pass_identity_headers: true, allow_websockets: true }),
      route('any', any.url, { allow_any_authenticated_user: true, pass_identity_headers: true }),
      ...pathRoutes('https://paths.corp.test', paths.url),
      ...(options.routes?.({ port }) ?? []),
    ],
    ...options.settings,
  }
  const secure = opened.use(await startProxy({ port, config }))
  const plain = opened.use(await startProxy({ config: { ...config, insecure_server: true } }))
  const kept = opened.move()

  const dial = (isSecure = false): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket: Socket = isSecure
        ? connectTls({ port, host: '127.0.0.1', servername: 'open.corp.test', ca: secure.certs.ca })
        : connect(plain.port, '127.0.0.1')
      socket.setNoDelay(true)
      socket.once(isSecure ? 'secureConnect' : 'connect', () => resolve(socket))
      socket.once('error', reject)
    })

  return {
    secure,
    plain,
    idp,
    open,
    closed,
    any,
    paths,
    secrets,
    dial,
    async send(bytes, sending = {}) {
      const socket = await dial(sending.secure)
      return converse(socket, typeof bytes === 'string' ? [bytes] : bytes, sending)
    },
    async signedIn(person, host = 'any') {
      const browser = secure.browser()
      await browser.signIn(secure.url(host), people[person].email)
      return browser
    },
    cookieOf: (browser, host) => browser.cookies.header(new URL(secure.url(host)), 'same-site'),
    async check(heard = []) {
      for (const upstream of [open, closed, any, paths]) assert.deepEqual(upstream.faults, [])
      for (const { answers } of heard) for (const answer of answers) checkOurs(answer)
      // A line is written when its request has ended, which can be two seconds after its answer, and the log is buffered.
      const counted = () => problemOfCount([...linesOf(secure.output()), ...linesOf(plain.output())], heard)
      await until(() => counted() === undefined, 'a line for each request', 5000).catch(() => {})
      assert.equal(counted(), undefined)
      for (const proxy of [secure, plain]) {
        assert.equal(await proxy.health('/healthz'), 200, lastWords(proxy.output()))
        checkLines(proxy.output(), secrets)
      }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** What says why a process has ended. */
function lastWords(output: string): string {
  const grave = output.split('\n').filter((line) => !line.startsWith('{') || /"level":"(?:error|fatal)"/.test(line))
  return `${grave.slice(-20).join('\n')}\n${output.slice(-500)}`
}

/** A public prefix, a public pattern and an open path of a policy, beside what only `admins` may see. */
function pathRoutes(from: string, to: string): Config[] {
  return [
    { from, to, prefix: '/public/', allow_public_unauthenticated_access: true },
    { from, to, regex: '^/api/[a-z]+/read$', allow_public_unauthenticated_access: true },
    { from, to, path: '/exact', allow_public_unauthenticated_access: true },
    {
      from,
      to,
      policy: [
        { allow: { and: [{ http_path: { starts_with: '/guests/' } }, { http_method: { is: 'GET' } }] } },
        { allow: { or: [{ groups: { has: 'admins' } }] } },
      ],
    },
  ]
}

/** Writes pieces and reads until enough was answered, it was closed, or nothing comes any more. */
export async function converse(socket: Socket, pieces: readonly string[], options: SendOptions = {}): Promise<Heard> {
  const { answers: enough = Number.POSITIVE_INFINITY, methods = [], quiet = 2500 } = options
  let text = ''
  let closed = false
  let last = performance.now()
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    last = performance.now()
    if (readAnswers(text, methods).filter(({ status, whole }) => status >= 200 && whole).length >= enough) resolve()
  })
  for (const event of ['end', 'close'] as const) {
    socket.once(event, () => {
      closed = true
      resolve()
    })
  }
  const timer = setInterval(() => performance.now() - last > quiet && resolve(), 20)
  for (const [at, piece] of pieces.entries()) {
    if (at > 0) await pause(5)
    if (!closed) socket.write(Buffer.from(piece, 'latin1'))
    last = performance.now()
  }
  await promise
  clearInterval(timer)
  socket.destroy()
  return { text, closed, answers: readAnswers(text, methods) }
}

/** Open descriptors of a process that is ours; Linux only. */
export function descriptorsOf({ pid }: { readonly pid: number }): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** Waits until `holds`. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, limit = 10_000): Promise<void> {
  const end = performance.now() + limit
  while (!(await holds())) {
    assert.ok(performance.now() < end, `never: ${what}`)
    await pause(20)
  }
}

/** Does `work` for each of the list, several at a time, in a known order of results. */
export async function inParallel<T, R>(
  list: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const one = async (): Promise<void> => {
    for (let at = next++; at < list.length; at = next++) results[at] = await work(list[at] as T, at)
  }
  await Promise.all(Array.from({ length: Math.min(width, list.length) }, one))
  return results
}
