/** Every decision about identity leaves a line, whoever asked and however it ended, and no line helps a thief. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConnectorSettings } from '#src/config/dex/connectors/connector-settings.ts'
import {
  answerOf,
  authorizeUrl,
  client,
  post,
  redeem,
  refresh,
  rightPassword,
  signIn,
  startBroker,
  user,
  type World,
} from '#test/broker/world.ts'

const mock = {
  ...{ type: 'mockCallback', id: 'mock', name: 'mock', config: {}, raw: {}, groups: undefined, grantTypes: [] },
} as unknown as ConnectorSettings
const exchange = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token: 'a-token-of-somebody',
  subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
  connector_id: 'mock',
}
const localSubject = 'CghpZC1hbGljZRIFbG9jYWw'

/** What was decided since the last look, as `act outcome client subject`. */
function lookerAt({ decisions }: World) {
  return () =>
    decisions
      .splice(0)
      .map(({ act, outcome, client: by = '-', subject = '-', code = '' }) =>
        `${act} ${outcome} ${by} ${subject} ${code}`.trim(),
      )
}

test('codes and refreshes, granted, replayed and refused, leave a line each', async () => {
  await using world = await startBroker()
  const told = lookerAt(world)
  const browser = world.browser()
  const page = await signIn(browser, authorizeUrl(world.issuer))
  assert.deepEqual(told(), [`authorization done app ${localSubject}`])
  const { body } = await redeem(world, page)
  assert.deepEqual(told(), [`code redemption done app ${localSubject}`])
  const { body: next } = await refresh(world, body['refresh_token'])
  assert.deepEqual(told(), [`refresh done app ${localSubject}`])
  await refresh(world, body['refresh_token'])
  assert.deepEqual(told(), [`refresh refused app ${localSubject} invalid_grant`])
  await refresh(world, next['refresh_token'])
  assert.deepEqual(told(), ['refresh refused app - invalid_grant'])
  await redeem(world, page)
  assert.deepEqual(told(), ['code redemption refused app - invalid_grant'])
  await browser.open(authorizeUrl(world.issuer))
  assert.deepEqual(told(), [`authorization done app ${localSubject}`], 'nobody had to sign in, and yet it was decided')
})

test('a wrong client secret is a line at every endpoint that asks for one, and names who was guessed at', async () => {
  await using world = await startBroker()
  const told = lookerAt(world)
  const wrong = { id: 'app', secret: 'wrong-secret' }
  for (const path of ['/token', '/token/introspect', '/token/revoke', '/device/code']) {
    const fields = { grant_type: 'authorization_code', token: 'x', scope: 'openid' }
    assert.equal((await post(`${world.issuer}${path}`, fields, wrong)).status, 401)
    assert.deepEqual(told(), ['client authentication refused app - invalid_client'], path)
  }
  await post(`${world.issuer}/token`, { grant_type: 'refresh_token', client_secret: 'x' }, { id: 'nobody' })
  assert.deepEqual(told(), ['client authentication refused nobody - invalid_client'])
})

test('a token that was exchanged, and one that was not, are told with whose it is and from where', async () => {
  await using world = await startBroker({ connectors: [mock], users: [user('alice')] })
  assert.equal((await post(`${world.issuer}/token`, exchange)).status, 200)
  const [line] = world.decisions.splice(0)
  assert.deepEqual(line, {
    act: 'token exchange',
    outcome: 'done',
    address: '127.0.0.1',
    client: 'app',
    connector: 'mock',
    subject: 'Cg0wLTM4NS0yODA4OS0wEgRtb2Nr',
  })
  await post(`${world.issuer}/token`, { ...exchange, connector_id: 'local' })
  assert.deepEqual(lookerAt(world)(), ['token exchange refused app - invalid_request'])
})

test('a device that is let in, refused, or guessed at, is told; one that merely waits is not', async () => {
  await using world = await startBroker()
  const told = lookerAt(world)
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  for (const [more, ending] of [
    [{}, `device approval done app ${localSubject}`],
    [{ abort: 'yes' }, 'device approval refused app'],
  ] as const) {
    const { body: asked } = await post(`${world.issuer}/device/code`, { scope: 'openid' })
    await post(`${world.issuer}/token`, { grant_type, device_code: String(asked['device_code']) })
    assert.deepEqual(told(), [], 'waiting is no decision')
    const browser = world.browser()
    const page = await browser.submit(
      await browser.submit(await browser.open(String(asked['verification_uri_complete']))),
      more,
    )
    if (page.body.includes('type="password"'))
      await browser.submit(page, { login: 'alice@corp.test', password: rightPassword })
    assert.ok(
      told().some((line) => line.startsWith(ending)),
      ending,
    )
    const answer = await post(`${world.issuer}/token`, { grant_type, device_code: String(asked['device_code']) })
    assert.match(
      told().join(),
      answer.status === 200 ? /^device code redemption done/ : /^device code redemption refused/,
    )
  }
  const other = world.browser()
  await other.submit(await other.open(`${world.issuer}/device`), { user_code: 'BBBB-BBBB' })
  assert.deepEqual(told(), ['user code refused - -'])
})

test('revocation, signing out and a token that nobody gave are told', async () => {
  await using world = await startBroker()
  const told = lookerAt(world)
  const browser = world.browser()
  const { body } = await redeem(world, await signIn(browser, authorizeUrl(world.issuer)))
  told()
  await post(`${world.issuer}/token/revoke`, { token: String(body['refresh_token']) })
  assert.deepEqual(told(), [`revocation done app ${localSubject}`])
  await fetch(`${world.issuer}/userinfo`, { headers: { authorization: 'Bearer a.b.c' } })
  assert.deepEqual(told(), ['userinfo refused - - invalid_token'])
  await browser.open(`${world.issuer}/logout?${new URLSearchParams({ id_token_hint: String(body['id_token']) })}`)
  assert.deepEqual(told(), [`sign-out done app ${localSubject}`])
  await signIn(browser, authorizeUrl(world.issuer))
  told()
  await browser.submit(await browser.open(`${world.issuer}/logout`))
  assert.deepEqual(told(), [`sign-out done - ${localSubject}`])
})

test('no line holds a secret, a code, a token or a password', async () => {
  await using world = await startBroker({ connectors: [mock], users: [user('alice')] })
  const browser = world.browser()
  const form = await browser.open(authorizeUrl(world.issuer, { connector_id: 'local' }))
  const page = await browser.submit(form, { login: 'alice@corp.test', password: rightPassword })
  const { body } = await redeem(world, page)
  const { body: next } = await refresh(world, body['refresh_token'])
  await refresh(world, body['refresh_token'])
  await post(`${world.issuer}/token`, exchange)
  await post(`${world.issuer}/token`, { grant_type: 'refresh_token' }, { id: 'app', secret: 'wrong-secret' })
  const { body: asked } = await post(`${world.issuer}/device/code`, { scope: 'openid' })
  const device = world.browser()
  await device.submit(await device.open(`${world.issuer}/device`), { user_code: 'BBBB-BBBB' })
  await post(`${world.issuer}/token/revoke`, { token: String(next['access_token']) })
  assert.ok(world.decisions.length >= 7)
  const lines = JSON.stringify([world.decisions, world.audit, world.log], (_key, value) =>
    value instanceof Error ? { ...value, message: value.message, cause: String(value.cause) } : value,
  )
  const secrets = [
    rightPassword,
    'app-secret',
    'wrong-secret',
    'a-token-of-somebody',
    'BBBB-BBBB',
    answerOf(page).get('code'),
  ]
  const tokens = [body, next].flatMap((one) => ['access_token', 'id_token', 'refresh_token'].map((name) => one[name]))
  for (const secret of [...secrets, ...tokens, asked['device_code'], asked['user_code']].map(String)) {
    assert.ok(secret.length > 5, secret)
    assert.ok(!lines.includes(secret), `a line holds ${secret.slice(0, 30)}`)
  }
})

test('the client that is told is at most a name: long and odd ones are cut', async () => {
  await using world = await startBroker({ clients: [client('app')] })
  await post(`${world.issuer}/token`, { grant_type: 'x', client_secret: 'y' }, { id: `\r\n${'x'.repeat(5_000)}` })
  assert.equal(world.decisions.length, 1)
  assert.ok((world.decisions[0]?.client ?? '').length <= 128)
})
