/** A route as offline decisions see it: its policy compiled, its name, and where each part was written. */
import type { Place } from '../config/place.ts'
import type { RouteSettings } from '../config/schema.ts'
import { compilePolicy, type PolicyOptions } from '../policy/compile-policy.ts'
import type { Policy } from '../policy/policy.ts'
import type { Path } from '../policy/problem.ts'
import type { AccessFields } from '../policy/short-hands.ts'
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

/** Compiles the policy of a route exactly as the running proxy does. */
export function compileTrialRoute(route: RouteSettings, options: PolicyOptions): TrialRoute {
  const root = routePath(route)
  return {
    name: routeName(route),
    id: routeId(route),
    from: route.from,
    place: route.source.place,
    settings: route,
    policy: compilePolicy(route, { ...options, source: root }),
    withAccess: (access) => compilePolicy(access, { ...options, source: root }),
    locate: (source) => route.source.locate(insideRoute(source, root)),
  }
}

/** The path below the route. A criterion is shown at its own key, which is where its list item begins. */
function insideRoute(source: Path, root: Path): Path {
  if (!root.every((step, index) => source[index] === step)) return []
  const inside = source.slice(root.length)
  return typeof inside.at(-2) === 'number' ? inside.slice(0, -1) : inside
}
