/** How the broker's endpoints answer programs: methods, JSON, credentials, other origins, and what discovery promises. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '#src/crypto/secret.ts'
import { freePort } from '#test/actors/program.ts'
import {
  answerOf,
  authorizeUrl,
  callback,
  claimsIn,
  client,
  post,
  redeem,
  refresh,
  signIn,
  startBroker,
  verifier,
  type World,
} from '#test/broker/world.ts'

const mock = {
  ...{ type: 'mockCallback', id: 'mock', name: 'Mock', config: {}, raw: {}, groups: undefined, grantTypes: [] },
} as never
const form = 'application/x-www-form-urlencoded'
const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
const programs: Readonly<Record<string, string>> = {
  '/.well-known/openid-configuration': 'GET',
  '/.well-known/oauth-authorization-server': 'GET',
  '/keys': 'GET',
  '/userinfo': 'GET',
  '/token': 'POST',
  '/device/token': 'POST',
  '/token/introspect': 'POST',
  '/token/revoke': 'POST',
  '/device/code': 'POST',
}

async function ask(world: World, path: string, init: RequestInit = {}) {
  const answer = await fetch(world.issuer + path, { redirect: 'manual', ...init })
  const text = await answer.text()
  const body = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : undefined
  return { status: answer.status, headers: answer.headers, text, body }
}

async function withOrigins(allowedOrigins: readonly string[]): Promise<World> {
  const port = await freePort()
  return startBroker({
    settings: {
      issuer: `http://127.0.0.1:${port}/dex`,
      web: {
        ...{ http: `127.0.0.1:${port}`, https: undefined, tls: undefined, headers: {}, clientRemoteIP: undefined },
        ...{ allowedOrigins, allowedHeaders: ['Authorization', 'X-Trace'] },
      },
    },
  })
}

test('another method than an endpoint has is 405 with Allow, in JSON, and never leads to a page', async () => {
  await using world = await startBroker()
  for (const [path, right] of Object.entries(programs))
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
      if (method === right || (path === '/userinfo' && method === 'POST')) continue
      const { status, headers, body } = await ask(world, path, { method })
      assert.deepEqual([status, body?.['error']], [405, 'invalid_request'], `${method} ${path}`)
      assert.match(headers.get('allow') ?? '', new RegExp(right), `${method} ${path}`)
    }
  const page = await ask(world, '/logout/confirm')
  assert.deepEqual([page.status, page.headers.get('allow')], [405, 'POST'])
  assert.match(page.text, /cannot be opened by itself/)
})

test('programs get JSON whatever they say they accept (as Java does by itself)', async () => {
  await using world = await startBroker()
  const accept = 'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2'
  for (const [path, method] of Object.entries(programs)) {
    const headers = { accept, ...(method === 'POST' && { 'content-type': form, authorization: basic('app', 'wrong') }) }
    const answer = await ask(world, path, { method, headers, ...(method === 'POST' && { body: 'a=b' }) })
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/, path)
  }
})

test('people get pages whatever their program says it accepts', async () => {
  await using world = await startBroker()
  for (const path of ['/auth?client_id=nobody', '/auth/local', '/logout?state=1&state=2', '/device?x', '/nowhere'])
    for (const accept of ['*/*', 'application/json', 'image/png']) {
      const answer = await ask(world, path, { headers: { accept } })
      assert.match(answer.headers.get('content-type') ?? '', /^text\/html/, `${path} ${accept}`)
    }
  const confirmed = await ask(world, '/logout/confirm', {
    method: 'POST',
    headers: { 'content-type': form },
    body: 'a=b',
  })
  assert.deepEqual([confirmed.status, confirmed.headers.get('content-type')], [400, 'text/html; charset=utf-8'])
})

test('the head of a document has its headers and no body', async () => {
  await using world = await startBroker()
  for (const path of ['/.well-known/openid-configuration', '/keys']) {
    const { status, headers, text } = await ask(world, path, { method: 'HEAD' })
    assert.deepEqual([status, text], [200, ''])
    assert.ok(Number(headers.get('content-length')) > 100)
  }
  assert.equal((await ask(world, '/keys')).headers.get('cache-control'), 'max-age=600, must-revalidate')
})

test('RFC 6749 §5.2: a client that is unknown, wrong, unreadable or missing is invalid_client with 401', async () => {
  await using world = await startBroker()
  const fields = { grant_type: 'refresh_token', refresh_token: 'x' }
  for (const [what, headers, more] of [
    ['none', {}, {}],
    ['an id without its secret', {}, { client_id: 'app' }],
    ['an empty id', {}, { client_id: '' }],
    ['a wrong secret', {}, { client_id: 'app', client_secret: 'wrong' }],
    ['a wrong secret by Basic', { authorization: basic('app', 'wrong') }, {}],
    ['an unknown one', { authorization: basic('nobody', 'x') }, {}],
    ['nothing readable', { authorization: 'Basic !!!' }, {}],
    [
      'nothing readable beside an id',
      { authorization: 'Basic !!!' },
      { client_id: 'app', client_secret: 'app-secret' },
    ],
    ['no colon', { authorization: `Basic ${Buffer.from('app').toString('base64')}` }, {}],
    ['another scheme', { authorization: 'Bearer app' }, {}],
    ['a public client’s way with a secret client’s id', { authorization: basic('app', '') }, {}],
    ['the stored form of a secret', {}, { client_id: 'app', client_secret: await proof(world) }],
  ] as const) {
    const answer = await ask(world, '/token', {
      method: 'POST',
      headers,
      body: new URLSearchParams({ ...fields, ...more }),
    })
    assert.deepEqual([answer.status, answer.body?.['error']], [401, 'invalid_client'], what)
    // An empty secret is no try to authenticate.
    if ('authorization' in headers && !what.startsWith('a public'))
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic /, what)
  }
})

/** What the broker compares in place of the secret: it must open nothing itself. */
async function proof(_world: World): Promise<string> {
  const { proofOfSecret } = await import('#src/broker/provider/client-credentials.ts')
  return proofOfSecret('app-secret')
}

test('secrets with any letters work both ways, encoded or as they are', async () => {
  const secret = 'p%+é:/& ü€'
  const odd = client('odd:id', { secret: new Secret(secret) })
  const plain = client('app', { secret: new Secret('100%-sure') })
  await using world = await startBroker({ clients: [odd, plain] })
  const encoded = (text: string) => encodeURIComponent(text).replaceAll('%20', '+')
  const browser = world.browser()
  let page = await signIn(browser, authorizeUrl(world.issuer, { client_id: 'odd:id' }))
  const first = await redeem(world, page, {}, { id: encoded('odd:id'), secret: encoded(secret) })
  assert.equal(first.status, 200, JSON.stringify(first.body))
  page = await browser.open(authorizeUrl(world.issuer, { client_id: 'odd:id' }))
  const second = await redeem(world, page, { client_id: 'odd:id', client_secret: secret }, { id: '' })
  assert.equal(second.status, 200, JSON.stringify(second.body))
  page = await browser.open(authorizeUrl(world.issuer))
  assert.equal((await redeem(world, page, {}, { id: 'app', secret: '100%-sure' })).status, 200)
})

test('a public client may show an empty secret, in the header or the form, and no other', async () => {
  const redirect_uri = 'http://localhost:4242/cb'
  const cli = client('cli', { public: true, secret: undefined, redirectURIs: [] })
  await using world = await startBroker({ clients: [cli] })
  const browser = world.browser()
  await signIn(browser, authorizeUrl(world.issuer, { client_id: 'cli', redirect_uri }))
  const fields = { grant_type: 'authorization_code', redirect_uri, code_verifier: verifier }
  for (const [headers, more, status] of [
    [{ authorization: basic('cli', '') }, {}, 200],
    [{ authorization: basic('cli', '') }, { client_id: 'cli' }, 200],
    [{ authorization: basic('cli', '') }, { client_id: 'app' }, 400],
    [{}, { client_id: 'cli', client_secret: '' }, 200],
    [{ authorization: basic('cli', 'x') }, {}, 401],
    [{}, { client_id: 'cli', client_secret: 'x' }, 401],
  ] as const) {
    const page = await browser.open(authorizeUrl(world.issuer, { client_id: 'cli', redirect_uri }))
    const code = answerOf(page).get('code') ?? ''
    const body = new URLSearchParams({ ...fields, code, ...more })
    const answer = await ask(world, '/token', { method: 'POST', headers, body })
    assert.equal(answer.status, status, JSON.stringify([headers, more, answer.body]))
  }
})

test('web.allowedOrigins: scripts of those origins read the answers, of others none, and nobody is turned away', async () => {
  await using world = await withOrigins(['https://spa.test'])
  for (const [path, method] of Object.entries(programs)) {
    const preflight = (origin: string) =>
      ask(world, path, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': method } })
    const good = await preflight('https://spa.test')
    assert.equal(good.status, 204, path)
    assert.equal(good.headers.get('access-control-allow-origin'), 'https://spa.test', path)
    assert.match(good.headers.get('access-control-allow-methods') ?? '', new RegExp(method), path)
    assert.equal(good.headers.get('access-control-allow-headers'), 'Content-Type, Authorization, X-Trace', path)
    assert.equal(good.headers.get('access-control-allow-credentials'), null, path)
    const send = (origin?: string) =>
      ask(world, path, {
        method,
        headers: { ...(origin && { origin }), 'content-type': form },
        ...(method === 'POST' && { body: 'grant_type=x' }),
      })
    const expected = (await send()).status
    assert.equal((await send('https://spa.test')).headers.get('access-control-allow-origin'), 'https://spa.test', path)
    for (const origin of ['https://evil.test', 'https://spa.test.evil.test', 'http://spa.test', 'null']) {
      const bad = await preflight(origin)
      const answer = await send(origin)
      for (const { headers } of [bad, answer])
        assert.equal(headers.get('access-control-allow-origin'), null, `${path} ${origin}`)
      assert.equal(answer.status, expected, `${path} ${origin}`)
      assert.match(answer.headers.get('vary') ?? '', /origin/i, path)
    }
    assert.equal((await send()).headers.get('access-control-allow-origin'), null, path)
  }
  for (const path of ['/auth', '/logout', '/device', '/sign-in', '/approval']) {
    const answer = await ask(world, path, { headers: { origin: 'https://spa.test' } })
    assert.equal(answer.headers.get('access-control-allow-origin'), null, path)
  }
})

test('web.allowedOrigins: * is for all, without credentials', async () => {
  await using world = await withOrigins(['*'])
  const { headers } = await ask(world, '/keys', { headers: { origin: 'https://any.test' } })
  assert.equal(headers.get('access-control-allow-origin'), '*')
  assert.equal(headers.get('access-control-allow-credentials'), null)
})

test('a page alone in a browser signs in: code, refresh, userinfo and revocation across origins', async () => {
  const spa = client('spa', { public: true, secret: undefined })
  const port = await freePort()
  await using world = await startBroker({
    clients: [spa],
    settings: {
      issuer: `http://127.0.0.1:${port}/dex`,
      web: {
        ...{ http: `127.0.0.1:${port}`, https: undefined, tls: undefined, headers: {}, clientRemoteIP: undefined },
        ...{ allowedOrigins: ['https://app.test'], allowedHeaders: ['Authorization'] },
      },
    },
  })
  const page = await signIn(world.browser(), authorizeUrl(world.issuer, { client_id: 'spa' }))
  const headers = { origin: 'https://app.test' }
  const send = (path: string, fields: Record<string, string>) =>
    ask(world, path, { method: 'POST', headers, body: new URLSearchParams({ client_id: 'spa', ...fields }) })
  const tokens = await send('/token', {
    ...{ grant_type: 'authorization_code', redirect_uri: callback, code_verifier: verifier },
    code: answerOf(page).get('code') ?? '',
  })
  assert.equal(tokens.headers.get('access-control-allow-origin'), 'https://app.test')
  assert.deepEqual([tokens.headers.get('cache-control'), tokens.headers.get('pragma')], ['no-store', 'no-cache'])
  const info = await ask(world, '/userinfo', {
    headers: { ...headers, authorization: `Bearer ${tokens.body?.['access_token']}` },
  })
  assert.deepEqual([info.status, info.headers.get('access-control-allow-origin')], [200, 'https://app.test'])
  const gone = await ask(world, '/userinfo', { headers: { ...headers, authorization: 'Bearer x' } })
  assert.equal(gone.headers.get('access-control-expose-headers'), 'WWW-Authenticate')
  const token = String(tokens.body?.['refresh_token'])
  const revoked = await send('/token/revoke', { token })
  assert.deepEqual([revoked.status, revoked.text, revoked.headers.get('content-type')], [200, '', null])
  assert.equal((await send('/token', { grant_type: 'refresh_token', refresh_token: token })).status, 400)
})

test('discovery is true: each address answers, each method, scope, prompt and answer mode works, each claim comes', async () => {
  await using world = await startBroker()
  const { body: found = {} } = await ask(world, '/.well-known/openid-configuration')
  assert.deepEqual((await ask(world, '/.well-known/oauth-authorization-server')).body, found)
  const { origin, pathname } = new URL(world.issuer)
  const before = await fetch(`${origin}/.well-known/oauth-authorization-server${pathname}`)
  assert.deepEqual(await before.json(), found, 'RFC 8414 §3.1')
  const list = (name: string) => found[name] as readonly string[]
  for (const [name, address] of Object.entries(found))
    if (/_endpoint$|^jwks_uri$/.test(name)) {
      assert.ok(String(address).startsWith(`${world.issuer}/`), name)
      assert.notEqual((await fetch(String(address), { redirect: 'manual' })).status, 404, name)
    }
  const browser = world.browser()
  const scope = list('scopes_supported').join(' ')
  let page = await signIn(browser, authorizeUrl(world.issuer, { scope }))
  const { body } = await redeem(world, page)
  const claims = claimsIn(body['id_token'])
  for (const name of list('claims_supported')) assert.ok(name in claims, name)
  for (const response_mode of list('response_modes_supported')) {
    page = await browser.open(authorizeUrl(world.issuer, { response_mode }))
    const url = new URL(page.url)
    assert.equal(url.origin + url.pathname, callback, response_mode)
    if (response_mode !== 'form_post')
      assert.match(response_mode === 'query' ? url.search : url.hash, /code=/, response_mode)
  }
  for (const prompt of list('prompt_values_supported')) {
    page = await browser.open(authorizeUrl(world.issuer, { prompt }))
    assert.doesNotMatch(page.url, /error=/, prompt)
  }
  for (const name of ['grant_types_supported', 'code_challenge_methods_supported', 'response_types_supported'])
    assert.ok(list(name).length > 0, name)
  for (const grant_type of list('grant_types_supported'))
    assert.notEqual((await post(`${world.issuer}/token`, { grant_type })).body['error'], 'unsupported_grant_type')
  assert.deepEqual(
    [
      found['claims_parameter_supported'],
      found['request_parameter_supported'],
      found['request_uri_parameter_supported'],
    ],
    [false, false, false],
  )
})

test('introspection tells for whom a token is, what it is used for, and of whom, to each client that it is for', async () => {
  const peer = client('peer', { trustedPeers: ['app'] })
  await using world = await startBroker({ clients: [client('app'), peer, client('stranger')] })
  const scope = 'openid email groups offline_access audience:server:client_id:peer'
  const page = await signIn(world.browser(), authorizeUrl(world.issuer, { scope }))
  const { body } = await redeem(world, page)
  const look = async (name: string, id: string) =>
    (await post(`${world.issuer}/token/introspect`, { token: String(body[name]) }, { id, secret: `${id}-secret` })).body
  for (const id of ['app', 'peer']) {
    const { active, aud, client_id, token_use, token_type, ext, sub } = await look('access_token', id)
    assert.deepEqual([active, client_id, token_use, token_type], [true, 'app', 'access_token', 'Bearer'], id)
    assert.deepEqual(aud, ['peer', 'app'])
    assert.deepEqual(ext, { email: 'alice@corp.test', email_verified: true, groups: ['devops'] })
    assert.equal(sub, claimsIn(body['id_token'])['sub'])
  }
  assert.deepEqual(await look('access_token', 'stranger'), { active: false })
  assert.equal((await look('refresh_token', 'app'))['token_use'], 'refresh_token')
  assert.deepEqual(await look('refresh_token', 'peer'), { active: false })
  assert.deepEqual(await look('id_token', 'app'), { active: false })
})

test('a token of a service is exchanged for one for a client that trusts the asking one, and for no other', async () => {
  const peer = client('peer', { trustedPeers: ['app'] })
  const cli = client('cli', { public: true, secret: undefined })
  await using world = await startBroker({ clients: [client('app'), peer, client('other'), cli], connectors: [mock] })
  const exchange = (scope: string, who?: { id: string; secret?: string }) => {
    const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange'
    const subject_token_type = 'urn:ietf:params:oauth:token-type:access_token'
    const fields = { grant_type, subject_token_type, subject_token: 'x', connector_id: 'mock', scope }
    return post(`${world.issuer}/token`, fields, who)
  }
  const { body } = await exchange('openid email audience:server:client_id:peer')
  const { aud, azp, email } = claimsIn(body['access_token'])
  assert.deepEqual([aud, azp, email], [['peer', 'app'], 'app', 'kilgore@kilgore.trout'])
  for (const id of ['other', 'nobody', ''])
    assert.equal((await exchange(`openid audience:server:client_id:${id}`)).body['error'], 'invalid_scope', id)
  assert.equal((await exchange('openid', { id: 'cli' })).body['error'], 'unauthorized_client')
})

test('blanks around scopes count for nothing; no scope at all lacks openid', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  for (const scope of [' openid', 'openid ', 'openid  email', 'openid\temail\n'])
    assert.match((await browser.open(authorizeUrl(world.issuer, { scope }))).body, /type="password"/, scope)
  for (const scope of ['', 'email', 'openid,email', undefined]) {
    const page = await browser.open(authorizeUrl(world.issuer, { scope, max_age: '1', id_token_hint: 'x' }))
    assert.deepEqual(
      [answerOf(page).get('error'), answerOf(page).get('state')],
      ['invalid_scope', 's-1'],
      String(scope),
    )
  }
  const { body } = await redeem(world, await signIn(browser, authorizeUrl(world.issuer)))
  assert.equal((await refresh(world, body['refresh_token'], { scope: ' openid  email ' })).status, 200)
})

test('a device code may be asked for with an id alone, as Go’s library does; its tokens want the secret', async () => {
  await using world = await startBroker()
  const bare = { id: 'app' }
  const started = await post(`${world.issuer}/device/code`, { scope: 'openid' }, bare)
  assert.equal(started.status, 200, JSON.stringify(started.body))
  const fields = {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: String(started.body['device_code']),
  }
  assert.equal((await post(`${world.issuer}/token`, fields, bare)).body['error'], 'invalid_client')
  assert.equal((await post(`${world.issuer}/token`, fields)).body['error'], 'authorization_pending')
  for (const who of [{ id: 'app', secret: 'wrong' }, { id: 'nobody' }])
    assert.equal((await post(`${world.issuer}/device/code`, { scope: 'openid' }, who)).status, 401, who.id)
})

test('Dex’s older address for device codes leads to the same as the token endpoint', async () => {
  await using world = await startBroker()
  const started = await post(`${world.issuer}/device/code`, { scope: 'openid' })
  const fields = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code' }
  const code = String(started.body['device_code'])
  const polled = await post(`${world.issuer}/device/token`, { ...fields, device_code: code })
  assert.deepEqual([polled.status, polled.body['error']], [400, 'authorization_pending'])
  assert.equal(started.body['interval'], 5)
})

test('userinfo takes a POST of any kind with the token in the header, or in a form', async () => {
  await using world = await startBroker()
  const { body } = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer)))
  const token = String(body['access_token'])
  const authorization = `bearer ${token}`
  for (const init of [
    { headers: { authorization } },
    { headers: { authorization, 'content-type': 'application/json' }, body: '{}' },
    { headers: { authorization, 'content-type': form }, body: '' },
    { body: new URLSearchParams({ access_token: token }) },
  ]) {
    const answer = await ask(world, '/userinfo', { method: 'POST', ...init })
    assert.deepEqual([answer.status, answer.body?.['email']], [200, 'alice@corp.test'], JSON.stringify(init.headers))
  }
  const inAddress = await ask(world, `/userinfo?access_token=${token}`)
  assert.equal(inAddress.status, 400, 'a token in an address stands in logs (RFC 6750 §5.3)')
})

test('a sign-in request by POST keeps what stands in its address, and one that is too long gets a page', async () => {
  await using world = await startBroker()
  const url = new URL(authorizeUrl(world.issuer))
  const send = (body: string) =>
    world
      .browser()
      .open(`${world.issuer}/auth?client_id=app`, { method: 'POST', headers: { 'content-type': form }, body })
  url.searchParams.delete('client_id')
  assert.match((await send(url.searchParams.toString())).body, /type="password"/)
  const long = await send(`state=${'x'.repeat(20_000)}`)
  assert.equal(long.status, 413)
  assert.match(long.body, /too long/)
})

test('a page that cannot go on tells the person what is wrong, and the operator the rest', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  for (const [path, status, heading, text] of [
    ['/auth?client_id=nobody', 400, 'This sign-in cannot go on', 'is not known to this sign-in service'],
    [
      `/auth?client_id=app&redirect_uri=https%3A%2F%2Fevil.test`,
      400,
      'This sign-in cannot go on',
      'not registered for it',
    ],
    [`/auth/${'x'.repeat(43)}`, 400, 'This sign-in is over', 'Go back to the application'],
    ['/logout?client_id=app&post_logout_redirect_uri=https%3A%2F%2Fevil.test', 400, 'This sign-out cannot go on', ''],
  ] as const) {
    const page = await browser.open(world.issuer + path)
    assert.equal(page.status, status, path)
    assert.match(page.body, new RegExp(`<h1>${heading}</h1>[\\s\\S]*${text}`), path)
    assert.doesNotMatch(page.body, /evil|oops/, path)
  }
})
