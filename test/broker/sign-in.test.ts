import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerOf, authorizeUrl, claimsIn, headerIn, redeem, refresh, signIn, startBroker } from '#test/broker/world.ts'

test('somebody of the file signs in, and the application gets Dex claims', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  const page = await signIn(browser, authorizeUrl(world.issuer))
  assert.equal(answerOf(page).get('state'), 's-1', page.body)
  assert.equal(answerOf(page).get('iss'), world.issuer)
  const { status, body } = await redeem(world, page)
  assert.equal(status, 200, JSON.stringify(body))
  const { iat, exp, at_hash, c_hash, auth_time, sid, ...claims } = claimsIn(body['id_token'])
  assert.deepEqual(claims, {
    iss: world.issuer,
    sub: 'CghpZC1hbGljZRIFbG9jYWw',
    aud: 'app',
    nonce: 'n-1',
    email: 'alice@corp.test',
    email_verified: true,
    name: 'Alice',
    preferred_username: 'alice',
    groups: ['devops'],
  })
  for (const value of [iat, exp, auth_time]) assert.equal(typeof value, 'number')
  for (const value of [at_hash, c_hash, sid]) assert.equal(typeof value, 'string')
  const access = claimsIn(body['access_token'])
  assert.deepEqual(
    [headerIn(body['access_token'])['typ'], access['aud'], access['groups'], access['email']],
    ['at+jwt', 'app', ['devops'], 'alice@corp.test'],
  )
  const again = await refresh(world, body['refresh_token'])
  assert.equal(again.status, 200, JSON.stringify(again.body))
  assert.equal(claimsIn(again.body['id_token'])['sub'], claims['sub'])
  assert.equal(claimsIn(again.body['id_token'])['nonce'], 'n-1')
  const info = await fetch(`${world.issuer}/userinfo`, {
    headers: { authorization: `Bearer ${again.body['access_token']}` },
  })
  assert.equal(info.status, 200)
  assert.deepEqual(((await info.json()) as { groups: string[] }).groups, ['devops'])
})
