/** Settings of an `oidc` connector that decide how the source is spoken to. */
import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { openOidcConnector } from '#src/broker/connectors/oidc.ts'
import { oidcSettings } from '#src/config/dex/connectors/oidc.ts'
import { testCerts } from '#test/actors/certs.ts'
import { type LyingIdp, startLyingIdp } from '#test/actors/lying-idp.ts'
import { begin, callbackUrl, end, noHurry, offline, refusal, settingsOf, testTools } from './upstream-visit.ts'

type Json = Record<string, unknown>

function open(issuer: string, change: Json = {}) {
  const raw = { issuer, clientID: 'pom', clientSecret: 'pomerium', redirectURI: callbackUrl, ...change }
  return openOidcConnector(settingsOf(oidcSettings, raw), testTools())
}

async function signIn(connector: ReturnType<typeof open>, idp: LyingIdp) {
  const visit = await begin(connector)
  try {
    return await end(connector, visit, answerOf(idp, visit.url))
  } finally {
    await connector.close()
  }
}

function answerOf(idp: LyingIdp, url: URL): URLSearchParams {
  const answer = idp.authorize(url.href)
  answer.delete('iss')
  return answer
}

/** The provider behind TLS, under the name that the test certificate is for. */
async function startSecure(idp: LyingIdp) {
  const { certificate, key } = await testCerts()
  const server = createServer({ cert: certificate, key }, async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { authorization = '', 'content-type': type = '' } = request.headers
    const reply = await fetch(`${idp.issuer}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { authorization, 'content-type': type },
      ...(request.method === 'POST' && { body: Buffer.concat(chunks) }),
    })
    response
      .writeHead(reply.status, { 'content-type': reply.headers.get('content-type') ?? '' })
      .end(await reply.text())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const endpoints = Object.fromEntries(
    ['authorization', 'token', 'userinfo'].map((name) => [
      `${name}_endpoint`,
      `${issuer}/${name === 'authorization' ? 'authorize' : name}`,
    ]),
  )
  idp.lie = {
    metadata: {
      issuer,
      jwks_uri: `${issuer}/jwks`,
      ...endpoints,
      authorization_response_iss_parameter_supported: undefined,
    },
    claims: { iss: issuer },
  }
  return {
    issuer,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('a source behind TLS is verified: by its root, or by nothing where the settings say so', async () => {
  const { ca, caFile } = await testCerts()
  await using idp = await startLyingIdp()
  await using secure = await startSecure(idp)
  const stranger = open(secure.issuer)
  assert.equal((await refusal(stranger.check(noHurry()))).code, 'CONNECTOR_UNREACHABLE')
  const failed = await Array.fromAsync(stranger.diagnose({ user: undefined, signal: noHurry() }))
  assert.deepEqual([failed.at(-1)?.name, failed.at(-1)?.outcome], ['TLS', 'failed'])
  assert.match(failed.at(-1)?.found ?? '', /CERT|VERIFY|ISSUER/i)
  await stranger.close()

  for (const root of [caFile, ca, Buffer.from(ca).toString('base64')])
    assert.equal((await signIn(open(secure.issuer, { rootCAs: [root] }), idp)).userId, 'sub-ada')
  const verified = open(secure.issuer, { rootCAs: [caFile] })
  const steps = await Array.fromAsync(verified.diagnose({ user: undefined, signal: noHurry() }))
  const tls = steps.find(({ name }) => name === 'TLS')
  assert.equal(tls?.outcome, 'ok')
  assert.match(tls?.details?.[0] ?? '', /, until .*, issued by /)
  await verified.close()

  const careless = open(secure.issuer, { insecureSkipVerify: true })
  const doubtful = await Array.fromAsync(careless.diagnose({ user: undefined, signal: noHurry() }))
  assert.equal(doubtful.find(({ name }) => name === 'TLS')?.outcome, 'doubtful')
  assert.equal((await signIn(careless, idp)).userId, 'sub-ada')

  const unread = open(secure.issuer, { rootCAs: ['/not/there.pem'] })
  assert.equal((await refusal(unread.check(noHurry()))).code, 'CONNECTOR_MISCONFIGURED')
  await unread.close()
})

test('a document of an https source that leads to plain http is refused, unless the settings lead there', async () => {
  const { caFile } = await testCerts()
  await using idp = await startLyingIdp()
  await using secure = await startSecure(idp)
  idp.lie = { ...idp.lie, metadata: { ...idp.lie.metadata, token_endpoint: `${idp.issuer}/token` } }
  const plain = open(secure.issuer, { rootCAs: [caFile] })
  const { code, message } = await refusal(plain.check(noHurry()))
  assert.deepEqual(
    [code, message],
    ['CONNECTOR_MISCONFIGURED', 'cannot use issuer of connector up: token_endpoint is no https address'],
  )
  await plain.close()
  const led = open(secure.issuer, {
    rootCAs: [caFile],
    providerDiscoveryOverrides: { tokenURL: `${idp.issuer}/token` },
  })
  assert.equal((await signIn(led, idp)).userId, 'sub-ada')
})

test('endpoints of the settings go before those of the document', async () => {
  await using idp = await startLyingIdp()
  const nowhere = 'http://127.0.0.1:1/nowhere'
  idp.lie = {
    metadata: {
      authorization_endpoint: nowhere,
      token_endpoint: nowhere,
      jwks_uri: nowhere,
      userinfo_endpoint: nowhere,
      authorization_response_iss_parameter_supported: undefined,
    },
  }
  const overrides = {
    authURL: `${idp.issuer}/authorize`,
    tokenURL: `${idp.issuer}/token`,
    jwksURL: `${idp.issuer}/jwks`,
    userInfoURL: `${idp.issuer}/userinfo`,
  }
  const connector = open(idp.issuer, { getUserInfo: true, providerDiscoveryOverrides: overrides })
  assert.equal((await begin(connector)).url.href.split('?')[0], overrides.authURL)
  assert.equal((await signIn(connector, idp)).userId, 'sub-ada')
  assert.equal((await refusal(signIn(open(idp.issuer), idp))).code, 'CONNECTOR_UNREACHABLE')
})

test('with an alias the tokens name that, and nothing else', async () => {
  await using idp = await startLyingIdp()
  const alias = 'https://sts.test/tenant/'
  idp.lie = {
    metadata: { issuer: 'https://sts.test/{tenantid}/', authorization_response_iss_parameter_supported: undefined },
    claims: { iss: alias },
  }
  assert.equal((await signIn(open(idp.issuer, { issuerAlias: alias }), idp)).userId, 'sub-ada')
  assert.equal((await refusal(signIn(open(idp.issuer), idp))).code, 'CONNECTOR_MISCONFIGURED')
  idp.lie = { ...idp.lie, claims: { iss: idp.issuer } }
  const { code } = await refusal(signIn(open(idp.issuer, { issuerAlias: alias }), idp))
  assert.equal(code, 'CONNECTOR_ANSWER_INVALID')
})

test('the secret goes by Basic, or in the form where the source or the settings say so', async () => {
  for (const [change, supported, isBasic] of [
    [{}, undefined, true],
    [{}, ['client_secret_post'], false],
    [{}, ['client_secret_post', 'client_secret_basic'], true],
    [{ basicAuthUnsupported: true }, ['client_secret_basic'], false],
    [{ basicAuthUnsupported: false }, undefined, true],
  ] as const) {
    await using idp = await startLyingIdp()
    idp.lie = { metadata: { token_endpoint_auth_methods_supported: supported } }
    const connector = open(idp.issuer, change)
    const visit = await begin(connector)
    await end(connector, visit, idp.authorize(visit.url.href))
    assert.equal(idp.authorizations.at(-1), isBasic ? `Basic ${btoa('pom:pomerium')}` : undefined)
    assert.equal(idp.forms.at(-1)?.get('client_secret') ?? undefined, isBasic ? undefined : 'pomerium')
    await connector.close()
  }
})

test('what is asked for follows the settings', async () => {
  await using idp = await startLyingIdp()
  for (const [change, scopes, expected] of [
    [{}, false, { scope: 'openid profile email', acr_values: null, prompt: null, access_type: null }],
    [{ scopes: ['openid', 'groups'] }, false, { scope: 'openid groups' }],
    [{ acrValues: ['gold', 'silver'] }, false, { acr_values: 'gold silver' }],
    [{ promptType: 'login' }, true, { prompt: 'login', access_type: 'offline' }],
    [{ promptType: '' }, true, { prompt: null, access_type: 'offline' }],
    [{ promptType: 'login' }, false, { prompt: null, access_type: null }],
  ] as const) {
    const connector = open(idp.issuer, change)
    const { url } = await begin(connector, scopes ? { scopes: offline } : {})
    for (const [name, value] of Object.entries(expected)) assert.equal(url.searchParams.get(name), value, name)
    await connector.close()
  }
})

test('hosted domains are a matter of the google connector, and told so', () => {
  const raw = { issuer: 'https://accounts.google.com', clientID: 'x', redirectURI: callbackUrl }
  assert.throws(
    () => settingsOf(oidcSettings, { ...raw, hostedDomains: ['corp.test'] }),
    /use a connector of type `google`/,
  )
})

test('a connector without redirectURI reads tokens and sends nobody anywhere; without clientID it trusts none', async () => {
  await using idp = await startLyingIdp()
  const regular = open(idp.issuer)
  const visit = await begin(regular)
  await regular.close()
  const form = {
    grant_type: 'authorization_code',
    code: idp.authorize(visit.url.href).get('code') ?? '',
    redirect_uri: callbackUrl,
    code_verifier: JSON.parse(visit.secrets).verifier,
  }
  const answer = await fetch(`${idp.issuer}/token`, { method: 'POST', body: new URLSearchParams(form) })
  const { id_token: token } = (await answer.json()) as { id_token: string }
  const read = { token, type: 'id_token', signal: AbortSignal.timeout(5000) } as const
  const exchanging = open(idp.issuer, { redirectURI: '' })
  assert.equal((await exchanging.readToken?.(read))?.userId, 'sub-ada')
  assert.equal((await refusal(begin(exchanging))).code, 'CONNECTOR_MISCONFIGURED')
  await exchanging.close()
  const idle = open(idp.issuer, { clientID: '' })
  assert.equal((await refusal(Promise.resolve(idle.readToken?.(read)))).code, 'CONNECTOR_MISCONFIGURED')
  assert.equal((await refusal(begin(idle))).code, 'CONNECTOR_MISCONFIGURED')
  await idle.close()
})
