/** A visitor who has to sign in: a navigation is sent to the authenticate host, everything else is told where to go. */
import { digestText, randomText } from '../crypto/random.ts'
import { ProxyError } from '../errors/proxy-error.ts'
import type { Visit } from '../listener/visit.ts'
import type { StepUp } from '../policy/decision.ts'
import type { Answer } from '../respond/answer.ts'
import { jsonAnswer, redirectAnswer, textAnswer } from '../respond/answers.ts'
import { preferredType } from '../wire/accept.ts'
import { headerOf } from '../wire/headers.ts'
import { addressOf, carriedTarget, keptTarget, onlyValue, originOf, ownTarget, placeOf } from './addresses.ts'
import { keepAttempt, newAttemptId } from './attempts.ts'
import type { EndpointContext } from './context.ts'
import { lostCookiesPage, lostItsSession } from './lost-cookies.ts'
import { isNavigation } from './navigation.ts'

/** The second return without a cookie is where it stops. */
export const countLimit = 2

/** Programs can tell such an answer from one of the application, as with Pomerium. */
const intercepted = ['x-pomerium-intercepted-response', 'true'] as const

export interface SignInStart {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Where to come back to: an address of the visit's host; by default the visit's own. */
  readonly target?: string
  /** How often this visitor was sent round already. */
  readonly count?: number
  /** Somebody is signed in, and somebody else wants to be. */
  readonly switchUser?: boolean
  /** Somebody is signed in, but too weakly or too long ago: the provider is asked for this (OpenID Connect Core §3.1.2.1). */
  readonly again?: StepUp | undefined
  /** Whom the provider may suggest on its form (OpenID Connect Core §3.1.2.1); nothing is believed because of it. */
  readonly loginHint?: string | undefined
}

/** The answer for a visitor who must sign in; for background requests a 401 and never a redirect. */
export async function startSignIn(visit: Visit, context: EndpointContext, start: SignInStart): Promise<Answer> {
  if (visit.path === '/robots.txt') return robots()
  const { now, target = addressOf(visit, context), count = 0, switchUser = false, again, loginHint } = start
  await checkProvider(visit, { context, now })
  if (!isNavigation(visit)) return unauthenticated(visit, context)
  const retryUrl = carriedTarget(target)
  if (count >= countLimit) return lostCookiesPage({ visit, context }, { which: 'attempt', retryUrl })
  if (!switchUser && !again && (await lostItsSession({ visit, context }, now))) {
    return lostCookiesPage({ visit, context }, { which: 'session', retryUrl })
  }

  const id = newAttemptId({ now, context })
  const binding = randomText(24, context.random)
  const place = { kind: 'attempt', visit, context } as const
  const headers = await keepAttempt(place, { id, value: { binding, target: keptTarget(target) }, now })
  const parameters = new URLSearchParams({
    pomerium_redirect_uri: carriedTarget(target),
    pomerium_attempt: id,
    pomerium_binding: digestText(binding),
    pomerium_count: String(count),
    ...(switchUser && { pomerium_switch: '1' }),
    ...(again && stepUpParameters(again)),
    ...(loginHint && { login_hint: loginHint }),
  })
  const url = context.signer.sign(`${context.authenticateOrigin}/.pomerium/sign_in?${parameters}`, now)
  // After a POST 303 says that the next request is a GET (RFC 9110 §15.4.4).
  return redirectAnswer(url, { status: visit.method === 'POST' ? 303 : 302, headers: [...headers, ...intercepted] })
}

/**
 * Somebody is known here, but what the provider said about them has run out while it is away: nobody could sign in now
 * either, and an application's own request is told to come again instead of to sign in.
 */
async function checkProvider(visit: Visit, { context, now }: { context: EndpointContext; now: number }): Promise<void> {
  const session = await context.sessions.peek(visit.headers, placeOf(visit, { kind: 'session', context }), now)
  if (session && context.upkeep.isCutOff(session.id, now)) {
    throw new ProxyError(
      'PROVIDER_UNREACHABLE',
      'cannot go on with the session: its refresh is due, and the provider away',
      {
        headers: ['retry-after', '5'],
      },
    )
  }
}

function stepUpParameters({ acrValues, maxAge }: StepUp): Record<string, string> {
  return {
    ...(acrValues.length > 0 && { pomerium_acr_values: acrValues.join(' ') }),
    ...(maxAge !== undefined && { pomerium_max_age: String(maxAge) }),
  }
}

/** What a signed sign-in address asks of the provider; undefined where nothing special. */
export function readStepUp(query: URLSearchParams): StepUp | undefined {
  const acr = onlyValue(query, 'pomerium_acr_values')
  const maxAge = onlyValue(query, 'pomerium_max_age')
  if (acr === undefined && maxAge === undefined) return undefined
  return { acrValues: acr?.split(' ') ?? [], maxAge: maxAge === undefined ? undefined : Number(maxAge) }
}

/** An address or name as somebody may be suggested; undefined for what is none. */
export function readLoginHint(query: URLSearchParams): string | undefined {
  const hint = onlyValue(query, 'login_hint')
  // RFC 5321 §4.5.3.1.3; longer ones would make the way there too long.
  return hint && hint.length <= 254 && !/[\u0000-\u001f\u007f]/.test(hint) ? hint : undefined
}

/**
 * The address, on the target's own host, that begins a sign-in anew. It carries how often that happened, signed, so that
 * going round ends.
 */
export function restartUrl(
  target: string,
  { count, now, context }: { count: number; now: number; context: EndpointContext },
): string {
  const parameters = new URLSearchParams({
    pomerium_redirect_uri: carriedTarget(target),
    pomerium_count: String(count),
  })
  return context.signer.sign(`${new URL(target).origin}/.pomerium/sign_in?${parameters}`, now)
}

/** What crawlers read at a host where they would have to sign in. */
export function robots(): Answer {
  return textAnswer('User-agent: *\nDisallow: /')
}

function unauthenticated(visit: Visit, context: EndpointContext): Answer {
  const page = ownTarget(headerOf(visit.headers, 'referer'), { visit, context })
  const loginUrl = `${originOf(visit, context)}/.pomerium/sign_in?${new URLSearchParams({ pomerium_redirect_uri: carriedTarget(page) })}`
  const type = preferredType(headerOf(visit.headers, 'accept'), ['application/json', 'text/html', 'text/plain'])
  if (type === 'text/plain')
    return textAnswer(`Sign in first: ${loginUrl}\nRequest id: ${visit.id}\n`, { status: 401, headers: intercepted })
  return jsonAnswer(
    { error: 'Unauthenticated', code: 'SIGN_IN_REQUIRED', login_url: loginUrl, request_id: visit.id },
    { status: 401, headers: intercepted },
  )
}
