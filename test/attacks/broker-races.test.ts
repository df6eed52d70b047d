/** Many at the same moment with one code, one refresh token, one device code: over every store there is. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Secret } from '#src/crypto/secret.ts'
import { skipWithoutPostgres, startPostgres } from '#test/actors/postgres.ts'
import { temporaryFolder } from '#test/actors/program.ts'
import {
  authorizeUrl,
  client,
  post,
  redeem,
  refresh,
  rightPassword,
  signIn,
  startBroker,
  type World,
} from '#test/broker/world.ts'

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
const clients = [client('app'), client('other')]

const userinfo = (world: World, token: unknown) =>
  fetch(`${world.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })

const worlds = {
  memory: () => startBroker({ clients }),

  async sqlite3() {
    await using opened = new AsyncDisposableStack()
    const folder = opened.use(temporaryFolder('broker-races'))
    const storage = { type: 'sqlite3', file: join(folder.path, 'broker.db') } as const
    const world = opened.use(await startBroker({ settings: { storage }, clients }))
    const owned = opened.move()
    return { ...world, [Symbol.asyncDispose]: () => owned.disposeAsync() }
  },

  async postgres() {
    await using opened = new AsyncDisposableStack()
    const postgres = opened.use(await startPostgres())
    const storage = await postgres.makeDatabase()
    const storeSecrets = [new Secret(Buffer.alloc(32, 7).toString('base64'))]
    const world = opened.use(await startBroker({ settings: { storage }, clients, storeSecrets }))
    const owned = opened.move()
    return { ...world, [Symbol.asyncDispose]: () => owned.disposeAsync() }
  },
} satisfies Record<string, () => Promise<World>>

for (const [name, open] of Object.entries(worlds))
  test(`at the same moment (${name})`, { skip: name === 'postgres' && skipWithoutPostgres() }, async (t) => {
    await using world: World = await open()

    await t.test('of many who show one code one gets tokens at most, and none live on', async () => {
      const page = await signIn(world.browser(), authorizeUrl(world.issuer))
      const answers = await Promise.all(Array.from({ length: 8 }, () => redeem(world, page)))
      const good = answers.filter(({ status }) => status === 200)
      assert.ok(good.length <= 1, `${good.length} got tokens`)
      for (const { status, body } of answers)
        if (status !== 200) assert.equal(body['error'], 'invalid_grant', JSON.stringify(body))
      for (const { body } of good) {
        assert.equal((await userinfo(world, body['access_token'])).status, 401, 'the access token lives')
        assert.equal((await refresh(world, body['refresh_token'])).status, 400, 'the refresh token lives')
      }
    })

    await t.test('of many who show one refresh token one wins at most, and the family ends', async () => {
      const { body } = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer)))
      const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(world, body['refresh_token'])))
      const good = answers.filter(({ status }) => status === 200)
      assert.ok(good.length <= 1, `${good.length} got tokens`)
      for (const { body } of good) assert.equal((await refresh(world, body['refresh_token'])).status, 400)
      assert.equal((await userinfo(world, body['access_token'])).status, 401)
    })

    await t.test('a device code that many poll for is redeemed once', async () => {
      const asked = (await post(`${world.issuer}/device/code`, { scope: 'openid offline_access' })).body
      const browser = world.browser()
      const confirm = await browser.submit(await browser.open(String(asked['verification_uri_complete'])))
      await browser.submit(await browser.submit(confirm), { login: 'alice@corp.test', password: rightPassword })
      const fields = { grant_type: deviceGrant, device_code: String(asked['device_code']) }
      const answers = await Promise.all(Array.from({ length: 6 }, () => post(`${world.issuer}/token`, fields)))
      assert.ok(answers.filter(({ status }) => status === 200).length <= 1)
      assert.equal((await post(`${world.issuer}/token`, fields)).status, 400)
    })

    await t.test('a code that the wrong client, and the right one, show at once is good for one at most', async () => {
      const page = await signIn(world.browser(), authorizeUrl(world.issuer))
      const thief = { id: 'other', secret: 'other-secret' }
      const answers = await Promise.all([
        redeem(world, page, {}, thief),
        redeem(world, page),
        redeem(world, page, {}, thief),
      ])
      const [first, mine, last] = answers.map(({ status }) => status)
      assert.deepEqual([first, last], [400, 400])
      assert.ok(mine === 200 || mine === 400)
    })

    await t.test('whoever is signed out while their token is refreshed has none afterwards', async () => {
      const browser = world.browser()
      const { body } = await redeem(world, await signIn(browser, authorizeUrl(world.issuer)))
      const out = `${world.issuer}/logout?${new URLSearchParams({ id_token_hint: String(body['id_token']) })}`
      const [, answer] = await Promise.all([browser.open(out), refresh(world, body['refresh_token'])])
      const token = answer.status === 200 ? answer.body : body
      assert.equal((await refresh(world, token['refresh_token'])).status, 400)
      assert.equal((await userinfo(world, token['access_token'])).status, 401)
    })
  })
