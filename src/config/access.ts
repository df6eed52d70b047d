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
])

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

/** One line for people: `groups devops, ops; users ada@example.com; rules of policy`. */
export function whoMay(route: Partial<AccessSettings>): string {
  const parts = shorthands(route)
  if (hasRules(route.policy)) parts.push('the rules of its policy')
  return parts.length === 0 ? 'nobody' : parts.join('; ')
}

/** True where some visitor has to sign in for the route to be of use. */
export function needsSignIn(route: Partial<AccessSettings>): boolean {
  if (criteriaOf(route.policy).some((name) => !sessionless.has(name.split('/')[0] ?? ''))) return true
  if (route.allow_public_unauthenticated_access === true) return false
  return shorthands(route).length > 0
}

export function hasRules(policy: unknown): boolean {
  return criteriaOf(policy).length > 0
}

/** Names of all criteria of a policy, whatever else it holds. */
function criteriaOf(policy: unknown): string[] {
  const rules: readonly unknown[] = Array.isArray(policy) ? policy : [policy]
  const bodies = rules.flatMap((rule) => (isMap(rule) ? Object.values(rule) : []))
  const blocks = bodies.flatMap((body) => (isMap(body) ? Object.values(body) : []))
  return blocks.flatMap((block) =>
    Array.isArray(block) ? block.flatMap((item: unknown) => (isMap(item) ? Object.keys(item) : [])) : [],
  )
}

function words(what: string, values: readonly string[] | undefined): string {
  if (values === undefined || values.length === 0) return ''
  const shown = values.slice(0, 5).join(', ')
  return `${what} ${shown}${values.length > 5 ? ` and ${values.length - 5} more` : ''}`
}
