/** Paths that answer the same to everybody: health, crawlers, and what programs read about us. */
import { digestText } from '../crypto/random.ts'
import type { Answer } from '../respond/answer.ts'
import { jsonAnswer, redirectAnswer, textAnswer } from '../respond/answers.ts'
import { headerOf, listMembers } from '../wire/headers.ts'
import { originOf } from './addresses.ts'
import type { Ask, EndpointContext } from './context.ts'

/** `/ping`, `/healthz` */
export function ping(): Answer {
  return textAnswer('OK\n')
}

/** `/.well-known/pomerium` */
export function metadata({ visit }: Ask, context: EndpointContext): Answer {
  const origin = originOf(visit, context)
  return jsonAnswer({
    issuer: `${origin}/`,
    authentication_callback_endpoint: `${context.authenticateOrigin}/oauth2/callback`,
    jwks_uri: `${origin}/.well-known/pomerium/jwks.json`,
    frontchannel_logout_uri: `${origin}/.pomerium/sign_out`,
  })
}

/** `/.well-known/pomerium/jwks.json`: public, also for pages of other origins. */
export function keySet({ visit }: Ask, { jwks }: EndpointContext): Answer {
  const etag = `"${digestText(jwks)}"`
  const headers = ['cache-control', 'max-age=60', 'etag', etag, 'access-control-allow-origin', '*']
  const known = listMembers(headerOf(visit.headers, 'if-none-match')).map((tag) => tag.replace(/^W\//, ''))
  const isKnown = known.includes(etag) || known.includes('*')
  return jsonAnswer(JSON.parse(jwks), { status: isKnown ? 304 : 200, headers })
}

/** `/` on the authenticate host. */
export function toStart(): Answer {
  return redirectAnswer('/.pomerium/')
}

/** `/.pomerium` anywhere. */
export function toFolder(): Answer {
  return redirectAnswer('/.pomerium/', { status: 301 })
}

/** `/.pomerium/callback`, as old links have it. */
export function toCallback({ visit }: Ask): Answer {
  return redirectAnswer(`/.pomerium/callback/${visit.query}`, { status: 301 })
}
