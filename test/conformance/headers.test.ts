import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { checkRequestHeaders } from '#src/forward/request-headers.ts'
import type { Config } from '#test/actors/proxy.ts'
import { startUpstream } from '#test/actors/upstream.ts'
import { readVectors } from '#test/vectors/read-vectors.ts'
import { type Answer, echo, echoedOf, type SignedIn, type Subject, startSubject } from './subject.ts'
import { Verdicts } from './verdicts.ts'

interface HeaderVector {
  readonly id: string
  readonly about: string
  readonly config: Config
  readonly route: Config & { readonly from: string; readonly set_request_headers?: Record<string, string> }
  readonly request: {
    readonly method?: string
    readonly path?: string
    readonly headers?: Record<string, string | readonly string[]>
    readonly cookie?: string
    readonly host_port?: number
    readonly host_upper?: boolean
    readonly client_certificate?: string | null
  }
  readonly signed_in:
    | (SignedIn & {
        readonly session_claims?: object
        readonly user_claims?: object
        readonly no_user_record?: boolean
      })
    | null
  readonly expect: {
    readonly status: number
    readonly upstream_path?: string
    readonly headers?: Record<string, unknown>
    readonly partial?: boolean
  }
}

/** Left out of the vectors, or of no meaning here. */
const ignored = /^(?:x-request-id|traceparent|connection|content-length|x-envoy-.*)$/

test('an application behind the running proxy sees the headers that it sees behind Pomerium, but for the listed differences', async (context) => {
  await using upstream = await startUpstream(echo)
  await using subject = await startSubject()
  const verdicts = new Verdicts(['forward', 'headers', 'start'])
  const vectors = readVectors<HeaderVector>('pomerium/headers.jsonl').filter((vector) => {
    const need = missing(vector)
    if (need !== undefined) verdicts.skip(need)
    return need === undefined
  })
  const routeOf = ({ route }: HeaderVector) => ({ ...route, to: upstream.url })
  const compare = async (vector: HeaderVector, refused = false) => {
    const { id, about, expect } = vector
    const seen = refused ? 'refused' : await observe(vector, { subject, port: upstream.port })
    const agrees = typeof seen !== 'string' && isSame(seen, expect)
    verdicts.compare(id, { about, seen: agrees ? expect : seen, expected: expect })
  }

  for (const [config, group] of Map.groupBy(vectors, ({ config }) => JSON.stringify(config))) {
    const global = JSON.parse(config) as Config
    let left = group
    if ((await subject.use({ ...global, routes: left.map(routeOf) })) === 'refused') {
      // One bad route refuses the whole configuration: those that are named are left out, and tried alone.
      const named = new Set(subject.problems().map((problem) => Number(/ routes\[(\d+)\]/.exec(problem)?.[1])))
      left = group.filter((_, at) => !named.has(at))
      for (const vector of group.filter((_, at) => named.has(at))) {
        await compare(vector, (await subject.use({ ...global, routes: [routeOf(vector)] })) === 'refused')
      }
      const state = await subject.use({ ...global, routes: left.map(routeOf) })
      assert.equal(state, 'in force', `${config}: ${subject.problems().join('\n')}`)
    }
    for (const vector of left) await compare(vector)
  }
  verdicts.end(context, { prefix: 'hdr-', atLeast: 130 })
})

/** What a vector needs that this version does not have. */
function missing({ route, request, signed_in }: HeaderVector): string | undefined {
  if (route['jwt_issuer_format'] !== undefined) return 'jwt_issuer_format of a route'
  if (request.client_certificate !== undefined) return 'client certificates'
  if (signed_in?.no_user_record || signed_in?.session_claims || signed_in?.user_claims) return 'separate user records'
  if (checkRequestHeaders(route.set_request_headers ?? {}).some((problem) => problem.endsWith('not supported yet'))) {
    return 'tokens in templates'
  }
  return undefined
}

interface Seen {
  readonly status: number
  readonly path?: string
  readonly headers?: Record<string, unknown>
}

/** What reached the application, in the vectors' notation. */
async function observe(vector: HeaderVector, { subject, port }: { subject: Subject; port: number }): Promise<Seen> {
  const { route, request, signed_in } = vector
  const { host, hostname } = new URL(route.from)
  const cookie = signed_in ? await subject.cookieOf(signed_in, hostname) : undefined
  const cookies = [cookie, request.cookie].filter((one) => one !== undefined).join('; ')
  const answer: Answer = await subject.send({
    method: request.method ?? 'GET',
    path: request.path ?? '/',
    host: `${request.host_upper ? host.toUpperCase() : host}${request.host_port ? `:${request.host_port}` : ''}`,
    headers: [
      ...Object.entries(request.headers ?? {}).flatMap(([name, value]) =>
        [value].flat().map((one): [string, string] => [name, one]),
      ),
      ...(cookies === '' ? [] : [['Cookie', cookies] as const]),
    ],
  })
  const echoed = echoedOf(answer)
  if (!echoed) return { status: answer.status }
  const headers = Object.entries(echoed.headers)
    .filter(([name]) => !ignored.test(name))
    .map(([name, value]) => [name, notation(value, { port, cookie })])
  return { status: answer.status, path: echoed.url, headers: Object.fromEntries(headers) }
}

function notation(value: string, { port, cookie }: { port: number; cookie: string | undefined }): unknown {
  const shown = Buffer.from(value, 'latin1')
    .toString('utf8')
    .replace(`127.0.0.1:${port}`, '127.0.0.1:22100')
    // Members of a list may be written with or without a blank.
    .replace(/, (?=127\.0\.0\.1$)/, ',')
    .replace(/127\.0\.0\.1$/, '(own address)')
    .replace(cookie ?? '\0', '(the session cookie)')
  const token = /^(ey[\w-]+)\.(ey[\w-]+)\.[\w-]+$/.exec(shown)
  if (!token) return shown
  const [header, payload] = [token[1], token[2]].map((part) =>
    JSON.parse(Buffer.from(part ?? '', 'base64url').toString()),
  )
  const life = payload.exp - payload.iat
  const typed = { ...payload, exp: typeof payload.exp, iat: typeof payload.iat, jti: typeof payload.jti }
  return { jwt: { header: { ...header, kid: typeof header.kid }, payload: typed, exp_minus_iat: life } }
}

/** True where what was seen is what the vector expects. An empty Cookie is the same as none. */
function isSame({ status, path, headers }: Seen, expect: HeaderVector['expect']): boolean {
  if (status !== expect.status) return false
  if (!headers) return expect.headers === undefined
  if (expect.upstream_path !== undefined && path !== expect.upstream_path) return false
  const expected = { ...expect.headers }
  if (expected['cookie'] === '') delete expected['cookie']
  const names = expect.partial ? Object.keys(expected) : Object.keys({ ...headers, ...expected })
  return names.every((name) => isDeepStrictEqual(headers[name], expected[name]))
}
