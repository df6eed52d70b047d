/** The session's way from the authenticate host to a route's host: sealed for it, for one minute, one use and one browser. */
import { randomText } from '../crypto/random.ts'
import { ProxyError } from '../errors/proxy-error.ts'
import type { Answer } from '../respond/answer.ts'
import { redirectAnswer } from '../respond/answers.ts'
import { type Payload, readSession } from '../session/payload.ts'
import type { Session } from '../session/session.ts'
import { onlyValue, originOf, placeOf, publishedTarget, queryOf } from './addresses.ts'
import { dropAttempt, findAttempt, isBoundBy, readRouteAttempt } from './attempts.ts'
import type { Ask, EndpointContext } from './context.ts'
import { markSession } from './lost-cookies.ts'
import { startSignIn } from './start-sign-in.ts'

/** Which attempt a sign-in belongs to; travels from host to host. */
export interface Journey {
  /** Id of the route host's attempt. */
  readonly attempt: string
  /** Digest of the secret that only the browser of that attempt has. */
  readonly binding: string
  readonly target: string
  readonly count: number
}

interface HandOver extends Journey {
  readonly id: string
  readonly session: Payload
  readonly goodUntil: number
}

/** Milliseconds that a hand-over is good, and that it can still be read, to send a late visitor round again. */
const handOverLife = 60_000
const readableFor = 60 * 60_000
/** A longer address is cut down to the claims that rules name: servers on the way cap the request line. */
const longestSeal = 7_000

/** The redirect to the route's host that takes `session` there. */
export async function handOver(
  session: Session,
  {
    journey,
    now,
    context,
    headers = [],
  }: { journey: Journey; now: number; context: EndpointContext; headers?: readonly string[] },
): Promise<Answer> {
  const target = new URL(journey.target)
  const seal = (payload: Payload) => {
    const value: HandOver = {
      ...journey,
      id: randomText(16, context.random),
      session: payload,
      goodUntil: now + handOverLife,
    }
    return context.sharedSealer.seal(value, {
      purpose: 'hand-over',
      audience: target.hostname,
      expiresAt: now + readableFor,
    })
  }
  const { whole, trimmed } = context.sessions.forms(session)
  const first = await seal(whole)
  const sealed = first.length <= longestSeal ? first : shorter(first, await seal(trimmed))
  return redirectAnswer(`${target.origin}/.pomerium/callback/?pomerium_session_encrypted=${sealed}`, { headers })
}

/** Takes the session: only the browser that has the attempt's secret gets it, and only once. */
export async function receiveHandOver({ visit, now }: Ask, context: EndpointContext): Promise<Answer> {
  const sealed = onlyValue(queryOf(visit), 'pomerium_session_encrypted') ?? ''
  const value = readHandOver(
    await context.sharedSealer.unseal(sealed, { purpose: 'hand-over', audience: visit.host, now }),
  )
  if (!value) throw new ProxyError('HAND_OVER_INVALID', `cannot take session at ${visit.host}: not sealed for it`)
  const place = { kind: 'attempt', visit, context } as const
  const attempt = readRouteAttempt(await findAttempt(place, { id: value.attempt, now }))
  const isOurs =
    attempt !== undefined &&
    isBoundBy(attempt.binding, value.binding) &&
    value.goodUntil > now &&
    context.used.claim(`hand-over ${value.id}`, { expiresAt: value.goodUntil, now })
  const session = isOurs ? readSession(value.session) : undefined
  const dropped = dropAttempt(place, value.attempt)
  if (attempt && session && session.expiresAt > now && !context.revoked.isRevoked(session)) {
    const target = targetHere(attempt.target, { visit, context })
    const cookies = await context.sessions.print(session, placeOf(visit, { kind: 'session', context }), {
      now,
      headers: visit.headers,
    })
    const headers = [...cookies, ...dropped, ...(await markSession({ visit, context }, { session, now }))]
    // A Strict cookie is not sent along a chain of redirects that another site began: the next step has to start here.
    if (context.cookies.sameSite === 'strict') return context.pages.proceed(visit, { target, headers })
    return redirectAnswer(target, { headers })
  }
  return withoutSession({ visit, now, dropped }, { context, journey: value })
}

/** Late, replayed, or in another browser: whoever is signed in goes on, anybody else begins anew. */
async function withoutSession(
  { visit, now, dropped }: Pick<Ask, 'visit' | 'now'> & { dropped: readonly string[] },
  { context, journey }: { context: EndpointContext; journey: Journey },
): Promise<Answer> {
  const target = targetHere(journey.target, { visit, context })
  const present = await context.sessions.open(visit.headers, placeOf(visit, { kind: 'session', context }), now)
  if (present) return redirectAnswer(target, { headers: dropped })
  return startSignIn(visit, context, { now, target, count: journey.count + 1 })
}

/** The target, if it is on this host, else the start page. */
function targetHere(target: string, { visit, context }: { visit: Ask['visit']; context: EndpointContext }): string {
  const origin = originOf(visit, context)
  const url = publishedTarget(target, context)
  return url && url.origin === new URL(origin).origin ? target : `${origin}/`
}

function shorter(one: string, other: string): string {
  return other.length < one.length ? other : one
}

function readHandOver(value: unknown): HandOver | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { id, session, goodUntil } = value as Partial<Record<string, unknown>>
  const journey = readJourney(value)
  if (!journey || typeof id !== 'string' || typeof goodUntil !== 'number') return undefined
  return { ...journey, id, goodUntil, session: session as Payload }
}

/** A journey out of a seal of ours. */
export function readJourney(value: object): Journey | undefined {
  const { attempt, binding, target, count } = value as Partial<Record<string, unknown>>
  if (typeof attempt !== 'string' || typeof binding !== 'string' || typeof target !== 'string') return undefined
  return typeof count === 'number' ? { attempt, binding, target, count } : undefined
}
