/** What a route is called: in logs, on pages, and from one configuration to the next. */
import { createHash } from 'node:crypto'
import type { RouteSettings } from '../config/schema.ts'

/** Stable while host, path rule and target stay the same, as Pomerium's route id is. */
export function routeId({ from, prefix, path, regex, to }: RouteSettings): string {
  const text = JSON.stringify([from, prefix, path, regex, to?.map(({ url }) => url)])
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** Its `name`, or `from` with the path rule. */
export function routeName({ name, from, prefix, path, regex }: RouteSettings): string {
  return name || `${from}${regex ? ` ~ ${regex}` : path || prefix || ''}`
}

/** `routes[2]` as a path: where its policies are, seen from the root of the configuration. */
export function routePath({ source }: RouteSettings): readonly (string | number)[] {
  const [, list = 'routes', index = '0'] = /^(\w+)\[(\d+)\]$/.exec(source.path) ?? []
  return [list, Number(index)]
}
