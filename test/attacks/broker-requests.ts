/** A grammar of requests to the broker: each is a plausible one of its endpoints with a few parts bent. */
import type { Dice } from './dice.ts'

export interface StrangeRequest {
  readonly octets: string
  readonly method: string
  readonly path: string
  /** Parameters that stand twice in the form of a POST. */
  readonly repeated: readonly string[]
}

/** What is real: tokens of `app`, and codes of two clients. */
export interface Spoils {
  readonly accessToken: string
  readonly idToken: string
  readonly refreshToken: string
  readonly code: string
  readonly foreignCode: string
  readonly cookies: string
}

export const addresses = ['https://app.test/cb', 'https://other.test/cb']

const odd = [
  ...['', ' ', 'x', '\0', 'a\r\nSet-Cookie: a=b', '\t', '"><svg onload=alert(1)>', "'", '\\', '../../etc/passwd', 'é'],
  ...['\u202e\u{1f642}', 'x'.repeat(3_000), '0', '-1', '1e309', 'NaN', 'null', 'true', '[]', '{}', '__proto__'],
  ...['constructor', 'toString', '%', '%zz', '%c0%ae', '&', '=', ';', 'app', 'other', 'cli', 'mock', 'local'],
]

const redirects = [
  ...addresses,
  ...['https://app.test/cb#f', 'https://app.test/cb/', 'HTTPS://APP.TEST/cb', 'https://app.test:443/cb'],
  ...['https://user:pw@app.test/cb', 'https://app.test@evil.test/cb', 'https://evil.test/', '//evil.test', '/cb'],
  ...['https://app.test\\@evil.test/cb', 'javascript:alert(1)', 'data:text/html,x', 'urn:ietf:wg:oauth:2.0:oob'],
  ...['http://localhost:8/cb', 'http://127.0.0.1:8@evil.test/', 'http://localhost.evil.test/', 'http://127.1:8/'],
  ...['http://localhost:8\\@evil.test', 'http://localhost?@evil.test/', 'http://localhost:99999/x', 'com.evil:/cb'],
  ...['http://localhost:8/\r\nX: y', 'https://app.test/cb\0', ' https://app.test/cb', 'https://app.test/cb%0d%0aX:y'],
]

const scopes = [
  ...['openid', 'openid offline_access', 'profile', 'openid constructor', 'openid __proto__', 'OPENID', 'openid\0'],
  ...['openid audience:server:client_id:other', 'openid audience:server:client_id:', `openid ${'x '.repeat(999)}`],
]

const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
const grant = (name: string) => `urn:ietf:params:oauth:grant-type:${name}`
const tokenType = (name: string) => `urn:ietf:params:oauth:token-type:${name}`

function valuesOf({ accessToken, idToken, refreshToken, code, foreignCode }: Spoils) {
  const forged = [
    ...['none', 'HS256', 'RS256'].map((alg) => unsigned(alg, { iss: 'app', sub: 'app', aud: 'app' })),
    ...[`${idToken}x`, idToken.replace(/\.[^.]*$/, '.'), '...', 'a'.repeat(9_000), 'bnVsbA.bnVsbA.'],
  ]
  const tokens = [accessToken, idToken, refreshToken, ...forged, ...odd]
  return {
    client_id: ['app', 'other', 'cli', 'nobody', ...odd],
    redirect_uri: [...redirects, ...odd],
    response_type: ['code', 'token', 'id_token', 'code id_token', 'none', 'code code', ...odd],
    scope: [...scopes, ...odd],
    state: odd,
    nonce: odd,
    prompt: ['none', 'login', 'none login', 'consent', 'select_account', 'create', '', 'constructor'],
    response_mode: ['query', 'fragment', 'form_post', 'jwt', 'web_message', '', 'constructor'],
    max_age: ['0', '-1', '1.5', '99999999999999999999', 'x', ''],
    id_token_hint: tokens,
    login_hint: odd,
    claims: ['{}', '[]', 'null', '{', '{"id_token":{"sub":{"value":"x"}}}', '['.repeat(5_000)],
    request: forged,
    request_uri: ['https://evil.test/r', 'http://169.254.169.254/', 'file:///etc/passwd', ''],
    registration: ['{}'],
    code_challenge: [challenge, 'x', '', ...odd],
    code_challenge_method: ['S256', 'plain', '', 'constructor'],
    connector_id: ['mock', 'local', 'nobody', '__proto__', '../x', ...odd],
    grant_type: ['authorization_code', 'refresh_token', 'password', 'implicit', grant('device_code'), ...odd],
    code: [code, foreignCode, ...odd],
    code_verifier: ['w'.repeat(43), ...odd],
    refresh_token: tokens,
    device_code: odd,
    client_secret: ['app-secret', 'other-secret', ...odd],
    client_assertion: forged,
    client_assertion_type: ['urn:ietf:params:oauth:client-assertion-type:jwt-bearer', 'x'],
    token: tokens,
    token_type_hint: ['access_token', 'refresh_token', 'constructor'],
    subject_token: tokens,
    subject_token_type: [tokenType('id_token'), tokenType('access_token'), tokenType('saml2'), 'constructor'],
    requested_token_type: [tokenType('id_token'), tokenType('refresh_token'), 'toString', '__proto__'],
    access_token: tokens,
    post_logout_redirect_uri: [...redirects, ...odd],
    user_code: odd,
    xsrf: odd,
    logout: ['yes', ''],
    posted: odd,
    req: odd,
    hmac: odd,
    approval: ['approve', ''],
    RelayState: odd,
    SAMLResponse: odd,
    login: ['alice@corp.test', ...odd],
    password: odd,
  } satisfies Record<string, readonly string[]>
}

type Fields = Readonly<Record<string, string>>

const authorization: Fields = {
  ...{ client_id: 'app', redirect_uri: 'https://app.test/cb', response_type: 'code', scope: 'openid', state: 's' },
  ...{ connector_id: 'mock', code_challenge: challenge, code_challenge_method: 'S256' },
}
const attempt = { state: 'x'.repeat(43) }

const endpoints: Readonly<Record<string, Fields>> = {
  '/auth': authorization,
  '/auth/mock': authorization,
  '/auth/constructor': authorization,
  '/token': { grant_type: 'authorization_code', code: 'none', redirect_uri: 'https://app.test/cb' },
  '/token/introspect': { token: 'x' },
  '/token/revoke': { token: 'x' },
  '/device/code': { client_id: 'app', scope: 'openid' },
  '/device/token': { grant_type: grant('device_code'), device_code: 'x' },
  '/userinfo': {},
  '/logout': {},
  '/logout/confirm': { logout: 'yes' },
  '/device': { user_code: 'BCDF-GHJK' },
  '/callback': { ...attempt, code: 'x' },
  '/callback/mock': attempt,
  '/approval': { req: attempt.state, hmac: 'x' },
  '/auth/local/login': attempt,
  '/auth/%00/login': attempt,
  '/sign-in': attempt,
  '/keys': {},
  '/.well-known/openid-configuration': {},
  '/healthz': {},
  '/': {},
}

const methods = ['GET', 'GET', 'POST', 'POST', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE', 'CONNECT', 'QUERY']
const form = 'application/x-www-form-urlencoded'
const types = [`${form}; charset=utf-16`, form.toUpperCase(), 'application/json', 'multipart/form-data', '', ';']

const credentials = [
  'app:app-secret',
  'other:other-secret',
  'cli:',
  'app:x',
  'app',
  ':',
  'a%ZZ:x',
  '\xff:\0',
  '__proto__:x',
]

const extras = [
  ...['', '', '', 'Expect: 100-continue', 'Expect: x', 'Origin: https://evil.test', 'Origin: null', 'Range: bytes=0-1'],
  ...['X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Host: evil.test', 'X-HTTP-Method-Override: DELETE', 'Accept: x'],
  ...['Host: evil.test', 'Content-Encoding: gzip', 'Transfer-Encoding: gzip', 'DPoP: x', 'Accept: text/html'],
  ...['X-Ostiary-Caller: \xe9 1.2.3.4 id', `X: ${'y'.repeat(20_000)}`, 'Upgrade: websocket\r\nSec-WebSocket-Key: x'],
]

export function strangeRequest(dice: Dice, spoils: Spoils): StrangeRequest {
  const path = dice.oneOf(Object.keys(endpoints))
  const method = dice.oneOf(methods)
  const fields = bent(dice, { start: Object.entries(endpoints[path] ?? {}), spoils })
  const text = fields.map((pair) => pair.map(encodeURIComponent).join('=')).join('&')
  const hasBody = method === 'POST' || dice.chance(0.1)
  const inQuery = !hasBody || dice.chance(0.2)
  const inBody = hasBody && dice.chance(0.9)
  const names = inBody ? fields.map(([name]) => name) : []
  const lines = [
    'Host: 127.0.0.1',
    'Connection: close',
    ...(dice.chance(0.5) ? [`Authorization: ${shown(dice, spoils)}`] : []),
    ...(dice.chance(0.05) ? [`Authorization: ${shown(dice, spoils)}`] : []),
    ...(dice.chance(0.4) ? [`Cookie: ${cookies(dice, spoils)}`] : []),
    dice.oneOf(extras),
  ].filter(Boolean)
  const target = bentTarget(dice, `/dex${path}${inQuery && text !== '' ? `?${text}` : ''}`)
  const head = `${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n`
  return {
    octets: hasBody ? head + framed(dice, inBody ? text : '') : `${head}\r\n`,
    method,
    path,
    repeated: names.filter((name, at) => names.indexOf(name) !== at),
  }
}

function bent(dice: Dice, { start, spoils }: { readonly start: [string, string][]; readonly spoils: Spoils }) {
  const values: Readonly<Record<string, readonly string[]>> = valuesOf(spoils)
  const list = [...start]
  for (let left = dice.below(4); left > 0; left--) {
    const known = dice.chance(0.7) ? list[dice.below(Math.max(1, list.length))]?.[0] : undefined
    const name = known ?? dice.oneOf(Object.keys(values))
    const value = dice.oneOf(values[name] ?? odd)
    const at = list.findIndex(([other]) => other === name)
    if (at === -1 || dice.chance(0.25)) list.push([name, value])
    else if (dice.chance(0.15)) list.splice(at, 1)
    else list[at] = [name, value]
  }
  return list
}

function shown(dice: Dice, { accessToken, idToken }: Spoils): string {
  const basic = (text: string) => `Basic ${Buffer.from(text, 'latin1').toString('base64')}`
  const token = dice.oneOf([accessToken, idToken, 'x', ''])
  return dice.oneOf([
    ...credentials.map(basic),
    ...['Basic', 'Basic !', `Bearer ${token}`, `bearer  ${token}`, `DPoP ${token}`, 'Negotiate x', 'x'.repeat(7_000)],
  ])
}

function cookies(dice: Dice, spoils: Spoils): string {
  const session = 'ostiary_broker_session'
  return dice.oneOf([
    spoils.cookies,
    `${spoils.cookies}; ${spoils.cookies}`,
    spoils.cookies.replaceAll('=', '=x'),
    ...[
      `${session}=x; ${session}.sig=y`,
      `${session}=${'x'.repeat(6_000)}`,
      `${session}="\xe9"`,
      '=;=;',
      '__proto__=x',
    ],
    Array.from({ length: 300 }, (_, at) => `ostiary_attempt_${at}=x`).join('; '),
  ])
}

function bentTarget(dice: Dice, target: string): string {
  if (dice.chance(0.88)) return target
  return dice.oneOf([
    ...['*', `/${target}`, `http://evil.test${target}`, `${target}#x`, `${target}\xe9`, target.toUpperCase()],
    ...[target.replace('/dex', '/x/../dex'), target.replace('/dex', '/%64ex'), target.replace('/dex/', '/dex%2f')],
    ...[target.replace('/dex/', '/dex\\'), target.replace('/dex/', '/dex;x/'), target.replace('/dex', '/dex/.')],
  ])
}

/** The rest of the head, and the body, mostly as it should be. */
function framed(dice: Dice, body: string): string {
  const type = `Content-Type: ${dice.chance(0.8) ? form : dice.oneOf(types)}\r\n`
  const length = `Content-Length: ${body.length}\r\n`
  const chunked = 'Transfer-Encoding: chunked\r\n'
  const chunks = `${body === '' ? '' : `${body.length.toString(16)};x=y\r\n${body}\r\n`}0\r\n`
  if (dice.chance(0.8)) return `${type}${length}\r\n${body}`
  return dice.oneOf([
    `${type}${chunked}\r\n${chunks}\r\n`,
    `${type}${chunked}\r\n${chunks}Authorization: Basic YXBwOmFwcC1zZWNyZXQ=\r\n\r\n`,
    `${type}${length}${chunked}\r\n${body}`,
    `${type}${length}Content-Length: ${body.length + 1}\r\n\r\n${body}`,
    `${type}Content-Length: +${body.length}\r\n\r\n${body}`,
  ])
}

function unsigned(alg: string, claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg, typ: 'JWT' })}.${part(claims)}.${alg === 'none' ? '' : 'AAAA'}`
}
