/** Who may use a route, in words and as far as signing in is concerned; the decision itself is the policy station's. */

import type { RouteSettings } from './schema.ts'
import { isMap } from './setting-type.ts'

export type AccessSettings = Pick<
  RouteSettings,
  | 'allow_public_unauthenticated_access'
  | 'allow_any_authenticated_user'
  | 'allowed_users'
  | 'allowed_domains'
  | 'allowed_groups'
  | 'allowed_idp_claims'
  | 'policy'
  | 'cors_allow_preflight'
>

/** Criteria of the policy language that need no session. */
const sessionless = new Set([
  'accept',
  'reject',
  'cors_preflight',
  'http_method',
  'http_path',
  'source_ip',
  'client_certificate',
  'invalid_client_certificate',
  'date',
  'day_of_week',
  'time_of_day',
  'header',
  'url_query',
  'user_agent',
])

/** Policies that rules may `use` by name. */
export type NamedRules = ReadonlyMap<string, { readonly value: unknown }>

/** The short-hands that let somebody in, each in a few words. */
export function shorthands(route: Partial<AccessSettings>): string[] {
  const claims = Object.entries(route.allowed_idp_claims ?? {})
  return [
    route.allow_public_unauthenticated_access === true ? 'everybody' : '',
    route.allow_any_authenticated_user === true ? 'whoever is signed in' : '',
    words('users', route.allowed_users),
    words('domains', route.allowed_domains),
    words('groups', route.allowed_groups),
    ...claims.map(([claim, values]) => words(`claim ${claim}`, values.map(String))),
  ].filter((text) => text !== '')
}

/** One line for people: `groups devops, ops; users ada@example.com; rules of its policy`. */
export function whoMay(route: Partial<AccessSettings>): string {
  const parts = shorthands(route)
  if (hasRules(route.policy)) parts.push('the rules of its policy')
  const used = [...new Set(usedNames(route.policy))]
  if (used.length > 0) parts.push(`the rules of ${used.join(', ')}`)
  return parts.length === 0 ? 'nobody' : parts.join('; ')
}

/** True where some visitor has to sign in for the route to be of use. */
export function needsSignIn(route: Partial<AccessSettings>, policies: NamedRules): boolean {
  const criteria = criteriaOf(route.policy, policies)
  if (criteria.some((name) => !sessionless.has(name.split('/')[0]?.toLowerCase() ?? ''))) return true
  if (route.allow_public_unauthenticated_access === true) return false
  return shorthands(route).length > 0
}

/** True where there is a rule; without `policies`, one of its own. */
export function hasRules(policy: unknown, policies: NamedRules = new Map()): boolean {
  return criteriaOf(policy, policies).length > 0
}

/** Names of all criteria of a policy and of those it uses, whatever else it holds. */
function criteriaOf(policy: unknown, policies: NamedRules): readonly string[] {
  const used = usedNames(policy).map((name) => policies.get(name)?.value)
  return [policy, ...used].flatMap((document) => {
    const bodies = rulesOf(document).flatMap((rule) => Object.values(rule))
    const blocks = bodies.flatMap((body) => (isMap(body) ? Object.values(body) : []))
    return blocks.flatMap((block) =>
      Array.isArray(block) ? block.flatMap((item: unknown) => (isMap(item) ? Object.keys(item) : [])) : [],
    )
  })
}

/** The names behind `use`, whether they are known or not. */
export function usedNames(policy: unknown): readonly string[] {
  return rulesOf(policy)
    .flatMap((rule) => Object.entries(rule))
    .flatMap(([key, value]) => (key.toLowerCase() === 'use' ? [value].flat() : []))
    .filter((name) => typeof name === 'string')
}

function rulesOf(policy: unknown): readonly Readonly<Record<string, unknown>>[] {
  return [policy].flat().filter(isMap)
}

function words(what: string, values: readonly string[] | undefined): string {
  if (values === undefined || values.length === 0) return ''
  const shown = values.slice(0, 5).join(', ')
  return `${what} ${shown}${values.length > 5 ? ` and ${values.length - 5} more` : ''}`
}
