/** Which published application is this: exact hosts in a map, host patterns in file order. */
import { compileHostPattern } from './host-pattern.ts'
import { type Origin, parseOrigin, plainHost } from './origin.ts'
import { compilePathRule, type PathFields } from './path-rule.ts'

export interface RouteEntry<T> extends PathFields {
  /** `scheme://host[:port]`; `*` in the host makes it a pattern. */
  readonly from: string
  readonly value: T
}

export interface RouteOptions {
  /**
   * True (the default): a `from` without a port, or with the scheme's own, takes any port of the Host header.
   * False: only no port, or the scheme's own.
   */
  readonly anyPort?: boolean
}

export interface RouteTable<T> {
  /**
   * The first route in file order that takes this host, port ('' for none) and canonical path.
   * A host named exactly never falls through to a pattern, even where none of its paths match.
   */
  find(host: string, port: string, path: string): T | undefined
  /** True when some route names this host, whatever the path. */
  knownHost(host: string, port: string): boolean
}

interface PathRoute<T> {
  readonly takes: (path: string) => boolean
  readonly value: T
}

interface PatternRoute<T> extends PathRoute<T> {
  readonly takesHost: (host: string) => boolean
  readonly takesPort: (port: string) => boolean
}

/** Compiles routes, listed in file order. Throws a TypeError for a `from` or a regex that cannot be read. */
export function compileRoutes<T>(entries: readonly RouteEntry<T>[], options: RouteOptions = {}): RouteTable<T> {
  const anyPort = options.anyPort ?? true
  /** Keys: `host` for any port, `host:port` for that port alone (`host:` where the Host header must name none). */
  const exact = new Map<string, PathRoute<T>[]>()
  const patterns: PatternRoute<T>[] = []

  for (const entry of entries) {
    const origin = parseOrigin(entry.from)
    const route = { takes: compilePathRule(entry), value: entry.value }
    if (origin.host.includes('*')) {
      patterns.push({ ...route, takesHost: compileHostPattern(origin.host), takesPort: portRule(origin, anyPort) })
    } else {
      for (const key of keysOf(origin, anyPort)) append(exact, key, route)
    }
  }

  const routesOf = (host: string, port: string) => exact.get(`${host}:${port}`) ?? exact.get(host)

  return {
    find(host, port, path) {
      const name = spelling(host)
      const routes = routesOf(name, port)
      if (routes) return routes.find((route) => route.takes(path))?.value
      return patterns.find((route) => route.takesHost(name) && route.takesPort(port) && route.takes(path))?.value
    },
    knownHost(host, port) {
      const name = spelling(host)
      return (
        routesOf(name, port) !== undefined || patterns.some((route) => route.takesHost(name) && route.takesPort(port))
      )
    },
  }
}

/** Case folding for ASCII alone (RFC 4343): Unicode's would take the Kelvin sign for a k. IPv6 has more spellings than case. */
function spelling(host: string): string {
  if (host.startsWith('[')) return plainHost(host)
  return /[A-Z]/.test(host) ? host.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : host
}

function keysOf({ host, port, defaultPort }: Origin, anyPort: boolean): readonly string[] {
  if (port !== '') return [`${host}:${port}`]
  return anyPort ? [host] : [`${host}:`, `${host}:${defaultPort}`]
}

function portRule({ port, defaultPort }: Origin, anyPort: boolean): (asked: string) => boolean {
  if (port !== '') return (asked) => asked === port
  return anyPort ? () => true : (asked) => asked === '' || asked === defaultPort
}

function append<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key)
  if (list) list.push(item)
  else map.set(key, [item])
}
