/** From who the source says this is to the claims of tokens, in Dex's words. */
import type { UpstreamIdentity } from '../connectors/connector.ts'

/** Which claims a scope brings (Dex's table); `sub` comes with `openid`. */
export const claimsOfScopes = {
  openid: ['sub'],
  email: ['email', 'email_verified'],
  profile: ['name', 'preferred_username'],
  groups: ['groups'],
  'federated:id': ['federated_claims'],
} as const

/** All claims of a user; the scopes choose among them. Empty names and an empty list of groups are left out, as Dex does. */
export function claimsOf(
  identity: UpstreamIdentity,
  { connectorId, groups }: { readonly connectorId: string; readonly groups: readonly string[] },
): Record<string, unknown> {
  return {
    email: identity.email,
    email_verified: identity.emailVerified,
    ...(identity.name !== '' && { name: identity.name }),
    ...(identity.preferredUsername !== '' && { preferred_username: identity.preferredUsername }),
    ...(groups.length > 0 && { groups: [...groups] }),
    federated_claims: { connector_id: connectorId, user_id: identity.userId },
  }
}
