/** What a client sends to be taken for somebody else, or to make the two sides read one request in two ways. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileFate } from '#src/forward/header-fate.ts'
import { ask, openFront, sessionOf } from '#test/forward/front.ts'
import { type Echo, startRawUpstream, startUpstream } from '../actors/upstream.ts'

const spoofed = [
  'X-Pomerium-Jwt-Assertion-For',
  'X-Pomerium-Claim-Email',
  'X-Pomerium-Claim-Admin',
  'X-Pomerium-Authorization',
  'X-Pomerium-Reproxy-Policy',
  'X-Pomerium-Routing-Key',
  'X-Email',
  'Remote-User',
  'Remote-Groups',
  'X-Remote-User',
  'X-Auth-Request-User',
  'X-Auth-Request-Access-Token',
  'X-Forwarded-User',
  'X-Forwarded-Email',
  'X-Forwarded-Groups',
  'X-Forwarded-Preferred-Username',
  'X-Forwarded-Access-Token',
  'X-Forwarded-Port',
  'X-Forwarded-Client-Cert',
  'X-Authenticated-User',
  'X-WEBAUTH-USER',
  'X-Goog-Authenticated-User-Email',
  'X-MS-CLIENT-PRINCIPAL',
  'X-Amzn-Oidc-Data',
  'OIDC_CLAIM_email',
  'X-Real-IP',
  'X-Original-URL',
  'X-Rewrite-URL',
  'Forwarded',
  'Proxy-Authorization',
  'Proxy-Connection',
  'TE',
  'Keep-Alive',
  'HTTP2-Settings',
]

for (const session of [undefined, sessionOf({ email: 'ada@example.com' })]) {
  const who = session ? 'somebody signed in' : 'a stranger'
  test(`no identity header sent by ${who} arrives, in any spelling`, async () => {
    await using upstream = await startUpstream()
    await using front = await openFront({
      route: {
        to: [{ url: upstream.url }],
        passIdentity: true,
        claimHeaders: [
          { header: 'X-Email', claim: 'email' },
          { header: 'X-Missing', claim: 'missing' },
        ],
      },
      session,
      admission: { underscores: 'allow' },
    })
    const names = spoofed.flatMap((name) => [name, name.toUpperCase(), name.replaceAll('-', '_')])
    const headers = Object.fromEntries([...new Set([...names, 'X_Missing'])].map((name) => [name, 'spoofed']))
    const seen = (await ask(front, '/', { headers })).json<Echo>().headers
    assert.deepEqual(
      Object.entries(seen).filter(([, value]) => value.includes('spoofed')),
      [],
    )
    assert.equal(seen['x-email'], session ? 'ada@example.com' : '')
    assert.equal(seen['x-missing'], '')
  })
}

test('an identity header is not joined with a spoofed one where identity is not passed either', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({
    route: { to: [{ url: upstream.url }], claimHeaders: [{ header: 'X-Email', claim: 'email' }] },
    admission: { underscores: 'allow' },
  })
  const seen = (await ask(front, '/', { headers: { 'x-email': 'spoofed', x_email: 'spoofed' } })).json<Echo>()
  assert.deepEqual([seen.headers['x-email'], seen.headers['x_email']], [undefined, undefined])
})

test('Connection takes away what it names, but nothing that we say and nothing that the request means', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({
    route: {
      to: [{ url: upstream.url }],
      passIdentity: true,
      claimHeaders: [{ header: 'X-Email', claim: 'email' }],
      setRequestHeaders: { 'X-Api-Key': 'mine' },
    },
    session: sessionOf({ email: 'ada@example.com' }),
  })
  const named =
    'x-hop, host, cookie, authorization, content-length, content-type, x-email, x-forwarded-for, x-api-key, ' +
    'x-pomerium-jwt-assertion, x-request-id, x-forwarded-proto, close'
  const { headers, body } = (
    await ask(front, '/', {
      method: 'POST',
      body: 'hello',
      headers: {
        connection: named,
        'x-hop': '1',
        cookie: 'a=1',
        authorization: 'Basic dTpw',
        'content-type': 'text/plain',
        'x-api-key': 'theirs',
      },
    })
  ).json<Echo>()
  assert.equal(headers['x-hop'], undefined)
  assert.equal(headers['x-email'], 'ada@example.com')
  assert.equal(headers['x-api-key'], 'mine')
  assert.equal(headers['cookie'], 'a=1')
  assert.equal(headers['authorization'], 'Basic dTpw')
  assert.equal(headers['x-forwarded-for'], '127.0.0.1')
  assert.equal(headers['x-forwarded-proto'], 'http')
  assert.ok(headers['x-pomerium-jwt-assertion'])
  assert.ok(headers['x-request-id'])
  assert.equal(body.bytes, 5)
})

test('our cookies never reach the application, however they are spelt or split', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  const secret = '__Host-ostiary=sealed; __Host-ostiary_csrf=c'
  for (const [sent, arrives] of [
    [secret, undefined],
    [`a=1; ${secret}; b="x; y"`, 'a=1; b="x; y"'],
    [`a="1; ${secret}; b=2"`, 'a="1; b=2"'],
    [`${secret};;  ; =; a=1`, '=; a=1'],
    ['__HOST-ostiary=x; __Host-other=1', '__Host-other=1'],
  ] as const) {
    const { headers } = (await ask(front, '/', { headers: { cookie: sent } })).json<Echo>()
    assert.equal(headers['cookie'], arrives, sent)
  }
})

test('trailers of a request are not forwarded, under any name', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  const socket = connect(front.port, '127.0.0.1')
  socket.write(
    'POST / HTTP/1.1\r\nHost: wiki.app.test\r\nConnection: close\r\nTrailer: X-Late\r\nTransfer-Encoding: chunked\r\n\r\n' +
      '5\r\nhello\r\n0\r\nX-Late: 1\r\nX-Pomerium-Claim-Email: root\r\nCookie: late=1\r\n\r\n',
  )
  const answer = await text(socket)
  assert.match(answer, /^HTTP\/1\.1 200 /)
  assert.doesNotMatch(answer, /x-late|root|late=1/i)
  assert.match(answer, /"bytes":5/)
})

test('trailers of an answer are not forwarded', async () => {
  await using upstream = await startRawUpstream(
    'HTTP/1.1 200 OK\r\nTrailer: Set-Cookie\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: __Host-ostiary=evil\r\n\r\n',
  )
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  const socket = connect(front.port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: wiki.app.test\r\nConnection: close\r\n\r\n')
  assert.doesNotMatch(await text(socket), /trailer|evil/i)
})

test('an application cannot set our cookie, whatever the spelling; its own pass as they are', async () => {
  const planted: string[] = []
  const lines = [
    '__Host-ostiary=evil; Path=/; Secure',
    '__host-OSTIARY=evil',
    ' __Host-ostiary =evil',
    '=__Host-ostiary=evil',
    ' = =__Host-ostiary=evil',
    '__Host-ostiary; Path=/',
    '__Host-ostiary_csrf=evil',
    'session=own; Path=/; HttpOnly',
    'a=__Host-ostiary=fine',
  ]
  await using upstream = await startRawUpstream(
    `HTTP/1.1 200 OK\r\n${lines.map((line) => `Set-Cookie: ${line}\r\n`).join('')}Content-Length: 0\r\n\r\n`,
  )
  await using front = await openFront({
    route: { to: [{ url: upstream.url }] },
    tools: { onOwnCookieSet: ({ name }) => planted.push(name) },
  })
  const answer = await ask(front)
  assert.deepEqual(answer.headers['set-cookie'], [
    // A line without `=` is a cookie without a name: it can come back only without one.
    '__Host-ostiary; Path=/',
    'session=own; Path=/; HttpOnly',
    'a=__Host-ostiary=fine',
  ])
  assert.equal(planted.length, 6)
})

test('a claim with a line break, controls or letters of any script breaks no request and splits no header', async () => {
  await using upstream = await startUpstream()
  const claimHeaders = [{ header: 'X-Name', claim: 'name' }]
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), async (name) => {
      await using front = await openFront({
        route: { to: [{ url: upstream.url }], passIdentity: true, claimHeaders },
        session: sessionOf({ name, email: 'ada@example.com' }),
      })
      const answer = await ask(front)
      assert.equal(answer.status, 200)
      const { headers } = answer.json<Echo>()
      assert.doesNotMatch(headers['x-name'] ?? 'missing', /[\x00-\x08\x0a-\x1f\x7f]/)
    }),
    { numRuns: 40, examples: [['Ada\r\nX-Admin: 1'], ['Grüße 世界'], ['\0'], ['a\nb'], ['\u2028'], ['\ud800']] },
  )
})

test('the fate of a name does not depend on case or on underscores, unless it is a cookie or a credential', () => {
  const fateOf = compileFate(['X-Email'])
  fc.assert(
    fc.property(
      fc.constantFrom(...spoofed.map((name) => name.toLowerCase()), 'x-email', 'host', 'transfer-encoding'),
      fc.infiniteStream(fc.boolean()),
      (name, flips) => {
        const other = [...name].map((char) => (char === '-' && flips.next().value ? '_' : char)).join('')
        assert.equal(fateOf(other), 'drop')
      },
    ),
  )
  assert.equal(fateOf('coo_kie'), 'pass')
  assert.equal(fateOf('accept'), 'pass')
})

test('names that clients invent do not fill the memory', () => {
  const fateOf = compileFate([])
  for (let i = 0; i < 10_000; i++) assert.equal(fateOf(`x-invented-${i}`), 'pass')
  assert.equal(fateOf('remote-user'), 'drop')
})
