/** What programs read in the library's answers, in the words that Dex's clients know. */
import type { KoaContextWithOIDC } from 'oidc-provider'
import { claimsFor } from './accounts.ts'
import type { ClientBook } from './client-book.ts'
import type { Identities } from './identities.ts'
import { audiencesOf, pickClaims, trustingClients } from './tokens.ts'

interface AnswerOptions {
  readonly clients: ClientBook
  readonly identities: Identities
}

/** Claims that every ID token has, and Dex lists among those of the user. */
const claimsOfTokens = ['iss', 'sub', 'aud', 'iat', 'exp', 'nonce', 'at_hash', 'c_hash']
/** Entries of Dex's document, in its order; the rest follows. */
const firstEntries = [
  ...['issuer', 'authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint'],
  ...['device_authorization_endpoint', 'introspection_endpoint', 'revocation_endpoint', 'end_session_endpoint'],
]

/** Entries that the library leaves out; without them clients assume what OpenID Connect Discovery §3 has as default. */
export const discoveryEntries = {
  introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  revocation_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
  prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
  request_parameter_supported: false,
}

/** Koa middleware around everything. */
export function shapeAnswers(options: AnswerOptions) {
  return async (context: KoaContextWithOIDC, next: () => Promise<unknown>): Promise<void> => {
    const isReadable = context.res.hasHeader('access-control-allow-origin')
    await next()
    // Who may read this was decided at the front; the library says `*` to whoever names no origin.
    if (!isReadable) for (const name of crossOriginHeaders) context.remove(name)
    // Every 401 says what is wanted (RFC 9110 §15.5.2); the library leaves it out where a client gave a bare id.
    if (context.oidc && context.status === 401 && !context.response.get('www-authenticate'))
      context.set('www-authenticate', `Basic realm="${context.oidc.issuer}"`)
    if (!context.oidc || context.status !== 200) return
    switch (context.oidc.route) {
      case 'jwks':
        context.set('content-type', 'application/json')
        // A new key signs at once: clients look again for a key that they do not know.
        context.set('cache-control', 'max-age=600, must-revalidate')
        return
      case 'discovery':
        context.body = orderedDiscovery(context.body as Record<string, unknown>)
        return
      case 'revocation':
        // An empty text is of no kind: oidc-client-ts takes JSON, or nothing (RFC 7009 §2.2).
        context.remove('content-type')
        return
      case 'device_authorization':
        // The default (RFC 8628 §3.2), said aloud as Dex does.
        context.body = { ...(context.body as object), interval: 5 }
        return
      case 'introspection':
        context.body = await introspected(context, options)
    }
  }
}

const crossOriginHeaders = ['access-control-allow-origin', 'access-control-expose-headers']

function orderedDiscovery(body: Record<string, unknown>): Record<string, unknown> {
  const claims = [...new Set([...claimsOfTokens, ...(body['claims_supported'] as readonly string[])])]
  const first = firstEntries.filter((name) => Object.hasOwn(body, name)).map((name) => [name, body[name]])
  return { ...Object.fromEntries(first), ...body, claims_supported: claims }
}

/** For whom the token is (RFC 7662 §2.2), and what Dex says besides: its use, and the claims of the user in `ext`. */
async function introspected(
  context: KoaContextWithOIDC,
  { clients, identities }: AnswerOptions,
): Promise<Record<string, unknown>> {
  const body = context.body as Record<string, unknown>
  const { AccessToken, RefreshToken } = context.oidc.entities
  const token = AccessToken ?? RefreshToken
  if (body['active'] !== true || !token?.clientId || !token.grantId) return body
  const { clientId, grantId } = token
  const scopes = [...token.scopes]
  const audiences = await trustingClients(audiencesOf(scopes), { clientId, clients })
  const held = await identities.ofGrant(grantId)
  const claims = held ? pickClaims(claimsFor(held.known, await clients.find(clientId)), scopes) : {}
  const { sub: _, ...ext } = claims
  return {
    ...body,
    aud: audiences.length > 0 ? [...audiences, clientId] : clientId,
    nbf: body['iat'],
    token_use: AccessToken ? 'access_token' : 'refresh_token',
    ext,
  }
}
