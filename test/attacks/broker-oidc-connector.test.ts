/** What a source, somebody between, or the author of a link may try on the `oidc` connector. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { RedirectConnector } from '#src/broker/connectors/connector.ts'
import { openOidcConnector } from '#src/broker/connectors/oidc.ts'
import { oidcSettings } from '#src/config/dex/connectors/oidc.ts'
import { type Lies, type LyingIdp, startLyingIdp } from '#test/actors/lying-idp.ts'
import {
  anyScopes,
  begin,
  callbackUrl,
  end,
  noHurry,
  offline,
  refusal,
  settingsOf,
  testTools,
} from '#test/broker/connectors/upstream-visit.ts'

type Json = Record<string, unknown>

function open(idp: LyingIdp, change: Json = {}): RedirectConnector {
  const raw = { issuer: idp.issuer, clientID: 'pom', clientSecret: 'pomerium', redirectURI: callbackUrl, ...change }
  return openOidcConnector(settingsOf(oidcSettings, raw), testTools())
}

async function signIn(connector: RedirectConnector, idp: LyingIdp) {
  const visit = await begin(connector)
  return end(connector, visit, idp.authorize(visit.url.href))
}

test('an answer of another source is not redeemed here: mix-up, by the iss of the answer (RFC 9207)', async () => {
  await using honest = await startLyingIdp()
  await using evil = await startLyingIdp()
  const connector = open(evil)
  const visit = await begin(connector)
  // The evil source sent the browser on to the honest one, whose answer comes back here.
  const onward = new URL(visit.url)
  onward.host = new URL(honest.issuer).host
  const answer = honest.authorize(onward.href)
  const { code } = await refusal(end(connector, visit, answer))
  assert.equal(code, 'CONNECTOR_ANSWER_INVALID')
  assert.ok(!evil.asked.includes('/token'), 'the code went to the evil source')
  // A source that says that it names itself has to.
  const silent = evil.authorize((await begin(connector)).url.href)
  silent.delete('iss')
  assert.equal((await refusal(end(connector, visit, silent))).code, 'CONNECTOR_ANSWER_INVALID')
  await connector.close()
})

test('an answer is for the attempt it belongs to, once, and by GET', async () => {
  await using idp = await startLyingIdp()
  const connector = open(idp)
  const [mine, hers] = [await begin(connector), await begin(connector)]
  const answer = idp.authorize(hers.url.href)
  const invalid = async (promise: Promise<unknown>) =>
    assert.equal((await refusal(promise)).code, 'CONNECTOR_ANSWER_INVALID')
  await invalid(end(connector, mine, answer))
  await invalid(end(connector, { ...hers, secrets: mine.secrets }, answer))
  for (const secrets of ['', 'null', '[]', '{"nonce":"","verifier":""}', '{"nonce":1}'])
    await invalid(end(connector, { ...hers, secrets }, answer))
  const fresh = await begin(connector)
  const good = idp.authorize(fresh.url.href)
  const { state, secrets } = fresh
  await invalid(connector.finish({ answer: good, by: 'POST', state, secrets, scopes: anyScopes, signal: noHurry() }))
  for (const double of ['state', 'code', 'iss']) {
    const twice = new URLSearchParams(good)
    twice.append(double, 'second')
    await invalid(end(connector, fresh, twice))
  }
  assert.equal((await end(connector, fresh, good)).userId, 'sub-ada')
  await invalid(end(connector, fresh, good))
  await connector.close()
})

test('what the source says to the browser is told apart, and not repeated raw', async () => {
  await using idp = await startLyingIdp()
  const connector = open(idp)
  for (const [error, row] of [
    ['access_denied', 'CONNECTOR_REFUSED'],
    ['login_required', 'CONNECTOR_REFUSED'],
    ['<script>\n', 'CONNECTOR_REFUSED'],
    ['invalid_scope', 'CONNECTOR_MISCONFIGURED'],
    ['temporarily_unavailable', 'CONNECTOR_UNREACHABLE'],
  ] as const) {
    const visit = await begin(connector)
    const answer = new URLSearchParams({ error, state: visit.state, iss: idp.issuer, error_description: 'call 555' })
    const { code, message } = await refusal(end(connector, visit, answer))
    assert.equal(code, row)
    assert.doesNotMatch(message, /555|\n/)
    // Without the state nobody knows who says so.
    answer.set('state', 'made-up')
    assert.equal((await refusal(end(connector, visit, answer))).code, 'CONNECTOR_ANSWER_INVALID')
  }
  await connector.close()
})

test('a link sets no parameter of the protocol, whatever it carries and whatever the settings name', async () => {
  await using idp = await startLyingIdp()
  const names = ['login_hint', 'ui_locales', 'prompt', 'acr_values']
  const connector = open(idp, { forwardedLoginParams: names, acrValues: ['gold'], scopes: ['email'] })
  const own = new Map((await begin(connector)).url.searchParams)
  const hostile = {
    redirect_uri: 'https://evil.test/',
    state: 'evil',
    scope: 'openid admin',
    client_id: 'evil',
    nonce: 'evil',
    response_type: 'token',
    response_mode: 'fragment',
    code_challenge: 'evil',
    code_challenge_method: 'plain',
    request: 'eyJ',
    request_uri: 'https://evil.test/request',
    claims: '{}',
    id_token_hint: 'x',
    unlisted: 'x',
    acr_values: 'tin',
    prompt: 'none',
    login_hint: 'ada@corp.test&redirect_uri=https://evil.test/#',
    ui_locales: 'x'.repeat(2_000),
  }
  const visit = await begin(connector, { scopes: offline, parameters: hostile })
  const sent = visit.url.searchParams
  assert.deepEqual(sent.getAll('redirect_uri'), [callbackUrl])
  assert.deepEqual(sent.getAll('state'), [visit.state])
  for (const name of ['scope', 'client_id', 'response_type', 'code_challenge_method', 'acr_values'])
    assert.deepEqual(sent.getAll(name), [own.get(name)], name)
  for (const name of ['request', 'request_uri', 'claims', 'id_token_hint', 'unlisted', 'response_mode', 'ui_locales'])
    assert.equal(sent.has(name), false, name)
  assert.notEqual(sent.get('nonce'), 'evil')
  assert.notEqual(sent.get('code_challenge'), 'evil')
  assert.deepEqual(sent.getAll('prompt'), ['consent'])
  assert.deepEqual(sent.getAll('login_hint'), [hostile.login_hint])
  // Twice is nobody's honest wish.
  const twice = await begin(connector, { parameters: 'login_hint=a&login_hint=b' })
  assert.equal(twice.url.searchParams.has('login_hint'), false)
  // Settings that name them are refused; should they come by another way, nothing goes through.
  for (const name of ['state', 'Redirect_URI', 'request_uri', ' scope', ''])
    assert.throws(() => open(idp, { forwardedLoginParams: [name] }), /names of parameters that a link may set/)
  const forced = openOidcConnector(
    {
      ...settingsOf(oidcSettings, { issuer: idp.issuer, clientID: 'pom', redirectURI: callbackUrl }),
      forwardedLoginParams: ['request', 'redirect_uri'],
    },
    testTools(),
  )
  const forcedVisit = await begin(forced, { parameters: hostile })
  assert.equal(forcedVisit.url.searchParams.has('request'), false)
  assert.deepEqual(forcedVisit.url.searchParams.getAll('redirect_uri'), [callbackUrl])
  await Promise.all([connector.close(), forced.close()])
})

test('PKCE is always there, and S256 unless the source knows plain alone or the settings say so', async () => {
  for (const [supported, configured, method] of [
    [undefined, undefined, 'S256'],
    [['plain', 'S256'], undefined, 'S256'],
    [['plain'], undefined, 'plain'],
    [[], undefined, 'S256'],
    [['S256'], 'plain', 'plain'],
    [['plain'], 'S256', 'S256'],
  ] as const) {
    await using idp = await startLyingIdp()
    idp.lie = { metadata: { code_challenge_methods_supported: supported } }
    const connector = open(idp, configured ? { pkceChallenge: configured } : {})
    const { url, secrets } = await begin(connector)
    assert.equal(url.searchParams.get('code_challenge_method'), method)
    const { verifier } = JSON.parse(secrets) as { verifier: string }
    assert.equal(url.searchParams.get('code_challenge') === verifier, method === 'plain')
    await connector.close()
  }
})

test('userinfo counts for the same subject only, and only with a subject', async () => {
  for (const userInfo of [{ sub: 'sub-eve' }, { sub: undefined }, { sub: ['sub-ada'] }]) {
    await using idp = await startLyingIdp()
    idp.lie = { userInfo }
    const connector = open(idp, { getUserInfo: true })
    assert.equal((await refusal(signIn(connector, idp))).code, 'CONNECTOR_ANSWER_INVALID')
    await connector.close()
  }
})

test('endless, slow and wandering answers end within bounds', async () => {
  const strangers: string[] = []
  const stranger = createServer((request, response) => {
    strangers.push(request.url ?? '')
    response.end('{}')
  })
  using _ = { [Symbol.dispose]: () => void stranger.close() }
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
  const away = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}/taken`
  const ten = Buffer.alloc(10 * 1024 * 1024, 'x')
  for (const path of ['/.well-known/openid-configuration', '/token', '/jwks', '/userinfo']) {
    await using idp = await startLyingIdp()
    for (const [kind, answer] of [
      ['endless', (response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(ten)],
      ['wandering', (response) => void response.writeHead(307, { location: away }).end()],
    ] satisfies [string, NonNullable<Lies['answer']>[string]][]) {
      const connector = open(idp, { getUserInfo: true })
      idp.lie = { answer: { [path]: answer } }
      const { code } = await refusal(signIn(connector, idp))
      assert.equal(code, 'CONNECTOR_ANSWER_INVALID', `${kind} ${path}`)
      await connector.close()
    }
  }
  assert.deepEqual(strangers, [], 'a redirect was followed with what it carried')
})

test('who drips its answer octet by octet is given up with the caller', async () => {
  await using idp = await startLyingIdp()
  const connector = open(idp)
  const visit = await begin(connector)
  const answer = idp.authorize(visit.url.href)
  idp.lie = {
    answer: {
      '/token': (response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        const timer = setInterval(() => response.write(' '), 20)
        response.on('close', () => clearInterval(timer))
      },
    },
  }
  const { state, secrets } = visit
  const since = Date.now()
  const { code } = await refusal(
    connector.finish({ answer, by: 'GET', state, secrets, scopes: anyScopes, signal: AbortSignal.timeout(300) }),
  )
  assert.equal(code, 'CONNECTOR_UNREACHABLE')
  assert.ok(Date.now() - since < 10_000)
  await connector.close()
})

test('made-up key ids cause a few downloads a minute, and a rotated key is found at once', async () => {
  await using idp = await startLyingIdp()
  const connector = open(idp)
  await signIn(connector, idp)
  idp.rotate()
  assert.equal((await signIn(connector, idp)).userId, 'sub-ada')
  idp.lie = { header: { kid: 'made-up' } }
  for (let time = 0; time < 12; time++) await refusal(signIn(connector, idp))
  assert.ok(idp.asked.filter((path) => path === '/jwks').length <= 6, idp.asked.join(' '))
  await connector.close()
})

test('one odd key in the set, and a set that breaks later, stop nobody', async () => {
  await using idp = await startLyingIdp()
  const connector = open(idp)
  await signIn(connector, idp)
  const good = (await (await fetch(`${idp.issuer}/jwks`)).json()) as { keys: unknown[] }
  idp.lie = { keys: [null, 7, { kty: 5 }, { kty: 'RSA', use: 'enc' }, { kty: 'oct', k: 'AA' }, ...good.keys] }
  const fresh = open(idp)
  assert.equal((await signIn(fresh, idp)).userId, 'sub-ada')
  idp.lie = { fail: { '/jwks': 500 } }
  assert.equal((await signIn(fresh, idp)).userId, 'sub-ada')
  await Promise.all([connector.close(), fresh.close()])
})

test('a discovery document does not lead an https source to plain http, nor to what is no address', async () => {
  await using idp = await startLyingIdp()
  for (const metadata of [
    { token_endpoint: 'file:///etc/passwd' },
    { jwks_uri: 'nowhere' },
    { authorization_endpoint: 'javascript:alert(1)' },
    { token_endpoint: undefined },
    { issuer: 'https://evil.test' },
    { issuer: undefined },
  ] as Json[]) {
    idp.lie = { metadata }
    const connector = open(idp)
    assert.equal((await refusal(begin(connector))).code, 'CONNECTOR_MISCONFIGURED')
    await connector.close()
  }
})

test('an unverified or missing address is nobody, and stays unverified', async () => {
  await using idp = await startLyingIdp()
  idp.person = { ...idp.person, email_verified: false }
  const skipping = open(idp, { insecureSkipEmailVerified: true })
  assert.equal((await signIn(skipping, idp)).emailVerified, false)
  const strict = open(idp)
  assert.equal((await signIn(strict, idp)).emailVerified, false)
  for (const [email, code] of [
    [undefined, 'ACCOUNT_WITHOUT_EMAIL'],
    ['', 'ACCOUNT_WITHOUT_EMAIL'],
    [['ada@corp.test'], 'ACCOUNT_WITHOUT_EMAIL'],
    [' ada@corp.test', 'ACCOUNT_INCOMPLETE'],
    ['ada@corp.test\nX-Evil: 1', 'ACCOUNT_INCOMPLETE'],
  ] as const) {
    idp.person = { ...idp.person, email, email_verified: true }
    assert.equal((await refusal(signIn(strict, idp))).code, code)
  }
  await Promise.all([skipping.close(), strict.close()])
})
