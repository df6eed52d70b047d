/** The running product under the vectors: one process, a configuration after the other, requests byte for byte. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { keyRing } from '#src/crypto/key-ring.ts'
import { sealer } from '#src/crypto/seal.ts'
import { makeSession } from '#src/session/payload.ts'
import { RevokedSessions } from '#src/session/revoked-sessions.ts'
import { SessionCookies } from '#src/session/session-cookies.ts'
import { freePort } from '#test/actors/program.ts'
import { type Config, startProxy } from '#test/actors/proxy.ts'

/** One request as it goes over the wire. */
export interface Asked {
  readonly method: string
  /** The request target. */
  readonly path: string
  /** null: no Host field. */
  readonly host: string | null
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly body?: string
}

export interface Answer {
  readonly status: number
  /** Names in lower case, in order. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/** Who is signed in, in the vectors' notation. */
export interface SignedIn {
  readonly name: string
  readonly user_id: string
  readonly claims: Readonly<Record<string, unknown>>
}

export interface Subject extends AsyncDisposable {
  /** Puts another configuration in force, on top of the vectors' base, and waits for it. */
  use(config: Config): Promise<'in force' | 'refused'>
  /** Why the last configuration was refused. */
  problems(): readonly string[]
  send(asked: Asked): Promise<Answer>
  /** The Cookie value of somebody who is signed in at `host`. */
  cookieOf(signedIn: SignedIn, host: string): Promise<string>
}

const cookieName = '_pomerium'
const inForceWithin = 10_000

/** Starts the proxy in plain HTTP with the vectors' base configuration. */
export async function startSubject(base: Config = {}): Promise<Subject> {
  const secrets = { shared_secret: randomSecret(), cookie_secret: randomSecret() }
  const port = await freePort()
  const common = {
    insecure_server: true,
    authenticate_service_url: 'https://authenticate.vectors.test',
    idp_provider: 'oidc',
    idp_provider_url: `http://127.0.0.1:${port}/no-provider`,
    idp_client_id: 'client',
    idp_client_secret: 'secret',
    cookie_name: cookieName,
    ...secrets,
    ...base,
  }
  let generation = 0
  const complete = (config: Config) => {
    const marker = { from: `https://${markerHost(++generation)}`, to: 'http://127.0.0.1:9', allowed_users: ['nobody'] }
    const routes = Array.isArray(config['routes']) ? (config['routes'] as unknown[]) : []
    return { ...common, ...config, routes: [...routes, marker] }
  }
  const proxy = await startProxy({ config: complete({}), port })
  const sessions = new SessionCookies({
    sealer: sealer(keyRing([{ reveal: () => secrets.shared_secret }], 'shared_secret')),
    cookies: { cookieName, cookieDomain: undefined, httpOnly: true, sameSite: undefined },
    neededClaims: new Set(),
    revoked: new RevokedSessions(),
  })

  return {
    async use(config) {
      const refusals = () => proxy.log().filter(({ message }) => isRefusal(message)).length
      const before = refusals()
      proxy.write(complete(config))
      proxy.signal('SIGHUP')
      for (const until = Date.now() + inForceWithin; Date.now() < until; await pause(10)) {
        const { status } = await send(port, { method: 'GET', path: '/', host: markerHost(generation) })
        if (status === 302) return 'in force'
        if (refusals() > before) return 'refused'
      }
      throw new Error(`the configuration never came in force:\n${proxy.output().slice(-4000)}`)
    },
    problems: () => (proxy.log().findLast(({ message }) => isRefusal(message))?.['problems'] ?? []) as string[],
    send: (asked) => send(port, asked),
    async cookieOf({ name, user_id, claims }, host) {
      const now = Date.now()
      const session = makeSession({
        id: `sess-${name}`,
        userId: user_id,
        claims,
        issuedAt: now,
        expiresAt: now + 3_600_000,
      })
      const lines = await sessions.print(session, { kind: 'session', scheme: 'https', host }, { now, headers: [] })
      const pairs = lines.filter((_, at) => at % 2 === 1).map((line) => line.split(';', 1)[0])
      return pairs.join('; ')
    },
    [Symbol.asyncDispose]: () => proxy.stop(),
  }
}

const randomSecret = () => randomBytes(32).toString('base64')
const markerHost = (generation: number) => `generation-${generation}.conformance.invalid`

function isRefusal(message: unknown): boolean {
  return typeof message === 'string' && message.startsWith('configuration refused')
}

async function send(port: number, { method, path, host, headers = [], body = '' }: Asked): Promise<Answer> {
  const socket = connect(port, '127.0.0.1')
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...(host === null ? [] : [`Host: ${host}`]),
    'Connection: close',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`)
  return parse((await buffer(socket)).toString('latin1'))
}

function parse(answer: string): Answer {
  const end = answer.indexOf('\r\n\r\n')
  const [first = '', ...fields] = answer.slice(0, end).split('\r\n')
  const headers = fields.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  const body = answer.slice(end + 4)
  const isChunked = headers.some(([name, value]) => name === 'transfer-encoding' && value === 'chunked')
  const text = Buffer.from(isChunked ? unchunk(body) : body, 'latin1').toString('utf8')
  return { status: Number(first.slice(9, 12)), headers, body: text }
}

function unchunk(body: string): string {
  let text = ''
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf('\r\n', at)
    const size = Number.parseInt(body.slice(at, end), 16)
    if (!(size > 0)) break
    text += body.slice(end + 2, end + 2 + size)
    at = end + 2 + size + 2
  }
  return text
}

/** The one value of a header, or undefined. */
export function fieldOf({ headers }: Answer, name: string): string | undefined {
  return headers.find(([known]) => known === name)?.[1]
}

/** What the application says that it saw. */
export interface Echoed {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** An application's handler that answers with what it saw. */
export function echo(request: IncomingMessage, response: ServerResponse): void {
  const { url, headers } = request
  request.resume()
  response.writeHead(200, { 'content-type': echoType }).end(JSON.stringify({ url, headers }))
}

const echoType = 'application/vnd.echo+json'

/** What the application saw, where it was the application that answered. */
export function echoedOf(answer: Answer): Echoed | undefined {
  return fieldOf(answer, 'content-type') === echoType && answer.body !== ''
    ? (JSON.parse(answer.body) as Echoed)
    : undefined
}
