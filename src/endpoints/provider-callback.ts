/** `/oauth2/callback`: the provider's answer. Only the browser that began the sign-in gets a session out of it. */
import { digestText, isSameText, randomText } from '../crypto/random.ts'
import { ProxyError } from '../errors/proxy-error.ts'
import type { AttemptSecrets } from '../identity/relying-party.ts'
import type { Answer } from '../respond/answer.ts'
import { redirectAnswer } from '../respond/answers.ts'
import { makeSession } from '../session/payload.ts'
import { onlyValue, placeOf, publishedTarget, queryOf } from './addresses.ts'
import { attemptLife, dropAttempt, findAttempt, readProviderAttempt } from './attempts.ts'
import type { Ask, EndpointContext } from './context.ts'
import { handOver, type Journey, readJourney } from './hand-over.ts'
import { lostCookiesPage } from './lost-cookies.ts'
import { countLimit, restartUrl } from './start-sign-in.ts'

interface State extends Journey {
  /** Id of this host's attempt. */
  readonly id: string
}

export async function providerCallback(ask: Ask, context: EndpointContext): Promise<Answer> {
  const { visit, now } = ask
  const parameters = visit.method === 'POST' ? await readPosted(ask, context) : queryOf(visit)
  const stateText = onlyValue(parameters, 'state') ?? ''
  const state = readState(await context.sharedSealer.unseal(stateText, { purpose: 'state', audience: visit.host, now }))
  if (parameters.has('error')) return refused(ask, { context, state, code: onlyValue(parameters, 'error') })
  if (!state) throw new ProxyError('CALLBACK_INVALID', 'cannot complete sign-in: the state is not ours')
  if (onlyValue(parameters, 'code') === undefined)
    throw new ProxyError('CALLBACK_INVALID', 'cannot complete sign-in: not exactly one code')

  const secrets = await takeSecrets(ask, { context, state, stateText })
  if (!secrets) return withoutAttempt(ask, { context, state })
  const dropped = dropAttempt({ kind: 'pkce', visit, context }, state.id)
  try {
    return await completeSignIn(ask, { context, state, secrets, parameters, dropped })
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error
    const { code, message, cause, headers } = error
    throw new ProxyError(code, message, { cause, headers: [...headers, ...dropped] })
  }
}

interface Step {
  readonly context: EndpointContext
  readonly state: State
}

async function completeSignIn(
  { visit, now }: Ask,
  step: Step & { secrets: AttemptSecrets; parameters: URLSearchParams; dropped: readonly string[] },
): Promise<Answer> {
  const { context, state, secrets, parameters, dropped } = step
  const { userId, claims, idToken, grant } = await context.relyingParty.redeem(parameters, secrets)
  // A new id for every sign-in: what somebody may have planted or seen before is worth nothing (session fixation).
  const signedIn = makeSession({
    id: randomText(16, context.random),
    userId,
    claims,
    issuedAt: now,
    expiresAt: now + context.cookieExpire,
  })
  const place = placeOf(visit, { kind: 'authenticate', context })
  // Also one that is nobody at the moment, because its provider cannot be asked.
  const before = await context.sessions.peek(visit.headers, place, now)
  if (before && before.userId !== userId) context.revoked.revoke(before, now)
  const session = context.upkeep.begin(signedIn, { claims, grant }, now)
  context.idTokens.keep(session.id, idToken)
  const cookies = await context.sessions.print(session, place, { now, headers: visit.headers })
  return handOver(session, { journey: journeyOf(state), now, context, headers: [...cookies, ...dropped] })
}

/** The attempt's secrets, if this browser has them and has not used them. */
async function takeSecrets(
  { visit, now }: Ask,
  { context, state, stateText }: Step & { stateText: string },
): Promise<AttemptSecrets | undefined> {
  const attempt = readProviderAttempt(await findAttempt({ kind: 'pkce', visit, context }, { id: state.id, now }))
  if (!attempt || !isSameText(digestText(stateText), attempt.state)) return undefined
  if (!context.used.claim(`pkce ${state.id}`, { expiresAt: now + attemptLife, now })) return undefined
  return { state: stateText, nonce: attempt.nonce, verifier: attempt.verifier }
}

/**
 * The state is ours, the attempt is not here: another tab let it go, the login took long, the page was opened again, or
 * somebody else began this. The code is left alone. Somebody known goes on as who they are; anybody else begins anew.
 */
async function withoutAttempt({ visit, now }: Ask, { context, state }: Step): Promise<Answer> {
  const session = await context.sessions.open(visit.headers, placeOf(visit, { kind: 'authenticate', context }), now)
  if (session) return handOver(session, { journey: journeyOf(state), now, context })
  const count = state.count + 1
  if (count >= countLimit) return lostCookiesPage({ visit, context }, { which: 'pkce', retryUrl: state.target })
  if (!publishedTarget(state.target, context))
    throw new ProxyError('CALLBACK_INVALID', 'cannot complete sign-in: its host is not published any more')
  return redirectAnswer(restartUrl(state.target, { count, now, context }), {
    headers: dropAttempt({ kind: 'pkce', visit, context }, state.id),
  })
}

/** The provider did not sign the user in: a page that says so, and no second try by itself. */
function refused(
  { visit }: Ask,
  {
    context,
    state,
    code = 'several codes',
  }: { context: EndpointContext; state: State | undefined; code?: string | undefined },
): Answer {
  // RFC 6749 §4.1.2.1 allows more; what is not a plain word is not repeated.
  const word = /^[a-z][a-z0-9_.-]{0,60}$/i.test(code) ? code : 'an error that cannot be shown'
  return context.pages.signInProblem(visit, {
    code: 'PROVIDER_REFUSED',
    causes: [`The sign-in service answered: ${word}`],
    retryUrl: state && publishedTarget(state.target, context) ? state.target : undefined,
    headers: state ? dropAttempt({ kind: 'pkce', visit, context }, state.id) : [],
  })
}

async function readPosted({ visit, readForm }: Ask, { relyingParty }: EndpointContext): Promise<URLSearchParams> {
  if (relyingParty.answersByPost) return readForm()
  throw new ProxyError('METHOD_REFUSED', `cannot ${visit.method} ${visit.path}: the provider answers by GET`, {
    headers: ['allow', 'GET'],
  })
}

function journeyOf({ attempt, binding, target, count }: State): Journey {
  return { attempt, binding, target, count }
}

function readState(value: unknown): State | undefined {
  if (typeof value !== 'object' || value === null || !('id' in value) || typeof value.id !== 'string') return undefined
  const journey = readJourney(value)
  return journey && { ...journey, id: value.id }
}
