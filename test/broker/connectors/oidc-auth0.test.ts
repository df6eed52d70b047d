import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import type { RedirectConnector } from '#src/broker/connectors/connector.ts'
import { openOidcConnector } from '#src/broker/connectors/oidc.ts'
import { oidcSettings } from '#src/config/dex/connectors/oidc.ts'
import { type Idp, startIdp } from '#test/actors/idp.ts'
import { begin, end, noHurry, offline, refusal, settingsOf, testTools } from './upstream-visit.ts'

const folder = new URL('../../vectors/seeds/', import.meta.url)
const json = JSON.parse(readFileSync(new URL('oidc-dex-connector.json', folder), 'utf8')) as Seed
const yaml = readFileSync(new URL('oidc-dex-connector.yaml', folder), 'utf8')

interface Seed {
  readonly config: Record<string, unknown>
}

/** oidc-provider as Auth0 is seen from here: issuer with a slash at its end, and the client of the founding document. */
function startAuth0(callback: string, change: object = {}): Promise<Idp> {
  return startIdp({
    issuerEnd: '/',
    users: [
      {
        sub: 'auth0|ada',
        email: 'ada@corp.test',
        email_verified: true,
        name: 'Ada',
        nickname: 'ada',
        groups: ['devops'],
      },
      { sub: 'auth0|bob', email: 'bob@corp.test', name: 'Bob', groups: ['finance'] },
    ],
    clients: [
      {
        client_id: String(json.config['clientID']),
        client_secret: String(json.config['clientSecret']),
        redirect_uris: [callback],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      },
    ],
    change: { pkce: { required: () => true }, ...change },
  })
}

/** The seed's address of the callback is a blank to fill in; so is the issuer, for a test. */
function mended(config: Record<string, unknown>, idp: Idp, callback: string): Record<string, unknown> {
  return { ...config, issuer: idp.issuer, redirectURI: callback }
}

async function answerOf(idp: Idp, url: URL): Promise<URLSearchParams> {
  let target = url.href
  const cookies = new Map<string, string>()
  for (let steps = 0; steps < 10; steps++) {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
    const reply = await fetch(target, { redirect: 'manual', headers: { cookie } })
    for (const line of reply.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    const location = reply.headers.get('location')
    assert.ok(location, `stopped with ${reply.status}: ${await reply.text()}`)
    target = new URL(location, target).href
    if (!target.startsWith(new URL(idp.issuer).origin)) return new URL(target).searchParams
  }
  return assert.fail('too many redirects')
}

const callback = 'http://127.0.0.1:30658/callback'
const open = (raw: Record<string, unknown>) =>
  openOidcConnector(settingsOf(oidcSettings, raw), testTools({ id: 'auth0', callbackUrl: callback }))

async function signIn(connector: RedirectConnector, idp: Idp, options: Parameters<typeof begin>[1] = {}) {
  const visit = await begin(connector, options)
  return { visit, identity: await end(connector, visit, await answerOf(idp, visit.url)) }
}

test('the Auth0 file of the founding document signs people in, as JSON and as YAML', async () => {
  await using idp = await startAuth0(callback)
  assert.throws(() => settingsOf(oidcSettings, (parse(yaml) as Seed).config), /true or false/)
  const fromYaml = (parse(yaml.replace('false,', 'false')) as Seed).config
  assert.deepEqual(fromYaml, json.config)
  for (const config of [json.config, fromYaml]) {
    const connector = open(mended(config, idp, callback))
    await connector.check(noHurry())
    const { visit, identity } = await signIn(connector, idp, { parameters: { login_hint: 'ada@corp.test' } })
    assert.equal(visit.url.searchParams.get('login_hint'), 'ada@corp.test')
    const { connectorData, ...told } = identity
    assert.equal(connectorData, undefined)
    assert.deepEqual(told, {
      userId: 'auth0|ada',
      name: 'Ada',
      preferredUsername: '',
      email: 'ada@corp.test',
      emailVerified: true,
      groups: [],
    })
    await connector.close()
  }
})

test('a refresh keeps the rotated token and who it is; an account that is gone is out', async () => {
  await using idp = await startAuth0(callback, { rotateRefreshToken: true })
  const connector = open({
    ...mended(json.config, idp, callback),
    scopes: ['profile', 'email', 'groups', 'offline_access'],
    forwardedLoginParams: [],
  })
  idp.setAutoLogin('auth0|ada')
  const { visit, identity } = await signIn(connector, idp, {
    scopes: offline,
    parameters: { login_hint: 'bob@corp.test' },
  })
  assert.equal(visit.url.searchParams.get('login_hint'), null)
  assert.deepEqual(
    ['scope', 'access_type', 'prompt'].map((name) => visit.url.searchParams.get(name)),
    ['openid profile email groups offline_access', 'offline', 'consent'],
  )
  assert.deepEqual(identity.groups, ['devops'])
  assert.match(identity.connectorData ?? '', /refreshToken/)

  const again = await connector.refresh?.(identity, { scopes: offline, signal: noHurry() })
  assert.ok(again)
  assert.deepEqual({ ...again, connectorData: '' }, { ...identity, connectorData: '' })
  assert.notEqual(again.connectorData, identity.connectorData)

  // The first one was used up by rotation; oidc-provider ends the whole grant for that.
  const used = await refusal(connector.refresh?.(identity, { scopes: offline, signal: noHurry() }) ?? assert.fail())
  assert.equal(used.code, 'ACCOUNT_GONE')
  const ended = await refusal(connector.refresh?.(again, { scopes: offline, signal: noHurry() }) ?? assert.fail())
  assert.equal(ended.code, 'ACCOUNT_GONE')
  await connector.close()
})

test('without a refresh token a refresh ends the session, and the operator is told why, once', async () => {
  await using idp = await startAuth0(callback)
  const tools = testTools({ id: 'auth0', callbackUrl: callback })
  const connector = openOidcConnector(settingsOf(oidcSettings, mended(json.config, idp, callback)), tools)
  idp.setAutoLogin('auth0|ada')
  const { identity } = await signIn(connector, idp, { scopes: offline })
  await signIn(connector, idp, { scopes: offline })
  assert.deepEqual(tools.warnings, [
    'connector auth0 got no refresh token, and gives none out: nobody can be asked again (scopes lack offline_access?)',
  ])
  const { code } = await refusal(connector.refresh?.(identity, { scopes: offline, signal: noHurry() }) ?? assert.fail())
  assert.equal(code, 'ACCOUNT_GONE')
  await connector.close()
})

test('an issuer that lacks the slash is refused, and both are named', async () => {
  await using idp = await startAuth0(callback)
  const issuer = idp.issuer.replace(/\/$/, '')
  const connector = open({ ...mended(json.config, idp, callback), issuer })
  for (const attempt of [connector.check(noHurry()), begin(connector)]) {
    const { code, message } = await refusal(attempt)
    assert.equal(code, 'CONNECTOR_MISCONFIGURED')
    assert.equal(
      message,
      `cannot use issuer of connector auth0: it must be the one that ${issuer}/.well-known/openid-configuration names, byte for byte: configured "${issuer}", got "${issuer}/"`,
    )
  }
  await connector.close()
})

test('a secret that the source does not take is found before anybody signs in', async () => {
  await using idp = await startAuth0(callback)
  const connector = open({ ...mended(json.config, idp, callback), clientSecret: 'not-the-secret-of-the-document' })
  const { code, message } = await refusal(connector.check(noHurry()))
  assert.deepEqual(
    [code, message],
    ['CONNECTOR_MISCONFIGURED', 'cannot use connector auth0: the source does not take clientID and clientSecret'],
  )
  await connector.close()
})

test('the blank of the document, and any other address than the callback, is refused before a sign-in', async () => {
  await using idp = await startAuth0(callback)
  const blank = open({ ...json.config, issuer: idp.issuer })
  const { code, message } = await refusal(blank.check(noHurry()))
  assert.equal(code, 'CONNECTOR_MISCONFIGURED')
  assert.equal(
    message,
    'cannot use redirectURI of connector auth0: it must be "http://127.0.0.1:30658/callback", got "http://<ip>:30658/callback"',
  )
  assert.equal((await refusal(begin(blank))).code, 'CONNECTOR_MISCONFIGURED')

  const other = 'https://other.corp.test/callback'
  await using elsewhere = await startAuth0(other)
  const skipping = open({
    ...mended(json.config, elsewhere, other),
    insecureSkipIssuerCallbackDomainCheck: true,
  })
  await skipping.check(noHurry())
  const { identity } = await signIn(skipping, elsewhere, { parameters: { login_hint: 'ada@corp.test' } })
  assert.equal(identity.userId, 'auth0|ada')
  const stillBlank = open({ ...json.config, issuer: idp.issuer, insecureSkipIssuerCallbackDomainCheck: true })
  assert.match((await refusal(stillBlank.check(noHurry()))).message, /an address with a path and without query/)
  await Promise.all([blank.close(), skipping.close(), stillBlank.close()])
})

test('a source that is down at the start serves once it is up', async () => {
  await using idp = await startAuth0(callback)
  let now = Date.now()
  const connector = openOidcConnector(
    settingsOf(oidcSettings, mended(json.config, idp, callback)),
    testTools({ id: 'auth0', callbackUrl: callback, now: () => now }),
  )
  await idp.down()
  assert.equal((await refusal(begin(connector))).code, 'CONNECTOR_UNREACHABLE')
  await idp.up()
  // Within the pause nobody is asked.
  const asked = idp.requests.length
  assert.equal((await refusal(begin(connector))).code, 'CONNECTOR_UNREACHABLE')
  assert.equal(idp.requests.length, asked)
  now += 600
  const { identity } = await signIn(connector, idp, { parameters: { login_hint: 'ada@corp.test' } })
  assert.equal(identity.userId, 'auth0|ada')
  // What was found serves on while the source is away: the visitor finds out at the source.
  await idp.down()
  await begin(connector)
  now += 61 * 60_000
  await begin(connector)
  await connector.close()
})

test('looking at a connector tells each step up to the sign-in address', async () => {
  await using idp = await startAuth0(callback)
  const connector = open(mended(json.config, idp, callback))
  const steps = await Array.fromAsync(connector.diagnose({ user: undefined, signal: noHurry() }))
  assert.deepEqual(
    steps.map(({ name, outcome }) => `${name}: ${outcome}`),
    [
      'settings: ok',
      'name resolution: ok',
      'TLS: doubtful',
      'discovery: ok',
      'keys: ok',
      'client credentials: ok',
      'refresh: doubtful',
      'sign-in address: ok',
    ],
  )
  assert.match(steps.at(-1)?.details?.[0] ?? '', /^http:\/\/127\.0\.0\.1:\d+\/auth\?.*code_challenge_method=S256/)
  assert.doesNotMatch(JSON.stringify(steps), new RegExp(String(json.config['clientSecret'])))
  await connector.close()

  const wrong = open({ ...mended(json.config, idp, callback), clientSecret: 'wrong' })
  const found = await Array.fromAsync(wrong.diagnose({ user: undefined, signal: noHurry() }))
  assert.deepEqual(found.at(-1), {
    name: 'client credentials',
    outcome: 'failed',
    found: 'the token endpoint does not take clientID and clientSecret',
  })
  await wrong.close()
})
