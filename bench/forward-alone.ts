/** The forward station by itself, with a session of three groups and everything said to the application; no other station. */
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { createServer } from 'node:http'
import { compileForward } from '../src/forward/forward.ts'
import { OpenUpgrades } from '../src/forward/open-upgrades.ts'
import { UpstreamPools } from '../src/forward/upstream-pools.ts'
import type { Visit } from '../src/listener/visit.ts'
import type { Session } from '../src/session/session.ts'

const { PORT, UPSTREAM = '' } = process.env
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64url')
const groups = ['devops', 'finance', 'platform-engineering']
const session: Session = {
  id: randomUUID(),
  userId: 'u-1',
  email: 'ada@example.com',
  emailVerified: true,
  name: 'Ada Example',
  claims: {},
  flatClaims: new Map<string, readonly unknown[]>([
    ['email', ['ada@example.com']],
    ['groups', groups],
    ['name', ['Ada Example']],
  ]),
  issuedAt: Date.now(),
  expiresAt: Date.now() + 1e9,
}

const { forward } = compileForward(
  {
    routeId: 'bench',
    scheme: 'https',
    to: [{ url: UPSTREAM }],
    setResponseHeaders: ['x-frame-options', 'SAMEORIGIN', 'x-xss-protection', '1; mode=block'],
    passIdentity: true,
    claimHeaders: [
      { header: 'X-Email', claim: 'email' },
      { header: 'X-Groups', claim: 'groups' },
      { header: 'X-Name', claim: 'name' },
    ],
    issuerFormat: 'hostOnly',
    websockets: false,
    timeout: 30_000,
    idleTimeout: 0,
  },
  {
    pools: new UpstreamPools(),
    signAssertion(claims) {
      const text = `${base64('{"alg":"ES256","typ":"JWT"}')}.${base64(JSON.stringify(claims))}`
      return `${text}.${base64(sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }))}`
    },
    isOwnCookie: (name) => name.startsWith('__Host-ostiary'),
    onOwnCookieSet() {},
    upgrades: new OpenUpgrades(),
    now: Date.now,
    randomId: randomUUID,
  },
)

createServer((request, response) => {
  const headers: string[] = []
  const { rawHeaders } = request
  for (let at = 0; at < rawHeaders.length; at += 2) {
    headers.push((rawHeaders[at] ?? '').toLowerCase(), rawHeaders[at + 1] ?? '')
  }
  const url = request.url ?? '/'
  const cut = url.indexOf('?')
  const visit: Visit = {
    id: randomUUID(),
    method: request.method ?? 'GET',
    scheme: 'https',
    host: 'wiki.app.test',
    port: '',
    authority: 'wiki.app.test',
    path: cut === -1 ? url : url.slice(0, cut),
    query: cut === -1 ? '' : url.slice(cut),
    headers,
    clientAddress: '127.0.0.1',
    peerAddress: '127.0.0.1',
    forwardedFor: '127.0.0.1',
    httpVersion: '1.1',
    upgrade: undefined,
    hasBody: request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined,
    receivedAt: Date.now(),
  }
  forward({ visit, request, response, upgraded: undefined }, session).catch((error: unknown) => {
    console.error(error)
    response.destroy()
  })
}).listen(Number(PORT), '127.0.0.1')
