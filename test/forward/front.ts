/** A listener with nothing but the forward station behind it, and clients for it. */
import { randomUUID } from 'node:crypto'
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { text } from 'node:stream/consumers'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { compileForward, type ForwardOptions, type ForwardTools } from '#src/forward/forward.ts'
import { OpenUpgrades } from '#src/forward/open-upgrades.ts'
import { UpstreamPools } from '#src/forward/upstream-pools.ts'
import type { AdmitOptions } from '#src/listener/admission.ts'
import type { CertificatePair } from '#src/listener/certificates.ts'
import { openListeners } from '#src/listener/open-listeners.ts'
import type { Outcome } from '#src/respond/answer.ts'
import { errorAnswer } from '#src/respond/error-answer.ts'
import { sendAnswer } from '#src/respond/send-answer.ts'
import type { Session } from '#src/session/session.ts'
import { strictAdmission } from '../listener/doors.ts'

export const plainRoute: Omit<ForwardOptions, 'to'> = {
  routeId: 'wiki',
  scheme: 'https',
  setResponseHeaders: [],
  passIdentity: false,
  claimHeaders: [],
  issuerFormat: 'hostOnly',
  websockets: false,
  timeout: 5000,
  idleTimeout: 0,
}

/** A session of a test, with the claims flattened as the session station does it. */
export function sessionOf(claims: Record<string, unknown>, changes: Partial<Session> = {}): Session {
  return {
    id: 'sess-1',
    userId: 'u-1',
    email: typeof claims['email'] === 'string' ? claims['email'] : '',
    emailVerified: true,
    name: typeof claims['name'] === 'string' ? claims['name'] : '',
    claims,
    flatClaims: new Map(flatten('', claims)),
    issuedAt: Date.now(),
    expiresAt: Date.now() + 3_600_000,
    ...changes,
  }
}

function flatten(prefix: string, claims: object): (readonly [string, readonly unknown[]])[] {
  return Object.entries(claims).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? flatten(`${prefix}${name}.`, value)
      : [[`${prefix}${name}`, Array.isArray(value) ? value : [value]] as const],
  )
}

/** An unsigned stand-in whose middle part is the claims. */
export function signForTest(claims: object): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
}

export function toolsFor(changes: Partial<ForwardTools> = {}): ForwardTools {
  return {
    pools: new UpstreamPools({ connectTimeout: 1000 }),
    signAssertion: signForTest,
    isOwnCookie: (name) => /^__host-ostiary/i.test(name),
    onOwnCookieSet() {},
    upgrades: new OpenUpgrades(),
    now: Date.now,
    randomId: randomUUID,
    ...changes,
  }
}

export interface Front extends AsyncDisposable {
  readonly port: number
  /** How each exchange ended, and with which error. */
  readonly outcomes: (Outcome & { readonly error?: ProxyError })[]
  readonly pools: UpstreamPools
  readonly upgrades: OpenUpgrades
  release(): void
}

export interface FrontSettings {
  readonly route: Partial<ForwardOptions> & Pick<ForwardOptions, 'to'>
  readonly session?: Session | undefined
  readonly tools?: Partial<ForwardTools>
  readonly certificates?: readonly CertificatePair[]
  readonly admission?: Partial<AdmitOptions>
}

/** Opens a listener; every request goes to the one route. */
export async function openFront({ route, session, tools, certificates, admission }: FrontSettings): Promise<Front> {
  const kit = toolsFor(tools)
  const { forward, release } = compileForward({ ...plainRoute, ...route }, kit)
  const outcomes: Front['outcomes'] = []
  const listeners = await openListeners(
    {
      address: '127.0.0.1:0',
      admission: { ...strictAdmission, ...admission },
      ...(certificates ? { tls: { certificates } } : {}),
    },
    {
      async exchange(exchange) {
        try {
          outcomes.push(await forward(exchange, session))
        } catch (error) {
          const { visit } = exchange
          const answer = errorAnswer(error, { requestId: visit.id, visit, now: Date.now() })
          const outcome = await sendAnswer(exchange, answer, 'error')
          outcomes.push(error instanceof ProxyError ? { ...outcome, error } : outcome)
        }
      },
    },
  )
  return {
    port: listeners.port,
    outcomes,
    pools: kit.pools,
    upgrades: kit.upgrades,
    release,
    async [Symbol.asyncDispose]() {
      await listeners[Symbol.asyncDispose]()
      release()
      await kit.pools.destroy()
    },
  }
}

export interface Answered {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
  json<T>(): T
}

/** One request to `front`, answered whole. */
export async function ask(
  front: { readonly port: number },
  path = '/',
  { body, ...options }: RequestOptions & { body?: string | Buffer } = {},
): Promise<Answered> {
  const answer = await open(front, path, { ...options, ...(body === undefined ? {} : { body }) })
  const whole = await text(answer)
  return { status: answer.statusCode ?? 0, headers: answer.headers, text: whole, json: () => JSON.parse(whole) }
}

/** One request to `front`, with the answer's body still to come. */
export function open(
  front: { readonly port: number },
  path = '/',
  { body, ...options }: RequestOptions & { body?: string | Buffer } = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const headers = { host: 'wiki.app.test', ...length, ...(options.headers as Record<string, string> | undefined) }
    const request = httpRequest({ host: '127.0.0.1', port: front.port, path, agent: false, ...options, headers })
    request.on('response', resolve).on('error', reject)
    request.end(body)
  })
}

/** Waits until `holds`, at most five seconds. */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 250; i++) {
    if (holds()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`did not happen: ${what}`)
}
