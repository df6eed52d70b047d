/** What every policy of a configuration is compiled with: the one value that serving and all offline tools share. */
import type { Place } from '../config/place.ts'
import type { RouteSettings, Settings } from '../config/schema.ts'
import type { PolicyOptions } from '../policy/compile-policy.ts'
import type { Path } from '../policy/problem.ts'
import { routePath } from './route-identity.ts'

/** Named policies, records, and what is known of client certificates. */
export function policyOptionsOf({ policies, records }: Settings) {
  const named = new Map([...policies].map(([name, { value }]) => [name, { value, source: ['policies', name] }]))
  // No authority for client certificates can be configured yet, and without one none is invalid.
  return { named, records, clientAuthority: false } as const satisfies PolicyOptions
}

/** Where a part of a route's policy was written: in the route, or in a named policy that it uses. */
export function locateRule({ policies }: Settings, { route, source }: { route: RouteSettings; source: Path }): Place {
  const [area, name, ...inside] = source
  const named = area === 'policies' && typeof name === 'string' ? policies.get(name) : undefined
  if (named) return named.source.locate(atItem(inside))
  const root = routePath(route)
  const isInside = root.every((step, index) => source[index] === step)
  return route.source.locate(isInside ? atItem(source.slice(root.length)) : [])
}

/** A criterion is shown at its own key, which is where its list item begins. */
function atItem(path: Path): Path {
  return typeof path.at(-2) === 'number' ? path.slice(0, -1) : path
}
