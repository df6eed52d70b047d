/** A rule on a claim that cannot come. */
import type { Settings } from '../../config/schema.ts'
import { itemsOf, type LintRule, nameOf } from '../lint-rule.ts'

export const claimOutOfScope: LintRule = {
  name: 'claim-out-of-scope',
  doc: 'A rule on a claim that the provider does not send for the scopes that are asked for. Told only where it is certain: of Dex (recognised by its address), whose claims come by scope and nothing else, of Google, which has no groups, and of Apple, which has nothing but the address.',
  bad: `idp_provider_url: https://dex.corp.test
idp_scopes: [openid, profile, email]
routes:
  - allowed_groups: [devops]`,
  rewrite: `idp_provider_url: https://dex.corp.test
idp_scopes: [openid, profile, email, groups]
routes:
  - allowed_groups: [devops]`,
  find: (subject) => {
    const sends = claimsOf(subject.settings)
    if (sends === undefined) return []
    return itemsOf(subject).flatMap(({ owner, item }) => {
      const claim = claimNamed(item)
      if (claim === undefined || sends.has(claim)) return []
      const scope = scopeOf(claim)
      const isDex = subject.settings.idp_provider === 'oidc'
      return {
        owner,
        path: item.source,
        message: `nobody will have this: the provider sends no ${claim} for the scopes that are asked for`,
        hint:
          isDex && scope !== undefined
            ? `add ${scope} to idp_scopes`
            : `remove ${nameOf(item)}, or use a provider that sends it`,
      }
    })
  },
}

/** Of Dex (its own documentation, "Custom scopes, claims and client features"). */
const byScope: ReadonlyMap<string, readonly string[]> = new Map([
  ['email', ['email', 'email_verified']],
  ['profile', ['name', 'preferred_username']],
  ['groups', ['groups']],
  ['federated:id', ['federated_claims']],
])

const google = new Set([
  'email',
  'email_verified',
  'name',
  'given_name',
  'family_name',
  'picture',
  'locale',
  'profile',
  'hd',
])
const apple = new Set([
  'email',
  'email_verified',
  'is_private_email',
  'real_user_status',
  'nonce_supported',
  'transfer_sub',
])
/** What a token says of itself and of the sign-in, whoever made it. */
const always = [
  'sub',
  'iss',
  'aud',
  'azp',
  'exp',
  'iat',
  'nonce',
  'at_hash',
  'c_hash',
  'auth_time',
  'acr',
  'amr',
  'sid',
  'jti',
  'nbf',
]

/** All claims that can come; undefined where nobody can tell. */
function claimsOf({
  idp_provider: provider,
  idp_provider_url: url = '',
  idp_scopes: scopes,
}: Settings): ReadonlySet<string> | undefined {
  if (provider === 'google' && url === '') return new Set([...always, ...google])
  if (provider === 'apple' && url === '') return new Set([...always, ...apple])
  if (provider !== 'oidc' || !isDex(url)) return undefined
  const asked = scopes.length > 0 ? scopes : ['openid', 'profile', 'email', 'offline_access']
  return new Set([...always, ...asked.flatMap((scope) => byScope.get(scope) ?? [])])
}

/** `https://dex.corp.test`, `https://sso.corp.test/dex`. */
function isDex(url: string): boolean {
  return /^https?:\/\/dex[.:/]|^https?:\/\/dex$|\/dex\/?$/i.test(url)
}

/** The claim that the criterion needs, by its first part. */
function claimNamed({ name, subpath }: { readonly name: string; readonly subpath: string }): string | undefined {
  switch (name) {
    case 'email':
    case 'domain':
      return 'email'
    case 'groups':
      return 'groups'
    case 'claim':
      return subpath.includes('://') ? subpath : subpath.split(/[./]/)[0]?.toLowerCase()
    default:
      return undefined
  }
}

function scopeOf(claim: string): string | undefined {
  return [...byScope].find(([, claims]) => claims.includes(claim))?.[0]
}
