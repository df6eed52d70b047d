/**
 * GitHub as its documentation has it, small: sign-in page, token endpoint and REST API under one origin (an Enterprise
 * server's paths), with pages by Link, scopes, limits, and knobs for what goes wrong.
 */
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface FakeUser {
  id: number
  login: string
  name: string | null
  /** The public one. */
  email: string | null
  emails: { email: string; primary: boolean; verified: boolean }[]
  orgs: string[]
  /** Of organizations that may be missing from `orgs`. */
  teams: { name: string; slug: string; organization: { login: string } }[]
}

type Reply = { status?: number; headers?: Record<string, string>; body?: unknown }

export interface FakeGithub extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly web: string
  readonly api: string
  /** `127.0.0.1:PORT`. */
  readonly host: string
  user: FakeUser
  /** Instead of the honest answer of a path (below the API, or of the token endpoint); undefined is honest. */
  lie: (path: string, query: URLSearchParams) => Reply | undefined
  /** Entries a page, whatever was asked for. */
  pageSize: number
  /** What the user leaves of the scopes. */
  grantScopes: (asked: readonly string[]) => readonly string[]
  /** Seconds that access tokens live; then there are refresh tokens. */
  expiresIn: number | undefined
  /** "METHOD path?query" of everything that was asked. */
  readonly asked: string[]
  /** Forms that the token endpoint got. */
  readonly forms: URLSearchParams[]
  readonly headers: IncomingMessage['headers'][]
  /** The user agrees: what the redirect back carries. */
  agree(url: string): URLSearchParams
  /** The user takes the access back. */
  revokeAll(): void
}

interface Grant {
  readonly challenge: string | null
  readonly redirectUri: string | null
  readonly scopes: readonly string[]
}

export const fakeClient = { id: 'xxx', secret: 'xxx' }

const octocat = (): FakeUser => ({
  id: 583231,
  login: 'octocat',
  name: 'The Octocat',
  email: null,
  emails: [{ email: 'octocat@corp.test', primary: true, verified: true }],
  orgs: [],
  teams: [],
})

export async function startFakeGithub(
  options: { tls?: { readonly certificate: string; readonly key: string } } = {},
): Promise<FakeGithub> {
  const codes = new Map<string, Grant>()
  const tokens = new Map<string, { scopes: readonly string[]; endsAt: number }>()
  const refreshTokens = new Map<string, readonly string[]>()
  const listener: RequestListener = (request, response) => void serve(request, response)
  const { tls } = options
  const server = tls ? createTlsServer({ cert: tls.certificate, key: tls.key }, listener) : createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const web = `${tls ? 'https' : 'http'}://${host}`

  const github: FakeGithub = {
    web,
    api: `${web}/api/v3`,
    host,
    user: octocat(),
    lie: () => undefined,
    pageSize: 100,
    grantScopes: (asked) => asked,
    expiresIn: undefined,
    asked: [],
    forms: [],
    headers: [],
    agree(url) {
      const { origin, pathname, searchParams: query } = new URL(url)
      if (origin !== web || pathname !== '/login/oauth/authorize') throw new Error(`not GitHub's page: ${url}`)
      if (query.get('client_id') !== fakeClient.id) throw new Error('GitHub shows 404 for an unknown client')
      const code = randomBytes(10).toString('hex')
      codes.set(code, {
        challenge: query.get('code_challenge'),
        redirectUri: query.get('redirect_uri'),
        scopes: github.grantScopes((query.get('scope') ?? '').split(' ')),
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
    const { pathname, searchParams: query } = new URL(request.url ?? '/', web)
    const isApi = pathname.startsWith('/api/v3/')
    const path = isApi ? pathname.slice('/api/v3'.length) : pathname
    github.asked.push(`${request.method} ${path}${query.size > 0 ? `?${query}` : ''}`)
    github.headers.push(request.headers)
    let body = ''
    for await (const chunk of request) body += chunk
    const form = new URLSearchParams(body)
    if (path === '/login/oauth/access_token') github.forms.push(form)
    const reply = github.lie(path, query) ?? (isApi ? api(path, query, request) : web_(path, form, request))
    const content = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? {})
    const headers = { 'content-type': 'application/json; charset=utf-8', ...reply.headers }
    response.writeHead(reply.status ?? 200, headers).end(reply.status === 204 ? undefined : content)
  }

  function web_(path: string, form: URLSearchParams, request: IncomingMessage): Reply {
    if (path !== '/login/oauth/access_token' || request.method !== 'POST') return { status: 404 }
    const basic = Buffer.from((request.headers.authorization ?? '').replace(/^Basic /, ''), 'base64').toString()
    const id = form.get('client_id') ?? basic.split(':')[0]
    const secret = form.get('client_secret') ?? basic.split(':')[1]
    if (id !== fakeClient.id) return { status: 404, body: { error: 'Not Found' } }
    // GitHub refuses with 200.
    if (secret !== fakeClient.secret) return { body: { error: 'incorrect_client_credentials' } }
    if (form.get('grant_type') === 'refresh_token') {
      const scopes = refreshTokens.get(form.get('refresh_token') ?? '')
      refreshTokens.delete(form.get('refresh_token') ?? '')
      return scopes ? { body: issue(scopes) } : { body: { error: 'bad_refresh_token' } }
    }
    const grant = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    if (!grant || (grant.challenge !== null && grant.challenge !== challenge))
      return { body: { error: 'bad_verification_code', error_description: 'The code passed is incorrect or expired.' } }
    if (grant.redirectUri !== form.get('redirect_uri')) return { body: { error: 'redirect_uri_mismatch' } }
    return { body: issue(grant.scopes) }
  }

  function issue(scopes: readonly string[]): Record<string, unknown> {
    const [accessToken, refreshToken] = [randomBytes(20).toString('hex'), `ghr_${randomBytes(20).toString('hex')}`]
    const life = github.expiresIn
    tokens.set(accessToken, { scopes, endsAt: Date.now() + (life ?? 1e6) * 1000 })
    if (life !== undefined) refreshTokens.set(refreshToken, scopes)
    return {
      access_token: accessToken,
      token_type: 'bearer',
      scope: scopes.join(','),
      ...(life !== undefined && { expires_in: life, refresh_token: refreshToken }),
    }
  }

  function api(path: string, query: URLSearchParams, request: IncomingMessage): Reply {
    const { user } = github
    if (!request.headers['user-agent']) return { status: 403, body: { message: 'Request forbidden: no User-Agent' } }
    const token = tokens.get((request.headers.authorization ?? '').replace(/^(?:Bearer|token) /i, ''))
    if (!token || token.endsAt < Date.now()) return { status: 401, body: { message: 'Bad credentials' } }
    const needs = (scope: string): Reply | undefined =>
      token.scopes.includes(scope)
        ? undefined
        : {
            status: path === '/user/emails' ? 404 : 403,
            headers: { 'x-oauth-scopes': token.scopes.join(', '), 'x-accepted-oauth-scopes': scope },
            body: { message: 'Not Found' },
          }
    const page = (items: readonly unknown[]): Reply => {
      const number = Number(query.get('page') ?? 1)
      const size = Math.min(github.pageSize, Number(query.get('per_page') ?? 30))
      const last = Math.ceil(items.length / size)
      const link = (to: number, rel: string) => `<${github.api}${path}?per_page=${size}&page=${to}>; rel="${rel}"`
      const links = [
        ...(number > 1 ? [link(1, 'first')] : []),
        ...(number < last ? [link(number + 1, 'next'), link(last, 'last')] : []),
      ]
      return {
        body: items.slice((number - 1) * size, number * size),
        ...(links.length > 0 && { headers: { link: links.join(', ') } }),
      }
    }
    if (path === '/user') {
      const { id, login, name, email } = user
      return { body: { id, login, name, email, type: 'User' } }
    }
    if (path === '/user/emails') return needs('user:email') ?? page(user.emails)
    if (path === '/user/orgs') return needs('read:org') ?? page(user.orgs.map((login) => ({ login, id: 1 })))
    if (path === '/user/teams') return needs('read:org') ?? page(user.teams)
    const [, org = '', login] = /^\/orgs\/([^/]+)\/members\/([^/]+)$/.exec(path) ?? []
    const isIn = login === user.login && user.orgs.some((name) => name.toLowerCase() === org.toLowerCase())
    if (login !== undefined && isIn && token.scopes.includes('read:org')) return { status: 204 }
    if (login !== undefined)
      return { status: 302, headers: { location: `${github.api}/orgs/${org}/public_members/${login}` } }
    return { status: 404, body: { message: 'Not Found' } }
  }

  return github
}
