import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRequestHeaders } from '#src/forward/request-headers.ts'
import { compilePath, hostRule } from '#src/forward/rewrite.ts'
import { headerOf } from '#src/wire/headers.ts'
import { canonicalPath, type PathOptions } from '#src/wire/path.ts'
import { visit } from '../respond/exchanges.ts'
import { differingIds, readVectors } from '../vectors/read-vectors.ts'

interface Route {
  readonly name: string
  readonly to?: string
  readonly prefix?: string
  readonly path?: string
  readonly regex?: string
  readonly prefix_rewrite?: string
  readonly host_rewrite?: string
  readonly preserve_host_header?: boolean
}

interface RouteVector {
  readonly id: string
  readonly config?: {
    readonly normalize_path?: boolean
    readonly merge_slashes?: boolean
    readonly path_with_escaped_slashes_action?: PathOptions['escapedSlashes']
  }
  readonly routes: readonly Route[]
  readonly policy?: readonly Route[]
  readonly requests: readonly {
    readonly n: number
    readonly host: string
    readonly path: string
    readonly expect: {
      readonly route?: string
      readonly upstream_path?: string
      readonly upstream_host?: string
      readonly x_forwarded_host?: string
    }
  }[]
}

/** Options of routes that this version refuses when it reads the configuration. */
const later = /^(?:regex_rewrite_|host_rewrite_header|host_path_regex_)/

test('path and Host of every request of the route vectors are rewritten as Pomerium rewrites them, but for the listed differences', (context) => {
  const listed = new Set([...differingIds('forward')].filter((id) => id.startsWith('routes-')))
  const elsewhere = new Set([...differingIds('route'), ...differingIds('listener')])
  const differing: string[] = []
  let compared = 0
  let skipped = 0
  for (const { id: set, config, routes, policy, requests } of readVectors<RouteVector>('pomerium/routes.jsonl')) {
    for (const { n, host, path, expect } of requests) {
      const id = `${set}/${n}`
      const route = [...(policy ?? []), ...routes].find(({ name }) => name === expect.route)
      if (!route || expect.upstream_path === undefined || elsewhere.has(id)) continue
      if (Object.keys(route).some((key) => later.test(key))) {
        skipped++
        continue
      }
      const canonical = canonicalPath(path, {
        normalizePath: config?.normalize_path ?? true,
        mergeSlashes: config?.merge_slashes ?? true,
        escapedSlashes: config?.path_with_escaped_slashes_action ?? 'reject_request',
      })
      if (canonical.kind !== 'path') continue
      compared++
      const seen = rewritten(route, { host: host.trim(), ...canonical })
      const wanted = [expect.upstream_path, expect.upstream_host, expect.x_forwarded_host]
      if (JSON.stringify(seen) === JSON.stringify(wanted)) continue
      differing.push(id)
      if (!listed.has(id)) assert.deepEqual(seen, wanted, id)
    }
  }
  context.diagnostic(`${compared} compared, ${skipped} skipped: they need regex_rewrite or host_rewrite_header`)
  assert.deepEqual(
    [...listed].filter((id) => !differing.includes(id)),
    [],
    'these are listed as different and are not',
  )
})

function rewritten(route: Route, asked: { host: string; path: string; query: string }) {
  const to = route.to ?? 'http://127.0.0.1:22100'
  const path = compilePath({ ...route, prefixRewrite: route.prefix_rewrite, to })(asked.path) + asked.query
  const { build } = compileRequestHeaders({
    host: hostRule({ hostRewrite: route.host_rewrite, preserveHost: route.preserve_host_header }),
    passIdentity: false,
    claimHeaders: [],
    isOwnCookie: () => false,
  })
  const list = build(visit({ authority: asked.host.toLowerCase() }), new URL(to).host, undefined)
  return [path, headerOf(list, 'host'), headerOf(list, 'x-forwarded-host')]
}
