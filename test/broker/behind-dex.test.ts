/** A real Dex with our broker as its upstream provider: what it asks of one, ours has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '#src/crypto/secret.ts'
import { startDex } from '#test/actors/dex.ts'
import { freePort, skipWithout } from '#test/actors/program.ts'
import { answerOf, authorizeUrl, callback, claimsIn, client, redeem, signIn, startBroker } from '#test/broker/world.ts'

test('people of our broker sign in through a real Dex, with their groups', { skip: skipWithout('dex') }, async () => {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}/dex`
  await using world = await startBroker({
    clients: [client('dex', { secret: new Secret('dex-secret'), redirectURIs: [`${issuer}/callback`] })],
  })
  await using _dex = await startDex({
    port,
    configuration: {
      issuer,
      oauth2: { skipApprovalScreen: true },
      staticClients: [{ id: 'app', name: 'app', secret: 'app-secret', redirectURIs: [callback] }],
      connectors: [
        {
          type: 'oidc',
          id: 'ostiary',
          name: 'Ostiary',
          config: {
            issuer: world.issuer,
            clientID: 'dex',
            clientSecret: 'dex-secret',
            redirectURI: `${issuer}/callback`,
            insecureEnableGroups: true,
            scopes: ['profile', 'email', 'groups', 'offline_access'],
            getUserInfo: true,
          },
        },
      ],
    },
  })
  const browser = world.browser()
  // Dex asks for consent itself (prompt=consent), because it wants a refresh token.
  const consent = await signIn(browser, authorizeUrl(issuer))
  assert.match(consent.body, /May dex know who you are/)
  const page = await browser.submit(consent, { approval: 'approve' })
  assert.ok(answerOf(page).get('code'), page.body)
  const { status, body } = await redeem({ issuer }, page)
  assert.equal(status, 200, JSON.stringify(body))
  const claims = claimsIn(body['id_token'])
  assert.deepEqual([claims['email'], claims['groups']], ['alice@corp.test', ['devops']])
  const renewed = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from('app:app-secret').toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) }),
  })
  assert.equal(renewed.status, 200, await renewed.text())
})
