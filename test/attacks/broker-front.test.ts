/** What somebody may try on the broker's front: spellings of paths, odd octets, odd hosts, and who says who asks. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { test } from 'node:test'
import { openBrokerDoors } from '#src/broker/doors.ts'
import { Secret } from '#src/crypto/secret.ts'
import { testCerts } from '#test/actors/certs.ts'
import { answerOf, authorizeUrl, callback, client, post, startBroker, type World } from '#test/broker/world.ts'

const mock = { type: 'mockCallback', id: 'mock', name: 'Mock', config: {}, raw: {}, groups: undefined, grantTypes: [] }

/** Octets to a door, and all that comes back until the other end closes or is silent. */
function say(door: string, octets: string | Buffer, quietMs = 500): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(door).port), '127.0.0.1')
    let heard = ''
    socket.setTimeout(quietMs, () => socket.destroy())
    socket.on('data', (part) => (heard += part.toString('latin1')))
    socket.on('error', reject)
    socket.on('close', () => resolve(heard))
    socket.write(octets)
  })
}

/** Without its stylesheet. */
async function pageAt(address: string) {
  const answer = await fetch(address, { redirect: 'manual' })
  const body = (await answer.text()).replace(/<style>[\s\S]*?<\/style>/, '')
  return { status: answer.status, headers: answer.headers, body }
}

const isHealthy = async (world: World) => (await fetch(`${world.issuer}/healthz`)).status === 200

test('no other spelling of a path goes round what is done at it: a code in a link is never sent on by script', async () => {
  await using world = await startBroker()
  const { user_code } = (await post(`${world.issuer}/device/code`, { scope: 'openid' })).body
  for (const path of ['/Device', '/DEVICE', '/device/', '/%64evice', '/device%00', '/device;x', '/device%2f']) {
    const { status, body } = await pageAt(`${world.issuer}${path}?user_code=${user_code}`)
    assert.equal(status, 404, path)
    assert.doesNotMatch(body, /<script/i, path)
  }
  const page = await pageAt(`${world.issuer}/device?user_code=${user_code}`)
  assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'none'/)
  assert.doesNotMatch(page.body, /<script/i)
})

test('paths that only the library knows, in any case, are not there', async () => {
  await using world = await startBroker({ connectors: [mock as never] })
  for (const path of [
    '/Auth?client_id=app',
    '/Auth/mock?client_id=app',
    '/auth/?client_id=app',
    '/auth%2fmock?client_id=app',
    '/TOKEN/introspect',
    '/token/',
    '/userinfo/',
    '/registration',
    '/reg',
    '/interaction/abc',
    '/backchannel',
    '/par',
    '/.well-known/openid-credential-issuer',
    '/.well-known/../keys%00',
    '/keys;jsessionid=1',
    '/keys%20',
    '/constructor',
    '/__proto__',
  ]) {
    const { status, body } = await pageAt(`${world.issuer}${path}`)
    assert.equal(status, 404, path)
    assert.doesNotMatch(body, /\bat .*\.(?:ts|js):\d+/, `${path} shows where it failed`)
  }
})

test('without a redirect_uri nobody is sent anywhere', async () => {
  await using world = await startBroker()
  for (const more of [{}, { response_type: 'token' }, { prompt: 'none' }]) {
    const { status, headers } = await pageAt(authorizeUrl(world.issuer, { redirect_uri: undefined, ...more }))
    assert.deepEqual([status, headers.get('location')], [400, null])
  }
})

test('who says who asks in letters that nobody expects is nobody, and the broker goes on', async () => {
  await using world = await startBroker()
  const { inside, proof } = world.broker.doors
  for (const said of [
    Buffer.alloc(proof.length, 0xe9),
    Buffer.from(`${'x'.repeat(proof.length)} 203.0.113.9 id`),
    Buffer.from(proof),
    Buffer.from(`${proof} not-an-address id`),
    Buffer.alloc(0),
  ]) {
    const head = Buffer.from('GET /dex/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nx-ostiary-caller: ')
    assert.match(await say(inside, Buffer.concat([head, said, Buffer.from('\r\n\r\n')])), /^HTTP\/1\.1 200 /)
  }
  assert.ok(await isHealthy(world))
})

test('whoever reaches the inner door without its proof is the address of the connection', async () => {
  await using world = await startBroker()
  const form = await world.browser().open(authorizeUrl(world.issuer))
  const { inside, proof } = world.broker.doors
  const browser = world.browser()
  const at = new URL((await browser.open(authorizeUrl(world.issuer))).url)
  const cookie = browser.cookies.header(at, 'same-site')
  const guess = (caller: string) =>
    fetch(`${inside}${at.pathname}${at.search}`, {
      method: 'POST',
      headers: { cookie, 'content-type': 'application/x-www-form-urlencoded', 'x-ostiary-caller': caller },
      body: new URLSearchParams({ login: 'alice@corp.test', password: 'wrong' }),
    })
  assert.equal((await guess(`${proof.slice(0, -1)}_ 203.0.113.9 id`)).status, 401)
  assert.equal((await guess(`${proof} 203.0.113.9 id`)).status, 401)
  assert.deepEqual(
    world.audit.map(({ address }) => address),
    ['127.0.0.1', '203.0.113.9'],
  )
  assert.ok(form.body)
})

test('bodies that are too long, slow, cut off or of another kind are refused, and nothing is kept waiting', async () => {
  await using world = await startBroker()
  const form = 'application/x-www-form-urlencoded'
  const ask = (path: string, type: string, { length = 0, body = '' }) =>
    say(
      world.issuer,
      `POST /dex${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: ${length || body.length}\r\nConnection: close\r\n\r\n${body}`,
    )
  for (const path of [
    ...['/token', '/token/introspect', '/token/revoke', '/callback', '/auth', '/userinfo', '/device'],
    ...['/device/code', '/logout', '/logout/confirm'],
  ])
    assert.match(await ask(path, form, { body: 'x'.repeat(1_000_000) }), /^HTTP\/1\.1 (?:303|4\d\d) /, path)
  for (const type of ['application/json', 'multipart/form-data; boundary=x', 'text/plain', ''])
    assert.match(await ask('/token/introspect', type, { body: 'token=x' }), /^HTTP\/1\.1 4\d\d /, type)
  await ask('/token/introspect', form, { length: 100, body: 'token=' })
  await ask('/callback', form, { length: 100, body: 'RelayState=' })
  assert.ok(await isHealthy(world))
})

test('a device code that is sent without a session, as by another site, leads to the form and enters nothing', async () => {
  await using world = await startBroker()
  const { user_code } = (await post(`${world.issuer}/device/code`, { scope: 'openid' })).body
  const answer = await fetch(`${world.issuer}/device`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ user_code: String(user_code), confirm: 'yes', xsrf: 'x' }),
  })
  assert.equal(answer.status, 303)
  const page = await world.browser().open(`${new URL(world.issuer).origin}${answer.headers.get('location')}`)
  assert.match(page.body, new RegExp(`value="${user_code}"`))
  assert.match(page.body, /Enter the code that the device shows/)
})

test('old and odd requests are answered within the issuer or refused', async () => {
  await using world = await startBroker()
  const old = await say(world.issuer, 'GET /dex/.well-known/openid-configuration HTTP/1.0\r\n\r\n')
  assert.ok(old.includes(`"issuer":"${world.issuer}"`), old)
  for (const start of [
    'OPTIONS * HTTP/1.1',
    'PROPFIND /dex/auth HTTP/1.1',
    'TRACE /dex/token HTTP/1.1',
    'GET //evil.test/dex/keys HTTP/1.1',
    'GET /dex/keys#x HTTP/1.1',
    'GET /dex/k\u00e9ys HTTP/1.1',
    `GET /dex/keys?${'x'.repeat(17_000)} HTTP/1.1`,
  ]) {
    const heard = await say(world.issuer, `${start}\r\nHost: evil.test\r\nConnection: close\r\n\r\n`)
    assert.match(heard, /^HTTP\/1\.1 4\d\d /, start.slice(0, 60))
    assert.doesNotMatch(heard, /evil/)
  }
  assert.ok(await isHealthy(world))
})

test('asking for the head of an address uses nothing up and signs nobody in', async () => {
  await using world = await startBroker({ connectors: [mock as never] })
  const head = await fetch(authorizeUrl(world.issuer, { connector_id: 'mock' }), { method: 'HEAD', redirect: 'manual' })
  assert.ok(head.status < 500)
  for (const path of ['/callback?state=x', '/logout', '/device', '/sign-in?state=x', '/approval?req=x'])
    assert.ok((await fetch(`${world.issuer}${path}`, { method: 'HEAD', redirect: 'manual' })).status < 500, path)
  assert.ok(answerOf(await world.browser().open(authorizeUrl(world.issuer, { connector_id: 'mock' }))).get('code'))
})

test('addresses that merely look like a registered one are refused without going there', async () => {
  await using world = await startBroker({
    clients: [
      client('app'),
      client('native', { public: true, secret: undefined, redirectURIs: ['http://127.0.0.1/cb'] }),
      client('cli', { public: true, secret: undefined, redirectURIs: [] }),
    ],
  })
  const tries: Record<string, readonly string[]> = {
    app: [
      'https://app.test/cb/',
      'https://app.test/cb?x=1',
      'https://app.test/cb#f',
      'https://app.test:443/cb',
      'https://app.test./cb',
      'https://APP.test/cb',
      'HTTPS://app.test/cb',
      'http://app.test/cb',
      'https://app.test/CB',
      'https://app.test/c%62',
      'https://app.test/%2e/cb',
      'https://app.test/x/../cb',
      'https://app.test\\@evil.test/cb',
      'https://app.test@evil.test/cb',
      'https://evil.test\\app.test/cb',
      'https://app.test%00.evil.test/cb',
      'https://app.test/cb\u0000',
      'https://app.test/cb ',
      ' https://app.test/cb',
      'https://app.te\u017ft/cb',
      'https://\uff41pp.test/cb',
      'https://app.test/cb\r\nSet-Cookie: x=1',
      '//app.test/cb',
      'javascript:alert(1)//https://app.test/cb',
      'https://redirect.invalid/',
      'http://127.0.0.1/cb',
    ],
    native: [
      'http://127.0.0.1.evil.test/cb',
      'http://127.0.0.1:1@evil.test/cb',
      'http://127.0.0.1:80#@evil.test/cb',
      'http://127.0.0.1\\.evil.test/cb',
      'http://127.0.0.1:8080/other',
      'http://localhost:8080/cb',
      'http://127.1/cb',
      'http://2130706433/cb',
      'http://127.0.0.2:8080/cb',
      'https://127.0.0.1:8080/cb',
      'http://127.0.0.1:8080/cb?x',
      'http://127.0.0.1:/cb',
      'http://127.0.0.1:8080/cb#f',
    ],
    cli: [
      'http://localhost.evil.test/',
      'http://localhost@evil.test/',
      'http://localhost:1@evil.test/',
      'http://localhost:99999/',
      'http://localhost\\evil.test/',
      'http://127.0.0.1.evil.test/',
      'http://[::1].evil.test/',
      'http://LOCALHOST:1/',
      'http://localhost:1/#x',
      'https://localhost/',
      'https://evil.test/',
      'urn:ietf:wg:oauth:2.0:oob:x',
    ],
  }
  for (const [client_id, addresses] of Object.entries(tries))
    for (const redirect_uri of addresses) {
      const { status, headers } = await pageAt(authorizeUrl(world.issuer, { client_id, redirect_uri }))
      assert.deepEqual([status, headers.get('location')], [400, null], `${client_id}: ${redirect_uri}`)
    }
  const right = await pageAt(authorizeUrl(world.issuer, { client_id: 'native', redirect_uri: 'http://127.0.0.1:9/cb' }))
  assert.equal(right.status, 303)
})

test('a parameter that is sent twice is refused, and never one of the two taken', async () => {
  await using world = await startBroker({ connectors: [mock as never] })
  for (const again of [
    `redirect_uri=${encodeURIComponent('https://evil.test/')}`,
    `redirect_uri=${encodeURIComponent(callback)}`,
    'client_id=other',
    'scope=openid',
    'state=other',
    'nonce=other',
    'connector_id=mock&connector_id=local',
    'code_challenge=x',
    'response_type=code',
  ]) {
    const answer = await pageAt(`${authorizeUrl(world.issuer)}&${again}`)
    const location = answer.headers.get('location') ?? ''
    assert.doesNotMatch(location, /evil|[?&]code=/, again)
    assert.ok(
      answer.status === 400 || location.includes('error=invalid_request'),
      `${again}: ${answer.status} ${location}`,
    )
  }
})

test('state and login_hint with line breaks, markup and other letters come back as they were, and write no header', async () => {
  await using world = await startBroker({ connectors: [mock as never] })
  const odd = 'a\r\nSet-Cookie: evil=1\r\n\r\n<script>alert(1)</script>"\'\u0000\u2028\ud83d\ude00&error=x#y'
  const browser = world.browser()
  const page = await browser.open(authorizeUrl(world.issuer, { connector_id: 'mock', state: odd, login_hint: odd }))
  assert.equal(answerOf(page).get('state'), odd)
  assert.equal(answerOf(page).get('error'), null)
  assert.doesNotMatch(browser.cookies.header(new URL(world.issuer), 'same-site'), /evil/)
  assert.doesNotMatch(page.body, /<script>alert/)
})

test('whatever is answered, in whatever form, is guessed at, framed, run and kept by nobody', async () => {
  await using world = await startBroker()
  const asks: readonly (readonly [string, RequestInit])[] = [
    ['/auth', {}],
    ['/auth?client_id=app&redirect_uri=https%3A%2F%2Fapp.test%2Fcb&response_type=code&scope=openid', {}],
    ['/device', {}],
    ['/device/some-attempt-of-somebody', {}],
    ['/device/some-attempt-of-somebody', { method: 'POST' }],
    ['/device/code', { method: 'POST' }],
    ['/healthz', {}],
    ['/healthz', { method: 'DELETE' }],
    ['/logout', {}],
    ['/nowhere', {}],
    ['/token', { method: 'POST' }],
    ['/token', { method: 'OPTIONS' }],
    ['/token', {}],
    ['/userinfo', {}],
    ['/callback', { method: 'POST', body: new URLSearchParams({ RelayState: 'x' }) }],
    ['/callback', { method: 'POST', body: '{}' }],
  ]
  for (const [path, init] of asks) {
    const { headers, status } = await fetch(world.issuer + path, { ...init, redirect: 'manual' })
    const what = `${init.method ?? 'GET'} ${path} (${status})`
    assert.equal(headers.get('x-content-type-options'), 'nosniff', what)
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/, what)
    assert.match(headers.get('cache-control') ?? '', /no-store/, what)
  }
  for (const path of ['/keys', '/.well-known/openid-configuration'])
    assert.doesNotMatch((await fetch(world.issuer + path)).headers.get('cache-control') ?? '', /no-store/, path)
  assert.equal((await fetch(`${world.issuer}/healthz`, { method: 'DELETE' })).status, 405)
})

test('more fields than anybody sends hide nobody: all of them are seen, or the request is refused', async () => {
  await using world = await startBroker({ isBehindProxy: true })
  const fields = (count: number) => Array.from({ length: count }, (_, at) => `a${at}: b`).join('\r\n')
  const body = String(new URLSearchParams({ grant_type: 'x', client_id: 'app', client_secret: 'guess' }))
  const say = async (count: number) => {
    const socket = connect(Number(new URL(world.issuer).port), '127.0.0.1')
    socket.end(
      `POST /dex/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n` +
        `Connection: close\r\n${fields(count)}\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n${body}`,
    )
    let heard = ''
    for await (const part of socket) heard += part
    return heard
  }
  assert.match(await say(1_050), /^HTTP\/1\.1 401 /)
  assert.equal(world.decisions[0]?.address, '203.0.113.9')
  assert.match(await say(1_200), /^HTTP\/1\.1 431 /)
})

test('a form of a great many empty fields holds nobody else up', async () => {
  await using world = await startBroker()
  const delays = monitorEventLoopDelay({ resolution: 5 })
  await fetch(`${world.issuer}/healthz`)
  delays.enable()
  for (const [path, octets] of [
    ['/callback', 500_000],
    ['/token', 60_000],
    ['/token/introspect', 60_000],
    ['/auth', 15_000],
    ['/logout', 120_000],
  ] as const)
    for (const field of ['a&', '&', 'a=b&']) {
      const body = field.repeat(octets / field.length)
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const { status } = await fetch(world.issuer + path, { method: 'POST', body, headers, redirect: 'manual' })
      assert.ok(status === 413 || status === 303, `${path} ${status}`)
    }
  delays.disable()
  assert.ok(delays.max < 150e6, `the event loop was held up for ${delays.max / 1e6} ms`)
})

test('whoever connects and says nothing, in clear or at a handshake, is gone within seconds', {
  timeout: 25_000,
}, async () => {
  const { certificate, key } = await testCerts()
  const web = {
    ...{ http: '127.0.0.1:0', https: '127.0.0.1:0', allowedOrigins: [], allowedHeaders: [], headers: {} },
    ...{ clientRemoteIP: undefined, tls: { cert: certificate, key: new Secret(key), minVersion: '1.2' as const } },
  }
  await using doors = await openBrokerDoors(web, async (_request, response) => void response.end())
  const silent = doors.outside.flatMap((address) =>
    ['', 'GET / HTTP/1.1\r\nHost: x\r\n'].map((said) => ({ address, said })),
  )
  const began = performance.now()
  await Promise.all(
    silent.map(async ({ address, said }) => {
      const socket = connect(Number(new URL(address).port), '127.0.0.1')
      if (said !== '') socket.write(said)
      socket.resume().on('error', () => {})
      await once(socket, 'close')
      const seconds = (performance.now() - began) / 1000
      assert.ok(seconds < 16, `${address} held ${JSON.stringify(said)} for ${seconds} s`)
    }),
  )
})
