/** Dex's rules for a sign-in request that the library does not have: its scopes, and which connector may be named. */
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { OpenConnectors } from '../connectors/borrowed-connector.ts'
import { claimsOfScopes } from './claims.ts'
import { allowsConnector, type ClientBook } from './client-book.ts'
import type { ProviderLibrary } from './oidc-library.ts'
import { audiencesOf } from './tokens.ts'

interface Rules {
  readonly library: ProviderLibrary
  readonly clients: ClientBook
  readonly connectors: OpenConnectors
}

/** A client that names more than this asks for a token that nobody can use. */
const maximumAudiences = 20

/**
 * The check of `connector_id`, which the library runs on every sign-in request, with the parameter or without. It also
 * puts `offline_access` back, which the library drops where no consent is asked for: Dex's clients rely on it.
 */
export function checkAuthorization({ library, clients, connectors }: Rules) {
  const { InvalidScope, InvalidRequest } = library.errors
  return async (context: KoaContextWithOIDC, connectorId: string | undefined): Promise<void> => {
    const { params, client } = context.oidc
    if (!params || !client) return
    const asked = scopesOf(context)
    if (!asked.includes('openid')) throw new InvalidScope('missing required scope', 'openid')
    const unknown = asked.filter((scope) => !isKnown(scope))
    if (unknown.length > 0) throw new InvalidScope('unrecognized scope', unknown.join(' '))
    await checkAudiences(asked, { library, clients, clientId: client.clientId })
    if (connectorId !== undefined) {
      const isAllowed = allowsConnector(await clients.find(client.clientId), connectorId)
      if (!isAllowed || !connectors.list().some(({ id }) => id === connectorId))
        throw new InvalidRequest('connector_id names no connector of this client')
    }
    const may = client.grantTypeAllowed('refresh_token')
    params['scope'] = asked.filter((scope) => scope !== 'offline_access' || may).join(' ')
  }
}

/** Dex's cross-client scopes: a client asks for a token for another one that trusts it. @throws InvalidScope */
export async function checkAudiences(
  scopes: readonly string[],
  { library, clients, clientId }: Pick<Rules, 'library' | 'clients'> & { readonly clientId: string },
): Promise<void> {
  const { InvalidScope } = library.errors
  const audiences = audiencesOf(scopes)
  if (audiences.length > maximumAudiences) throw new InvalidScope('too many audiences', scopes.join(' '))
  for (const id of audiences) {
    const peer = id === clientId ? undefined : await clients.find(id)
    if (id !== clientId && !peer?.trustedPeers.includes(clientId))
      throw new InvalidScope('the client may not ask for a token of that audience', id)
  }
}

/**
 * Of a request without the scope `openid` nothing else is looked at that is OpenID Connect's: otherwise the library
 * speaks of that, and not of what is missing. True where something was changed.
 */
export function dropUnlessOpenId(parameters: URLSearchParams): boolean {
  const scopes = parameters.getAll('scope').join(' ').split(' ')
  if (scopes.includes('openid')) return false
  for (const name of openIdOnly) parameters.delete(name)
  return true
}

const openIdOnly = ['acr_values', 'claims', 'claims_locales', 'id_token_hint', 'max_age', 'nonce']

/** Blanks around scopes, and several between them, name no scope without letters (as in Dex); true where there were some. */
export function tidyScope(parameters: URLSearchParams): boolean {
  const [scope, ...more] = parameters.getAll('scope')
  if (scope === undefined || more.length > 0) return false
  const tidy = scope
    .split(/[\t\n\r ]+/)
    .filter(Boolean)
    .join(' ')
  if (tidy === scope) return false
  parameters.set('scope', tidy)
  return true
}

/** As they were sent: the library's own list is shorter already. */
function scopesOf(context: KoaContextWithOIDC): readonly string[] {
  const sent = context.method === 'POST' ? context.oidc.body?.['scope'] : context.query['scope']
  return typeof sent === 'string' ? [...new Set(sent.split(' ').filter(Boolean))] : []
}

function isKnown(scope: string): boolean {
  return Object.hasOwn(claimsOfScopes, scope) || scope === 'offline_access' || audiencesOf([scope]).length > 0
}
