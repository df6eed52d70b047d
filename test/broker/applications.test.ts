/** Applications of other people's making sign in at the broker: a library for OpenID Connect, and Debian's module of Apache. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
  discovery,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
  tokenIntrospection,
  tokenRevocation,
} from 'openid-client'
import { Secret } from '#src/crypto/secret.ts'
import { Browser, describe } from '#test/actors/browser.ts'
import {
  accepts,
  findProgram,
  freePort,
  type Program,
  skipWithout,
  startProgram,
  temporaryFolder,
} from '#test/actors/program.ts'
import { callback, client, rightPassword, startBroker } from '#test/broker/world.ts'

const credentials = (name: string) => ({ login: `${name}@corp.test`, password: rightPassword })

test('openid-client finds everything by discovery, and a token it revoked is of no use', async () => {
  await using world = await startBroker()
  const config = await discovery(new URL(world.issuer), 'app', 'app-secret', undefined, {
    execute: [allowInsecureRequests],
  })
  const [pkceCodeVerifier, expectedState, expectedNonce] = [randomPKCECodeVerifier(), randomState(), randomNonce()]
  const address = buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: 'openid profile email groups offline_access',
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  })
  const browser = world.browser()
  const page = await browser.submit(await browser.open(address.href), credentials('alice'))
  const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true }
  const tokens = await authorizationCodeGrant(config, new URL(page.url), checks)
  const claims = tokens.claims()
  assert.ok(claims)
  assert.deepEqual([claims['email'], claims['groups']], ['alice@corp.test', ['devops']])
  const told = await fetchUserInfo(config, tokens.access_token, claims.sub)
  assert.equal(told.email, 'alice@corp.test')

  const renewed = await refreshTokenGrant(config, tokens.refresh_token ?? '')
  assert.equal(renewed.claims()?.sub, claims.sub)
  assert.equal((await tokenIntrospection(config, renewed.access_token)).active, true)
  await tokenRevocation(config, renewed.refresh_token ?? '')
  await assert.rejects(refreshTokenGrant(config, renewed.refresh_token ?? ''), { error: 'invalid_grant' })

  await browser.open(buildEndSessionUrl(config, { id_token_hint: renewed.id_token ?? '' }).href)
  assert.match((await browser.open(address.href)).body, /type="password"/, 'the session of the browser has ended')
})

const MODULES = '/usr/lib/apache2/modules'
const MODULE = join(MODULES, 'mod_auth_openidc.so')
const isRequired = process.env['OSTIARY_TEST_REQUIRE'] === 'all'
const needsModule =
  skipWithout('apache2') || (existsSync(MODULE) || isRequired ? false : 'needs the Apache module auth_openidc')

test("Debian's mod_auth_openidc lets devops in and nobody else", { skip: needsModule }, async () => {
  const url = `http://127.0.0.1:${await freePort()}`
  await using world = await startBroker({
    clients: [client('apache', { secret: new Secret('apache-secret'), redirectURIs: [`${url}/secure/callback`] })],
  })
  using folder = temporaryFolder('openidc')
  await using _apache = await startApache({ url, folder: folder.path, issuer: world.issuer })
  const alice = new Browser({ port: 0, ca: '' })
  const form = await alice.open(`${url}/secure/?view=a%20b`)
  assert.ok(form.url.startsWith(world.issuer), `${describe(form)}`)
  const page = await alice.submit(form, credentials('alice'))
  assert.equal(page.url, `${url}/secure/?view=a%20b`, `${describe(page)}`)
  assert.match(page.body, /for devops only/)
  assert.equal(page.headers['x-who'], 'alice@corp.test')

  const bob = new Browser({ port: 0, ca: '' })
  const refused = await bob.submit(await bob.open(`${url}/secure/`), credentials('bob'))
  assert.equal(refused.status, 401, describe(refused))
  assert.doesNotMatch(refused.body, /for devops only/)
})

function startApache(at: { url: string; folder: string; issuer: string }): Promise<Program> {
  const { folder, url } = at
  const { hostname, port, host } = new URL(url)
  mkdirSync(join(folder, 'documents/secure'), { recursive: true })
  writeFileSync(join(folder, 'documents/secure/index.html'), '<h1>for devops only</h1>\n')
  const modules = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir', 'mime', 'headers', 'auth_openidc']
  const file = join(folder, 'apache.conf')
  writeFileSync(
    file,
    `
ServerRoot ${folder}
PidFile ${folder}/apache.pid
Mutex file:${folder} default
ErrorLog ${folder}/error.log
Listen ${host}
${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
ServerName ${url}
UseCanonicalName On
TypesConfig /dev/null
DocumentRoot ${folder}/documents
DirectoryIndex index.html
OIDCProviderMetadataURL ${at.issuer}/.well-known/openid-configuration
OIDCClientID apache
OIDCClientSecret apache-secret
OIDCRedirectURI ${url}/secure/callback
OIDCCryptoPassphrase only-for-this-test
OIDCScope "openid profile email groups"
OIDCPKCEMethod S256
OIDCCookieSameSite Off
OIDCSessionType client-cookie
OIDCRemoteUserClaim email
<Directory ${folder}/documents>
  Require all granted
</Directory>
<Location /secure>
  AuthType openid-connect
  Require claim groups:devops
  Header set X-Who "expr=%{REMOTE_USER}"
</Location>
`,
  )
  return startProgram({
    name: 'Apache',
    command: findProgram('apache2') ?? 'apache2',
    args: ['-d', folder, '-f', file, '-D', 'FOREGROUND'],
    cwd: folder,
    logFile: join(folder, 'error.log'),
    isReady: () => accepts(hostname, Number(port)),
  })
}
