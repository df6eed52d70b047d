/**
 * Token exchange (RFC 8693) as Dex offers it: a client that holds a token of the service behind a connector gets one of
 * ours for the same person, without a browser. The token must have been made for us there.
 */
import { randomBytes } from 'node:crypto'
import type { KoaContextWithOIDC, default as Provider } from 'oidc-provider'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { OpenConnectors } from '../connectors/borrowed-connector.ts'
import { claimsFor } from './accounts.ts'
import { checkAudiences } from './authorization-rules.ts'
import { claimsOfScopes } from './claims.ts'
import { allowsConnector, type ClientBook } from './client-book.ts'
import { exchangeGrant, mayServe } from './connector-grants.ts'
import { dexSubject } from './dex-subject.ts'
import type { Identities } from './identities.ts'
import type { ProviderLibrary } from './oidc-library.ts'
import { sourceAway } from './source-away.ts'
import { audiencesOf, pickClaims } from './tokens.ts'

interface ExchangeOptions {
  readonly library: ProviderLibrary
  readonly clients: ClientBook
  readonly connectors: OpenConnectors
  readonly identities: Identities
  readonly now: () => number
  report(message: string, error: unknown): void
}

const tokenTypes = {
  'urn:ietf:params:oauth:token-type:id_token': 'id_token',
  'urn:ietf:params:oauth:token-type:access_token': 'access_token',
} as const

function tokenType(uri: string): (typeof tokenTypes)[keyof typeof tokenTypes] | undefined {
  return Object.hasOwn(tokenTypes, uri) ? tokenTypes[uri as keyof typeof tokenTypes] : undefined
}

const parameters = ['connector_id', 'subject_token', 'subject_token_type', 'requested_token_type', 'scope', 'audience']
/** Milliseconds that the service may take. */
const sourceLimit = 15_000

export function addTokenExchange(provider: Provider, options: ExchangeOptions): void {
  provider.registerGrantType(exchangeGrant, (context) => exchange(provider, context, options), parameters, [])
}

async function exchange(provider: Provider, context: KoaContextWithOIDC, options: ExchangeOptions): Promise<void> {
  const { library, clients, identities, now } = options
  const { InvalidRequest, InvalidScope, UnauthorizedClient } = library.errors
  const { client, params } = context.oidc
  if (!client || !params) throw new InvalidRequest('client is missing')
  // A token alone proves nothing about who asks: without a secret anybody who has seen one could come.
  if (client.tokenEndpointAuthMethod === 'none') throw new UnauthorizedClient('public clients cannot exchange tokens')
  const text = (name: string) => (typeof params[name] === 'string' ? (params[name] as string) : '')
  const from = tokenType(text('subject_token_type'))
  const wanted = tokenType(text('requested_token_type') || 'urn:ietf:params:oauth:token-type:access_token')
  if (!from) throw new InvalidRequest('subject_token_type must be that of an ID token or access token')
  if (!wanted) throw new InvalidRequest('requested_token_type must be that of an ID token or access token')
  const scopes = (text('scope') || 'openid').split(' ').filter(Boolean)
  const odd = scopes.filter((scope) => !Object.hasOwn(claimsOfScopes, scope) && audiencesOf([scope]).length === 0)
  if (odd.length > 0) throw new InvalidScope('unrecognized scope', odd.join(' '))
  if (!scopes.includes('openid')) throw new InvalidScope('missing required scope', 'openid')
  await checkAudiences(scopes, { library, clients, clientId: client.clientId })

  const served = await clients.find(client.clientId)
  if (!allowsConnector(served, text('connector_id')))
    throw new InvalidRequest('connector_id names no connector of this client')
  const { connectorId, identity } = await whose(
    { connectorId: text('connector_id'), token: text('subject_token'), from },
    options,
  )
  const subject = dexSubject({ userId: identity.userId, connectorId })
  const grant = new provider.Grant({ clientId: client.clientId, accountId: subject })
  grant.jti = randomBytes(24).toString('base64url')
  grant.addOIDCScope(scopes.join(' '))
  const token = new provider.AccessToken({
    client,
    accountId: subject,
    grantId: grant.jti,
    gty: exchangeGrant,
  } as never)
  token.scope = scopes.join(' ')
  const expiresIn = token.expiration
  const held = { subject, connectorId, identity, checkedAt: now() }
  await identities.keepForGrant(grant.jti, held, {
    clientId: client.clientId,
    sessionUid: undefined,
    expiresAt: now() + expiresIn * 1000 + 60_000,
  })
  await grant.save()
  // For whoever tells what was decided about whom.
  context.oidc.entity('Account', { accountId: subject, known: held, claims: () => ({ sub: subject }) })
  const issued =
    wanted === 'access_token'
      ? await token.save()
      : await idToken(provider, {
          context,
          claims: { sub: subject, ...pickClaims(claimsFor(held, served), scopes) },
          scopes,
        })
  context.body = {
    access_token: issued,
    issued_token_type: `urn:ietf:params:oauth:token-type:${wanted}`,
    token_type: wanted === 'access_token' ? 'Bearer' : 'N_A',
    expires_in: expiresIn,
    scope: scopes.join(' '),
  }
}

/** Who the service says the token belongs to. */
async function whose(
  { connectorId, token, from }: { connectorId: string; token: string; from: 'id_token' | 'access_token' },
  { library, connectors, report }: ExchangeOptions,
) {
  const { InvalidRequest, InvalidGrant } = library.errors
  if (token === '') throw new InvalidRequest('missing required parameter subject_token')
  using borrowed = await connectors.borrow(connectorId)
  const connector = borrowed?.connector
  if (!borrowed || connector?.kind !== 'redirect' || !connector.readToken || !mayServe(borrowed, exchangeGrant))
    throw new InvalidRequest('connector_id names no connector that can read tokens')
  try {
    const identity = await connector.readToken({ token, type: from, signal: AbortSignal.timeout(sourceLimit) })
    return { connectorId, identity: { ...identity, groups: borrowed.renameGroups(identity.groups) } }
  } catch (error) {
    report('a token was handed in that cannot be exchanged', error)
    if (error instanceof ProxyError && error.code === 'CONNECTOR_UNREACHABLE')
      throw sourceAway(library.errors, 'the service behind the connector cannot be reached')
    throw new InvalidGrant('the subject token cannot be trusted')
  }
}

async function idToken(
  provider: Provider,
  {
    context,
    claims,
    scopes,
  }: { context: KoaContextWithOIDC; claims: Record<string, unknown>; scopes: readonly string[] },
): Promise<string> {
  const { IdToken } = provider as unknown as {
    IdToken: new (claims: object, options: object) => { scope: string; issue(options: object): Promise<string> }
  }
  const token = new IdToken(claims, { ctx: context })
  token.scope = scopes.join(' ')
  return token.issue({ use: 'idtoken' })
}
