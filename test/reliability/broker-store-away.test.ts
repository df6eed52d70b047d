/** The broker while its database is away, or does not answer: nobody hangs, everybody hears when to come again, and it heals. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { Browser } from '#test/actors/browser.ts'
import { skipWithoutPostgres } from '#test/actors/postgres.ts'
import { skipWithout } from '#test/actors/program.ts'
import { issuer, service, startTwoInstances, wikiCallback } from './two-instances.ts'

const skip = skipWithout('nginx') || skipWithoutPostgres()
const alice = { login: 'alice@corp.test', password: 'open sesame' }
const verifier = 'v'.repeat(43)
const wikiUrl = `${issuer}/auth?${new URLSearchParams({
  client_id: 'wiki',
  response_type: 'code',
  redirect_uri: wikiCallback,
  scope: 'openid offline_access',
  code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  code_challenge_method: 'S256',
})}`

const wiki = { authorization: `Basic ${Buffer.from('wiki:wiki-secret').toString('base64')}` }

function post(browser: Browser, path: string, fields: Readonly<Record<string, string>>, who: object = wiki) {
  return browser.fetch(`${issuer}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...who },
    body: new URLSearchParams(fields).toString(),
  })
}

test('without its database every step says 503 and when to come again, sessions go on, and what was given is kept', {
  skip,
}, async () => {
  await using world = await startTwoInstances()
  const browser = world.browser()
  await browser.submit(await browser.open(`${service}/`), alice)
  const code = new URL((await browser.open(wikiUrl)).url).searchParams.get('code') ?? ''
  const redeemed = await post(browser, '/token', {
    ...{ grant_type: 'authorization_code', code, redirect_uri: wikiCallback, code_verifier: verifier },
  })
  const tokens = JSON.parse(redeemed.body) as Record<string, string>
  const refresh = { grant_type: 'refresh_token', refresh_token: tokens['refresh_token'] ?? '' }
  const other = world.browser()
  const form = await other.open(wikiUrl)

  await world.postgres.stop()
  assert.equal((await browser.open(`${service}/`)).status, 200)
  assert.equal((await browser.fetch(`${issuer}/.well-known/openid-configuration`)).status, 200)
  assert.equal((await browser.fetch(`${issuer}/keys`)).status, 200)
  const asked = [
    await post(browser, '/token', refresh),
    await post(browser, '/token', { grant_type: 'authorization_code', code: 'x', redirect_uri: wikiCallback }),
    await post(browser, '/token/introspect', { token: tokens['access_token'] ?? '' }),
    await post(browser, '/token/revoke', { token: tokens['refresh_token'] ?? '' }),
    await post(browser, '/device/code', { client_id: 'wiki', scope: 'openid' }),
    // Whose secret is looked up before anything else is.
    await post(browser, '/device/code', { client_id: 'stored', scope: 'openid' }, {}),
    await browser.fetch(`${issuer}/userinfo`, { headers: { authorization: `Bearer ${tokens['access_token']}` } }),
  ]
  for (const { url, status, headers, body } of asked) {
    assert.deepEqual([status, headers['retry-after']], [503, '5'], `${url}: ${body}`)
    assert.equal((JSON.parse(body) as Record<string, string>)['error'], 'temporarily_unavailable', url)
  }
  const pages = [
    await browser.open(wikiUrl),
    await browser.open(`${issuer}/logout`),
    await browser.open(`${issuer}/device`),
    await other.submit(form, alice),
  ]
  for (const { url, status, headers, body } of pages) {
    assert.deepEqual([status, headers['retry-after']], [503, '5'], `${url}: ${body}`)
    assert.match(body, /cannot reach its store/, url)
  }

  // A policy can be changed all the same, and the broker's users with it.
  const [one] = world.instances
  one.write({ ...world.config(0), routes: [{ from: service, to: 'http://127.0.0.1:9', allowed_groups: ['nobody'] }] })
  await one.logged((line) => line['message'] === 'configuration in force')

  await world.postgres.start()
  assert.equal((await post(browser, '/token', refresh)).status, 200)
  assert.ok((await other.submit(form, alice)).url.startsWith(wikiCallback))
})
