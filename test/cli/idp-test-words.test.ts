/** What `ostiary idp test` says where something is wrong: the step, and words that lead to the cure. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testConnector } from '#src/cli/idp/test-connector.ts'
import { testCerts } from '#test/actors/certs.ts'
import { startFakeGithub } from '#test/actors/fake-github.ts'
import { startFakeGitlab } from '#test/actors/fake-gitlab.ts'
import { idpClient, startIdp } from '#test/actors/idp.ts'
import { freePort } from '#test/actors/program.ts'
import { type Desk, openDesk } from './idp-desk.ts'

const redirectURI = 'http://127.0.0.1:5556/dex/callback'
const client = { clientID: idpClient.id, clientSecret: idpClient.secret, redirectURI }

type Config = Readonly<Record<string, string | readonly string[]>>

/** Steps that went well by their names, and the line of the one that failed. */
async function walk(desk: Desk, { type, config, user }: { type: string; config: Config; user?: string }) {
  const id = `c${(await desk.world.management.listConnectors()).length}`
  await desk.world.management.createConnector({ id, type, name: 'C', config }, { force: true })
  const signal = AbortSignal.timeout(15_000)
  const flags = { user, json: false, signal }
  const said = await desk.type((io) => testConnector(id, { target: desk.target, flags, io }))
  assert.equal(said.includes('\nfailed ') || said.startsWith('failed '), said.endsWith('exit 1\n'), said)
  return said
}

test('oidc: a wrong secret, address, name, issuer and redirectURI are each told by their step and with the cure', async () => {
  await using idp = await startIdp({ users: [{ email: 'ada@corp.test' }], redirectUris: [redirectURI] })
  await using desk = await openDesk()
  const { issuer } = idp
  const closed = `http://127.0.0.1:${await freePort()}`
  const cases: readonly [Config, RegExp][] = [
    [{ issuer }, /^ok {8}client credentials: taken by the token endpoint$/m],
    [
      { issuer, clientSecret: 'nope' },
      /^failed {4}client credentials: the token endpoint does not take clientID and /m,
    ],
    [{ issuer: closed }, /^failed {4}discovery: cannot reach .*: nobody listens there \(ECONNREFUSED\)$/m],
    [{ issuer: 'https://idp.invalid' }, /^failed {4}name resolution: idp\.invalid: .*\((?:ENOTFOUND|EAI_AGAIN)\)$/m],
    [{ issuer: issuer.replace('http', 'https') }, /^failed {4}TLS: .*: what answers there is no TLS \(ERR_SSL_/m],
    [{ issuer: `${issuer}/` }, /^failed {4}discovery: .*byte for byte: configured ".*\/", got ".*\d"$/m],
    [{ issuer: `${issuer}/realms/none` }, /^failed {4}discovery: .*openid-configuration answered 404$/m],
    [
      { issuer: `${issuer}/.well-known/openid-configuration` },
      /^failed {4}discovery: .* it is written without \/\.well-known\/openid-configuration, got "http/m,
    ],
    [
      { issuer, redirectURI: 'http://127.0.0.1:5556/callback' },
      /^failed {4}settings: .*it must be ".*\/dex\/callback", got /m,
    ],
  ]
  for (const [config, told] of cases)
    assert.match(await walk(desk, { type: 'oidc', config: { ...client, ...config } }), told)
})

test('oauth: a token endpoint that is not there is not taken for one that knows us', async () => {
  await using idp = await startIdp({ users: [{ email: 'ada@corp.test' }], redirectUris: [redirectURI] })
  await using desk = await openDesk()
  const of = (tokens: string, more: Config = {}) => ({
    ...{ ...client, authorizationURL: `${idp.issuer}/auth`, userInfoURL: `${idp.issuer}/me` },
    ...{ tokenURL: `${idp.issuer}${tokens}`, ...more },
  })
  assert.match(await walk(desk, { type: 'oauth', config: of('/token') }), /^ok {8}client credentials: taken by/m)
  const wrong = await walk(desk, { type: 'oauth', config: of('/token', { clientSecret: 'nope' }) })
  assert.match(wrong, /^failed {4}client credentials: the token endpoint does not take clientID and clientSecret$/m)
  const nowhere = await walk(desk, { type: 'oauth', config: of('/tokens') })
  assert.match(nowhere, /^failed {4}client credentials: cannot ask the token endpoint: its address answers 404$/m)
})

test('github and gitlab: a certificate of an unknown authority, a missing file and a wrong secret', async () => {
  await using github = await startFakeGithub({ tls: await testCerts() })
  await using gitlab = await startFakeGitlab()
  await using desk = await openDesk()
  const ours = { clientID: 'xxx', clientSecret: 'xxx', redirectURI, hostName: github.host }
  const untrusted = await walk(desk, { type: 'github', config: ours })
  assert.match(
    untrusted,
    /^failed {4}TLS: its certificate is of no authority that is trusted here \(\w+\)\n {12}Ostiary/m,
  )
  const unread = await walk(desk, { type: 'github', config: { ...ours, rootCA: '/not/there.crt' } })
  assert.match(unread, /^failed {4}open: cannot read authority 1 of connector c\d \("\/not\/there\.crt"\): /m)
  const theirs = { baseURL: gitlab.url, clientID: 'gitlab-client', clientSecret: 'nope', redirectURI }
  const wrong = await walk(desk, { type: 'gitlab', config: theirs })
  assert.match(wrong, /^failed {4}token endpoint: cannot get tokens from GitLab: invalid_client \(/m)
})

test('mockPassword: another name than its own is nobody', async () => {
  await using desk = await openDesk()
  const config = { username: 'admin', password: 'x' }
  assert.match(await walk(desk, { type: 'mockPassword', config, user: 'admin' }), /^doubtful {2}claims: sub /m)
  const nobody = await walk(desk, { type: 'mockPassword', config, user: 'ada' })
  assert.equal(nobody, 'failed    mock: the only user is admin\nexit 1\n')
})
