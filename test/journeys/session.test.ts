import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { describe } from '#test/actors/browser.ts'
import { echoOf, people, startWorld } from './world.ts'

test('sign-out ends the session here, at the authenticate host and at the provider', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'any')
  await browser.open(world.url('hello'))
  const asked = await browser.open(world.url('any', '/.pomerium/sign_out'), { from: world.url('any') })
  // The provider of this test asks once more before it ends its own session.
  const confirmed = await browser.submit(asked, { logout: 'yes' })
  assert.equal(new URL(confirmed.url).pathname, '/.pomerium/signed_out', describe(confirmed))
  assert.match(confirmed.body, /signed out/i)
  for (const host of ['any', 'hello']) {
    const reply = await browser.fetch(world.url(host), { from: world.url(host) })
    assert.equal(reply.status, 401, `${host} is still open`)
  }
  const next = await browser.open(world.url('any'))
  assert.match(next.body, /type="password"/, 'the provider still knew the user')
})

test('a session that was signed out does not open again when its cookie is put back', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'any')
  const stolen = browser.cookies.header(new URL(world.url('any')), 'same-site')
  await browser.open(world.url('any', '/.pomerium/sign_out'), { from: world.url('any') })
  const thief = await world.browser().fetch(world.url('any'), { headers: { cookie: stolen } })
  assert.equal(thief.status, 401)
})

test('a foreign page can sign nobody out', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'any')
  const foreign = { from: 'https://evil.test/', headers: { 'sec-fetch-site': 'cross-site' } }
  const byLink = await browser.open(world.url('any', '/.pomerium/sign_out'), foreign)
  assert.match(byLink.body, /<form\b/, 'there should be a question')
  await browser.fetch(world.url('any', '/.pomerium/sign_out'), { method: 'POST', body: '', ...foreign })
  const still = await browser.open(world.url('any'))
  assert.equal(still.status, 200, describe(still))
})

test('when cookie_expire has passed the flow starts again, silently where the provider still knows the user', async () => {
  await using world = await startWorld({ settings: { cookie_expire: '2s' } })
  const browser = await world.signedIn('alice', 'any')
  await pause(2_300)
  const background = await browser.fetch(world.url('any'), { from: world.url('any') })
  assert.equal(background.status, 401)
  const page = await browser.open(world.url('any', '/later'))
  assert.equal(page.url, world.url('any', '/later'), describe(page))
  assert.equal(page.status, 200)
  assert.ok(
    page.trail.some(({ url }) => url.startsWith(world.idp.issuer)),
    'the provider was not asked',
  )
})

test('the provider being down stops nobody who has a session, and a sign-in gets 503 until it is back', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'any')
  const stranger = world.browser()
  await world.idp.down()
  const page = await browser.open(world.url('any'))
  assert.equal(page.status, 200, describe(page))

  // Its metadata is known already, so the visitor is sent there; a second proxy, started now, has none.
  await world.idp.up()
  const back = await stranger.signIn(world.url('any', '/back'), people.bob.email)
  assert.equal(back.url, world.url('any', '/back'), describe(back))
})

test('a proxy that starts while the provider is down serves what needs nobody, and recovers by itself', async () => {
  await using world = await startWorld()
  await world.idp.down()
  const { startProxy } = await import('#test/actors/proxy.ts')
  const { freePort } = await import('#test/actors/program.ts')
  const port = await freePort()
  const config = JSON.parse(JSON.stringify(world.config).replaceAll(String(world.proxy.port), String(port)))
  await using proxy = await startProxy({ port, config })
  const open = await proxy.browser().open(proxy.url('pub'))
  assert.equal(open.status, 200, describe(open))
  const refused = await proxy.browser().open(proxy.url('any'))
  assert.equal(refused.status, 503, describe(refused))
  assert.match(String(refused.headers['retry-after']), /^\d+$/)
  assert.match(refused.headers['content-type'] ?? '', /text\/html/)

  await world.idp.up()
  let recovered = await proxy.browser().open(proxy.url('any'))
  for (const until = Date.now() + 20_000; recovered.status === 503 && Date.now() < until; ) {
    await pause(Number(recovered.headers['retry-after'] ?? 1) * 250)
    recovered = await proxy.browser().open(proxy.url('any'))
  }
  // This provider knows the redirect address of the first proxy only: reaching its page is the proof.
  assert.ok(recovered.url.startsWith(world.idp.issuer), describe(recovered))
})

test('a session with 200 groups of 40 characters fits two cookies and passes', async () => {
  const groups = Array.from({ length: 200 }, (_, index) => `group-${String(index).padStart(4, '0')}-${'x'.repeat(29)}`)
  assert.ok(groups.every(({ length }) => length === 40))
  await using world = await startWorld({
    idp: { users: [{ ...people.alice, groups: [...groups, 'devops'] }] },
  })
  const browser = world.browser()
  const page = await browser.signIn(world.url('hello'), people.alice.email)
  assert.equal(page.status, 200, describe(page))
  const pieces = browser.cookies.matching(new URL(world.url('hello'))).filter(({ name }) => !/csrf|mark/.test(name))
  assert.ok(pieces.length <= 2, `${pieces.length} cookies: ${pieces.map(({ name }) => name).join(', ')}`)
  assert.deepEqual(browser.cookies.refused, [])
  assert.equal(echoOf(page).headers['x-groups']?.split(',').length, 201)
})

test('a session cookie with one letter changed is nobody', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'any')
  for (const { name, value } of browser.cookies.matching(new URL(world.url('any')))) {
    const middle = Math.floor(value.length / 2)
    const bent = value.slice(0, middle) + (value[middle] === 'A' ? 'B' : 'A') + value.slice(middle + 1)
    const reply = await world.browser().fetch(world.url('any'), { headers: { cookie: `${name}=${bent}` } })
    assert.equal(reply.status, 401, name)
  }
})

test('a reload ends no session', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'any')
  const cookie = browser.cookies.header(new URL(world.url('any')), 'same-site')
  world.proxy.write({ ...world.config, log_level: 'debug' })
  await world.proxy.logged((line) => /in force/.test(String(line['message'] ?? line['msg'])), 'a reload')
  const reply = await world.browser().fetch(world.url('any'), { headers: { cookie } })
  assert.equal(reply.status, 200)
})
