/** An OpenID provider of our own making that lies wherever a test sets a knob in `lie`; honest while none is set. */
import { createHash, createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Json = Record<string, unknown>

/** What the provider does wrong. */
export interface Lies {
  /** Laid over the discovery document; undefined removes a member. */
  metadata?: Json
  /** Laid over the ID token's claims; undefined removes one. */
  claims?: Json
  /** Laid over the ID token's head. */
  header?: Json
  /** How the ID token is signed. */
  signature?: 'stranger' | 'broken' | 'none' | 'hs256'
  userInfo?: Json
  /** Replaces the members of the key set. */
  keys?: unknown[]
  /** Status that an endpoint answers, by its path. */
  fail?: Record<string, number>
  /** Paths that answer HTML under status 200. */
  garbage?: string[]
  /** Paths that never answer. */
  hang?: string[]
  tokenAnswer?: Json
  introspection?: Json
  /** Paths that answer in a way of their own. */
  answer?: Record<string, (response: ServerResponse) => void>
}

interface Key {
  readonly kid: string
  readonly alg: 'RS256' | 'ES256'
  readonly privateKey: KeyObject
  readonly jwk: Json
}

export interface LyingIdp extends AsyncDisposable {
  readonly issuer: string
  lie: Lies
  /** Paths asked, in order. */
  readonly asked: string[]
  readonly forms: URLSearchParams[]
  readonly authorizations: (string | undefined)[]
  /** Claims of the person who signs in. */
  person: Json
  /** New keys from now on; the old ones are gone. */
  rotate(): void
  /** What the provider's redirect back would carry: the answer to the authorization request at `url`. */
  authorize(url: string): URLSearchParams
}

export async function startLyingIdp({ alg = 'RS256' as 'RS256' | 'ES256' } = {}): Promise<LyingIdp> {
  const codes = new Map<
    string,
    { nonce: string | null; challenge: string | null; redirectUri: string | null; offline: boolean }
  >()
  const tokens = new Set<string>()
  const refreshTokens = new Set<string>()
  const [stranger, first] = firstKeys(alg)
  let key = first

  const server = createServer((request, response) => void serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const idp: LyingIdp = {
    issuer,
    lie: {},
    asked: [],
    forms: [],
    authorizations: [],
    person: { sub: 'sub-ada', email: 'ada@corp.test', email_verified: true, name: 'Ada', groups: ['devops'] },
    rotate: () => {
      key = makeKey(alg)
    },
    authorize(url) {
      const query = new URL(url).searchParams
      const code = `code_${randomBytes(12).toString('hex')}`
      codes.set(code, {
        nonce: query.get('nonce'),
        challenge: query.get('code_challenge'),
        redirectUri: query.get('redirect_uri'),
        offline: /\boffline_access\b/.test(query.get('scope') ?? ''),
      })
      return new URLSearchParams({ code, state: query.get('state') ?? '', iss: issuer })
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }

  const documents: Record<
    string,
    (form: URLSearchParams, request: IncomingMessage) => { status?: number; body: unknown }
  > = {
    '/.well-known/openid-configuration': () => ({ body: { ...metadata(issuer, alg), ...idp.lie.metadata } }),
    '/jwks': () => ({ body: { keys: idp.lie.keys ?? [key.jwk] } }),
    '/token': (form) => {
      if (form.get('grant_type') === 'refresh_token') return refreshed(form.get('refresh_token') ?? '')
      const grant = codes.get(form.get('code') ?? '')
      codes.delete(form.get('code') ?? '')
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url')
      if (!grant || grant.challenge !== challenge || grant.redirectUri !== form.get('redirect_uri')) {
        return { status: 400, body: { error: 'invalid_grant' } }
      }
      return { body: { ...tokenAnswer(grant.nonce, { offline: grant.offline }), ...idp.lie.tokenAnswer } }
    },
    '/introspect': (form) => ({
      body: {
        active: tokens.has(form.get('token') ?? ''),
        client_id: 'pom',
        sub: idp.person['sub'],
        ...idp.lie.introspection,
      },
    }),
    '/userinfo': (_, request) =>
      tokens.has((request.headers.authorization ?? '').replace('Bearer ', ''))
        ? { body: { ...idp.person, ...idp.lie.userInfo } }
        : { status: 401, body: {} },
  }

  function tokenAnswer(nonce: string | null, { offline }: { offline: boolean }): Json {
    const [accessToken, refreshToken] = [
      `at_${randomBytes(12).toString('hex')}`,
      `rt_${randomBytes(12).toString('hex')}`,
    ]
    tokens.add(accessToken)
    if (offline) refreshTokens.add(refreshToken)
    const answer = { access_token: accessToken, token_type: 'Bearer', id_token: idToken(nonce), expires_in: 60 }
    return { ...answer, ...(offline && { refresh_token: refreshToken }) }
  }

  /** Each refresh token is good once. */
  function refreshed(token: string): { status?: number; body: unknown } {
    if (!refreshTokens.delete(token)) return { status: 400, body: { error: 'invalid_grant' } }
    return { body: { ...tokenAnswer(null, { offline: true }), ...idp.lie.tokenAnswer } }
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', issuer)
    idp.asked.push(pathname)
    let text = ''
    for await (const chunk of request) text += chunk
    const form = new URLSearchParams(text)
    if (pathname === '/token') {
      idp.forms.push(form)
      idp.authorizations.push(request.headers.authorization)
    }
    if (idp.lie.hang?.includes(pathname)) return
    const own = idp.lie.answer?.[pathname]
    if (own) return own(response)
    const failure = idp.lie.fail?.[pathname]
    if (failure) return send(response, failure, { error: 'server_error' })
    if (idp.lie.garbage?.includes(pathname))
      return void response.writeHead(200, { 'content-type': 'application/json' }).end('<html>')
    const { status = 200, body } = documents[pathname]?.(form, request) ?? { status: 404, body: {} }
    send(response, status, body)
  }

  function idToken(nonce: string | null): string {
    const now = Math.floor(Date.now() / 1000)
    const claims = { iss: issuer, aud: 'pom', iat: now, exp: now + 60, nonce, ...idp.person, ...idp.lie.claims }
    const { signature } = idp.lie
    if (signature === 'none') return `${encode({ alg: 'none' })}.${encode(claims)}.`
    const alg = signature === 'hs256' ? 'HS256' : key.alg
    const body = `${encode({ alg, kid: key.kid, ...idp.lie.header })}.${encode(claims)}`
    if (signature === 'hs256') {
      const published = Buffer.from(JSON.stringify(key.jwk))
      return `${body}.${createHmac('sha256', published).update(body).digest('base64url')}`
    }
    const signer = signature === 'stranger' ? stranger : key
    const proof = sign('sha256', Buffer.from(body), { key: signer.privateKey, dsaEncoding: 'ieee-p1363' }).toString(
      'base64url',
    )
    if (signature !== 'broken') return `${body}.${proof}`
    return `${encode({ alg, kid: key.kid })}.${encode({ ...claims, groups: ['root'] })}.${proof}`
  }

  return idp
}

function metadata(issuer: string, alg: string): Json {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    userinfo_endpoint: `${issuer}/userinfo`,
    end_session_endpoint: `${issuer}/end_session`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [alg],
    authorization_response_iss_parameter_supported: true,
  }
}

const made = new Map<string, readonly [Key, Key]>()

/** Two keys, the same for all providers of a process: RSA keys take their time. */
function firstKeys(alg: 'RS256' | 'ES256'): readonly [Key, Key] {
  const keys = made.get(alg) ?? ([makeKey(alg), makeKey(alg)] as const)
  made.set(alg, keys)
  return keys
}

function makeKey(alg: 'RS256' | 'ES256'): Key {
  const { publicKey, privateKey } =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const kid = randomBytes(6).toString('hex')
  return { kid, alg, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
