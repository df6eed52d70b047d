/** `/.pomerium/sign_in`: on the authenticate host the way to the provider, on a route's host the way to begin. */
import { digestText, randomText } from '../crypto/random.ts'
import { ProxyError } from '../errors/proxy-error.ts'
import type { Answer } from '../respond/answer.ts'
import { redirectAnswer } from '../respond/answers.ts'
import { onlyValue, originOf, ownTarget, placeOf, publishedTarget, queryOf } from './addresses.ts'
import { keepAttempt, newAttemptId } from './attempts.ts'
import type { Ask, EndpointContext } from './context.ts'
import { handOver, type Journey } from './hand-over.ts'
import { readLoginHint, readStepUp, startSignIn } from './start-sign-in.ts'

/** How long the state can be read (ms): longer than the attempt lives, so that a slow login is sent round, not refused. */
const stateLife = 60 * 60_000

/**
 * Authenticate host. Nothing happens without a signature of ours that is in time; then somebody known is handed over at
 * once, and anybody else goes to the provider.
 */
export async function signIn(ask: Ask, context: EndpointContext): Promise<Answer> {
  const { visit, now } = ask
  // A route may be published at this host, too; what begins its sign-ins bears no attempt yet.
  const isBeginning =
    !queryOf(visit).has('pomerium_attempt') && context.isRouteHost(new URL(context.authenticateOrigin))
  if (isBeginning) return beginSignIn(ask, context)

  const journey = readLink({ visit, now }, context)
  const isSwitch = onlyValue(queryOf(visit), 'pomerium_switch') === '1'
  const again = readStepUp(queryOf(visit))
  const session =
    isSwitch || again
      ? undefined
      : await context.sessions.open(visit.headers, placeOf(visit, { kind: 'authenticate', context }), now)
  if (session && !context.upkeep.isDue(session, now)) return handOver(session, { journey, now, context })

  const id = newAttemptId({ now, context })
  const state = await context.sharedSealer.seal(
    { ...journey, id },
    { purpose: 'state', audience: visit.host, expiresAt: now + stateLife },
  )
  const verifier = randomText(48, context.random)
  const nonce = randomText(24, context.random)
  const url = await context.relyingParty.signInUrl(
    { state, nonce, verifier },
    {
      switchUser: isSwitch,
      loginHint: readLoginHint(queryOf(visit)),
      ...again,
    },
  )
  const value = { verifier, nonce, state: digestText(state) }
  const headers = await keepAttempt({ kind: 'pkce', visit, context }, { id, value, now })
  return redirectAnswer(url, { headers })
}

/**
 * Route host: begins a sign-in for a page of this host, for the `login_url` of background requests and for people who
 * want to be somebody else (`pomerium_switch=1`).
 */
export async function beginSignIn({ visit, now }: Ask, context: EndpointContext): Promise<Answer> {
  const query = queryOf(visit)
  const target = ownTarget(onlyValue(query, 'pomerium_redirect_uri'), { visit, context })
  const switchUser = onlyValue(query, 'pomerium_switch') === '1'
  const session = switchUser
    ? undefined
    : await context.sessions.open(visit.headers, placeOf(visit, { kind: 'session', context }), now)
  if (session) return redirectAnswer(target)
  // Only our own signature makes the count believed, and it is ours alone to go round with.
  const isSigned = context.signer.verify(`${originOf(visit, context)}${visit.path}${visit.query}`, now) === 'good'
  const count = isSigned ? Number(onlyValue(query, 'pomerium_count') ?? 0) : 0
  return startSignIn(visit, context, { now, target, count, switchUser, loginHint: readLoginHint(query) })
}

function readLink({ visit, now }: Pick<Ask, 'visit' | 'now'>, context: EndpointContext): Journey {
  const verdict = context.signer.verify(`${context.authenticateOrigin}${visit.path}${visit.query}`, now)
  if (verdict === 'expired')
    throw new ProxyError('SIGN_IN_LINK_EXPIRED', 'cannot sign in: the link has expired, or is from the future')
  if (verdict === 'forged')
    throw new ProxyError('SIGN_IN_LINK_INVALID', 'cannot sign in: the link bears no signature of ours')
  const query = queryOf(visit)
  const target = onlyValue(query, 'pomerium_redirect_uri')
  const attempt = onlyValue(query, 'pomerium_attempt')
  const binding = onlyValue(query, 'pomerium_binding')
  const count = Number(onlyValue(query, 'pomerium_count'))
  if (target === undefined || attempt === undefined || binding === undefined || !publishedTarget(target, context)) {
    throw new ProxyError('SIGN_IN_LINK_INVALID', 'cannot sign in: the link leads to no host that is published here')
  }
  return { target, attempt, binding, count: Number.isInteger(count) ? count : 0 }
}
