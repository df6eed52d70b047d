/** Bonds that hold when another one has fallen: here the attacker can sign and seal, and still gets nowhere. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyRing, randomSecret } from '#src/crypto/key-ring.ts'
import { digestText } from '#src/crypto/random.ts'
import { sealer } from '#src/crypto/seal.ts'
import { urlSigner } from '#src/crypto/signed-url.ts'
import { headerOf } from '#src/wire/headers.ts'
import { authenticate, Browser, startWorld } from '#test/endpoints/world.ts'

async function withKeys() {
  const secrets = { shared: randomSecret(), cookie: randomSecret() }
  const world = await startWorld({ secrets })
  const ring = keyRing([secrets.shared], 'shared_secret')
  return { world, signer: urlSigner(ring), seals: sealer(ring) }
}

test("a hand-over for the victim's own attempt is worth nothing without the secret in the victim's cookie", async () => {
  const { world, signer } = await withKeys()
  await using _ = world
  const victim = new Browser(world)
  const link = new URL(headerOf((await victim.request('https://wiki.corp.test/x')).headers, 'location') ?? '')
  const query = new URLSearchParams({
    pomerium_redirect_uri: 'https://wiki.corp.test/x',
    pomerium_attempt: link.searchParams.get('pomerium_attempt') ?? '',
    pomerium_binding: digestText('a secret of the attacker'),
    pomerium_count: '0',
  })
  world.idp.person = { ...world.idp.person, sub: 'sub-mallory' }
  const forged = signer.sign(`${authenticate}/.pomerium/sign_in?${query}`, world.clock.now)
  const { url } = await new Browser(world).go(forged, { until: /\/\.pomerium\/callback\// })
  const answer = await victim.request(url)
  assert.match(headerOf(answer.headers, 'location') ?? '', /\/\.pomerium\/sign_in\?/)
  assert.ok(!victim.names('wiki.corp.test').includes('__Host-ostiary'))
})

test("a state for the victim's own attempt is worth nothing if it is not the very state that was sent", async () => {
  const { world, seals } = await withKeys()
  await using _ = world
  const victim = new Browser(world)
  const { url } = await victim.go('https://wiki.corp.test/x', { until: /\/oauth2\/callback/ })
  const scope = { purpose: 'state', audience: 'authenticate.corp.test' }
  const sent = new URL(url)
  const value = await seals.unseal(sent.searchParams.get('state') ?? '', { ...scope, now: world.clock.now })
  const bent = { ...(value as object), target: 'https://files.corp.test/elsewhere' }
  sent.searchParams.set('state', await seals.seal(bent, { ...scope, expiresAt: world.clock.now + 60_000 }))
  await victim.request(sent.href)
  assert.deepEqual(world.idp.forms, [], 'the code was redeemed')
  assert.ok(!victim.names('authenticate.corp.test').includes('__Host-ostiary_authenticate'))
})

test('how often somebody was sent round is believed only with our signature', async () => {
  const { world } = await withKeys()
  await using _ = world
  const { answer } = await new Browser(world).go(
    'https://wiki.corp.test/.pomerium/sign_in?pomerium_redirect_uri=%2Fx&pomerium_count=2',
  )
  assert.equal(answer.body, 'reached sub-ada GET /x')
})

test('a sign-out at one host holds for all, also when the browser goes no further', async () => {
  const { world } = await withKeys()
  await using _ = world
  const browser = new Browser(world)
  for (const host of ['wiki', 'files']) await browser.go(`https://${host}.corp.test/`)
  world.clock.now += 6000
  await browser.request('https://wiki.corp.test/.pomerium/sign_out')
  assert.equal((await browser.request('https://files.corp.test/x')).status, 302)
  assert.equal((await browser.request(`${authenticate}/.pomerium/`)).body, 'you are nobody')
})

test('a session sealed for the authenticate host is not taken from a hand-over that has ended', async () => {
  const { world, seals } = await withKeys()
  await using _ = world
  const browser = new Browser(world)
  const { url } = await browser.go('https://wiki.corp.test/x', { until: /\/\.pomerium\/callback\// })
  const scope = { purpose: 'hand-over', audience: 'wiki.corp.test' }
  const sent = new URL(url)
  const value = (await seals.unseal(sent.searchParams.get('pomerium_session_encrypted') ?? '', {
    ...scope,
    now: world.clock.now,
  })) as {
    session: { x: number }
  }
  const ended = { ...value, session: { ...value.session, x: world.clock.now } }
  sent.searchParams.set(
    'pomerium_session_encrypted',
    await seals.seal(ended, { ...scope, expiresAt: world.clock.now + 60_000 }),
  )
  const answer = await browser.request(sent.href)
  assert.match(headerOf(answer.headers, 'location') ?? '', /\/\.pomerium\/sign_in\?/)
  assert.ok(!browser.names('wiki.corp.test').includes('__Host-ostiary'))
})
