/** A broker behind a broker: what the one cannot ask again, the other gives no refresh token for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRunTimeConnector } from '#src/cli/broker/read-connector.ts'
import { Secret } from '#src/crypto/secret.ts'
import { freePort } from '#test/actors/program.ts'
import { authorizeUrl, claimsIn, client, redeem, refresh, signIn, startBroker } from '#test/broker/world.ts'

async function start(scopes: readonly string[]) {
  const port = await freePort()
  const front = `http://127.0.0.1:${port}/dex`
  const upstream = await startBroker({
    clients: [client('front', { secret: new Secret('front-secret'), redirectURIs: [`${front}/callback`] })],
  })
  const config = {
    ...{ issuer: upstream.issuer, clientID: 'front', clientSecret: 'front-secret', redirectURI: `${front}/callback` },
    ...{ scopes: [...scopes], insecureEnableGroups: true, promptType: 'login' },
  }
  const read = readRunTimeConnector({ id: 'up', type: 'oidc', name: 'Upstream', config })
  assert.equal(read.kind, 'connector', JSON.stringify(read))
  const settings = { issuer: front, web: { ...upstream.settings.web, http: `127.0.0.1:${port}` } }
  const connectors = read.kind === 'connector' ? [read.settings] : []
  const world = await startBroker({ connectors, settings })
  return {
    issuer: front,
    browser: () => world.browser(),
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

test('where the source gave a refresh token, refreshes ask it again', async () => {
  await using world = await start(['profile', 'email', 'groups', 'offline_access'])
  const { body } = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer)))
  assert.deepEqual(claimsIn(body['id_token'])['groups'], ['devops'], JSON.stringify(body))
  assert.equal((await refresh(world, body['refresh_token'])).status, 200)
})

test('where it gave none, no refresh token is given out that could not be kept', async () => {
  await using world = await start(['profile', 'email', 'groups'])
  const { status, body } = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer)))
  assert.equal(status, 200, JSON.stringify(body))
  assert.equal(body['refresh_token'], undefined)
})
