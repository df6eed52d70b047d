import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { hashSync } from 'bcryptjs'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { openBroker } from '#src/broker/open-broker.ts'
import type { AuditEvent } from '#src/broker/sign-in-pages.ts'
import { brokerPages } from '#src/cli/demo/broker-pages.ts'
import { type Ask, Browser, describe, type Page, type Reply } from '#test/actors/browser.ts'
import { testCerts } from '#test/actors/certs.ts'

const callback = 'https://authenticate.corp.test/oauth2/callback'
const signedOut = 'https://authenticate.corp.test/.pomerium/signed_out'
const verifier = 'v'.repeat(43)
const hash = hashSync('right', 10)

async function start(more: { now?: () => number } = {}) {
  const certs = await testCerts()
  const audit: AuditEvent[] = []
  const broker = await openBroker({
    host: '127.0.0.1',
    port: 0,
    tls: { cert: certs.certificate, key: certs.key },
    clients: [{ id: 'pom', secret: 'pomerium', redirectURIs: [callback], postLogoutRedirectURIs: [signedOut] }],
    users: {
      staticPasswords: [
        { email: 'ada@corp.test', hash, username: 'ada', name: 'Ada', userID: '1', groups: ['devops'] },
        { email: 'bob@corp.test', hash, username: 'bob', userID: '2' },
      ],
    },
    pages: brokerPages(''),
    now: more.now ?? Date.now,
    audit: (event) => audit.push(event),
  })
  // Nothing listens at the application's address: the browser stops there.
  const browser = () => new Application({ port: 0, ca: certs.ca })
  const url = (state: string, extra = '') =>
    `${broker.issuer}/auth?${new URLSearchParams({
      client_id: 'pom',
      response_type: 'code',
      redirect_uri: callback,
      scope: 'openid profile email groups offline_access',
      state,
      nonce: 'n',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    })}${extra}`
  return {
    ...broker,
    audit,
    browser,
    url,
    certs,
    async [Symbol.asyncDispose]() {
      await broker.close()
    },
  }
}

/** A browser for which the application's host is a blank page. */
class Application extends Browser {
  protected override send(url: URL, ask: Ask): Promise<Reply> {
    if (url.hostname === '127.0.0.1') return super.send(url, ask)
    return Promise.resolve({ url: url.href, status: 200, headers: {}, setCookies: [], body: 'back' })
  }
}

const answerOf = (page: Page) => new URL(page.url).searchParams

async function redeem(broker: { issuer: string }, browser: Browser, code: string) {
  const reply = await browser.fetch(`${broker.issuer}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from('pom:pomerium').toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: callback,
      code_verifier: verifier,
    }).toString(),
  })
  return { ...(JSON.parse(reply.body) as Record<string, unknown>), status: reply.status } as Record<string, unknown> & {
    status: number
  }
}

test('a user signs in once, and the application learns who it is from the ID token', async () => {
  await using broker = await start()
  const browser = broker.browser()
  const form = await browser.open(broker.url('s1'))
  const page = await browser.submit(form, { email: 'ada@corp.test', password: 'right' })
  assert.equal(answerOf(page).get('state'), 's1', describe(page))
  assert.equal(answerOf(page).get('iss'), broker.issuer, 'RFC 9207')
  const tokens = await redeem(broker, browser, answerOf(page).get('code') ?? '')
  assert.equal(tokens.status, 200, JSON.stringify(tokens))
  const keys = JSON.parse((await browser.fetch(`${broker.issuer}/jwks`)).body)
  const { payload } = await jwtVerify(String(tokens['id_token']), createLocalJWKSet(keys), {
    issuer: broker.issuer,
    audience: 'pom',
    algorithms: ['RS256'],
  })
  const { sub, nonce, email, email_verified, name, preferred_username, groups } = payload
  assert.deepEqual(
    { sub, nonce, email, email_verified, name, preferred_username, groups },
    {
      sub: 'CgExEgVsb2NhbA',
      nonce: 'n',
      email: 'ada@corp.test',
      email_verified: true,
      name: 'Ada',
      preferred_username: 'ada',
      groups: ['devops'],
    },
  )
  assert.ok(tokens['refresh_token'])
  const again = await browser.open(broker.url('s2'))
  assert.equal(answerOf(again).get('state'), 's2', 'the session of the broker was not used')
})

test('a code works once, and its second use ends what the first one gave', async () => {
  await using broker = await start()
  const browser = broker.browser()
  const page = await browser.submit(await browser.open(broker.url('s')), { email: 'ada@corp.test', password: 'right' })
  const code = answerOf(page).get('code') ?? ''
  const first = await redeem(broker, browser, code)
  assert.equal((await redeem(broker, browser, code)).status, 400)
  const userinfo = await browser.fetch(`${broker.issuer}/me`, {
    headers: { authorization: `Bearer ${first['access_token']}` },
  })
  assert.equal(userinfo.status, 401)
})

test('a request without PKCE is sent back', async () => {
  await using broker = await start()
  const page = await broker.browser().open(broker.url('s').replace(/&code_challenge.*/, ''))
  assert.equal(answerOf(page).get('error'), 'invalid_request')
})

test('a wrong password shows the form again, with the address kept and the password not', async () => {
  await using broker = await start()
  const browser = broker.browser()
  const form = await browser.open(broker.url('s'))
  const again = await browser.submit(form, { email: 'ada@corp.test', password: 'wrong-canary' })
  assert.equal(again.status, 401)
  assert.match(again.body, /role="alert"/)
  assert.match(again.body, /value="ada@corp\.test"/)
  assert.doesNotMatch(again.body, /wrong-canary/)
  const page = await browser.submit(again, { email: 'ada@corp.test', password: 'right' })
  assert.equal(answerOf(page).get('state'), 's')
  assert.deepEqual(
    broker.audit.map(({ outcome }) => outcome),
    ['refused', 'signed-in'],
  )
})

test('guessing is held up, for the right password as well, and ends by itself', async () => {
  let now = Date.now()
  await using broker = await start({ now: () => now })
  const browser = broker.browser()
  let page = await browser.open(broker.url('s'))
  for (let tries = 0; tries < 5; tries++) {
    page = await browser.submit(page, { email: 'ada@corp.test', password: `guess ${tries}` })
    assert.equal(page.status, 401)
  }
  const held = await browser.submit(page, { email: 'Ada@Corp.test', password: 'right' })
  assert.equal(held.status, 429, describe(held))
  const other = await browser.submit(page, { email: 'bob@corp.test', password: 'wrong' })
  assert.equal(other.status, 401, 'another account was held up')
  now += 61_000
  const later = await browser.submit(page, { email: 'ada@corp.test', password: 'right' })
  assert.equal(answerOf(later).get('state'), 's', describe(later))
})

test('the form of one browser is of no use in another, nor to a foreign page', async () => {
  await using broker = await start()
  const form = await broker.browser().open(broker.url('s'))
  const elsewhere = await broker.browser().submit(form, { email: 'ada@corp.test', password: 'right' })
  assert.equal(elsewhere.status, 400)
  const browser = broker.browser()
  const own = await browser.open(broker.url('s'))
  const action = /action="([^"]+)"/.exec(own.body)?.[1] ?? ''
  for (const origin of ['https://evil.test', 'null']) {
    const forged = await browser.fetch(new URL(action, own.url).href, {
      method: 'POST',
      headers: { origin, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'email=ada%40corp.test&password=right',
    })
    assert.equal(forged.status, 403, origin)
  }
})

test('a form too large for one is refused before it is read', async () => {
  await using broker = await start()
  const browser = broker.browser()
  const own = await browser.open(broker.url('s'))
  const action = /action="([^"]+)"/.exec(own.body)?.[1] ?? ''
  const reply = await browser.fetch(new URL(action, own.url).href, { method: 'POST', body: 'x'.repeat(20_000) })
  assert.equal(reply.status, 413)
})

test('tabs that wait at the form go on by themselves once another has signed in', async () => {
  await using broker = await start()
  const browser = broker.browser()
  const [first, second] = [await browser.open(broker.url('one')), await browser.open(broker.url('two'))]
  await browser.submit(first, { email: 'ada@corp.test', password: 'right' })
  const reloaded = await browser.open(second.url)
  assert.equal(answerOf(reloaded).get('state'), 'two', describe(reloaded))
})

test('an application that wants a fresh sign-in gets one, and somebody else may be who signs in', async () => {
  await using broker = await start()
  const browser = broker.browser()
  await browser.submit(await browser.open(broker.url('s')), { email: 'ada@corp.test', password: 'right' })
  const form = await browser.open(broker.url('t', '&prompt=login'))
  assert.match(form.body, /type="password"/)
  const page = await browser.submit(form, { email: 'bob@corp.test', password: 'right' })
  assert.equal(answerOf(page).get('state'), 't', describe(page))
  const tokens = await redeem(broker, browser, answerOf(page).get('code') ?? '')
  const claims = JSON.parse(Buffer.from(String(tokens['id_token']).split('.')[1] ?? '', 'base64url').toString())
  assert.equal(claims.email, 'bob@corp.test')
  assert.equal('groups' in claims, false, 'no groups is no claim, as with Dex')
})

test('sign-out from an application ends the session without a question, and goes back', async () => {
  await using broker = await start()
  const browser = broker.browser()
  const page = await browser.submit(await browser.open(broker.url('s')), { email: 'ada@corp.test', password: 'right' })
  const tokens = await redeem(broker, browser, answerOf(page).get('code') ?? '')
  const end = (more: Record<string, string>) =>
    `${broker.issuer}/session/end?${new URLSearchParams({ post_logout_redirect_uri: signedOut, client_id: 'pom', ...more })}`
  const out = await browser.open(end({ id_token_hint: String(tokens['id_token']), state: 'bye' }))
  assert.equal(out.url, `${signedOut}?state=bye`, describe(out))
  assert.match((await browser.open(broker.url('again'))).body, /type="password"/)
  const refreshed = await browser.fetch(`${broker.issuer}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from('pom:pomerium').toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: `grant_type=refresh_token&refresh_token=${tokens['refresh_token']}`,
  })
  assert.equal(refreshed.status, 400, 'the refresh token outlived the sign-out')
  const twice = await browser.open(end({ id_token_hint: String(tokens['id_token']) }))
  assert.equal(twice.url, signedOut, describe(twice))
})

test('sign-out without a token of the user asks first', async () => {
  await using broker = await start()
  const browser = broker.browser()
  await browser.submit(await browser.open(broker.url('s')), { email: 'ada@corp.test', password: 'right' })
  const question = await browser.open(`${broker.issuer}/session/end?client_id=pom`)
  assert.match(question.body, /Sign out\?/)
  assert.equal(answerOf(await browser.open(broker.url('still'))).get('state'), 'still')
  const done = await browser.submit(await browser.open(`${broker.issuer}/session/end?client_id=pom`))
  assert.match(done.body, /Signed out/)
  assert.match((await browser.open(broker.url('again'))).body, /type="password"/)
})

test('sign-out never leads to an address that the application did not register', async () => {
  await using broker = await start()
  for (const target of ['https://evil.test/', `${signedOut}/x`, 'javascript:alert(1)']) {
    const page = await broker
      .browser()
      .open(
        `${broker.issuer}/session/end?${new URLSearchParams({ client_id: 'pom', post_logout_redirect_uri: target })}`,
      )
    assert.equal(new URL(page.url).origin, broker.issuer, target)
  }
})

test('no page runs a script or may be framed', async () => {
  await using broker = await start()
  const browser = broker.browser()
  for (const page of [
    await browser.open(broker.url('s')),
    await browser.open(`${broker.issuer}/auth?client_id=unknown`),
    await browser.open(`${broker.issuer}/sign-in/nothing`),
  ]) {
    assert.doesNotMatch(page.body, /<script/)
    const policy = page.headers['content-security-policy'] ?? ''
    assert.match(policy, /default-src 'none'/, page.url)
    assert.match(policy, /frame-ancestors 'none'/, page.url)
  }
})
