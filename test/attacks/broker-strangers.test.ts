/** Thousands of requests that nobody should send, and a few that were taken wrongly once. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import {
  answerOf,
  authorizeUrl,
  callback,
  claimsIn,
  client,
  post,
  redeem,
  startBroker,
  user,
  type World,
} from '#test/broker/world.ts'
import { addresses, type Spoils, type StrangeRequest, strangeRequest } from './broker-requests.ts'
import { diceFor, many } from './dice.ts'
import { type Answer, readAnswers } from './raw-answers.ts'

const mock = { type: 'mockCallback', id: 'mock', name: 'Mock', config: {}, raw: {}, groups: undefined, grantTypes: [] }
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const idTokenType = 'urn:ietf:params:oauth:token-type:id_token'

let world: World
before(async () => {
  world = await startBroker({
    connectors: [mock as never],
    users: [user('alice')],
    clients: [
      client('app', { redirectURIs: [callback], postLogoutRedirectURIs: ['https://app.test/bye'] }),
      client('other', { redirectURIs: ['https://other.test/cb'], trustedPeers: ['app'] }),
      client('cli', { public: true, secret: undefined, redirectURIs: [] }),
    ],
  })
})
after(() => world[Symbol.asyncDispose]())

/** Octets to the broker, and what comes back until it hangs up. */
function say(octets: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(world.issuer).port), '127.0.0.1')
    let heard = ''
    socket.setTimeout(25_000, () => reject(new Error(`no end of the answer to ${octets.slice(0, 300)}`)))
    socket.on('data', (part) => (heard += part.toString('latin1')))
    // Whoever sends more than is taken hears the answer, and then that nobody reads on.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      socket.setTimeout(0)
      resolve(heard)
    })
    socket.write(Buffer.from(octets, 'latin1'))
  })
}

async function ask(octets: string, method = 'GET'): Promise<Answer> {
  const answer = readAnswers(await say(octets), [method]).findLast(({ status }) => status === 0 || status >= 200)
  assert.ok(answer, `no answer to ${octets.slice(0, 300)}`)
  return answer
}

async function gather(): Promise<Spoils> {
  const browser = world.browser()
  const page = await browser.open(authorizeUrl(world.issuer, { connector_id: 'mock' }))
  const { body } = await redeem(world, page)
  const again = await browser.open(authorizeUrl(world.issuer, { connector_id: 'mock' }))
  const foreign = await browser.open(
    authorizeUrl(world.issuer, { connector_id: 'mock', client_id: 'other', redirect_uri: 'https://other.test/cb' }),
  )
  return {
    accessToken: String(body['access_token']),
    idToken: String(body['id_token']),
    refreshToken: String(body['refresh_token']),
    code: answerOf(again).get('code') ?? '',
    foreignCode: answerOf(foreign).get('code') ?? '',
    cookies: browser.cookies.header(new URL(world.issuer), 'same-site'),
  }
}

const isLoopback = /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?(?:[/?#]|$)/
const isOwn = (address: string) => /^\/(?!\/)/.test(address) || address.startsWith(`${world.issuer}/`)
const isRegistered = (address: string) =>
  [...addresses, 'https://app.test/bye'].some(
    (known) => address.startsWith(known) && /^(?:[?#].*)?$/.test(address.slice(known.length)),
  )
const programPath = /^\/(?:token|userinfo|keys|\.well-known|device\/)/
const leak = /-secret|\bat .*(?:file|node):|node_modules|\.ts:\d|<svg onload|PRIVATE KEY/

function judge({ method, path, repeated }: StrangeRequest, { status, fields, body }: Answer): string | undefined {
  const location = fields.get('location')
  const type = fields.get('content-type') ?? ''
  if (status === 0 || status >= 500) return `the status is ${status}`
  if (leak.test(body)) return 'something is told that is nobody’s business'
  if (location !== undefined && ![isOwn, isRegistered, isLoopback.test.bind(isLoopback)].some((is) => is(location)))
    return `it leads to ${location}`
  for (const [name, value] of fields)
    if (name !== 'set-cookie' && name !== 'vary' && value.includes('\n')) return `${name} stands twice`
  if (status === 401 && !fields.has('www-authenticate')) return 'nobody says what is wanted'
  if (status === 405 && !fields.has('allow')) return 'nobody says which methods there are'
  if (body !== '' && type === '') return 'the answer is of no kind'
  if (/html/.test(type) && !fields.get('content-security-policy')?.startsWith("default-src 'none'"))
    return 'a page may run anything'
  if (/html/.test(type) && programPath.test(path) && status !== 404) return 'a program gets a page'
  if (/json/.test(type) && method !== 'HEAD') JSON.parse(body)
  if (path === '/token' && status === 200 && repeated.some((name) => name !== 'resource' && known.has(name)))
    return `${repeated} counts, and stands twice`
  return undefined
}

/** Parameters that a redemption looks at (RFC 6749 §3.2: none may come twice). */
const known = new Set([
  'grant_type',
  'code',
  'redirect_uri',
  'code_verifier',
  'client_id',
  'client_secret',
  'refresh_token',
])

test('whatever is sent to any endpoint gets an answer, of its kind, that leads and tells nowhere and nothing it should not', async () => {
  const spoils = await gather()
  const dice = diceFor(41)
  for (const _ of many(40))
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        const strange = strangeRequest(dice, spoils)
        const answer = await ask(strange.octets, strange.method)
        const complaint = judge(strange, answer)
        assert.equal(complaint, undefined, `${strange.octets}\n\n${answer.status} ${answer.body}`)
      }),
    )
  assert.equal((await fetch(`${world.issuer}/healthz`)).status, 200)
  assert.doesNotMatch(JSON.stringify([world.log, world.decisions]), /-secret|open sesame/)
  assert.deepEqual(
    world.log.filter(({ level }) => level === 'error'),
    [],
  )
})

test('RFC 6749 §3.1, §3.2: what counts may not come twice, in the address, in a form, or half in each', async () => {
  const sent = new URL(
    authorizeUrl(world.issuer, { connector_id: 'mock', prompt: 'login', max_age: '5', login_hint: 'x' }),
  )
  for (const [name, value] of [...sent.searchParams]) {
    const twice = new URL(sent)
    twice.searchParams.append(name, value)
    const { status, headers } = await fetch(twice, { redirect: 'manual' })
    const error = new URL(headers.get('location') ?? 'x:').searchParams.get('error')
    assert.equal(error ?? status, ['client_id', 'redirect_uri'].includes(name) ? 400 : 'invalid_request', name)
    const half = new URL(sent)
    half.search = String(new URLSearchParams({ [name]: value }))
    const posted = await fetch(half, { method: 'POST', body: sent.searchParams, redirect: 'manual' })
    assert.deepEqual(
      new URL(posted.headers.get('location') ?? 'x:', half).searchParams.getAll(name),
      [value, value],
      name,
    )
  }
  const { accessToken, code } = await gather()
  const redemption = { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: 'v'.repeat(43) }
  for (const [path, fields] of [
    ['/token', redemption],
    ['/token', { grant_type: 'refresh_token', refresh_token: 'x' }],
    ['/token/introspect', { token: accessToken }],
    ['/token/revoke', { token: 'x' }],
    ['/device/code', { client_id: 'app', scope: 'openid' }],
  ] as const)
    for (const [name, value] of Object.entries(fields)) {
      const body = new URLSearchParams(fields)
      body.append(name, value)
      const answer = await fetch(world.issuer + path, {
        method: 'POST',
        body,
        headers: { authorization: basic('app:app-secret') },
      })
      const { error } = (await answer.json()) as { error: unknown }
      assert.equal(`${answer.status} ${error}`, '400 invalid_request', `${path} ${name}`)
    }
})

test('a token type is one of those that are written down, and no name that every object has', async () => {
  const exchange = (more: Readonly<Record<string, string>>) =>
    post(`${world.issuer}/token`, {
      ...{ grant_type: exchangeGrant, connector_id: 'mock', subject_token: 'x', subject_token_type: idTokenType },
      ...{ scope: 'openid', ...more },
    })
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty'])
    for (const field of ['subject_token_type', 'requested_token_type']) {
      const { status, body } = await exchange({ [field]: name })
      assert.equal(`${status} ${body['error']}`, '400 invalid_request', `${field} ${name}`)
    }
  assert.equal((await exchange({})).status, 200)
})

test('RFC 9110 §15.5.2: whoever is refused as a client hears what is wanted, a bare id as well', async () => {
  for (const path of ['/token', '/token/introspect', '/token/revoke', '/device/code']) {
    const fields = { client_id: 'nobody', grant_type: 'refresh_token', refresh_token: 'x', token: 'x', scope: 'openid' }
    const answer = await fetch(world.issuer + path, { method: 'POST', body: new URLSearchParams(fields) })
    assert.equal(answer.status, 401, path)
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic realm="/, path)
  }
})

test('RFC 6750 §2.1, §3.1: blanks before a token may be several; another scheme is no token, and hears which one is', async () => {
  const { accessToken } = await gather()
  const userinfo = (authorization: string) => fetch(`${world.issuer}/userinfo`, { headers: { authorization } })
  for (const authorization of [`Bearer ${accessToken}`, `bearer   ${accessToken}`]) {
    const answer = await userinfo(authorization)
    assert.equal(((await answer.json()) as { sub: unknown }).sub, claimsIn(accessToken)['sub'])
  }
  for (const authorization of [basic('app:app-secret'), 'Negotiate x', `DPoP ${accessToken}`]) {
    const { status, headers } = await userinfo(authorization)
    assert.equal(status, 401, authorization)
    assert.equal(headers.get('www-authenticate'), `Bearer realm="${world.issuer}"`)
  }
  for (const authorization of ['Bearer', `Bearer ${accessToken} x`])
    assert.equal((await userinfo(authorization)).status, 400)
})

test('RFC 9112 §3.2: absolute-form is taken, its host counts as little as Host, and two hosts or two callers are none', async () => {
  const get = (target: string, more = '') =>
    ask(`GET ${target} HTTP/1.1\r\nHost: x\r\n${more}Connection: close\r\n\r\n`)
  for (const start of [world.issuer, 'http://evil.test/dex', 'HTTPS://user@evil.test:1/dex']) {
    const { status, body } = await get(`${start}/.well-known/openid-configuration`)
    assert.equal(status, 200, start)
    assert.equal((JSON.parse(body) as { issuer: string }).issuer, world.issuer)
  }
  for (const target of [
    'http://evil.test',
    'http:///dex/keys',
    'http://x/dex/../token',
    'ftp://x/dex/keys',
    'http:/dex/keys',
  ])
    assert.ok((await get(target)).status >= 400, target)
  assert.equal((await get('/dex/healthz', 'Host: y\r\n')).status, 400)
  assert.equal((await get('/dex/healthz', 'Authorization: a\r\nAuthorization: a\r\n')).status, 400)
  const tunnel = await ask('CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.deepEqual([tunnel.status, tunnel.fields.get('allow')], [405, 'GET, HEAD, POST'])
})

test('a form that is no form, or is far too long, hears so wherever it is sent, in words', async () => {
  const browser = world.browser()
  const page = await browser.open(authorizeUrl(world.issuer, { connector_id: 'local' }))
  const cookie = browser.cookies.header(new URL(world.issuer), 'same-site')
  const type = 'application/x-www-form-urlencoded'
  for (const address of [page.url, ...['/callback', '/auth', '/token'].map((path) => world.issuer + path)])
    for (const length of [600_000, 12_000_000]) {
      const headers = { cookie, 'content-type': type }
      const answer = await fetch(address, { method: 'POST', body: 'x'.repeat(length), headers })
      assert.equal(answer.status, 413, `${address} ${length}`)
      assert.match(await answer.text(), /too long/)
    }
  const { status } = await fetch(page.url, {
    method: 'POST',
    body: '{}',
    headers: { cookie, 'content-type': 'application/json' },
  })
  assert.equal(status, 415)
})

test('a browser full of foreign attempts is rid of them a few at a time, by answers that pass through any proxy', async () => {
  const { pathname, search } = new URL(authorizeUrl(world.issuer, { connector_id: 'local' }))
  const cookie = Array.from({ length: 400 }, (_, at) => `ostiary_attempt_${at}=x`).join('; ')
  const heard = await say(
    `GET ${pathname}${search} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: ${cookie}\r\n\r\n`,
  )
  assert.match(heard, /^HTTP\/1\.1 303 /)
  assert.match(heard, /ostiary_attempt_0=; [^\r]*1970/)
  assert.ok(heard.indexOf('\r\n\r\n') < 4_096, heard)
})
