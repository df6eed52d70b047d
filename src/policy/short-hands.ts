/** The access fields of a route as rules: short-hands become one allow block, the policy follows. */
import type { Path, Report } from './problem.ts'
import { type Block, type Item, isMap, itemOf, type NamedPolicies, readRules } from './rules.ts'

/** The access fields of a route under their names in the configuration; what else a route holds is ignored. */
export interface AccessFields {
  readonly policy?: unknown
  readonly allow_public_unauthenticated_access?: unknown
  readonly allow_any_authenticated_user?: unknown
  readonly cors_allow_preflight?: unknown
  readonly allowed_users?: unknown
  readonly allowed_domains?: unknown
  /** Means the claim `groups`. */
  readonly allowed_groups?: unknown
  readonly allowed_idp_claims?: unknown
  readonly sub_policies?: unknown
}

export interface AccessReading {
  /** Where the route stands, such as `['routes', 3]`. */
  readonly source: Path
  readonly report: Report
  readonly named?: NamedPolicies | undefined
  /** Adds `deny: {or: [invalid_client_certificate]}`: client certificates are demanded of everybody. */
  readonly denyInvalidCertificate?: boolean | undefined
}

/**
 * The rules of a route. Short-hands make one allow block, OR-ed with what `policy` allows; `policy.deny` still wins.
 * Order: public, preflight, any user, domains, claims (names sorted), groups, users (each as user and as e-mail).
 */
export function policyFromRoute(access: AccessFields, reading: AccessReading): readonly Block[] {
  const items = shortHands(access, reading)
  const allowed: Block[] =
    items.length === 0 ? [] : [{ action: 'allow', kind: 'or', items, source: items[0]?.source ?? reading.source }]
  const source = [...reading.source, 'policy']
  const written =
    access.policy === undefined || access.policy === null ? [] : readRules(access.policy, { ...reading, source })
  return [...allowed, ...written, ...(reading.denyInvalidCertificate ? [certificateRule()] : [])]
}

function certificateRule(): Block {
  const source = ['downstream_mtls']
  return { action: 'deny', kind: 'or', items: [itemOf('invalid_client_certificate', true, source)], source }
}

function shortHands(access: AccessFields, { source, report }: AccessReading): readonly Item[] {
  const groups = [{ fields: access, at: source }]
  for (const [index, sub] of listOf(access.sub_policies).entries()) {
    if (isMap(sub)) groups.push({ fields: sub, at: [...source, 'sub_policies', index] })
    else report([...source, 'sub_policies', index], 'cannot read sub-policy: expected a map')
  }
  const each = (field: keyof AccessFields, make: (value: unknown, at: Path) => readonly Item[]) =>
    groups.flatMap(({ fields, at }) =>
      textsOf(fields[field]).flatMap((value, index) => make(value, [...at, field, index])),
    )
  const flag = (field: keyof AccessFields, name: string) =>
    access[field] === true ? [itemOf(name, true, [...source, field])] : []

  return [
    ...flag('allow_public_unauthenticated_access', 'accept'),
    ...flag('cors_allow_preflight', 'cors_preflight'),
    ...flag('allow_any_authenticated_user', 'authenticated_user'),
    ...each('allowed_domains', (domain, at) => [itemOf('domain', isExactly(domain), at)]),
    ...groups.flatMap(({ fields, at }) => claimItems(fields.allowed_idp_claims, { at, report })),
    ...each('allowed_groups', (group, at) => [itemOf('claim/groups', group, at)]),
    ...each('allowed_users', (user, at) => [itemOf('user', isExactly(user), at), itemOf('email', isExactly(user), at)]),
  ]
}

/** Claims sorted by name; a map inside a map is a nested claim, its name joined by dots. */
function claimItems(claims: unknown, { at, report }: { at: Path; report: Report }): readonly Item[] {
  if (claims === undefined || claims === null) return []
  const top = [...at, 'allowed_idp_claims']
  if (!isMap(claims)) {
    report(top, 'cannot read allowed_idp_claims: expected a map from claim to list of values')
    return []
  }
  const flat: { name: string; value: unknown; at: Path }[] = []
  const walk = (map: Readonly<Record<string, unknown>>, prefix: string, here: Path) => {
    for (const [key, value] of Object.entries(map)) {
      if (isMap(value)) walk(value, `${prefix}${key}.`, [...here, key])
      else flat.push({ name: prefix + key, value, at: [...here, key] })
    }
  }
  walk(claims, '', top)
  flat.sort((a, b) => (a.name < b.name ? -1 : 1))
  return flat.flatMap(({ name, value, at: here }) =>
    listOf(value).map((wanted, index) => itemOf(`claim/${name}`, wanted, [...here, index])),
  )
}

/** A list, or one value that stands for a list of one; an absent or empty map for none. */
function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  if (value === undefined || value === null || isMap(value)) return []
  return [value]
}

/** A text stands for its pieces between commas, blanks kept, as in environment variables. */
function textsOf(value: unknown): readonly unknown[] {
  return typeof value === 'string' ? value.split(',') : listOf(value)
}

/**
 * One value, as text: numbers may stand where text is meant (`allowed_users: [5]`).
 * A blank, as an unset variable leaves it, is nobody; compared as it is, it would be everybody without an address.
 */
function isExactly(value: unknown): unknown {
  if (typeof value === 'string' && value.trim() === '') return { in: [] }
  return { is: typeof value === 'number' || typeof value === 'boolean' ? String(value) : value }
}
