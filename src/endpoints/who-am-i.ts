/** `/.pomerium/` and `/.pomerium/user`: who is signed in here. No token is ever shown; we keep none that could be. */
import type { Answer } from '../respond/answer.ts'
import { jsonAnswer } from '../respond/answers.ts'
import { isAuthenticateHost, placeOf } from './addresses.ts'
import type { Ask, EndpointContext } from './context.ts'
import { startSignIn } from './start-sign-in.ts'

/** Claims of the token itself, which Pomerium leaves out here. */
const tokenClaims = new Set(['iss', 'aud', 'exp', 'iat', 'jti'])

export async function whoAmI({ visit, now }: Ask, context: EndpointContext): Promise<Answer> {
  const kind = isAuthenticateHost(visit, context) ? 'authenticate' : 'session'
  const session = await context.sessions.open(visit.headers, placeOf(visit, { kind, context }), now)
  return context.pages.whoAmI(visit, { session, signOutUrl: '/.pomerium/sign_out' })
}

export async function user({ visit, now }: Ask, context: EndpointContext): Promise<Answer> {
  const session = await context.sessions.open(visit.headers, placeOf(visit, { kind: 'session', context }), now)
  if (!session) return startSignIn(visit, context, { now })
  const claims = Object.entries(session.claims).filter(([name]) => !tokenClaims.has(name))
  return jsonAnswer({ ...Object.fromEntries(claims), sub: session.userId })
}
