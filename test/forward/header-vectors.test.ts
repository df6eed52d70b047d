import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { ClaimHeader } from '#src/forward/identity.ts'
import { checkRequestHeaders } from '#src/forward/request-headers.ts'
import type { AdmitOptions } from '#src/listener/admission.ts'
import { type Echo, startUpstream } from '../actors/upstream.ts'
import { differingIds, readVectors } from '../vectors/read-vectors.ts'
import { openFront, sessionOf } from './front.ts'

interface Vector {
  readonly id: string
  readonly about: string
  readonly config: {
    readonly jwt_claims_headers?: string | readonly string[] | Record<string, string>
    readonly pass_identity_headers?: boolean
    readonly jwt_issuer_format?: 'hostOnly' | 'uri'
    readonly skip_xff_append?: boolean
    readonly xff_num_trusted_hops?: number
    readonly headers_with_underscores_action?: AdmitOptions['underscores']
  }
  readonly route: {
    readonly from: string
    readonly pass_identity_headers?: boolean
    readonly jwt_issuer_format?: 'hostOnly' | 'uri'
    readonly set_request_headers?: Record<string, string>
    readonly remove_request_headers?: readonly string[]
    readonly host_rewrite?: string
    readonly preserve_host_header?: boolean
  }
  readonly request: {
    readonly method?: string
    readonly path?: string
    readonly headers?: Record<string, string | readonly string[]>
    readonly cookie?: string
    readonly host_port?: number
    readonly host_upper?: boolean
    readonly client_certificate?: string | null
  }
  readonly signed_in: {
    readonly name: string
    readonly user_id: string
    readonly claims: Record<string, unknown>
    readonly session_claims?: object
    readonly user_claims?: object
    readonly no_user_record?: boolean
  } | null
  readonly expect: {
    readonly status: number
    readonly upstream_path?: string
    readonly headers?: Record<string, unknown>
    readonly partial?: boolean
  }
}

const cookie = '__Host-ostiary=sealed'
/** Left out of the vectors, or of no meaning here. */
const ignored = /^(?:x-request-id|traceparent|connection|content-length|x-envoy-.*)$/

/** What a vector needs that this station, or this version, does not have. */
function missing({ route, request, signed_in, expect, about }: Vector): string | undefined {
  if (request.client_certificate !== undefined) return 'client certificates'
  if (signed_in?.no_user_record || signed_in?.session_claims || signed_in?.user_claims) return 'separate user records'
  if (expect.status === 302 || expect.status === 403 || /^criterion|^http_|^source_ip/.test(about)) return 'policy'
  if (checkRequestHeaders(route.set_request_headers ?? {}).some((problem) => problem.endsWith('not supported yet'))) {
    return 'tokens in templates'
  }
  return undefined
}

function claimHeaders(config: Vector['config']['jwt_claims_headers']): readonly ClaimHeader[] {
  if (config === undefined) return []
  const named = (claim: string) => ({ header: `X-Pomerium-Claim-${claim}`, claim })
  if (typeof config === 'string') return config.split(/[\s,]+/).map(named)
  if (Array.isArray(config)) return (config as string[]).map(named)
  return Object.entries(config).map(([header, claim]): ClaimHeader => ({ header, claim: String(claim) }))
}

/** What reached the application, in the vectors' notation, or the status of a refusal. */
async function observe(vector: Vector): Promise<{ status: number; path?: string; headers?: Record<string, unknown> }> {
  const { config, route, request, signed_in } = vector
  if (checkRequestHeaders(route.set_request_headers ?? {}).length > 0) return { status: 0 }
  await using upstream = await startUpstream()
  await using front = await openFront({
    route: {
      to: [{ url: upstream.url }],
      passIdentity: route.pass_identity_headers ?? config.pass_identity_headers ?? false,
      claimHeaders: claimHeaders(config.jwt_claims_headers),
      issuerFormat: route.jwt_issuer_format ?? config.jwt_issuer_format ?? 'hostOnly',
      setRequestHeaders: route.set_request_headers,
      removeRequestHeaders: route.remove_request_headers,
      hostRewrite: route.host_rewrite,
      preserveHost: route.preserve_host_header,
    },
    session: signed_in
      ? sessionOf(signed_in.claims, { id: `sess-${signed_in.name}`, userId: signed_in.user_id })
      : undefined,
    tools: {
      signAssertion: (claims) =>
        [{ alg: 'ES256', kid: 'k', typ: 'JWT' }, claims, 's'].map((part) => encode(JSON.stringify(part))).join('.'),
    },
    admission: {
      ...(config.skip_xff_append === undefined ? {} : { skipXffAppend: config.skip_xff_append }),
      ...(config.xff_num_trusted_hops === undefined ? {} : { trustedHops: config.xff_num_trusted_hops }),
      ...(config.headers_with_underscores_action ? { underscores: config.headers_with_underscores_action } : {}),
    },
  })
  const host = new URL(route.from).host
  const answer = await send(front.port, {
    method: request.method ?? 'GET',
    path: request.path ?? '/',
    host: `${request.host_upper ? host.toUpperCase() : host}${request.host_port ? `:${request.host_port}` : ''}`,
    fields: Object.entries(request.headers ?? {}).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, one]),
    ),
    cookie: [...(signed_in ? [cookie] : []), ...(request.cookie ? [request.cookie] : [])].join('; '),
  })
  if (answer.status !== 200) return { status: answer.status }
  const echo = JSON.parse(answer.body) as Echo
  const headers: Record<string, unknown> = {}
  // Members of a list may be written with or without a blank.
  const forwardedFor = echo.headers['x-forwarded-for']
  if (forwardedFor) echo.headers['x-forwarded-for'] = forwardedFor.replace(/, (?=127\.0\.0\.1$)/, ',')
  for (const [name, value] of Object.entries(echo.headers)) {
    if (!ignored.test(name)) headers[name] = notation(value, upstream.port)
  }
  return { status: 200, path: echo.url, headers }
}

const encode = (part: string): string => Buffer.from(part).toString('base64url')

function notation(value: string, port: number): unknown {
  const shown = Buffer.from(value, 'latin1')
    .toString('utf8')
    .replace(`127.0.0.1:${port}`, '127.0.0.1:22100')
    .replace(/127\.0\.0\.1$/, '(own address)')
    .replace(cookie, '(the session cookie)')
  const token = /^(ey[\w-]+)\.(ey[\w-]+)\.[\w-]+$/.exec(shown)
  if (!token) return shown
  const [header, payload] = [token[1], token[2]].map((part) =>
    JSON.parse(Buffer.from(part ?? '', 'base64url').toString()),
  )
  const life = payload.exp - payload.iat
  const typed = { ...payload, exp: typeof payload.exp, iat: typeof payload.iat, jti: typeof payload.jti }
  return { jwt: { header: { ...header, kid: typeof header.kid }, payload: typed, exp_minus_iat: life } }
}

interface Asked {
  readonly method: string
  readonly path: string
  readonly host: string
  readonly fields: readonly [string, string][]
  readonly cookie: string
}

async function send(port: number, asked: Asked): Promise<{ status: number; body: string }> {
  const fields = [...asked.fields, ...(asked.cookie === '' ? [] : [['Cookie', asked.cookie] as const])]
  const socket = connect(port, '127.0.0.1')
  socket.write(
    [
      `${asked.method} ${asked.path} HTTP/1.1`,
      `Host: ${asked.host}`,
      'Connection: close',
      ...fields.map(([name, value]) => `${name}: ${value}`),
      '\r\n',
    ].join('\r\n'),
  )
  const answer = await text(socket)
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4)
  return { status: Number(answer.slice(9, 12)), body: body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1) }
}

/** True where what was seen is what the vector expects. An empty Cookie is the same as none. */
function isSame(seen: Awaited<ReturnType<typeof observe>>, expect: Vector['expect']): boolean {
  if (seen.status !== expect.status) return false
  if (!seen.headers) return true
  if (expect.upstream_path !== undefined && seen.path !== expect.upstream_path) return false
  const expected = { ...expect.headers }
  if (expected['cookie'] === '') delete expected['cookie']
  const names = expect.partial ? Object.keys(expected) : Object.keys({ ...seen.headers, ...expected })
  const headers = seen.headers
  return names.every((name) => {
    try {
      assert.deepEqual(headers[name], expected[name])
      return true
    } catch {
      return false
    }
  })
}

test('what reaches an application is what Pomerium sends, but for the listed differences', async (context) => {
  const vectors = readVectors<Vector>('pomerium/headers.jsonl')
  const listed = differingIds('forward')
  const skipped = new Map<string, number>()
  const differing: string[] = []
  for (const vector of vectors) {
    const need = missing(vector)
    if (need !== undefined) {
      skipped.set(need, (skipped.get(need) ?? 0) + 1)
      continue
    }
    const seen = await observe(vector)
    if (isSame(seen, vector.expect)) continue
    differing.push(vector.id)
    if (!listed.has(vector.id)) {
      context.diagnostic(`${vector.id} ${vector.about}`)
      assert.deepEqual(seen, vector.expect, vector.id)
    }
  }
  for (const [need, count] of skipped) context.diagnostic(`${count} skipped: they need ${need}`)
  assert.deepEqual(
    [...listed].filter((id) => id.startsWith('hdr-') && !differing.includes(id)),
    [],
    'these are listed as different and are not',
  )
})
