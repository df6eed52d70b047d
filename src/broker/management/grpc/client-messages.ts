/** Applications as Dex's API has them, rules of newer versions included: what restricts is obeyed or refused, never dropped. */
import { status } from '@grpc/grpc-js'
import type { ClientChange, ClientRecord, ClientRules } from '../management.ts'
import { CallFailed } from './call-failed.ts'
import type { Message, Sent } from './dex-api.ts'

export function clientMessage({ rules, ...client }: ClientRecord): Sent<Message<'Client'>> {
  return {
    id: client.id,
    secret: client.secret ?? '',
    redirect_uris: client.redirectUris,
    trusted_peers: client.trustedPeers,
    public: client.public,
    name: client.name,
    logo_url: client.logoUrl,
    ...(rules && {
      allowed_connectors: rules.allowedConnectors,
      backchannel_logout_uri: rules.backchannelLogoutUri,
      post_logout_redirect_uris: rules.postLogoutRedirectUris,
      // Empty is what programs write who want the usual one.
      ...(rules.refreshTokenLifetime === 'session' && { refresh_token_lifetime: 'session' }),
    }),
  }
}

/** What is empty was not sent, as Dex reads it. */
export function clientChange(asked: Omit<Message<'Client'>, 'id' | 'secret' | 'public'>): Omit<ClientChange, 'id'> {
  const { redirect_uris, trusted_peers, name, logo_url } = asked
  const rules = rulesOf(asked)
  return {
    ...(redirect_uris.length > 0 && { redirectUris: redirect_uris }),
    ...(trusted_peers.length > 0 && { trustedPeers: trusted_peers }),
    ...(name !== '' && { name }),
    ...(logo_url !== '' && { logoUrl: logo_url }),
    ...(Object.keys(rules).length > 0 && { rules }),
  }
}

function rulesOf(asked: Omit<Message<'Client'>, 'id' | 'secret' | 'public'>): Partial<ClientRules> {
  const { allowed_connectors, sso_shared_with, backchannel_logout_uri, post_logout_redirect_uris } = asked
  if (sso_shared_with.length > 0)
    throw new CallFailed(
      status.INVALID_ARGUMENT,
      'cannot keep sso_shared_with: every application shares the session of the broker',
    )
  const lifetime = lifetimeOf(asked.refresh_token_lifetime)
  return {
    ...(allowed_connectors.length > 0 && { allowedConnectors: allowed_connectors }),
    ...(backchannel_logout_uri !== '' && { backchannelLogoutUri: backchannel_logout_uri }),
    ...(post_logout_redirect_uris.length > 0 && { postLogoutRedirectUris: post_logout_redirect_uris }),
    ...(lifetime !== undefined && { refreshTokenLifetime: lifetime }),
  }
}

function lifetimeOf(text: string): ClientRules['refreshTokenLifetime'] | undefined {
  if (text === '' || text === 'standalone' || text === 'session') return text || undefined
  throw new CallFailed(
    status.INVALID_ARGUMENT,
    'cannot use this refresh_token_lifetime: expected standalone or session',
  )
}
