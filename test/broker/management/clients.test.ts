import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClientRules } from '#src/broker/management/management.ts'
import { findStoredClient } from '#src/broker/management/records.ts'
import {
  answerOf,
  authorizeUrl,
  callback as back,
  claimsIn,
  post,
  redeem,
  refresh,
  signIn,
  startBroker,
} from '#test/broker/world.ts'
import { makeWorld } from './world.ts'

const wiki = { id: 'wiki', secret: 'wiki-secret', name: 'Wiki', redirectUris: [back] }
const rules: ClientRules = {
  postLogoutRedirectUris: ['https://app.test/out'],
  backchannelLogoutUri: 'https://app.test/bye',
  refreshTokenLifetime: 'session',
  allowedConnectors: ['ldap'],
  pkce: 'required',
  groups: { allow: ['dev.*'], map: { devops: 'admins' }, prefix: 'w-' },
}

test('a client that management makes keeps its rules, shows them, and changes one at a time', async () => {
  await using world = makeWorld()
  const { management, store } = world
  const made = await management.createClient({ ...wiki, rules })
  assert.deepEqual(made.rules, rules)
  assert.deepEqual((await management.getClient('wiki')).rules, rules)
  const served = await findStoredClient(store)('wiki')
  assert.deepEqual(
    [served?.pkce, served?.allowedConnectors, served?.refreshTokenLifetime, served?.groups?.prefix],
    ['required', ['ldap'], 'session', 'w-'],
  )
  assert.deepEqual(
    [served?.postLogoutRedirectURIs, served?.backchannelLogoutURI],
    [['https://app.test/out'], 'https://app.test/bye'],
  )
  const changed = await management.updateClient({ id: 'wiki', rules: { allowedConnectors: [] } })
  assert.deepEqual(changed.rules, { ...rules, allowedConnectors: [] })
  // One that an older version has kept says nothing of it.
  await store.put({ kind: 'Client', id: 'old', value: { name: 'Old', redirectUris: [back], public: false } })
  assert.deepEqual(
    [(await findStoredClient(store)('old'))?.pkce, (await findStoredClient(store)('old'))?.groups],
    ['optional', undefined],
  )
})

test('rules that could not be kept at a sign-in are refused before anything is kept', async () => {
  await using world = makeWorld()
  const bad: readonly Partial<ClientRules>[] = [
    { groups: { allow: ['(?=x)'], map: {}, prefix: '' } },
    { groups: { allow: [], map: { a: 'b\u0007' }, prefix: '' } },
    { backchannelLogoutUri: 'javascript:alert(1)' },
    { backchannelLogoutUri: 'com.example.app:/bye' },
    { postLogoutRedirectUris: ['/relative'] },
    { allowedConnectors: ['a/b'] },
  ]
  for (const one of bad)
    await assert.rejects(world.management.createClient({ ...wiki, rules: one }), { failure: 'invalid' })
  assert.deepEqual(await world.management.listClients(), [])
})

test('the broker obeys the rules of a client that management made', async () => {
  await using world = await startBroker()
  const { management } = world.broker
  await management.createClient({ ...wiki, rules: { ...rules, allowedConnectors: ['local'] } })
  const who = { id: 'wiki', secret: 'wiki-secret' }
  const at = (more: Readonly<Record<string, string | undefined>> = {}) =>
    authorizeUrl(world.issuer, { client_id: 'wiki', ...more })

  // RFC 7636 §4.4.1: no challenge, no code.
  const bare = await world.browser().open(at({ code_challenge: undefined, code_challenge_method: undefined }))
  assert.equal(answerOf(bare).get('error'), 'invalid_request', bare.body)

  const browser = world.browser()
  const { status, body } = await redeem(world, await signIn(browser, at()), {}, who)
  assert.equal(status, 200, JSON.stringify(body))
  assert.deepEqual(claimsIn(body['id_token'])['groups'], ['w-admins'])
  const out = new URLSearchParams({
    id_token_hint: String(body['id_token']),
    post_logout_redirect_uri: 'https://app.test/out',
    client_id: 'wiki',
  })
  assert.match((await browser.open(`${world.issuer}/logout?${out}`)).url, /^https:\/\/app\.test\/out/)
  // `refreshTokenLifetime: session`: it ends with the session.
  assert.equal((await refresh(world, body['refresh_token'], {}, who)).body['error'], 'invalid_grant')

  await management.updateClient({ id: 'wiki', rules: { allowedConnectors: ['elsewhere'] } })
  const kept = await world.browser().open(at())
  assert.doesNotMatch(kept.body, /type="password"/)
  await management.deleteClient('wiki')
  assert.equal(
    (await post(`${world.issuer}/token`, { grant_type: 'refresh_token', refresh_token: 'x' }, who)).status,
    401,
  )
})

test('ids that are addresses or hold blanks, and secrets of any letters, sign people in as those of a configuration do', async () => {
  await using world = await startBroker()
  for (const id of ['https://app.corp.test/', 'org/app', 'my app: 100%']) {
    const secret = 'pässwörd & + %41 🎉'
    await world.broker.management.createClient({ ...wiki, id, secret })
    // RFC 6749 §2.3.1: each is encoded before it stands in the header; in the form all of it is.
    const header = { id: encodeURIComponent(id), secret: encodeURIComponent(secret) }
    for (const [more, who] of [
      [{}, header],
      [{ client_secret: secret }, { id }],
    ] as const) {
      const page = await signIn(world.browser(), authorizeUrl(world.issuer, { client_id: id }))
      const { status, body } = await redeem(world, page, more, who)
      assert.equal(status, 200, JSON.stringify(body))
      assert.equal(claimsIn(body['id_token'])['aud'], id)
    }
  }
})

test('a user that management made signs in with the groups that were given, until they are deleted', async () => {
  await using world = await startBroker()
  const { management } = world.broker
  const hash = world.settings.staticPasswords[0]?.hash ?? ''
  await management.createPassword({
    email: 'Carol@corp.test',
    hash,
    username: 'carol',
    userId: '3',
    groups: ['finance'],
  })
  const page = await signIn(world.browser(), authorizeUrl(world.issuer), { login: 'carol@CORP.test' })
  const { body } = await redeem(world, page)
  assert.deepEqual(claimsIn(body['id_token'])['groups'], ['finance'])
  await management.updatePassword({ email: 'carol@corp.test', groups: ['devops', 'finance'] })
  const next = await refresh(world, body['refresh_token'])
  assert.deepEqual(claimsIn(next.body['id_token'])['groups'], ['devops', 'finance'])
  await management.deletePassword('carol@corp.test')
  assert.equal((await refresh(world, next.body['refresh_token'])).body['error'], 'invalid_grant')
})
