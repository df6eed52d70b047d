/** Microsoft's sign-in and Graph, as documented, for tests: one tenant, one person, groups in pages. */
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Json = Record<string, unknown>

export interface Entra extends AsyncDisposable {
  readonly url: string
  /** Answer of /v1.0/me. */
  person: Json
  /** Name by id. */
  groups: Record<string, string | null>
  /** Of the above: security groups. */
  readonly security: Set<string>
  /** `METHOD path`, in order. */
  readonly asked: string[]
  readonly forms: URLSearchParams[]
  /** Answers instead, by path. */
  answer: Record<string, { readonly status?: number; readonly body?: unknown }>
  authorize(url: string): URLSearchParams
  /** No refresh token is good any more. */
  revoke(): void
}

const pageSize = 2

export async function startEntra({ tenant }: { readonly tenant: string }): Promise<Entra> {
  const codes = new Map<string, { challenge: string | null; scope: string }>()
  const tokens = new Set<string>()
  const refreshTokens = new Set<string>()
  const server = createServer((request, response) => void serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const entra: Entra = {
    url,
    person: { id: 'oid-ada', displayName: 'Ada', userPrincipalName: 'Ada@Corp.test' },
    groups: {},
    security: new Set(),
    asked: [],
    forms: [],
    answer: {},
    authorize(target) {
      const query = new URL(target).searchParams
      const code = randomBytes(8).toString('hex')
      codes.set(code, { challenge: query.get('code_challenge'), scope: query.get('scope') ?? '' })
      return new URLSearchParams({ code, state: query.get('state') ?? '', session_state: 'x' })
    },
    revoke: () => refreshTokens.clear(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = ''
    for await (const chunk of request) text += chunk
    const { pathname, searchParams } = new URL(request.url ?? '/', url)
    entra.asked.push(`${request.method} ${request.url}`)
    const own = entra.answer[pathname]
    const [status, body] = own
      ? [own.status ?? 200, own.body ?? {}]
      : pathname === `/${tenant}/oauth2/v2.0/token`
        ? token(new URLSearchParams(text))
        : graph(pathname, { query: searchParams, text, request })
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

  function token(form: URLSearchParams): [number, unknown] {
    entra.forms.push(form)
    const isKnown = form.get('client_secret') === 'secret' || form.get('client_assertion') === 'signed.by.workload'
    if (!isKnown) return [401, { error: 'invalid_client', error_description: 'AADSTS7000215' }]
    if (form.get('grant_type') === 'refresh_token') {
      if (!refreshTokens.delete(form.get('refresh_token') ?? '')) return [400, { error: 'invalid_grant' }]
      return [200, tokenAnswer('offline_access')]
    }
    const grant = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    if (grant?.challenge !== challenge) return [400, { error: 'invalid_grant' }]
    return [200, tokenAnswer(grant.scope)]
  }

  function tokenAnswer(scope: string): Json {
    const [accessToken, refreshToken] = [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')]
    tokens.add(accessToken)
    const isOffline = scope.includes('offline_access')
    if (isOffline) refreshTokens.add(refreshToken)
    // Of an issuer that nobody has configured: it is not to be looked at.
    const idToken = `${btoa('{"alg":"none"}')}.${btoa('{"iss":"https://sts.test"}')}.`
    return {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: 3599,
      id_token: idToken,
      ...(isOffline && { refresh_token: refreshToken }),
    }
  }

  function graph(
    path: string,
    { query, text, request }: { query: URLSearchParams; text: string; request: IncomingMessage },
  ): [number, unknown] {
    if (!tokens.has((request.headers.authorization ?? '').replace('Bearer ', ''))) return [401, {}]
    if (path === '/v1.0/me') {
      const fields = (query.get('$select') ?? '').split(',')
      return [200, Object.fromEntries(fields.map((field) => [field, entra.person[field]]))]
    }
    const body = JSON.parse(text) as Json
    if (path === '/v1.0/me/getMemberGroups') {
      const all = Object.keys(entra.groups).filter(
        (id) => body['securityEnabledOnly'] !== true || entra.security.has(id),
      )
      const from = Number(query.get('$skip') ?? 0)
      const next = from + pageSize
      return [
        200,
        {
          value: all.slice(from, next),
          ...(next < all.length && { '@odata.nextLink': `${url}/v1.0/me/getMemberGroups?$skip=${next}` }),
        },
      ]
    }
    if (path === '/v1.0/directoryObjects/getByIds') {
      const ids = body['ids'] as string[]
      return [200, { value: ids.map((id) => ({ id, displayName: entra.groups[id] })) }]
    }
    return [404, {}]
  }

  return entra
}
