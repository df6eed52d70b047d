/** Cookies cut, mixed and planted, forms that do not end, junk on our own paths, WebSockets of strangers. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { diceFor, many } from './dice.ts'
import { canary } from './invariants.ts'
import { valuesOf } from './recording-upstream.ts'
import { whoIs } from './steps.ts'
import { type Fort, inParallel, startFort } from './whole.ts'

let fort: Fort
before(async () => {
  fort = await startFort()
})
after(() => fort[Symbol.asyncDispose]())

test('session cookies cut, mixed, doubled or of another host open nothing but what they were made for', async () => {
  const [alice, eve] = [await fort.signedIn('alice'), await fort.signedIn('mallory')]
  await alice.open(fort.secure.url('closed'))
  const [mine, theirs] = [fort.cookieOf(alice, 'any'), fort.cookieOf(eve, 'any')]
  const [value = '', other = ''] = [mine, theirs].map((cookie) => /__Host-ostiary=([^;]+)/.exec(cookie)?.[1])
  const atClosed = /__Host-ostiary=([^;]+)/.exec(fort.cookieOf(alice, 'closed'))?.[1] ?? ''
  const atAuthenticate = /_authenticate=([^;]+)/.exec(fort.cookieOf(alice, 'authenticate'))?.[1] ?? ''
  assert.ok(value && other && atClosed && atAuthenticate)
  const before = fort.any.seen.length
  const sent: string[] = []
  const heard = await inParallel(many(400), 12, async (at) => {
    const dice = diceFor(640_000 + at)
    // Behind what all seals begin with, so that no half is a whole seal again.
    const place = 80 + dice.below(value.length - 80)
    const cookie = dice.oneOf([
      `__Host-ostiary=${value.slice(0, place)}${value[place] === 'A' ? 'B' : 'A'}${value.slice(place + 1)}`,
      `__Host-ostiary=${value.slice(0, place)}`,
      `__Host-ostiary=${value}${canary}`,
      `__Host-ostiary=2.${value.slice(2, place)}; __Host-ostiary_1=${other.slice(place)}`,
      `__Host-ostiary=2.${value.slice(2)}`,
      `__Host-ostiary=0.${value.slice(2)}`,
      `__Host-ostiary=9.${value.slice(2)}`,
      `__Host-ostiary=3.${value.slice(2, 40)}; __Host-ostiary_2=${value.slice(40)}`,
      `__Host-ostiary=${value.slice(2)}`,
      `__Host-ostiary=${atClosed}`,
      `__Host-ostiary=${atAuthenticate}`,
      `__Host-ostiary_authenticate=${value}`,
      `__host-ostiary=${value}`,
      `ostiary=${value}`,
      `__Secure-ostiary=${value}`,
      `__Host-ostiary="${value}"`,
      `__Host-ostiary=${encodeURIComponent(value)}%00`,
      `__Host-ostiary=; __Host-ostiary_1=${value}`,
      `__Host-ostiary=1.; __Host-ostiary=${canary}`,
      `x="; __Host-ostiary=${value.slice(0, -2)}"`,
      `__Host-ostiary=${'1.'.repeat(3000)}`,
      Array.from(
        { length: 1500 },
        (_, index) => `__Host-ostiary_csrf_0000000${String(index).padStart(11, 'a')}=x`,
      ).join('; '),
    ])
    sent[at] = cookie
    const bytes = `GET /s${at} HTTP/1.1\r\nHost: any.corp.test\r\nAccept: text/html\r\nCookie: ${cookie}\r\n\r\n`
    return fort.send(bytes, { answers: 1, secure: at % 8 === 0 })
  })
  const letIn = heard.findIndex(({ answers }) => answers[0]?.status === 200)
  assert.equal(letIn, -1, sent[letIn] ?? '')
  assert.equal(fort.any.seen.length, before)
  for (const { answers, text } of heard) {
    assert.equal(answers[0]?.status, 302, text.slice(0, 300))
    assert.ok(text.length < 16_000, `${text.length} octets of answer: no browser and no proxy takes such a head`)
  }
  await fort.check(heard)
})

test('two session cookies of one name (a sibling domain planted one): one of the two, whole, or nobody', async () => {
  const [alice, eve] = [await fort.signedIn('alice'), await fort.signedIn('mallory')]
  const [mine, theirs] = [fort.cookieOf(alice, 'any'), fort.cookieOf(eve, 'any')]
  for (const [cookie, expected] of [
    [`${mine}; ${theirs}`, ['alice@corp.test']],
    [`${theirs}; ${mine}`, ['eve@corp.test']],
    [`${mine}; __Host-ostiary=junk`, ['alice@corp.test']],
    [`__Host-ostiary=junk; ${mine}`, []],
    [`__Host-ostiary=; ${mine}`, []],
  ] as const) {
    const before = fort.any.seen.length
    await fort.send(`GET /t HTTP/1.1\r\nHost: any.corp.test\r\nCookie: ${cookie}\r\n\r\n`, { answers: 1 })
    assert.deepEqual(
      fort.any.seen.slice(before).flatMap((seen) => valuesOf(seen, 'x-email')),
      expected,
    )
  }
})

test('forms too long, of no type, cut off or never sent: refused, and the refusal arrives', async () => {
  const alice = await fort.signedIn('alice')
  const head = `POST /.pomerium/sign_out HTTP/1.1\r\nHost: any.corp.test\r\nCookie: ${fort.cookieOf(alice, 'any')}\r\n`
  const type = 'Content-Type: application/x-www-form-urlencoded\r\n'
  const long = `token=${'a'.repeat(200_000)}`
  for (const bytes of [
    `${head}${type}Content-Length: ${long.length}\r\n\r\n${long}`,
    `${head}${type}Transfer-Encoding: chunked\r\n\r\n${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`,
    // The refusal does not wait for the rest.
    `${head}${type}Content-Length: 900000\r\n\r\n${long}`,
    `${head}Content-Length: 3\r\n\r\nabc`,
    `${head}Content-Type: multipart/form-data\r\nContent-Length: 3\r\n\r\nabc`,
  ]) {
    const { answers, text } = await fort.send(bytes, { answers: 1, secure: true, quiet: 3000 })
    assert.equal(answers[0]?.status, 400, text.slice(0, 300))
  }
  for (let left = 20; left > 0; left--) await fort.send(`${head}${type}Content-Length: 50\r\n\r\ntoken=`, { quiet: 30 })
  assert.equal(await whoIs(fort, alice), 'alice@corp.test')
})

test('our own paths answer junk with pages of ours, never with a 5xx, and repeat none of it as markup', async () => {
  const paths = [
    'sign_in',
    'sign_out',
    'signed_out',
    'callback/',
    'callback',
    'user',
    '',
    'ping',
    'admin',
    'sign_in/..',
    '%73ign_in',
  ]
  const names = [
    'pomerium_session_encrypted',
    'pomerium_redirect_uri',
    'error',
    'error_description',
    'state',
    'code',
    'token',
    '__proto__',
  ]
  const values = [
    '<script>alert(1)</script>',
    '"><b>x',
    canary,
    '%00',
    '%ff',
    'Fe26.2*1*a*b*c**d*e~2',
    '',
    'a'.repeat(9000),
    'constructor',
  ]
  // What the provider names as its error is no secret, and logged.
  const pair = (name: string, value: string) =>
    `${name}=${encodeURI(name === 'error' && /^(?:Fe26|c4n)/.test(value) ? 'x' : value).replaceAll('#', '')}&`
  const heard = await inParallel(many(500), 16, async (at) => {
    const dice = diceFor(650_000 + at)
    const host = dice.oneOf(['authenticate', 'any', 'open', 'closed', 'unknown'])
    const path = dice.chance(0.3) ? '/oauth2/callback' : `/.pomerium/${dice.oneOf(paths)}`
    let query = '?'
    for (let left = dice.below(4); left > 0; left--) query += pair(dice.oneOf(names), dice.oneOf(values))
    const method = dice.oneOf(['GET', 'GET', 'POST', 'HEAD', 'OPTIONS', 'DELETE'])
    const accept = dice.oneOf(['text/html', 'application/json', '*/*', 'text/plain', 'x/y;q=<b>'])
    const body = dice.oneOf(['', 'token=a&token=b', 'state=<script>&error=<b>x</b>'])
    const form = body && `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n`
    const bytes = `${method} ${path}${query} HTTP/1.1\r\nHost: ${host}.corp.test\r\nAccept: ${accept}\r\n${form}\r\n${body}`
    return fort.send(bytes, { answers: 1, methods: [method], secure: at % 8 === 0 })
  })
  for (const { answers, text } of heard) {
    const [answer] = answers
    assert.ok(answer && answer.status > 0, text)
    if (answer.fields.get('x-from') !== 'upstream') assert.ok(!answer.body.includes(canary), text)
  }
  await fort.check(heard)
})

test('a page of another origin opens no WebSocket, in whatever spelling of its origin', async () => {
  const alice = await fort.signedIn('alice', 'closed')
  const origins = [
    'null',
    'https://evil.test',
    'https://closed.corp.test.evil.test',
    'https://evilclosed.corp.test',
    'https://closed.corp.test@evil.test',
    'https://closed.corp.test:1',
    'http://closed.corp.test',
    'https://open.corp.test',
    'https://corp.test',
    'closed.corp.test',
    'https://closed.corp.test.',
    'wss://closed.corp.test',
    'https://closed.corp.test, https://evil.test',
    'https://closed.corp.test https://evil.test',
    '',
    'file://',
    'https://',
  ]
  const handshake = (fields: string) =>
    `GET /ws HTTP/1.1\r\nHost: closed.corp.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nCookie: ${fort.cookieOf(alice, 'closed')}\r\n${fields}\r\n`
  const before = fort.closed.seen.length
  const good = 'Origin: https://closed.corp.test\r\n'
  for (const origin of origins) {
    for (const fields of [`Origin: ${origin}\r\n`, `${good}Origin: ${origin}\r\n`, `Origin: ${origin}\r\n${good}`]) {
      const { answers, text } = await fort.send(handshake(fields), { answers: 1, secure: true })
      assert.equal(answers[0]?.status, 403, `${fields}${text.slice(0, 200)}`)
    }
  }
  assert.equal(fort.closed.seen.length, before)
  await fort.send(handshake(good), { answers: 1, secure: true })
  assert.equal(fort.closed.seen.length, before + 1, 'its own page does')
})

test('after all of this the log holds no secret, and both doors are open', () => fort.check())
