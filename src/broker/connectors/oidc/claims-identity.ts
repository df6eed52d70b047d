/** Checked claims to an identity, as the settings of an `oidc` connector say. */
import type { OidcSettings } from '../../../config/dex/connectors/oidc.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { UpstreamIdentity } from '../connector.ts'
import { compileGroups } from './group-claims.ts'
import type { Claims } from './id-token-checks.ts'

export type ReadIdentity = (claims: Claims) => Omit<UpstreamIdentity, 'connectorData'>

/** Of an `oidc` connector, what is asked for besides `openid`. */
export function scopesOf(scopes: readonly string[]): readonly string[] {
  return [...new Set(['openid', ...(scopes.length > 0 ? scopes : ['profile', 'email'])])]
}

/** @throws ProxyError CONNECTOR_MISCONFIGURED */
export function compileIdentity(settings: OidcSettings): ReadIdentity {
  const groupsOf = compileGroups(settings)
  const asksForEmail = scopesOf(settings.scopes).includes('email')
  const { claimMapping, overrideClaimMapping } = settings

  /** The standard claim, or the one mapped to it where that is missing or overridden. */
  const mapped = (claims: Claims, standard: string, other: string): string | undefined => {
    const own = textOf(claims[standard])
    return other !== '' && (own === undefined || overrideClaimMapping) ? textOf(claims[other]) : own
  }

  return (claims) => {
    const userId = idOf(claims, settings.userIDKey || 'sub')
    const name = textOf(claims[settings.userNameKey || 'name'])
    if (name === undefined) throw incomplete(settings.userNameKey || 'name')
    const email = mapped(claims, 'email', claimMapping.email)
    if (asksForEmail && (email === undefined || email === ''))
      throw new ProxyError('ACCOUNT_WITHOUT_EMAIL', `cannot sign in: claim ${claimMapping.email || 'email'} is missing`)
    // A blank or line break would be read differently by whoever compares addresses.
    if (/[\s\p{C}]/u.test(email ?? '')) throw incomplete(claimMapping.email || 'email')
    return {
      userId,
      name,
      preferredUsername: mapped(claims, 'preferred_username', claimMapping.preferred_username) ?? '',
      email: email ?? '',
      emailVerified: isVerified(claims['email_verified']),
      groups: groupsOf(claims),
    }
  }

  function isVerified(claim: unknown): boolean {
    if (typeof claim === 'boolean') return claim
    if (settings.insecureSkipEmailVerified) return true
    if (!asksForEmail) return false
    throw new ProxyError(
      'ACCOUNT_INCOMPLETE',
      'cannot sign in: claim email_verified is missing or no boolean (insecureSkipEmailVerified would count it as true)',
    )
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** What the user goes by here. Longer ones would not fit where subjects are kept. */
function idOf(claims: Claims, claim: string): string {
  const value = claims[claim]
  if (typeof value === 'string' && /\S/.test(value) && value.length <= 1024) return value
  throw incomplete(claim)
}

/** What a claim says is not repeated: it is about a person. */
function incomplete(claim: string): ProxyError {
  return new ProxyError('ACCOUNT_INCOMPLETE', `cannot sign in: claim ${claim} is missing, or not as it must be`)
}
