/** What somebody may try with codes, tokens and device codes of the broker: twice, at once, elsewhere, forged. */
import assert from 'node:assert/strict'
import { createHmac, createPublicKey, type webcrypto } from 'node:crypto'
import { test } from 'node:test'
import {
  authorizeUrl,
  callback,
  claimsIn,
  client,
  headerIn,
  post,
  redeem,
  refresh,
  rightPassword,
  signIn,
  startBroker,
  user,
  verifier,
  type World,
} from '#test/broker/world.ts'

const mock = (id: string) => ({
  ...{ type: 'mockCallback', id, name: id, config: {}, raw: {}, groups: undefined, grantTypes: [] },
})
const other = { id: 'other', secret: 'other-secret' }
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

const userinfo = (world: World, token: unknown) =>
  fetch(`${world.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })

async function tokens(world: World, more: Readonly<Record<string, string>> = {}) {
  const { status, body } = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer, more)))
  assert.equal(status, 200, JSON.stringify(body))
  return body
}

test('a refused or guessed device code gives nothing, and a user code is not the device’s', async () => {
  await using world = await startBroker()
  const asked = (await post(`${world.issuer}/device/code`, { scope: 'openid' })).body
  const browser = world.browser()
  const poll = (device_code: unknown) =>
    post(`${world.issuer}/token`, { grant_type: deviceGrant, device_code: String(device_code) })
  for (const code of ['', 'x', asked['user_code'], `${asked['device_code']}x`])
    assert.equal((await poll(code)).status, 400)
  const confirm = await browser.submit(await browser.open(String(asked['verification_uri_complete'])))
  const stopped = await browser.submit(confirm, { abort: 'yes' })
  assert.match(stopped.body, /You have stopped this sign-in/)
  assert.equal((await poll(asked['device_code'])).body['error'], 'access_denied')
  const again = await browser.submit(stopped, { user_code: String(asked['user_code']) })
  assert.match(again.body, /That code is not known, or it has been used/)
})

test('keys are not confused: no token that anybody can make passes at userinfo, introspection or sign-out', async () => {
  await using world = await startBroker()
  const body = await tokens(world)
  const access = String(body['access_token'])
  const idToken = String(body['id_token'])
  const [jwk] = ((await (await fetch(`${world.issuer}/keys`)).json()) as { keys: webcrypto.JsonWebKey[] }).keys
  const pem = createPublicKey({ key: jwk ?? {}, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const forge = (token: string, header: object, key?: string | Buffer) => {
    const text = `${encode({ ...headerIn(token), ...header })}.${encode({ ...claimsIn(token), email: 'root@corp.test' })}`
    return `${text}.${key === undefined ? '' : createHmac('sha256', key).update(text).digest('base64url')}`
  }
  const forged = (token: string) => [
    forge(token, { alg: 'none' }),
    forge(token, { alg: 'None' }),
    forge(token, { alg: 'HS256' }, pem),
    forge(token, { alg: 'HS256' }, JSON.stringify(jwk)),
    forge(token, { alg: 'HS256' }, 'app-secret'),
    forge(token, { alg: 'RS256', jwk, kid: undefined }, pem),
    forge(token, { jku: 'http://127.0.0.1:1/', kid: '../../../dev/null' }, ''),
  ]
  for (const token of [
    ...forged(access),
    idToken,
    `${access}=`,
    `${access.slice(0, -1)}*${access.slice(-1)}`,
    access.replace('.', '..'),
  ])
    assert.equal((await userinfo(world, token)).status, 401, token.slice(0, 70))
  for (const token of [...forged(access), idToken])
    assert.equal((await post(`${world.issuer}/token/introspect`, { token })).body['active'], false)
  assert.equal((await post(`${world.issuer}/token/introspect`, { token: access })).body['active'], true)
  const browser = world.browser()
  await signIn(browser, authorizeUrl(world.issuer))
  for (const id_token_hint of [...forged(idToken), access]) {
    const page = await browser.open(`${world.issuer}/logout?${new URLSearchParams({ id_token_hint })}`)
    assert.doesNotMatch(page.body, /You are signed out/)
  }
  assert.notEqual(headerIn(access)['typ'], headerIn(idToken)['typ'])
})

test('no client learns of, ends, or uses what is another client’s', async () => {
  const cli = client('cli', { public: true, secret: undefined })
  await using world = await startBroker({ clients: [client('app'), client('other'), cli] })
  const body = await tokens(world)
  for (const name of ['access_token', 'refresh_token'])
    for (const who of [other, { id: 'cli' }, { id: 'app', secret: 'wrong' }, { id: 'app' }, { id: 'nobody' }]) {
      const token = String(body[name])
      const seen = await post(`${world.issuer}/token/introspect`, { token }, who)
      assert.notEqual(seen.body['active'], true, `${who.id} ${name}`)
      await post(`${world.issuer}/token/revoke`, { token }, who)
      if (name === 'refresh_token') assert.notEqual((await refresh(world, token, {}, who)).status, 200, who.id)
    }
  assert.equal((await userinfo(world, body['access_token'])).status, 200)
  assert.equal((await refresh(world, body['refresh_token'])).status, 200, 'somebody else has ended it')
})

test('who may not use a connector gets nothing of it by exchange, or by a refresh after it was taken away', async () => {
  const strict = client('strict', { allowedConnectors: ['one'] })
  const connectors = [mock('one'), mock('two')] as never
  await using world = await startBroker({ clients: [client('app'), strict], connectors })
  const who = { id: 'strict', secret: 'strict-secret' }
  const ask = (connector_id: string) =>
    post(
      `${world.issuer}/token`,
      {
        ...{ grant_type: exchange, subject_token: 'x', connector_id, scope: 'openid' },
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      },
      who,
    )
  assert.equal((await ask('one')).status, 200)
  assert.equal((await ask('two')).body['error'], 'invalid_request')
  const page = await world.browser().open(authorizeUrl(world.issuer, { connector_id: 'two' }))
  const { body } = await redeem(world, page)
  await world.broker.reload({ ...world.settings, staticClients: [client('app', { allowedConnectors: ['one'] })] })
  assert.equal((await refresh(world, body['refresh_token'])).body['error'], 'invalid_grant')
})

test('a code is worth nothing with another verifier, and then with none; a challenge is never dropped', async () => {
  await using world = await startBroker()
  for (const more of [{ code_verifier: 'w'.repeat(43) }, { code_verifier: '' }, { redirect_uri: `${callback}/` }]) {
    const page = await signIn(world.browser(), authorizeUrl(world.issuer))
    assert.equal((await redeem(world, page, more)).status, 400)
    assert.equal((await redeem(world, page)).status, 400, 'the code was good for a second try')
  }
  const bare = { code_challenge: undefined, code_challenge_method: undefined }
  const page = await signIn(world.browser(), authorizeUrl(world.issuer, bare))
  assert.equal((await redeem(world, page, { code_verifier: verifier })).status, 400)
})

test('a person who is taken away has no tokens, session or userinfo from then on', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  const { body } = await redeem(world, await signIn(browser, authorizeUrl(world.issuer)))
  await world.broker.reload({ ...world.settings, staticPasswords: [user('bob')] })
  const answer = await refresh(world, body['refresh_token'])
  assert.deepEqual([answer.status, answer.body['error']], [400, 'invalid_grant'])
})

test('what fails at the token endpoint tells no reason that helps to guess, and no secret reaches the log', async () => {
  const canary = 'canary-7f3a9c'
  await using world = await startBroker()
  const page = await signIn(world.browser(), authorizeUrl(world.issuer), { fields: { password: rightPassword } })
  const wrong = await world.browser().open(authorizeUrl(world.issuer))
  const again = await world.browser().open(wrong.url)
  assert.equal(again.status, 400)
  const browser = world.browser()
  await signIn(browser, authorizeUrl(world.issuer), { password: canary })
  const bodies = [
    await redeem(world, page, { code: canary }),
    await redeem(world, page, { code_verifier: canary.repeat(4) }),
    await refresh(world, canary),
    await refresh(world, 'x', {}, { id: 'app', secret: canary }),
    await post(`${world.issuer}/token/introspect`, { token: canary }),
    await post(`${world.issuer}/token/revoke`, { token: canary }),
    await post(`${world.issuer}/token`, { grant_type: deviceGrant, device_code: canary }),
    await post(`${world.issuer}/token`, { grant_type: exchange, subject_token: canary, connector_id: 'local' }),
  ]
  await userinfo(world, canary)
  await world.browser().open(`${world.issuer}/logout?id_token_hint=${canary}`)
  await world.browser().open(`${world.issuer}/callback?code=${canary}&state=${canary}`)
  const said = JSON.stringify([world.log, world.audit, bodies], (_name, value) =>
    value instanceof Error ? [value.message, value.stack, String(value.cause), { ...value }] : value,
  )
  assert.ok(!said.includes(canary), said.slice(Math.max(0, said.indexOf(canary) - 300)).slice(0, 600))
  assert.ok(!said.includes('app-secret') && !said.includes(rightPassword))
})
