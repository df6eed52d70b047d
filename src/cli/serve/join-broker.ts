/** What the proxy and the broker beside it, two halves of one configuration, say together. */
import type { ClientSettings } from '../../config/dex/broker-settings.ts'
import type { Settings } from '../../config/schema.ts'
import type { Secret } from '../../crypto/secret.ts'

/** The broker's own secrets in the proxy's words. PostgreSQL has no file of its own beside it. */
export function storeSecretsOf({ broker, shared_secret: shared, previous_shared_secrets: previous }: Settings) {
  return broker?.storage.type === 'postgres' ? [shared, ...previous] : []
}

/** The proxy's own client at the broker beside it, where the configuration leaves out who signs people in. */
const ownClientId = 'ostiary'

/**
 * What the two halves of one configuration say together: without `idp_…` settings the proxy signs people in at the
 * broker beside it, as a client of its own; the client that it is there may come back after signing out.
 */
export function joinBroker(settings: Settings, ownSecret: Secret): Settings {
  const { broker, authenticate_service_url: origin } = settings
  if (!broker || !origin) return settings
  const back = `${origin}/.pomerium/signed_out`
  if (settings.idp_provider === undefined && settings.idp_client_id === undefined) {
    const client: ClientSettings = {
      ...{ id: ownClientId, name: 'Ostiary', secret: ownSecret, redirectURIs: [`${origin}/oauth2/callback`] },
      ...{ postLogoutRedirectURIs: [back], backchannelLogoutURI: undefined, trustedPeers: [], public: false },
      ...{
        logoURL: '',
        pkce: 'required',
        allowedConnectors: [],
        groups: undefined,
        refreshTokenLifetime: 'standalone',
      },
    }
    return {
      ...settings,
      idp_provider: 'oidc',
      idp_provider_url: broker.issuer,
      idp_client_id: ownClientId,
      idp_client_secret: ownSecret,
      idp_scopes: settings.idp_scopes.length > 0 ? settings.idp_scopes : ownScopes,
      broker: { ...broker, staticClients: [...broker.staticClients.filter(({ id }) => id !== ownClientId), client] },
    }
  }
  if (settings.idp_provider_url !== broker.issuer) return settings
  const staticClients = broker.staticClients.map((client) =>
    client.id === settings.idp_client_id
      ? { ...client, postLogoutRedirectURIs: [...new Set([...client.postLogoutRedirectURIs, back])] }
      : client,
  )
  return { ...settings, broker: { ...broker, staticClients } }
}

const ownScopes = ['openid', 'profile', 'email', 'groups', 'offline_access']
