/** A grammar of request heads gone wrong: each is a plausible request with a few parts bent. */
import type { Dice } from './dice.ts'
import { canary } from './invariants.ts'

export interface Hostile {
  readonly bytes: string
  /** As written, for who reads the answers. */
  readonly method: string
  /** Stands in targets and bodies: whatever reaches an application says which attack it came from. */
  readonly mark: string
}

const methods = ['GET', 'GET', 'GET', 'POST', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND', 'PATCH']
const oddMethods = ['TRACE', 'CONNECT', 'get', 'FOO', 'G\tET', 'PRI', '', 'GET\0', 'QUERY', 'GET ', 'GÉT', 'SOURCE']

const hosts = ['open.corp.test', 'open.corp.test', 'closed.corp.test', 'any.corp.test', 'paths.corp.test']
const oddHosts = [
  '',
  'open.corp.test.',
  'OPEN.corp.TEST',
  'open.corp.test:',
  'open.corp.test:0',
  'open.corp.test:99999',
  'open.corp.test:443x',
  'open.corp.test:+443',
  'alice@open.corp.test',
  'open.corp.test:x@closed.corp.test',
  'open.corp.test,closed.corp.test',
  'open.corp.test closed.corp.test',
  'open.corp.test/../',
  'open.corp.test#',
  'open.corp.test?x',
  'open.corp.test\\closed',
  'open\u00adcorp.test',
  'open%2ecorp.test',
  '*.corp.test',
  '*',
  'xn--a.corp.test',
  'authenticate.corp.test',
  '[::1]',
  '[::1',
  '[::ffff:127.0.0.1]',
  '0x7f.1',
  '2130706433',
  '127.0.0.1',
  'localhost',
  `${'a'.repeat(64)}.corp.test`,
  `${'a.'.repeat(140)}test`,
  'unknown.corp.test',
  'open.corp.test\tx',
  '\xe9.corp.test',
  '<b>.corp.test',
  '"',
]

const pathPieces = [
  '/',
  '//',
  '/./',
  '/../',
  '/..;/',
  '/.;x/',
  '/%2e%2e/',
  '/.%2e/',
  '/..%2f',
  '%2f',
  '%5c',
  '%5C',
  '\\',
  '%00',
  '%0d%0aX-Evil:%20yes',
  '%0a',
  '#',
  '%23',
  '%3f',
  '%',
  '%zz',
  '%c0%ae%c0%ae/',
  '%252e%252e/',
  '%25%32%66',
  '%e9',
  '\xe9',
  '\0',
  '\t',
  ' ',
  ' HTTP/1.1\r\nX-Evil: yes\r\n\r\n',
  '@closed.corp.test',
  ';jsessionid=1',
  '"<script>alert(1)</script>',
  '`',
  '{}',
  '|',
  '^',
  '\x7f',
  '*',
  'a'.repeat(3000),
]

const framings: readonly (readonly [fields: string, body: string])[] = [
  ['', ''],
  ['', ''],
  ['', ''],
  ['Content-Length: 5\r\n', 'hello'],
  ['Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'],
  ['Content-Length: 0\r\n', ''],
  ['Content-Length: 5\r\nContent-Length: 5\r\n', 'hello'],
  ['Content-Length: 5\r\nContent-Length: 0\r\n', 'hello'],
  ['Content-Length: 5, 5\r\n', 'hello'],
  ['Content-Length: +5\r\n', 'hello'],
  ['Content-Length: 5 \r\n', 'hello'],
  ['Content-Length: 0x5\r\n', 'hello'],
  ['Content-Length : 5\r\n', 'hello'],
  ['Content_Length: 5\r\n', 'hello'],
  ['Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'],
  ['Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\nhello'],
  ['Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'],
  ['Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n'],
  ['Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'],
  ['Transfer-Encoding:\x0bchunked\r\n', '0\r\n\r\n'],
  ['Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'],
  ['Transfer-Encoding\r\n : chunked\r\n', '0\r\n\r\n'],
  ['Transfer_Encoding: chunked\r\n', '0\r\n\r\n'],
  ['Transfer-Encoding: chunked\r\n', '5;a=b\r\nhello\r\n0\r\n\r\n'],
  ['Transfer-Encoding: chunked\r\n', '5\nhello\r\n0\r\n\r\n'],
  ['Transfer-Encoding: chunked\r\n', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['Transfer-Encoding: chunked\r\n', '-5\r\nhello\r\n0\r\n\r\n'],
  ['Transfer-Encoding: chunked\r\n', '5\r\nhelloXX0\r\n\r\n'],
  ['Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\nX-Pomerium-Claim-Email: mallory\r\nHost: mallory\r\n\r\n'],
  ['Transfer-Encoding: chunked\r\n', 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n'],
  ['Expect: 100-continue\r\nContent-Length: 5\r\n', 'hello'],
  ['Expect: 100-continue, x\r\nContent-Length: 5\r\n', 'hello'],
  ['Trailer: X-Email\r\nTransfer-Encoding: chunked\r\n', '0\r\nX-Email: mallory\r\n\r\n'],
]

const identityNames = [
  'X-Pomerium-Jwt-Assertion',
  'X-Pomerium-Claim-Email',
  'x-pomerium-claim-groups',
  'X-POMERIUM-ANYTHING',
  'X-Email',
  'X-Groups',
  'Remote-User',
  'Remote-Groups',
  'X-Auth-Request-User',
  'X-Auth-Request-Email',
  'X-Forwarded-User',
  'X-Forwarded-Email',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Proto',
  'X-Forwarded-Port',
  'X-Forwarded-Prefix',
  'X-Real-IP',
  'X-Original-URL',
  'X-Rewrite-URL',
  'X-Request-Id',
  'Forwarded',
  'X-WebAuth-User',
  'X-Goog-Authenticated-User-Email',
  'True-Client-IP',
  'X-Envoy-Original-Path',
]

/** A name as somebody might hope that it slips through. */
export function bentName(dice: Dice): string {
  const name = dice.oneOf(identityNames)
  switch (dice.below(6)) {
    case 0:
      return name.toUpperCase()
    case 1:
      return name.replaceAll('-', '_')
    case 2:
      return name.replace('-', '_')
    case 3:
      return [...name].map((sign) => (dice.chance(0.5) ? sign.toUpperCase() : sign.toLowerCase())).join('')
    case 4:
      return `${name} `
    default:
      return name
  }
}

const oddFields: readonly ((dice: Dice) => string)[] = [
  (dice) => `${bentName(dice)}: mallory${dice.below(100)}\r\n`,
  (dice) => `${bentName(dice)}: mallory${dice.below(100)}\r\n`,
  (dice) => `${bentName(dice)}: mallory${dice.below(100)}\r\n`,
  (dice) => `Connection: close, ${bentName(dice).trim()}, x-forwarded-for, cookie, x-pomerium-jwt-assertion\r\n`,
  () => `Connection: keep-alive, host, content-length, transfer-encoding, authorization\r\n`,
  () => `Cookie: a=b; __Host-ostiary=1.Fe26.2*mallory; __host-OSTIARY_1=mallory; c=d\r\n`,
  () => `Cookie: __Host-ostiary_csrf_mallory=1; __Host-ostiary_pkce_mallory=${canary}\r\n`,
  () => `Authorization: Bearer ${canary}\r\n`,
  () => `Authorization: Pomerium mallory\r\n`,
  () => `Authorization: Basic ${canary}\r\n`,
  () => 'Host: closed.corp.test\r\n',
  () => 'host: open.corp.test\r\n',
  () => ' folded: yes\r\n',
  () => 'X-Fold: a\r\n b\r\n',
  () => 'X-Bare: a\nX-Email: mallory\r\n',
  () => 'X-Bare: a\rX-Email: mallory\r\n',
  () => 'X-Nul: a\0b\r\n',
  () => 'X-Control: a\x01b\r\n',
  () => 'X-Any: \xe2\x80\xa8\x9b\x85 <b>\r\n',
  () => ': nameless\r\n',
  () => 'nocolon\r\n',
  () => 'X Space: mallory\r\n',
  () => 'X(Paren): mallory\r\n',
  () => 'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n',
  () => 'Upgrade: websocket\r\nConnection: Upgrade\r\n',
  () =>
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n',
  () => 'TE: trailers, mallory\r\n',
  () => 'Keep-Alive: timeout=999999\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic mallory\r\n',
  () => 'Max-Forwards: 0\r\n',
  () => `Referer: https://open.corp.test/.pomerium/callback/?pomerium_session_encrypted=${canary}&code=${canary}\r\n`,
  () => `Referer: https://user:${canary}@idp.test/cb?code=${canary}&state=${canary}&access_token=${canary}\r\n`,
  () => 'User-Agent: \x1b[31m","level":"fatal"}\r\n',
  () => 'User-Agent: \\u0000\xff\xfe"\r\n',
  () => `X-Long: ${'a'.repeat(20_000)}\r\n`,
  () => 'X-Many: 1\r\n'.repeat(1001),
  () => 'X-Some: 1\r\n'.repeat(200),
  () => `Cookie: ${Array.from({ length: 3000 }, (_, at) => `c${at}=1`).join('; ')}\r\n`,
  () => 'Cookie: ;;;=;=x;a;;\r\n',
  () => 'Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n',
  () => 'Sec-Fetch-Mode: <script>\r\n',
  () => 'Range: bytes=0-0, 0-0, 0-0\r\n',
  () => 'X-HTTP-Method-Override: DELETE\r\n',
]

/** One bent request. `fields` go in unbent. */
export function hostileRequest(dice: Dice, number: number, fields = ''): Hostile {
  const mark = `m${number}x`
  const method = dice.chance(0.08) ? dice.oneOf(oddMethods) : dice.oneOf(methods)
  const version = dice.chance(0.05)
    ? dice.oneOf(['HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'HTTP/1.1 ', '', 'HTTP/11', 'RTSP/1.0'])
    : 'HTTP/1.1'
  const [framing, body] = dice.chance(0.5) ? ['', ''] : dice.oneOf(framings)
  let head = `${method} ${targetOf(dice, mark)} ${version}\r\n`
  if (!dice.chance(0.02)) head += `Host: ${dice.chance(0.2) ? dice.oneOf(oddHosts) : dice.oneOf(hosts)}\r\n`
  head += fields
  for (let left = Math.max(0, dice.below(5) - 2); left > 0; left--) head += dice.oneOf(oddFields)(dice)
  head += framing
  let bytes = `${head}\r\n${body}`
  if (dice.chance(0.03)) bytes = bytes.replaceAll('\r\n', '\n')
  if (dice.chance(0.03)) bytes = `\r\n${bytes}`
  if (dice.chance(0.04)) bytes = flipped(bytes, dice)
  return { bytes, method, mark }
}

function targetOf(dice: Dice, mark: string): string {
  const base = dice.oneOf([
    '/',
    '/',
    '/public/',
    '/api/',
    '/guests/',
    '/exact',
    '/.pomerium/',
    '/oauth2/callback',
    '/.well-known/pomerium/',
  ])
  let path = base
  for (let left = Math.max(0, dice.below(4) - 1); left > 0; left--)
    path += dice.oneOf(pathPieces) + (dice.chance(0.5) ? 'admin' : '')
  path += `?${mark}`
  if (dice.chance(0.3)) path += `&code=${canary}&state=${canary}&pomerium_session_encrypted=${canary}`
  if (dice.chance(0.06)) {
    return dice.oneOf([
      '*',
      `http://open.corp.test${path}`,
      `https://open.corp.test${path}`,
      `HTTPS://closed.corp.test${path}`,
      `https://alice:${canary}@open.corp.test${path}`,
      `//closed.corp.test${path}`,
      'open.corp.test:443',
      `file://${path}`,
      path.slice(1),
    ])
  }
  return path
}

/** One octet replaced by any other; without what must not arrive under a spoilt name. */
function flipped(whole: string, dice: Dice): string {
  const bytes = whole.replaceAll(canary, 'x').replaceAll('mallory', 'x')
  const at = dice.below(bytes.length)
  return bytes.slice(0, at) + String.fromCharCode(dice.below(256)) + bytes.slice(at + 1)
}
