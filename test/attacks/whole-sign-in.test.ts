/** Signing in and out under attack: links bent, hand-overs swapped, pages of strangers. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { diceFor, many } from './dice.ts'
import { canary } from './invariants.ts'
import { callbackAt, handOverAt, step, walk, whoIs } from './steps.ts'
import { type Fort, inParallel, startFort } from './whole.ts'

let fort: Fort
before(async () => {
  fort = await startFort()
})
after(() => fort[Symbol.asyncDispose]())

test('wherever a sign-in is asked to lead, it leads back to the very host that was asked', async () => {
  const [alice, stranger] = [await fort.signedIn('alice'), fort.secure.browser()]
  const host = new URL(fort.secure.url('any')).host
  const evil = [
    'evil.test',
    'evil.test:443',
    `${host}.evil.test`,
    'evil.test%2f',
    'evil.test\\',
    '0x7f.1',
    '[::1]',
    'еvil.test',
  ]
  const fronts = [
    ...[
      '//',
      '///',
      '/\\',
      '\\\\',
      '/%09/',
      '/\t/',
      '/%0d/',
      '/\n/',
      '/./',
      '/../',
      '/..//',
      '/%2f',
      '/%5c',
      '.',
      '..',
    ],
    ...['https://', 'https:', 'https:/', 'https:///', 'HTTPS://', 'http://', 'hTTps:\\\\', 'javascript:', 'data:,'],
    ...[`https://${host}@`, `https://${host}%40`, `https://${host}#@`, `https://${host}\\@`, `https://${host}?@`],
    ...[
      `https://${host}:80@`,
      'https://any.corp.test:1@',
      `https://${host}\t.`,
      ' https://',
      '\0https://',
      '%00//',
      '?//',
      '#//',
    ],
  ]
  const tails = [
    '',
    '/',
    '/..',
    '/.pomerium/sign_out',
    '?x',
    '#y',
    '%0d%0aSet-Cookie:a=b',
    '\r\nSet-Cookie: a=b',
    '@',
    ' ',
    '\u2028',
  ]
  await inParallel(many(350), 8, async (at) => {
    const dice = diceFor(600_000 + at)
    const target = dice.oneOf(fronts) + dice.oneOf(evil) + dice.oneOf(tails)
    const name = dice.oneOf(['pomerium_redirect_uri', 'pomerium_redirect_uri', 'redirect_uri', 'rd'])
    const twice = dice.chance(0.1) ? `&${name}=${encodeURIComponent(`https://${host}/`)}` : ''
    const reply = await step(
      alice,
      fort.secure.url('any', `/.pomerium/sign_in?${name}=${encodeURIComponent(target)}${twice}`),
    )
    assert.ok(reply.status === 302 || reply.status === 400, `${target}: ${reply.status}`)
    const location = reply.headers['location'] ?? '/'
    assert.match(location, /^(?:\/(?![/\\])|https:\/\/)[\x21-\x7e]*$/, target)
    assert.equal(new URL(location, reply.url).host, host, target)
    assert.deepEqual(reply.setCookies, [])
    const leaving = await step(
      stranger,
      fort.secure.url('any', `/.pomerium/sign_out?${name}=${encodeURIComponent(target)}`),
    )
    assert.equal(new URL(leaving.headers['location'] ?? '/', leaving.url).hostname, 'authenticate.corp.test', target)
  })
})

test('a link of ours with one octet bent, one parameter more or its parts shuffled begins nothing', async () => {
  const link = await walk(fort.secure.browser(), fort.secure.url('any', '/deep'), { until: /\/\.pomerium\/sign_in\?/ })
  const stranger = fort.secure.browser()
  const bent = many(150).map((at) => {
    const dice = diceFor(610_000 + at)
    const query = link.indexOf('?') + 1
    const place = query + dice.below(link.length - query)
    const parts = link.slice(query).split('&')
    return dice.oneOf([
      link.slice(0, place) + (link[place] === 'x' ? 'y' : 'x') + link.slice(place + 1),
      `${link}&pomerium_redirect_uri=https://evil.test/`,
      `${link.slice(0, query)}pomerium_redirect_uri=https://evil.test/&${link.slice(query)}`,
      `${link.slice(0, query)}${parts.toReversed().join('&')}`,
      link.replace(/pomerium_signature=.*/, 'pomerium_signature='),
      link.replace('/sign_in?', '/sign_in?&'),
      link.replace('any.corp.test', 'closed.corp.test'),
      link.replace('any.corp.test', 'evil.test'),
      link.replace('/.pomerium/sign_in', '/.pomerium/sign_out'),
    ])
  })
  await inParallel(
    bent.filter((address) => address !== link),
    8,
    async (address) => {
      const reply = await step(stranger, address)
      const isQuestion = address.includes('sign_out') && reply.status === 200
      assert.ok(isQuestion || reply.status === 400, `${reply.status} ${address}`)
      assert.deepEqual(reply.setCookies, [])
    },
  )
})

test('a hand-over or an answer of the provider bent by one octet signs nobody in and breaks nothing', async () => {
  const base = fort.secure.browser()
  const callback = await walk(base, fort.secure.url('any', '/deep'), { until: callbackAt })
  await inParallel(many(80), 8, async (at) => {
    const dice = diceFor(620_000 + at)
    const place = callback.indexOf('?') + 1 + dice.below(callback.length - callback.indexOf('?') - 1)
    const reply = await step(
      base,
      callback.slice(0, place) + dice.oneOf(['A', '~', '*', '%00', '&']) + callback.slice(place + 1),
    )
    assert.ok(reply.status < 500 || reply.status === 502, `${reply.status} ${reply.body.slice(0, 300)}`)
  })
  const browser = fort.secure.browser()
  const handOver = await walk(browser, fort.secure.url('any', '/deep'), { until: handOverAt })
  await inParallel(many(120), 8, async (at) => {
    const dice = diceFor(630_000 + at)
    const place = handOver.indexOf('?') + 1 + dice.below(handOver.length - handOver.indexOf('?') - 1)
    const sign = dice.oneOf(['A', '~', '*', '.', '0'])
    if (handOver[place] === sign) return
    const reply = await step(browser, handOver.slice(0, place) + sign + handOver.slice(place + 1))
    assert.equal(reply.status, 400, handOver)
  })
  assert.equal(await whoIs(fort, browser), undefined)
  assert.equal((await step(browser, handOver)).status, 302)
  assert.equal(await whoIs(fort, browser), 'alice@corp.test')
})

test('hand-overs swapped between hosts, browsers and moments', async () => {
  const [one, other, victim] = [fort.secure.browser(), fort.secure.browser(), await fort.signedIn('alice')]
  const [until, user] = [handOverAt, 'eve@corp.test']
  const forAny = await walk(one, fort.secure.url('any', '/a'), { until, user })
  const forClosed = await walk(other, fort.secure.url('closed', '/c'), { until, user })
  const swap = (address: string, host: string) => address.replace(/\/\/[a-z]+\.corp/, `//${host}.corp`)
  for (const address of [
    swap(forAny, 'closed'),
    swap(forClosed, 'any'),
    swap(forAny, 'authenticate'),
    swap(forAny, 'open'),
  ]) {
    for (const browser of [one, other, victim]) {
      const reply = await step(browser, address)
      assert.ok(reply.status === 400 || reply.status === 404, `${reply.status} ${address}`)
    }
  }
  await step(victim, forAny)
  assert.equal(await whoIs(fort, victim), 'alice@corp.test', 'a foreign hand-over makes nobody somebody else')
  await step(other, forAny)
  assert.equal(await whoIs(fort, other), undefined, 'nor does it sign in a browser with an attempt of its own')
  const spare = fort.secure.browser()
  spare.cookies.store(
    new URL(forAny),
    one.cookies.matching(new URL(forAny)).map(({ name, value }) => `${name}=${value}; Path=/; Secure`),
  )
  assert.equal((await step(one, forAny)).status, 302)
  assert.equal(await whoIs(fort, one), 'eve@corp.test')
  await step(spare, forAny)
  assert.equal(await whoIs(fort, spare), undefined, 'the very same cookies a second time')
})

test('a session known before a sign-in is not the session after it (fixation), and the old one of another user ends', async () => {
  const browser = await fort.signedIn('mallory')
  const planted = fort.cookieOf(browser, 'any')
  const form = await browser.open(fort.secure.url('any', '/.pomerium/sign_in?pomerium_switch=1'))
  await browser.submit(form, { login: 'alice@corp.test', password: 'password' }, 'type="password"')
  assert.equal(await whoIs(fort, browser), 'alice@corp.test')
  const now = fort.cookieOf(browser, 'any')
  assert.notEqual(now, planted)
  const before = fort.any.seen.length
  await fort.send(`GET /old HTTP/1.1\r\nHost: any.corp.test\r\nCookie: ${planted}\r\n\r\n`, {
    secure: true,
    answers: 1,
  })
  assert.deepEqual(fort.any.seen.slice(before), [], 'the session that somebody else may know')
})

test('no page of a stranger signs anybody out', async () => {
  const alice = await fort.signedIn('alice')
  const cookie = fort.cookieOf(alice, 'any')
  const cases: string[] = []
  for (const site of ['cross-site', 'same-site', 'none', 'same-origin', undefined]) {
    for (const [mode, dest] of [
      ['navigate', 'iframe'],
      ['no-cors', 'image'],
      ['cors', 'empty'],
      ['navigate', 'document'],
      [undefined, undefined],
    ]) {
      for (const origin of ['https://evil.test', 'null', 'https://open.corp.test', undefined]) {
        const isOwn = (site === 'none' || site === 'same-origin') && mode === 'navigate' && dest === 'document'
        const isOwnPost = site === 'same-origin'
        const fields = [
          site && `Sec-Fetch-Site: ${site}`,
          mode && `Sec-Fetch-Mode: ${mode}`,
          dest && `Sec-Fetch-Dest: ${dest}`,
          origin && `Origin: ${origin}`,
          `Cookie: ${cookie}`,
        ]
        const head = fields.filter(Boolean).join('\r\n')
        const body = `token=${canary}&x=${'y'.repeat(50)}`
        const form = `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}`
        if (!isOwn) cases.push(`GET /.pomerium/sign_out HTTP/1.1\r\nHost: any.corp.test\r\n${head}\r\n\r\n`)
        if (!isOwnPost)
          cases.push(`POST /.pomerium/sign_out HTTP/1.1\r\nHost: any.corp.test\r\n${head}\r\n${form}\r\n\r\n${body}`)
      }
    }
  }
  const heard = await inParallel(cases, 8, (bytes) => fort.send(bytes, { answers: 1, secure: true }))
  for (const [at, { answers, text }] of heard.entries()) {
    assert.equal(answers[0]?.status, 200, `${cases[at]}\n${text.slice(0, 300)}`)
    assert.equal(answers[0]?.fields.get('set-cookie'), undefined)
  }
  assert.equal(await whoIs(fort, alice), 'alice@corp.test')
  await fort.check(heard)
})

test('after all of this the log holds no secret, and both doors are open', () => fort.check())
