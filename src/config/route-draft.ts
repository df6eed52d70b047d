/** One route between being read and being sure: its values as far as they are right, and where everything stands. */
import type { z } from 'zod'
import { type ConfigNode, type Entry, excerptOf, placeOf, type Span, spanAt } from './node.ts'
import type { routeSchema } from './route-settings.ts'
import type { WrittenAt } from './schema.ts'

export type RouteValues = Partial<z.output<typeof routeSchema>>

export interface RouteDraft {
  /** `routes[2]`. */
  readonly path: string
  readonly node: ConfigNode
  readonly entries: ReadonlyMap<string, Entry>
  readonly values: RouteValues
  /** Nothing is wrong with what its policies say. */
  readonly hasRightRules: boolean
}

/** The host rule of `from`: host in lower case, and the port it insists on, or '' for any (no port, or 443). */
export interface HostRule {
  readonly host: string
  readonly port: string
}

export function hostRuleOf(from: string): HostRule {
  const [, host = '', port = ''] = /^https?:\/\/(\[[^\]]*\]|[^:/]*)(?::(\d*))?/i.exec(from) ?? []
  return { host: host.toLowerCase(), port: port === '443' ? '' : port }
}

/** The path rule in force where several are given: regex before path before prefix. */
export function pathRuleOf(route: RouteValues): { readonly kind: 'regex' | 'path' | 'prefix'; readonly text: string } {
  if (route.regex !== undefined && route.regex !== '') return { kind: 'regex', text: route.regex }
  if (route.path !== undefined && route.path !== '') return { kind: 'path', text: route.path }
  return { kind: 'prefix', text: route.prefix === undefined || route.prefix === '' ? '/' : route.prefix }
}

/** The span of a setting of the route; of the route itself where it is not set. */
export function spanOf(draft: RouteDraft, key: string): Span {
  return draft.entries.get(key)?.keySpan ?? draft.node.span
}

export function sourceOf({ node, path }: Pick<RouteDraft, 'node' | 'path'>): WrittenAt {
  return {
    path,
    place: placeOf(node.span),
    locate: (inner) => placeOf(spanAt(node, inner).span),
    remark(inner) {
      const { span } = spanAt(node, inner, true)
      const place = placeOf(span)
      return { place, excerpt: place.line === 0 ? undefined : excerptOf(span) }
    },
  }
}
