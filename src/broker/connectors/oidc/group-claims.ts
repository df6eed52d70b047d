/** Groups out of claims, and what the settings do to them, in Dex's order: filter, allow, rename, add. */
import { RE2JS } from 're2js'
import type { OidcSettings } from '../../../config/dex/connectors/oidc.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { Claims } from './id-token-checks.ts'

type GroupSettings = Pick<
  OidcSettings,
  'insecureEnableGroups' | 'allowedGroups' | 'claimMapping' | 'overrideClaimMapping' | 'claimModifications'
>

export type ReadGroups = (claims: Claims) => readonly string[]

/** Compiles once. @throws ProxyError CONNECTOR_MISCONFIGURED where the filter is no RE2 pattern */
export function compileGroups(settings: GroupSettings): ReadGroups {
  const { insecureEnableGroups, allowedGroups, claimModifications } = settings
  const { filterGroupClaims, modifyGroupNames, newGroupFromClaims } = claimModifications
  const passes = compileFilter(filterGroupClaims.groupsFilter)
  if (allowedGroups.length > 0 && !insecureEnableGroups)
    throw new ProxyError(
      'CONNECTOR_MISCONFIGURED',
      'cannot use allowedGroups: groups are not read, got insecureEnableGroups: false',
    )
  return (claims) => {
    const named = insecureEnableGroups ? namesIn(claimOfGroups(claims, settings)).filter(passes) : []
    const allowed = allowedGroups.length === 0 ? named : named.filter((name) => allowedGroups.includes(name))
    if (allowedGroups.length > 0 && allowed.length === 0)
      throw new ProxyError('ACCOUNT_NOT_ALLOWED', 'cannot sign in: in none of allowedGroups')
    const renamed = allowed.map((name) => `${modifyGroupNames.prefix}${name}${modifyGroupNames.suffix}`)
    return [...renamed, ...newGroupFromClaims.flatMap((rule) => newGroup(claims, rule))]
  }
}

function compileFilter(pattern: string): (name: string) => boolean {
  if (pattern === '') return () => true
  try {
    const compiled = RE2JS.compile(pattern)
    return (name) => compiled.matcher(name).find()
  } catch (cause) {
    throw new ProxyError('CONNECTOR_MISCONFIGURED', 'cannot use groupsFilter: it is no RE2 pattern', { cause })
  }
}

function claimOfGroups(claims: Claims, { claimMapping, overrideClaimMapping }: GroupSettings): unknown {
  const isStandard = claims['groups'] !== undefined && !(overrideClaimMapping && claimMapping.groups !== '')
  return isStandard || claimMapping.groups === '' ? claims['groups'] : claims[claimMapping.groups]
}

/** Texts, objects with a `name`, or one text alone. A name that is blank would match a careless rule. */
function namesIn(claim: unknown): string[] {
  if (claim === undefined || claim === null) return []
  const items: readonly unknown[] = Array.isArray(claim) ? claim : [claim]
  const names = items.map((item) => (typeof item === 'object' && item !== null && 'name' in item ? item.name : item))
  return names.map((name) => (typeof name === 'string' ? name : malformed())).filter((name) => /\S/.test(name))
}

function malformed(): never {
  throw new ProxyError('ACCOUNT_INCOMPLETE', 'cannot read the claim of groups: expected texts, got something else')
}

type NewGroup = OidcSettings['claimModifications']['newGroupFromClaims'][number]

function newGroup(claims: Claims, { claims: names, delimiter, clearDelimiter, prefix }: NewGroup): string[] {
  const texts = names.map((name) => claims[name]).filter((value) => typeof value === 'string')
  if (texts.length === 0) return []
  const pieces = clearDelimiter && delimiter !== '' ? texts.map((text) => text.replaceAll(delimiter, '')) : texts
  return [[prefix, ...pieces].join(delimiter)]
}
