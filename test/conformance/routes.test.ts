import { test } from 'node:test'
import { startUpstream } from '#test/actors/upstream.ts'
import { readVectors } from '#test/vectors/read-vectors.ts'
import { echo, echoedOf, fieldOf, startSubject } from './subject.ts'
import { Verdicts } from './verdicts.ts'

type Route = Readonly<Record<string, unknown>> & { readonly name: string; readonly from: string; readonly to?: string }

interface RouteVector {
  readonly id: string
  readonly about: string
  readonly config?: Readonly<Record<string, unknown>>
  readonly routes: readonly Route[]
  readonly policy?: readonly Route[]
  readonly requests: readonly {
    readonly n: number
    readonly method: string
    readonly host: string | null
    readonly path: string
    readonly headers?: Readonly<Record<string, string>>
    readonly expect: Expected
  }[]
}

interface Expected {
  readonly status: number
  readonly route?: string
  readonly upstream_path?: string
  readonly upstream_host?: string
  readonly x_forwarded_host?: string
  readonly location?: string
  readonly body?: string
  readonly intercepted?: boolean
}

/** Options of routes that this version refuses when it reads the configuration. */
const later = /^(?:regex_rewrite_|host_rewrite_header|host_path_regex_|redirect$|response$)/

test('the running proxy answers every request of the route vectors as Pomerium does, but for the listed differences', async (context) => {
  await using upstream = await startUpstream(echo)
  await using subject = await startSubject()
  const verdicts = new Verdicts(['route', 'listener', 'forward', 'start', 'endpoints'])
  const toRoute = ({ name, to, ...rest }: Route) => ({
    ...rest,
    name,
    to: (to ?? 'http://127.0.0.1:22100').replace(':22100', `:${upstream.port}`),
    allow_public_unauthenticated_access: true,
    set_request_headers: { 'x-vector-route': name },
  })

  for (const { id: set, about, config = {}, routes, policy = [], requests } of readVectors<RouteVector>(
    'pomerium/routes.jsonl',
  )) {
    if ('runtime_flags' in config) {
      for (const _ of requests) verdicts.skip('runtime_flags')
      continue
    }
    // The program under test also had a route for its own address.
    const own = requests.some(({ expect }) => expect.route === 'v4') && !routes.some(({ name }) => name === 'v4')
    const all = [...routes, ...(own ? [{ name: 'v4', from: 'https://127.0.0.1' }] : [])]
    const left = [...policy, ...all].filter((route) => Object.keys(route).some((key) => later.test(key)))
    const served = (list: readonly Route[]) => list.filter((route) => !left.includes(route)).map(toRoute)
    const state = await subject.use({ ...config, policy: served(policy), routes: served(all) })

    for (const { n, method, host, path, headers, expect } of requests) {
      const need = missing(left, { host, path, expect })
      if (need !== undefined) {
        verdicts.skip(need)
        continue
      }
      if (state === 'refused') {
        verdicts.compare(`${set}/${n}`, { about, seen: state, expected: expect })
        continue
      }
      const answer = await subject.send({ method, host, path, headers: Object.entries(headers ?? {}) })
      const echoed = echoedOf(answer)
      const seen = {
        status: answer.status,
        ...(echoed && {
          route: echoed.headers['x-vector-route'],
          upstream_path: echoed.url,
          upstream_host: echoed.headers['host']?.replace(String(upstream.port), '22100'),
          x_forwarded_host: echoed.headers['x-forwarded-host'],
        }),
        ...(fieldOf(answer, 'location') !== undefined && { location: fieldOf(answer, 'location') }),
        // Ours say so more often: every error page that is not the application's.
        ...(expect.intercepted && { intercepted: fieldOf(answer, 'x-pomerium-intercepted-response') === 'true' }),
      }
      const { route, ...rest } = expect
      // Of an answer without a body nobody knows which route it took.
      const expected = method === 'HEAD' ? rest : expect
      verdicts.compare(`${set}/${n}`, { about: `${about}, ${method} ${host} ${path}`, seen, expected })
    }
  }
  verdicts.end(context, { prefix: 'routes-', atLeast: 700 })
})

/** What a request needs that this version does not have. */
function missing(
  left: readonly Route[],
  { host, path, expect }: { host: string | null; path: string; expect: Expected },
): string | undefined {
  const name = host?.replace(/:\d+$/, '')
  const isLeft = left.some(
    (route) => route.name === expect.route || (!expect.route && route.from === `https://${name}`),
  )
  if (isLeft) return 'rewriting by patterns, or answers without an application'
  if (/^\/\.pomerium\/(?:routes|webauthn)$/.test(path)) return 'the list of routes, or devices'
  return undefined
}
