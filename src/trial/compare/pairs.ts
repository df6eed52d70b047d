/** Which route of the old configuration and which of the new one take the same requests. */
import { hostRuleOf } from '../../config/route-draft.ts'
import { requestOf } from '../request.ts'
import type { Reached, Trial } from '../trial.ts'
import type { TrialRoute } from '../trial-route.ts'
import { pathsOfPattern } from './pattern-paths.ts'

/** Requests that `before` takes in one configuration and `after` in the other. */
export interface RoutePair {
  readonly before: Reached
  readonly after: Reached
  /** Some of those requests' addresses; the first is the plainest. */
  readonly urls: readonly string[]
}

export interface RoutePairs {
  readonly pairs: readonly RoutePair[]
  /** Routes for which no request was found that reaches them: they are hidden, or their pattern is beyond guessing. */
  readonly unreached: readonly TrialRoute[]
}

/** Addresses kept for each pair. */
const mostUrls = 40
const mostPatterns = 50
/** Paths asked for at one host, unless it has so many routes that four for each are more. */
const mostPaths = 4000

/** Pairs in the order of the old configuration's routes, what is new after that. */
export function routePairs(before: Trial, after: Trial): RoutePairs {
  const [oldOrder, newOrder] = [orderOf(before), orderOf(after)]
  const pairs = new Map<string, { before: Reached; after: Reached; urls: string[] }>()
  const found = new Set<TrialRoute>()
  for (const url of sampleUrls([...before.routes, ...after.routes])) {
    const request = requestOf(url, 0)
    const [old, next] = [before.reach(request), after.reach(request)]
    if (old.kind !== 'route' && next.kind !== 'route') continue
    const key = `${keyOf(oldOrder, old)} ${keyOf(newOrder, next)}`
    const known = pairs.get(key)
    if (!known) pairs.set(key, { before: old, after: next, urls: [url] })
    else if (known.urls.length < mostUrls) known.urls.push(url)
    for (const reached of [old, next]) if (reached.kind === 'route') found.add(reached.route)
  }
  const rank = (pair: RoutePair) =>
    pair.before.kind === 'route'
      ? (oldOrder.get(pair.before.route) ?? 0)
      : oldOrder.size + (pair.after.kind === 'route' ? (newOrder.get(pair.after.route) ?? 0) : 0)
  return {
    pairs: [...pairs.values()].sort((a, b) => rank(a) - rank(b)),
    unreached: [...before.routes, ...after.routes].filter((route) => !found.has(route)),
  }
}

type Order = ReadonlyMap<TrialRoute, number>

function orderOf({ routes }: Trial): Order {
  return new Map(routes.map((route, index) => [route, index]))
}

function keyOf(order: Order, reached: Reached): string {
  return reached.kind === 'route' ? String(order.get(reached.route)) : reached.kind
}

/** Addresses so that every route of these is asked for, together with those that could take its place. */
export function sampleUrls(routes: readonly TrialRoute[]): readonly string[] {
  const byHost = Map.groupBy(routes, ({ from }) => {
    const { host, port } = hostRuleOf(from)
    return port === '' ? host : `${host}:${port}`
  })
  const patterns = [...byHost.keys()].filter((host) => host.includes('*'))
  const patternPaths = patterns.slice(0, mostPatterns).flatMap((host) => (byHost.get(host) ?? []).flatMap(pathsOf))
  const urls = [...byHost].flatMap(([host, ofHost]) => {
    const most = Math.max(4, Math.floor(mostPaths / ofHost.length))
    const paths = new Set([...ofHost.flatMap((route) => pathsOf(route).slice(0, most)), ...patternPaths, '/'])
    return hostsOf(host).flatMap((name) => [...paths].map((path) => `https://${name}${path}`))
  })
  return [...new Set(urls)]
}

/** A pattern stands for hosts of one label, and of two. */
function hostsOf(host: string): readonly string[] {
  return host.includes('*') ? ['any', 'any.other'].map((text) => host.replaceAll('*', text)) : [host]
}

function pathsOf({ settings: { prefix, path, regex } }: TrialRoute): readonly string[] {
  if (regex) return pathsOfPattern(regex)
  if (path) return [path]
  const start = prefix || '/'
  return start.startsWith('/') ? [start, start.endsWith('/') ? `${start}x` : `${start}/x`] : []
}
