import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerOf } from '#src/wire/headers.ts'
import { authenticate, Browser, startWorld } from './world.ts'

test('ping and healthz answer on every host, to GET and HEAD only', async () => {
  await using world = await startWorld()
  for (const host of ['wiki.corp.test', 'unknown.test', 'authenticate.corp.test']) {
    for (const path of ['/ping', '/healthz']) {
      const ask = (method: string) => world.answer(world.visit(`https://${host}${path}`, { method }))
      assert.equal((await ask('GET')).body, 'OK\n')
      assert.equal((await ask('HEAD')).status, 200)
      const refused = await ask('POST')
      assert.equal(refused.status, 405)
      assert.equal(headerOf(refused.headers, 'allow'), 'GET, HEAD')
    }
  }
})

test('the metadata names the host it was asked at, and the callback', async () => {
  await using world = await startWorld()
  const { body } = await world.answer(world.visit('https://wiki.corp.test/.well-known/pomerium'))
  assert.deepEqual(JSON.parse(body), {
    issuer: 'https://wiki.corp.test/',
    authentication_callback_endpoint: `${authenticate}/oauth2/callback`,
    jwks_uri: 'https://wiki.corp.test/.well-known/pomerium/jwks.json',
    frontchannel_logout_uri: 'https://wiki.corp.test/.pomerium/sign_out',
  })
})

test('the key set may be kept for a minute, read by any page, and is not sent twice', async () => {
  await using world = await startWorld()
  const url = 'https://unknown.test/.well-known/pomerium/jwks.json'
  const { headers, status, body } = await world.answer(world.visit(url))
  assert.equal(status, 200)
  assert.deepEqual(JSON.parse(body), { keys: [] })
  assert.equal(headerOf(headers, 'cache-control'), 'max-age=60')
  assert.equal(headerOf(headers, 'access-control-allow-origin'), '*')
  const again = world.visit(url, { headers: ['if-none-match', `"x", W/${headerOf(headers, 'etag')}`] })
  assert.equal((await world.answer(again)).status, 304)
})

test('our reserved paths never reach an application, known or not', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  await browser.go('https://wiki.corp.test/')
  const paths = [
    '/.pomerium/nothing',
    '/.pomerium/api/v1/login',
    '/.pomerium/signed_out',
    '/.pomerium/callback/x',
    '/.well-known/pomerium/x',
  ]
  for (const path of paths) {
    const answer = await browser.request(`https://wiki.corp.test${path}`)
    assert.equal(answer.body, 'failed ENDPOINT_NOT_FOUND', path)
  }
  for (const path of ['/.pomeriumx', '/oauth2/callback', '/robots.txt', '/.well-known/pomeriumx', '/.Pomerium/']) {
    assert.equal((await browser.request(`https://wiki.corp.test${path}`)).body, `reached sub-ada GET ${path}`)
  }
})

test('hosts that nothing is published at have no sign-in', async () => {
  await using world = await startWorld()
  for (const path of ['/.pomerium/sign_in', '/.pomerium/user', '/.pomerium/callback/', '/.pomerium/sign_out']) {
    assert.equal((await world.answer(world.visit(`https://unknown.test${path}`))).status, 404, path)
  }
  assert.equal((await world.answer(world.visit('https://unknown.test/.pomerium/'))).body, 'you are nobody')
})

test('start pages lead to who am I', async () => {
  await using world = await startWorld()
  for (const url of [`${authenticate}/`, 'https://wiki.corp.test/.pomerium', 'https://unknown.test/.pomerium']) {
    assert.equal(headerOf((await world.answer(world.visit(url))).headers, 'location'), '/.pomerium/')
  }
})

test('crawlers are kept out where people sign in', async () => {
  await using world = await startWorld()
  for (const host of ['authenticate.corp.test', 'wiki.corp.test']) {
    const { status, body } = await world.answer(
      world.visit(`https://${host}/robots.txt`, { headers: ['accept', 'application/json'] }),
    )
    assert.equal(status, 200)
    assert.equal(body, 'User-agent: *\nDisallow: /')
  }
})

test('user tells claims and no token, and asks a stranger to sign in', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  assert.equal((await browser.request('https://wiki.corp.test/.pomerium/user')).status, 302)
  assert.equal(
    (await browser.request('https://wiki.corp.test/.pomerium/user', { headers: ['accept', 'application/json'] }))
      .status,
    401,
  )
  await browser.go('https://wiki.corp.test/')
  const { body } = await browser.request('https://wiki.corp.test/.pomerium/user')
  assert.deepEqual(JSON.parse(body), {
    sub: 'sub-ada',
    email: 'ada@corp.test',
    email_verified: true,
    name: 'Ada',
    groups: ['devops'],
  })
  assert.equal((await browser.request('https://wiki.corp.test/.pomerium/')).body, 'you are sub-ada')
  assert.equal((await browser.request(`${authenticate}/.pomerium/`)).body, 'you are sub-ada')
})

test('the callback takes no POST from a provider that answers by GET', async () => {
  await using world = await startWorld()
  const answer = await world.answer(
    world.visit(`${authenticate}/oauth2/callback`, { method: 'POST' }),
    'code=1&state=2',
  )
  assert.equal(answer.status, 405)
})
