/** A route as offline decisions see it: its policy compiled, its name, and where each part was written. */
import type { Place } from '../config/place.ts'
import type { RouteSettings, Settings } from '../config/schema.ts'
import { compilePolicy, type SharedCriteria } from '../policy/compile-policy.ts'
import type { Policy } from '../policy/policy.ts'
import type { Path } from '../policy/problem.ts'
import type { AccessFields } from '../policy/short-hands.ts'
import { locateRule, type policyOptionsOf } from '../snapshot/policy-options.ts'
import { routeId, routeName, routePath } from '../snapshot/route-identity.ts'

export interface TrialRoute {
  /** Its `name`, or `from` with the path rule; the same as in logs. */
  readonly name: string
  /** The same as in logs. */
  readonly id: string
  readonly from: string
  readonly place: Place
  readonly settings: RouteSettings
  readonly policy: Policy
  /** The policy that the route would have with other access fields. */
  withAccess(access: AccessFields): Policy
  /** Where a part of the policy was written: the `source` of an explained node. */
  locate(source: Path): Place
}

/** What all routes of a trial are compiled with. */
type SharedOptions = ReturnType<typeof policyOptionsOf> & { readonly shared: SharedCriteria }

/** Compiles the policy of a route exactly as the running proxy does. */
export function compileTrialRoute(
  route: RouteSettings,
  { settings, ...shared }: { settings: Settings } & SharedOptions,
): TrialRoute {
  const options = { ...shared, source: routePath(route) }
  return {
    name: routeName(route),
    id: routeId(route),
    from: route.from,
    place: route.source.place,
    settings: route,
    policy: compilePolicy(route, options),
    withAccess: (access) => compilePolicy(access, options),
    locate: (source) => locateRule(settings, { route, source }),
  }
}
