import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConnectorTools } from '#src/broker/connectors/connector.ts'
import { openMockCallbackConnector, openMockPasswordConnector } from '#src/broker/connectors/mock.ts'
import { mockCallbackSettings, mockPasswordSettings } from '#src/config/dex/connectors/mock.ts'

const warnings: string[] = []
const tools: ConnectorTools = {
  id: 'mock',
  callbackUrl: 'http://127.0.0.1:5556/dex/callback',
  readFile: async () => '',
  now: Date.now,
  warn: (message) => warnings.push(message),
}
const ease = { scopes: { groups: true, offlineAccess: true }, signal: new AbortController().signal }
const kilgore = {
  userId: '0-385-28089-0',
  name: 'Kilgore Trout',
  preferredUsername: '',
  email: 'kilgore@kilgore.trout',
  emailVerified: true,
}

test('mockCallback sends the browser straight back, as Kilgore Trout of the authors', async () => {
  const connector = openMockCallbackConnector(tools)
  const { send, secrets } = await connector.start({ ...ease, state: 's&1', parameters: new URLSearchParams() })
  assert.deepEqual(send, { by: 'redirect', url: 'http://127.0.0.1:5556/dex/callback?state=s%261' })
  const answer = new URL(send.by === 'redirect' ? send.url : '').searchParams
  const identity = await connector.finish({ ...ease, answer, by: 'GET', state: 's&1', secrets })
  assert.deepEqual(identity, { ...kilgore, groups: ['authors'] })
  assert.deepEqual(await connector.refresh?.(identity, ease), identity)
  await assert.rejects(connector.finish({ ...ease, answer, by: 'GET', state: 'other', secrets }), {
    code: 'CONNECTOR_ANSWER_INVALID',
  })
  assert.match(warnings.join(), /mock is a mock: it lets anybody in/)
  assert.ok(mockCallbackSettings.safeParse({}).success)
})

test('mockPassword has one name and one password, and no groups', async () => {
  const settings = mockPasswordSettings.parse({ Username: 'admin', password: 'password' })
  const connector = openMockPasswordConnector(settings, tools)
  const signIn = (login: string, password: string) => connector.signIn({ login, password }, ease)
  assert.deepEqual(await signIn('admin', 'password'), { ...kilgore, groups: [] })
  for (const [login, password] of [
    ['admin', 'Password'],
    ['Admin', 'password'],
    ['', ''],
    ['admin', ''],
  ] as const)
    assert.equal(await signIn(login, password), undefined)
})

test('mockPassword without a name or a password is refused', () => {
  for (const settings of [
    { password: 'x' },
    { username: 'x' },
    { username: '', password: 'x' },
    { username: 'x', password: '' },
  ])
    assert.ok(!mockPasswordSettings.safeParse(settings).success, JSON.stringify(settings))
})
