import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { describe } from '#test/actors/browser.ts'
import { says, startRefreshing, tokenRequests, until } from './refreshing.ts'

test('a provider that goes away stops nobody before the token ends; then it is 503 and no sign-in, and it goes on by itself', async () => {
  const { world } = await startRefreshing({ ttl: 10 })
  await using _ = world
  const browser = await world.signedIn('alice', 'any')
  const start = Date.now()
  await world.idp.down()
  await until(browser, world.url('any'), 503)
  assert.ok(Date.now() - start > 8_000, 'the token held longer than that')
  const page = await browser.open(world.url('any', '/page'))
  assert.equal(page.status, 503, describe(page))
  assert.equal(page.headers['retry-after'], '5')
  assert.match(page.body, /cannot be reached/)
  assert.equal((await browser.open(world.url('pub'))).status, 200, 'what is public stays so')
  await world.proxy.logged(says('session refresh failed'))
  await world.idp.up()
  await until(browser, world.url('any'), 200)
})

test('without refresh tokens a session lives as long as its cookie', async () => {
  const { world, alice } = await startRefreshing({ ttl: 1, change: { issueRefreshToken: async () => false } })
  await using _ = world
  const browser = await world.signedIn('alice', 'hello')
  alice.groups = []
  await pause(1_500)
  assert.equal((await browser.fetch(world.url('hello'))).status, 200)
  assert.equal(tokenRequests(world), 1)
})
