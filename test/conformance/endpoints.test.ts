import { test } from 'node:test'
import { startUpstream } from '#test/actors/upstream.ts'
import { readVectors } from '#test/vectors/read-vectors.ts'
import { type Address, readAddress, wantedAddress } from './addresses.ts'
import { startProvider } from './provider.ts'
import { type Answer, echo, echoedOf, fieldOf, startSubject } from './subject.ts'
import { Verdicts } from './verdicts.ts'

interface EndpointVector {
  readonly id: string
  readonly about: string
  readonly request: {
    readonly method: string
    readonly host: string
    readonly path: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
  }
  readonly expect: {
    readonly status: number
    readonly content_type?: string | null
    readonly location?: Address
    readonly text?: string | Address
    readonly headers?: Readonly<Record<string, string>>
    readonly json?: Readonly<Record<string, unknown>>
    readonly html?: boolean
    readonly upstream?: boolean
    readonly set_cookie_names?: readonly string[]
  }
}

test('the running proxy answers nobody as Pomerium does, but for the listed differences', async (context) => {
  await using upstream = await startUpstream(echo)
  await using idp = await startProvider()
  await using subject = await startSubject({ idp_provider_url: idp.issuer })
  const verdicts = new Verdicts(['endpoints'])
  const route = (host: string, access: object) => ({
    from: `https://${host}.vectors.test`,
    to: upstream.url,
    ...access,
  })
  await subject.use({
    routes: [
      route('app', { allow_any_authenticated_user: true }),
      route('open', { allow_public_unauthenticated_access: true }),
      route('closed', {}),
    ],
  })

  for (const { id, request, expect } of readVectors<EndpointVector>('pomerium/endpoints.jsonl')) {
    const { method, host, path, headers = {}, body = '' } = request
    const need = missing(request)
    if (need !== undefined) {
      verdicts.skip(need)
      continue
    }
    const answer = await subject.send({ method, host, path, headers: Object.entries(headers), body })
    const about = `${method} ${host}${path} ${JSON.stringify(headers)}`
    verdicts.compare(id, { about, seen: seenOf(answer, { expect, issuer: idp.issuer }), expected: wanted(expect) })
  }
  verdicts.end(context, { prefix: 'endpoint-', atLeast: 60 })
})

/** What a vector needs that this version does not have. */
function missing({ path, headers = {} }: EndpointVector['request']): string | undefined {
  if (/^\/\.pomerium\/(?:api\/v1\/login|jwt)/.test(path)) return 'programmatic access'
  if (/^\/\.pomerium\/(?:api\/v1\/routes|routes)/.test(path)) return 'the list of routes'
  if (/^\/\.pomerium\/(?:webauthn|device-enrolled)/.test(path)) return 'devices'
  if (/^\/\.pomerium\/mcp/.test(path)) return 'MCP'
  if (/Pomerium/.test(headers['Authorization'] ?? '')) return 'programmatic access'
  if (path.endsWith('/hpke-public-key')) return 'HPKE'
  if (headers['Content-Type']?.startsWith('application/grpc')) return 'gRPC'
  if (headers['User-Agent']?.includes('kubernetes')) return 'Kubernetes'
  return undefined
}

const isRedirect = (status: number) => status >= 300 && status < 400

/** What of a vector is compared: what somebody depends on. Nobody reads the body of a redirect. */
function wanted(expect: EndpointVector['expect']) {
  const { status, content_type, location, text, headers = {}, json, upstream, set_cookie_names: cookies } = expect
  const hasBody = !isRedirect(status) && upstream !== true
  return {
    status,
    headers,
    ...(hasBody && content_type && { type: content_type.split(';', 1)[0] }),
    ...(location && isRedirect(status) && { location: wantedAddress(location) }),
    ...(typeof text === 'string' && { text }),
    ...(json && hasBody && { json: shapeOf(json) }),
    ...(upstream && { upstream }),
    ...(cookies && { cookies: [...new Set(cookies.map(familyOf))].sort() }),
  }
}

/** The same of an answer. */
function seenOf(answer: Answer, { expect, issuer }: { expect: EndpointVector['expect']; issuer: string }) {
  const { status, body } = answer
  const target = wanted(expect)
  const location = fieldOf(answer, 'location')
  const names = answer.headers.filter(([name]) => name === 'set-cookie').map(([, line]) => line.split('=', 1)[0] ?? '')
  const headers = Object.keys(target.headers).flatMap((name) => {
    const value = fieldOf(answer, name)
    return value === undefined ? [] : [[name, value]]
  })
  return {
    status,
    headers: Object.fromEntries(headers),
    ...('type' in target && { type: fieldOf(answer, 'content-type')?.split(';', 1)[0] }),
    ...(location !== undefined && { location: readAddress(location, issuer) }),
    ...('text' in target && { text: body }),
    // Ours may tell more: the code, where to sign in.
    ...('json' in target && { json: shapeOf(onlyKeys(parsed(body), Object.keys(expect.json ?? {}))) }),
    ...('upstream' in target && { upstream: echoedOf(answer) !== undefined }),
    ...('cookies' in target && { cookies: [...new Set(names.map(familyOf))].sort() }),
  }
}

/** Of a JSON object: texts and numbers that do not change, and otherwise types. */
function shapeOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key,
      /^(?:request_?id)$/i.test(key) ? 'id' : typeof one === 'object' ? 'object' : one,
    ]),
  )
}

function onlyKeys(value: unknown, keys: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).filter(([key]) => keys.includes(key)))
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return body.slice(0, 100)
  }
}

/** One cookie for each attempt: `_pomerium_pkce_ID` is of the family `_pomerium_pkce`. */
function familyOf(name: string): string {
  return name.replace(/_(pkce|csrf)_.*$/, '_$1')
}
