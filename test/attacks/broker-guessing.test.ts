/** Guessing at passwords and codes, and hiding who guesses: through the real proxy, and at the broker's own door. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { hashSync } from 'bcryptjs'
import { freePort, temporaryFolder } from '#test/actors/program.ts'
import { startProxy } from '#test/actors/proxy.ts'
import { makeSamlKeys } from '#test/actors/saml-idp.ts'
import { settingsOf } from '#test/broker/connectors/saml-case.ts'
import { answerOf, authorizeUrl, post, rightPassword, startBroker, type World } from '#test/broker/world.ts'

/** Another one than that of the proxy, which the broker would take for the client’s. */
const guesser = '127.0.0.9'
const from: object = { localAddress: guesser }

async function startOneProcess() {
  await using opened = new AsyncDisposableStack()
  const folder = opened.use(temporaryFolder('broker-guessing'))
  const port = await freePort()
  const person = { email: 'alice@corp.test', hash: hashSync(rightPassword, 10), username: 'alice', userID: 'id-alice' }
  const config = {
    shared_secret: Buffer.alloc(32, 1).toString('base64'),
    cookie_secret: Buffer.alloc(32, 2).toString('base64'),
    broker: {
      issuer: `https://id.corp.test:${port}/dex`,
      storage: { type: 'sqlite3', config: { file: join(folder.path, 'broker.db') } },
      enablePasswordDB: true,
      staticPasswords: [person],
    },
    routes: [{ from: `https://hello.corp.test:${port}`, to: 'http://127.0.0.1:1', allow_any_authenticated_user: true }],
  }
  const proxy = opened.use(await startProxy({ config, port }))
  const owned = opened.move()
  /** Octets over the public listener. */
  const say = (octets: string, quietMs = 700) =>
    new Promise<string>((resolve, reject) => {
      const socket = connectTls({
        host: '127.0.0.1',
        ...from,
        port,
        servername: 'id.corp.test',
        ca: proxy.certs.ca,
      })
      let heard = ''
      socket.setTimeout(quietMs, () => socket.destroy())
      socket.on('data', (part) => (heard += part.toString('latin1')))
      socket.on('error', reject)
      socket.on('close', () => resolve(heard))
      socket.write(octets)
    })
  return { proxy, port, say, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

test('through the proxy nobody can say who asks, take that away, or reach another path or host of the broker', async () => {
  await using world = await startOneProcess()
  const { proxy, port, say } = world
  const browser = proxy.browser()
  const form = await browser.open(proxy.url('hello'))
  assert.match(form.body, /type="password"/)
  const { pathname, search } = new URL(form.url)
  const cookie = browser.cookies.header(new URL(form.url), 'same-site')
  const body = new URLSearchParams({ login: 'alice@corp.test', password: 'wrong' }).toString()
  const guess = (headers: string) =>
    say(
      `POST ${pathname}${search} HTTP/1.1\r\nHost: id.corp.test:${port}\r\nCookie: ${cookie}\r\n${headers}\r\n` +
        `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
  const lies = [
    `X-Ostiary-Caller: ${'A'.repeat(32)} 203.0.113.9 id\r\nConnection: close`,
    'Connection: close, X-Ostiary-Caller',
    'Connection: x-ostiary-caller\r\nConnection: close',
    'X_Ostiary_Caller: x 203.0.113.9 id\r\nConnection: close',
    'X-Forwarded-For: 203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\nConnection: close',
    // So many that what is added last would be beyond what a server keeps.
    `${Array.from({ length: 994 }, (_, at) => `a${at}: b`).join('\r\n')}\r\nConnection: close`,
  ]
  for (const lie of lies) assert.match(await guess(lie), /^HTTP\/1\.1 4(?:00|01) /, lie)
  for (const path of ['/dex/../keys', '/dex/%2e%2e/x', '/dex%2fkeys', '/dex/keys;x', '/dexx']) {
    const heard = await say(`GET ${path} HTTP/1.1\r\nHost: id.corp.test:${port}\r\nConnection: close\r\n\r\n`)
    assert.doesNotMatch(heard, /"keys":\[/, path)
    assert.match(heard, /^HTTP\/1\.1 [34]/, path)
  }
  const found = await say(
    `GET /dex/.well-known/openid-configuration HTTP/1.1\r\nHost: id.corp.test:${port}\r\nX-Forwarded-Host: evil.test\r\n` +
      'X-Forwarded-Proto: http\r\nX-Forwarded-Prefix: /evil\r\nConnection: close\r\n\r\n',
  )
  assert.ok(found.includes(`"issuer":"https://id.corp.test:${port}/dex"`), found)
  assert.doesNotMatch(found, /evil/)
  const huge = 'x'.repeat(700_000)
  const long = await say(
    `POST /dex/callback HTTP/1.1\r\nHost: id.corp.test:${port}\r\nContent-Type: application/x-www-form-urlencoded\r\n` +
      `Content-Length: ${huge.length}\r\nConnection: close\r\n\r\n${huge}`,
    2_000,
  )
  assert.match(long, /^HTTP\/1\.1 4\d\d /)
  const triesSoFar = () => proxy.log().filter((line) => line['message'] === 'sign-in refused')
  for (let wait = 0; wait < 50 && triesSoFar().length < 5; wait++) await pause(100)
  const tries = triesSoFar()
  assert.equal(tries.length, 5)
  for (const { address } of tries) assert.equal(address, guesser)
  assert.doesNotMatch(proxy.output(), new RegExp(rightPassword))
})

test('the address of the guess is written down with it, and neither the password nor the cookie is', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  const form = await browser.open(authorizeUrl(world.issuer))
  await browser.submit(form, { login: 'alice@corp.test', password: 'canary-password' })
  assert.deepEqual(world.audit, [
    { outcome: 'refused', connector: 'local', login: 'alice@corp.test', address: '127.0.0.1' },
  ])
  assert.ok(!JSON.stringify(world.log).includes('canary'))
})

test('a wrong password and an unknown name are answered alike, to the letter', async () => {
  await using world = await startBroker()
  const answers: string[] = []
  for (const login of ['alice@corp.test', 'nobody@corp.test']) {
    const browser = world.browser()
    const form = await browser.open(authorizeUrl(world.issuer))
    const page = await browser.submit(form, { login, password: 'wrong' })
    const { date: _, ...headers } = page.headers
    const text = JSON.stringify([page.status, headers, page.body])
    answers.push(
      text
        .replaceAll(/state=[\w-]+/g, '')
        .replaceAll(login, 'NAME')
        .replace(/"content-length":"\d+"/, ''),
    )
  }
  assert.equal(answers[0], answers[1])
})

test('other connectors, other tabs and other browsers are the same account to who guesses', async () => {
  await using world = await startBroker()
  const statuses: number[] = []
  for (let tries = 0; tries < 8; tries++) {
    const browser = world.browser()
    const form = await browser.open(authorizeUrl(world.issuer))
    statuses.push((await browser.submit(form, { login: ' Alice@CORP.test', password: 'wrong' })).status)
  }
  assert.deepEqual(statuses, [401, 401, 401, 401, 401, 401, 429, 429])
})

test('while others guess at an account its owner signs in from where they always do', async () => {
  let clock = Date.now()
  await using world = await startBroker({ now: () => clock })
  const { inside, proof } = world.broker.doors
  const guessFrom = async (address: string, password: string) => {
    const browser = world.browser()
    const form = await browser.open(authorizeUrl(world.issuer))
    const at = new URL(form.url)
    const answer = await fetch(`${inside}${at.pathname}${at.search}`, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        cookie: browser.cookies.header(at, 'same-site'),
        'content-type': 'application/x-www-form-urlencoded',
        'x-ostiary-caller': `${proof} ${address} id`,
      },
      body: new URLSearchParams({ login: 'alice@corp.test', password }),
    })
    return answer.status
  }
  assert.equal(await guessFrom('192.0.2.1', rightPassword), 303)
  for (let at = 0; at < 12; at++) {
    await guessFrom(`198.51.100.${at}`, 'wrong')
    clock += 1_000
  }
  assert.equal(await guessFrom('198.51.100.99', rightPassword), 429)
  assert.equal(await guessFrom('192.0.2.1', rightPassword), 303)
})

test('after a wait the page says when, in the header and in words, and the right password is good then', async () => {
  let clock = Date.now()
  await using world = await startBroker({ now: () => clock })
  const browser = world.browser()
  let page = await browser.open(authorizeUrl(world.issuer))
  for (let tries = 0; tries < 7; tries++)
    page = await browser.submit(page, { login: 'alice@corp.test', password: 'wrong' })
  assert.equal(page.status, 429)
  assert.match(page.body, /Wait 2 seconds and try again/)
  clock += Number(page.headers['retry-after']) * 1000
  const done = await browser.submit(page, { login: 'alice@corp.test', password: rightPassword })
  assert.ok(answerOf(done).get('code'), done.body)
})

test('guessing at the codes of devices waits ever longer, many at once gain nothing, and others are not held up', async () => {
  let moment = Date.now()
  await using world = await startBroker({ now: () => moment, isBehindProxy: true })
  // Each with a form of its own, which is good for one code.
  const enter = async (user_code: string) => {
    const browser = world.browserAt('198.51.100.1')
    return await browser.submit(await browser.open(`${world.issuer}/device`), { user_code })
  }
  await Promise.all(Array.from({ length: 40 }, () => enter('BBBB-CCCC')))
  const looked = world.decisions.filter(({ act, outcome }) => act === 'user code' && outcome === 'refused').length
  assert.ok(looked >= 5 && looked <= 25, `${looked} codes were looked at`)
  const held = await enter('BBBB-CCCC')
  assert.equal(held.status, 429)
  assert.match(held.body, /Too many wrong codes/)
  assert.match(held.headers['retry-after'] ?? '', /^\d+$/)
  assert.ok(world.decisions.some(({ act, outcome }) => act === 'user code' && outcome === 'held-up'))
  const waits: number[] = []
  for (let round = 0; round < 5; round++) {
    const seconds = Number((await enter('BBBB-CCCC')).headers['retry-after'])
    waits.push(seconds)
    moment += seconds * 1000
    assert.notEqual((await enter('BBBB-CCCC')).status, 429, 'after the wait one more is looked at')
  }
  assert.ok(
    waits.every((wait, at) => at === 0 || wait > (waits[at - 1] ?? 0)),
    `the waits do not grow: ${waits}`,
  )
  // Somebody elsewhere, with the code of their own device.
  assert.equal((await enter('BBBB-CCCC')).status, 429)
  const { body: asked } = await post(`${world.issuer}/device/code`, { scope: 'openid' })
  const owner = world.browserAt('203.0.113.9')
  const page = await owner.submit(await owner.open(String(asked['verification_uri_complete'])))
  assert.match(page.body, /Does the device show this code/)
})

test('whoever guesses at the proxy’s own secret, from wherever the proxy is as well, keeps nobody from signing in', async () => {
  await using world = await startOneProcess()
  const { proxy, port } = world
  const basic = `Basic ${Buffer.from('ostiary:guess').toString('base64')}`
  const guess = async () => {
    const answer = await proxy.browser().fetch(`https://id.corp.test:${port}/dex/token`, {
      method: 'POST',
      headers: { authorization: basic, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=refresh_token&refresh_token=x',
    })
    return answer.status
  }
  const browser = proxy.browser()
  const form = await browser.open(proxy.url('hello'))
  const consent = await browser.submit(form, { login: 'alice@corp.test', password: rightPassword })
  const statuses: number[] = []
  for (let round = 0; round < 45; round++) statuses.push(await guess())
  assert.ok(statuses.includes(401) && statuses.includes(429), String(statuses))
  // There is no application behind that route: whoever gets so far is let in.
  const { status, url } = await browser.submit(consent, { approval: 'approve' })
  assert.deepEqual([status, url], [502, proxy.url('hello')])
})

test('whoever brings answers that nobody gave waits ever longer; others do not, nor does who is merely refused', async () => {
  const { certificate } = await makeSamlKeys()
  const config = { ...settingsOf({}, certificate), redirectURI: 'http://broker.test/callback' }
  const saml = { type: 'saml', id: 'saml', name: 'saml', config, raw: {}, groups: undefined, grantTypes: [] }
  await using world = await startBroker({
    connectors: [saml] as unknown as World['settings']['connectors'],
    settings: { issuer: 'http://broker.test' },
    isBehindProxy: true,
  })
  const inner = (address: string) => new URL(address, `http://${world.settings.web.http}`)
  const ask = (from: string, path: string, init: RequestInit = {}) => {
    const { pathname, search } = new URL(path, 'http://broker.test')
    const headers = { ...init.headers, 'x-forwarded-for': from }
    return fetch(inner(pathname + search), { ...init, headers, redirect: 'manual' })
  }
  /** A whole way there and back with an answer that is none. */
  async function bring(from: string, answer: string): Promise<Response> {
    const begun = await ask(from, authorizeUrl('http://broker.test'))
    const cookie = begun.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ')
    const onward = await ask(from, begun.headers.get('location') ?? '', { headers: { cookie } })
    const RelayState = /name="RelayState" value="([^"]+)"/.exec(await onward.text())?.[1] ?? ''
    const body = new URLSearchParams({ RelayState, SAMLResponse: answer })
    const posted = await ask(from, '/callback', { method: 'POST', body })
    if (posted.status !== 303) return posted
    return await ask(from, posted.headers.get('location') ?? '', { headers: { cookie } })
  }
  let held: Response | undefined
  for (let round = 0; round < 50 && !held; round++) {
    const answer = await bring('198.51.100.1', Buffer.from('<x/>').toString('base64'))
    if (answer.status === 429) held = answer
    else assert.ok(answer.status >= 400)
  }
  assert.ok(held, 'nobody was held up')
  assert.match(held.headers.get('retry-after') ?? '', /^\d+$/)
  assert.match(await held.text(), /Too many answers that nobody gave/)
  assert.ok(world.audit.some(({ outcome, address }) => outcome === 'held-up' && address === '198.51.100.1'))
  assert.notEqual((await bring('203.0.113.9', 'x')).status, 429)
})
