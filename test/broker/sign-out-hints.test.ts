/** What an application says at the sign-out endpoint (RP-Initiated Logout 1.0), and what is believed of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Browser } from '#test/actors/browser.ts'
import { authorizeUrl, client, headerIn, redeem, signIn, startBroker, user, type World } from '#test/broker/world.ts'

const bye = 'https://app.test/bye'
const form = 'application/x-www-form-urlencoded'
const several = { scope: 'openid audience:server:client_id:peer' }

function start(more: { users?: Parameters<typeof startBroker>[0] } = {}) {
  const peer = client('peer', { trustedPeers: ['app'], postLogoutRedirectURIs: ['https://peer.test/bye'] })
  const clients = [client('app', { postLogoutRedirectURIs: [bye] }), peer, client('other')]
  return startBroker({ clients, ...more.users })
}

async function signedIn(world: World, more: Readonly<Record<string, string>> = {}) {
  const browser = world.browser()
  const { body } = await redeem(world, await signIn(browser, authorizeUrl(world.issuer, more)))
  return { browser, token: String(body['id_token']), access: String(body['access_token']) }
}

const out = (world: World, browser: Browser, more: Readonly<Record<string, string>>) =>
  browser.open(`${world.issuer}/logout?${new URLSearchParams(more)}`)

/** As an application's page does it: from another site. */
const outByPost = (world: World, browser: Browser, more: Readonly<Record<string, string>>) =>
  browser.open(`${world.issuer}/logout`, {
    method: 'POST',
    headers: { 'content-type': form },
    body: String(new URLSearchParams(more)),
    from: 'https://app.test/',
  })

async function isSignedIn(world: World, browser: Browser): Promise<boolean> {
  return !(await browser.open(authorizeUrl(world.issuer))).body.includes('type="password"')
}

test('a token for several clients signs out for the one that it was made for', async () => {
  await using world = await start()
  for (const more of [{}, { client_id: 'app' }]) {
    const { browser, token } = await signedIn(world, several)
    const page = await out(world, browser, { id_token_hint: token, post_logout_redirect_uri: bye, state: 'x', ...more })
    assert.equal(page.url, `${bye}?state=x`)
    assert.equal(await isSignedIn(world, browser), false)
  }
  const { browser, token } = await signedIn(world, several)
  const away = { post_logout_redirect_uri: 'https://peer.test/bye' }
  assert.equal((await out(world, browser, { id_token_hint: token, ...away })).status, 400)
  const page = await out(world, browser, { id_token_hint: token, client_id: 'peer', ...away })
  assert.equal(page.url, 'https://peer.test/bye', 'another one of its audience may say that it is the one')
})

test('§2: POST is as good as GET, from another site and with a token too long for an address', async () => {
  const groups = Array.from({ length: 1_500 }, (_, index) => `a-group-with-a-long-name-${index}`)
  await using world = await start({ users: { users: [user('alice', { groups })] } })
  for (const more of [{}, several]) {
    const { browser, token } = await signedIn(world, { scope: 'openid groups', ...more })
    if (!('scope' in more)) assert.ok(token.length > 32_768)
    const fields = { id_token_hint: token, post_logout_redirect_uri: bye, state: 'a b&c' }
    const page = await outByPost(world, browser, fields)
    assert.equal(page.url, `${bye}?state=a+b%26c`)
    assert.equal(await isSignedIn(world, browser), false)
    const redirect = page.trail[1]?.url ?? ''
    assert.ok(redirect.length < 2_000 && !redirect.includes(token), 'the whole token stands in an address')
  }
})

test('what a POST becomes is good for a sign-out and a moment, and for nothing else', async () => {
  await using world = await start()
  const { browser, token, access } = await signedIn(world)
  const answer = await fetch(`${world.issuer}/logout`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ id_token_hint: token }),
  })
  const address = new URL(answer.headers.get('location') ?? '', world.issuer)
  const short = address.searchParams.get('id_token_hint') ?? ''
  assert.equal(headerIn(short)['typ'], 'sign-out-hint+jwt')
  const userinfo = await fetch(`${world.issuer}/userinfo`, { headers: { authorization: `Bearer ${short}` } })
  assert.equal(userinfo.status, 401)
  const silently = (id_token_hint: string) =>
    browser.open(authorizeUrl(world.issuer, { prompt: 'none', id_token_hint }))
  for (const hint of [short, access]) assert.match((await silently(hint)).url, /error=invalid_request/)
  assert.match((await silently(token)).url, /code=/)
  assert.match((await browser.open(address.href)).body, /You are signed out/)
})

test('§4: a hint that cannot be verified is not used: the person is asked, and sent nowhere afterwards', async () => {
  await using world = await start()
  await using elsewhere = await start()
  const { browser, token, access } = await signedIn(world)
  const stranger = (await signedIn(elsewhere)).token
  const [head = '', body = '', signature = ''] = token.split('.')
  const bent = `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
  for (const [what, hint, more] of [
    ['no token', 'x', {}],
    ['nothing', '', {}],
    ['another issuer', stranger, {}],
    ['a changed signature', bent, {}],
    ['no signature', `${head}.${body}.`, {}],
    ['an access token', access, {}],
    ["another client's", token, { client_id: 'other' }],
    ['a client that nobody knows', token, { client_id: 'nobody' }],
  ] as const)
    for (const by of [out, outByPost]) {
      const asked = await by(world, browser, {
        id_token_hint: hint,
        post_logout_redirect_uri: bye,
        state: 'x',
        ...more,
      })
      if (what.startsWith('a client') && asked.status === 400) continue
      assert.match(asked.body, /Sign out\?/, what)
    }
  assert.equal(await isSignedIn(world, browser), true)
  const asked = await out(world, browser, { id_token_hint: bent, post_logout_redirect_uri: bye })
  const done = await browser.submit(asked)
  assert.match(done.body, /You are signed out/)
  assert.ok(done.url.startsWith(world.issuer), done.url)
})

test('a good hint of somebody else signs nobody out without a question', async () => {
  await using world = await start()
  const { token } = await signedIn(world)
  const bob = world.browser()
  await signIn(bob, authorizeUrl(world.issuer), { login: 'bob@corp.test' })
  const asked = await out(world, bob, { id_token_hint: token, post_logout_redirect_uri: bye })
  assert.match(asked.body, /Sign out\?[\s\S]*Bob/)
  assert.equal((await bob.submit(asked)).url, bye)
})

test('an ID token that has expired is a hint still (§2), and a parameter that comes twice is refused', async () => {
  let clock = Date.now()
  await using world = await startBroker({
    now: () => clock,
    clients: [client('app', { postLogoutRedirectURIs: [bye] })],
  })
  const { browser, token } = await signedIn(world)
  clock += 11 * 60_000
  const twice = await browser.open(`${world.issuer}/logout?id_token_hint=${token}&state=1&state=2`)
  assert.equal(twice.status, 400)
  const page = await out(world, browser, { id_token_hint: token, post_logout_redirect_uri: bye })
  assert.equal(page.url, bye)
})
