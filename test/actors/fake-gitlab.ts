/** GitLab as its documentation has it, small: sign-in page, token endpoint with rotating refresh tokens, user and userinfo. */
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface FakeGitlabUser {
  id: number
  username: string
  name: string
  email: string
  state: string
  confirmed_at: string | null
  groups: string[]
  owner: string[]
  maintainer: string[]
  developer: string[]
}

type Reply = { status?: number; headers?: Record<string, string>; body?: unknown }

export interface FakeGitlab extends AsyncDisposable {
  /** `baseURL`, with a path as servers of one's own may have. */
  readonly url: string
  user: FakeGitlabUser
  /** Instead of the honest answer of a path; undefined is honest. */
  lie: (path: string) => Reply | undefined
  readonly asked: string[]
  readonly forms: URLSearchParams[]
  agree(url: string): URLSearchParams
  revokeAll(): void
}

export const gitlabClient = { id: 'gitlab-client', secret: 'gitlab-secret' }

export async function startFakeGitlab(
  options: { tls?: { readonly certificate: string; readonly key: string } } = {},
): Promise<FakeGitlab> {
  const codes = new Map<string, { challenge: string | null; redirectUri: string | null; scopes: readonly string[] }>()
  const tokens = new Map<string, readonly string[]>()
  const refreshTokens = new Map<string, readonly string[]>()
  const { tls } = options
  const listener: RequestListener = (request, response) => void serve(request, response)
  const server = tls ? createTlsServer({ cert: tls.certificate, key: tls.key }, listener) : createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`

  const gitlab: FakeGitlab = {
    url: `${origin}/gitlab`,
    user: {
      id: 42,
      username: 'ada',
      name: 'Ada Lovelace',
      email: 'ada@corp.test',
      state: 'active',
      confirmed_at: '2024-01-01T00:00:00.000Z',
      groups: [],
      owner: [],
      maintainer: [],
      developer: [],
    },
    lie: () => undefined,
    asked: [],
    forms: [],
    agree(url) {
      const { origin: at, pathname, searchParams: query } = new URL(url)
      if (at !== origin || pathname !== '/gitlab/oauth/authorize') throw new Error(`not GitLab's page: ${url}`)
      const code = randomBytes(10).toString('hex')
      codes.set(code, {
        challenge: query.get('code_challenge'),
        redirectUri: query.get('redirect_uri'),
        scopes: (query.get('scope') ?? '').split(' '),
      })
      return new URLSearchParams({ code, state: query.get('state') ?? '' })
    },
    revokeAll() {
      tokens.clear()
      refreshTokens.clear()
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', origin).pathname.replace(/^\/gitlab/, '')
    gitlab.asked.push(`${request.method} ${path}`)
    let text = ''
    for await (const chunk of request) text += chunk
    const form = new URLSearchParams(text)
    if (path === '/oauth/token') gitlab.forms.push(form)
    const reply = gitlab.lie(path) ?? (path === '/oauth/token' ? tokenAnswer(form, request) : api(path, request))
    const headers = { 'content-type': 'application/json', ...reply.headers }
    const body = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? {})
    response.writeHead(reply.status ?? 200, headers).end(body)
  }

  function tokenAnswer(form: URLSearchParams, request: IncomingMessage): Reply {
    const basic = Buffer.from((request.headers.authorization ?? '').replace(/^Basic /, ''), 'base64').toString()
    const id = form.get('client_id') ?? basic.split(':')[0]
    const secret = form.get('client_secret') ?? basic.split(':')[1]
    if (id !== gitlabClient.id || secret !== gitlabClient.secret)
      return { status: 401, body: { error: 'invalid_client', error_description: 'Client authentication failed' } }
    const refused = { status: 400, body: { error: 'invalid_grant', error_description: 'The grant is invalid' } }
    if (form.get('grant_type') === 'refresh_token') {
      const scopes = refreshTokens.get(form.get('refresh_token') ?? '')
      refreshTokens.delete(form.get('refresh_token') ?? '')
      return scopes ? issue(scopes) : refused
    }
    const grant = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    const isRight = grant && (grant.challenge === null || grant.challenge === challenge)
    return isRight && grant.redirectUri === form.get('redirect_uri') ? issue(grant.scopes) : refused
  }

  function issue(scopes: readonly string[]): Reply {
    const [accessToken, refreshToken] = [randomBytes(20).toString('hex'), randomBytes(20).toString('hex')]
    tokens.set(accessToken, scopes)
    refreshTokens.set(refreshToken, scopes)
    return {
      body: {
        access_token: accessToken,
        token_type: 'Bearer',
        expires_in: 7200,
        refresh_token: refreshToken,
        scope: scopes.join(' '),
        created_at: Math.floor(Date.now() / 1000),
      },
    }
  }

  function api(path: string, request: IncomingMessage): Reply {
    const scopes = tokens.get((request.headers.authorization ?? '').replace(/^Bearer /i, ''))
    if (!scopes) return { status: 401, body: { error: 'invalid_token' } }
    const { groups, owner, maintainer, developer, ...user } = gitlab.user
    if (path === '/api/v4/user')
      return scopes.includes('read_user') ? { body: user } : { status: 403, body: { error: 'insufficient_scope' } }
    if (path !== '/oauth/userinfo') return { status: 404, body: { error: '404 Not Found' } }
    if (!scopes.includes('openid')) return { status: 403, body: { error: 'insufficient_scope' } }
    const claims = 'https://gitlab.org/claims/groups/'
    return {
      body: {
        sub: String(user.id),
        groups,
        ...(owner.length > 0 && { [`${claims}owner`]: owner }),
        ...(maintainer.length > 0 && { [`${claims}maintainer`]: maintainer }),
        ...(developer.length > 0 && { [`${claims}developer`]: developer }),
      },
    }
  }

  return gitlab
}
