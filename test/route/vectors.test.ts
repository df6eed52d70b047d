import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRoutes } from '#src/route/route-table.ts'
import { parseAuthority } from '#src/wire/host.ts'
import { canonicalPath, type PathOptions } from '#src/wire/path.ts'
import { differingIds, readVectors } from '#test/vectors/read-vectors.ts'

interface RouteSettings {
  readonly name: string
  readonly from: string
  readonly prefix?: string
  readonly path?: string
  readonly regex?: string
}

interface Asked {
  readonly n: number
  readonly method: string
  readonly host: string | null
  readonly path: string
  readonly expect: { readonly status: number; readonly route?: string; readonly location?: string }
}

interface RouteVector {
  readonly id: string
  readonly config?: {
    readonly normalize_path?: boolean
    readonly merge_slashes?: boolean
    readonly path_with_escaped_slashes_action?: PathOptions['escapedSlashes']
    readonly runtime_flags?: { readonly match_any_incoming_port?: boolean }
  }
  readonly routes: readonly RouteSettings[]
  readonly policy?: readonly RouteSettings[]
  readonly requests: readonly Asked[]
}

/** Control paths are endpoints of our own; they are looked at before any route. */
const control = /^\/(ping|healthz|\.pomerium(\/.*)?|\.well-known\/pomerium(\/.*)?)$/

test('every request of the route vectors reaches the route that it should, but for the listed differences', () => {
  const differing = differingIds('route')
  const wrong: string[] = []
  const counts = { compared: 0, control: 0, authenticate: 0 }
  for (const vector of readVectors<RouteVector>('pomerium/routes.jsonl')) {
    const find = finderFor(vector)
    for (const asked of vector.requests) {
      const id = `${vector.id}/${asked.n}`
      const got = find(asked)
      if (got === 'control') counts.control++
      else if (asked.host === 'authenticate.vectors.test' && got === 'nothing') counts.authenticate++
      else {
        counts.compared++
        const wanted = outcome(asked)
        const isSame = wanted === 'some route' ? !['nothing', 'refused'].includes(got) : got === wanted
        if (isSame === differing.has(id)) wrong.push(`${id} ${asked.host} ${asked.path}: got ${got}, wanted ${wanted}`)
      }
    }
  }
  assert.deepEqual(wrong, [])
  assert.ok(counts.compared > 650, JSON.stringify(counts))
  assert.ok(counts.control < 80, JSON.stringify(counts))
})

/** What the vector says of matching alone: which route, none, or refused before. */
function outcome({ method, expect: { status, route } }: Asked): string {
  if (route && !route.startsWith('(')) return route
  if (status === 404) return 'nothing'
  return status === 400 && method !== 'QUERY' && method !== 'X-CUSTOM' ? 'refused' : 'some route'
}

function finderFor({ config, routes, policy, requests }: RouteVector): (asked: Asked) => string {
  // The program under test also had a route for its own address.
  const own = requests.some(({ expect }) => expect.route === 'v4') && !routes.some(({ name }) => name === 'v4')
  const all = [...(policy ?? []), ...routes, ...(own ? [{ name: 'v4', from: 'https://127.0.0.1' }] : [])]
  const table = compileRoutes(
    all.map(({ name, from, prefix, path, regex }) => ({ from, prefix, path, regex, value: name })),
    { anyPort: config?.runtime_flags?.match_any_incoming_port ?? true },
  )
  const options: PathOptions = {
    normalizePath: config?.normalize_path ?? true,
    mergeSlashes: config?.merge_slashes ?? true,
    escapedSlashes: config?.path_with_escaped_slashes_action ?? 'reject_request',
  }
  return ({ host, path }) => {
    const canonical = canonicalPath(path, options)
    if (canonical.kind === 'redirect') return 'some route'
    const authority = parseAuthority((host ?? '').trim())
    if (canonical.kind !== 'path' || !authority) return 'refused'
    if (control.test(canonical.path)) return 'control'
    return table.find(authority.host, authority.port, canonical.path) ?? 'nothing'
  }
}
