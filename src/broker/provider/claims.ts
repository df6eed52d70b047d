/** From who the source says this is to the claims of tokens, in Dex's words. */
import { RE2JS } from 're2js'
import type { GroupRules } from '../../config/dex/group-rules.ts'
import type { UpstreamIdentity } from '../connectors/connector.ts'

/** Groups after one connector's or one client's rules. */
export type RenameGroups = (groups: readonly string[]) => readonly string[]

/** More than this many groups make no token that anybody accepts. */
const maximumGroups = 5_000
/** RE2 runs in linear time, and yet nobody's group is this long. */
const longestGroup = 1_024

/** Compiles rules once: first `allow`, then `map`, then `prefix`. Names that come out equal stand once. */
export function compileGroupRules(rules: GroupRules | undefined): RenameGroups {
  if (!rules) return (groups) => groups
  const patterns = rules.allow.map((pattern) => RE2JS.compile(pattern))
  const names = new Map(Object.entries(rules.map))
  return (groups) => {
    const passed = groups
      .slice(0, maximumGroups)
      .filter((group) => group.length <= longestGroup)
      .filter((group) => patterns.length === 0 || patterns.some((pattern) => pattern.matches(group)))
    return [...new Set(passed.map((group) => rules.prefix + (names.get(group) ?? group)))]
  }
}

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
