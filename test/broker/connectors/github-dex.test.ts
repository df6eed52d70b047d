import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { makeCertificate } from '#test/actors/certificate.ts'
import { startDex } from '#test/actors/dex.ts'
import { type FakeGithub, fakeClient, startFakeGithub } from '#test/actors/fake-github.ts'
import { freePort, skipWithout, temporaryFolder } from '#test/actors/program.ts'
import { Verdicts } from '#test/conformance/verdicts.ts'
import { readVectors } from '#test/vectors/read-vectors.ts'
import { askDex } from './ask-dex.ts'
import { type GithubCase, openAt, signIn } from './github-cases.ts'

const cases = readVectors<GithubCase>('dex/github.jsonl')

function prepare(github: FakeGithub, { user, pageSize = 100 }: GithubCase, honest: FakeGithub['user']): void {
  github.user = { ...honest, ...user }
  github.pageSize = pageSize
}

test('github makes the same of everybody as a real Dex, except where the list of differences says so', async (context) => {
  using folder = temporaryFolder('github')
  const tls = await makeCertificate(folder.path, ['127.0.0.1'])
  await using github = await startFakeGithub({ tls })
  const honest = github.user
  const verdicts = new Verdicts(['dex-connectors'])
  for (const one of cases) {
    prepare(github, one, honest)
    const config = { ...one.config, hostName: github.host, rootCA: '/ca.crt' }
    const connector = await openAt(github, { config, files: { '/ca.crt': tls.ca } })
    const seen = await signIn(connector, github).then(
      ({ userId, name, preferredUsername, email, emailVerified, groups }) => ({
        user_id: userId,
        name,
        preferred_username: preferredUsername,
        email,
        email_verified: emailVerified,
        ...(groups.length > 0 && { groups }),
      }),
      (error: unknown) => {
        assert.ok(error instanceof ProxyError && error.code.startsWith('ACCOUNT_'), String(error))
        return 'refused'
      },
    )
    verdicts.compare(`github/${one.id}`, { about: JSON.stringify(one.config), seen, expected: one.dex })
    await connector.close()
  }
  verdicts.end(context, { prefix: 'github/', atLeast: 18 })
})

test('the answers kept of Dex are what Dex answers', { skip: skipWithout('dex') }, async () => {
  using folder = temporaryFolder('github-dex')
  const tls = await makeCertificate(folder.path, ['127.0.0.1'])
  await using github = await startFakeGithub({ tls })
  const honest = github.user
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}/dex`
  const rootCA = `${folder.path}/ca.crt`
  writeFileSync(rootCA, tls.ca)
  const connectors = cases.map(({ id, config }) => ({
    type: 'github',
    id,
    name: id,
    config: {
      clientID: fakeClient.id,
      clientSecret: fakeClient.secret,
      redirectURI: `${issuer}/callback`,
      ...config,
      hostName: github.host,
      rootCA,
    },
  }))
  const redirectURI = 'http://127.0.0.1:1/cb'
  await using _dex = await startDex({
    port,
    configuration: {
      issuer,
      oauth2: { skipApprovalScreen: true },
      staticClients: [{ id: 'pom', name: 'pom', secret: 'pomerium', redirectURIs: [redirectURI] }],
      connectors,
    },
  })
  for (const one of cases) {
    prepare(github, one, honest)
    assert.deepEqual(await askDex({ issuer, redirectURI, agree: github.agree, id: one.id }), one.dex, one.id)
  }
})
