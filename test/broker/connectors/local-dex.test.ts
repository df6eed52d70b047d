import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocalConnector } from '#src/broker/connectors/local.ts'
import { localUsers } from '#src/broker/passwords/local-users.ts'
import { openMemoryStore } from '#src/broker/store/memory-store.ts'
import { staticPasswordEntries, staticPasswordsOf } from '#src/config/dex/connectors/local.ts'
import { startDex } from '#test/actors/dex.ts'
import { freePort, skipWithout } from '#test/actors/program.ts'
import { Verdicts } from '#test/conformance/verdicts.ts'
import { readVectors } from '#test/vectors/read-vectors.ts'

interface LocalCase {
  readonly id: string
  readonly user: Readonly<Record<string, unknown>>
  readonly login: string
  readonly password: string
  readonly dex: 'refused' | Readonly<Record<string, unknown>>
}

const cases = readVectors<LocalCase>('dex/local.jsonl')

/** What our reader makes of one user, or why it does not take them. */
function declare(user: LocalCase['user']) {
  const parsed = staticPasswordEntries.safeParse([user])
  return parsed.success ? staticPasswordsOf(parsed.data, { env: () => undefined, fail: () => {} }) : []
}

test('local makes the same of everybody as a real Dex, except where the list says so', async (context) => {
  const verdicts = new Verdicts(['dex-connectors'])
  const tools = { id: 'local', callbackUrl: '', readFile: async () => '', now: Date.now, warn: () => {} }
  await using store = openMemoryStore({ now: Date.now })
  for (const { id, user, login, password, dex } of cases) {
    const connector = openLocalConnector(localUsers(declare(user), store), tools)
    const options = { scopes: { groups: true, offlineAccess: false }, signal: new AbortController().signal }
    const who = await connector.signIn({ login, password }, options)
    await connector.close()
    const seen = who && {
      user_id: who.userId,
      ...(who.name !== '' && { name: who.name }),
      ...(who.preferredUsername !== '' && { preferred_username: who.preferredUsername }),
      ...(who.email !== '' && { email: who.email }),
      email_verified: who.emailVerified,
      ...(who.groups.length > 0 && { groups: who.groups }),
    }
    verdicts.compare(`local/${id}`, { about: login, seen: seen ?? 'refused', expected: dex })
  }
  verdicts.end(context, { prefix: 'local/', atLeast: 10 })
})

test('the answers kept of Dex for local are what Dex answers', { skip: skipWithout('dex') }, async () => {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}/dex`
  const users = new Map(cases.map(({ user }) => [user['userID'], user]))
  await using _dex = await startDex({
    port,
    configuration: {
      issuer,
      oauth2: { passwordConnector: 'local' },
      staticClients: [{ id: 'pom', name: 'pom', secret: 'pomerium', redirectURIs: ['http://127.0.0.1:1/cb'] }],
      enablePasswordDB: true,
      staticPasswords: [...users.values()],
    },
  })
  for (const { id, login, password, dex } of cases) {
    const answer = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa('pom:pomerium')}` },
      body: new URLSearchParams({
        grant_type: 'password',
        username: login,
        password,
        scope: 'openid profile email groups federated:id',
      }),
    })
    const { id_token: token } = (await answer.json()) as { id_token?: string }
    assert.deepEqual(token === undefined ? 'refused' : claimsOf(token), dex, id)
  }
})

function claimsOf(token: string): Readonly<Record<string, unknown>> {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  const { federated_claims: federated, name, preferred_username, email, email_verified, groups } = claims
  return JSON.parse(
    JSON.stringify({ user_id: federated.user_id, name, preferred_username, email, email_verified, groups }),
  )
}
