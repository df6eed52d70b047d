import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { PasswordConnector, UpstreamIdentity } from '#src/broker/connectors/connector.ts'
import { networkOf } from '#src/broker/guesses/network.ts'
import { PasswordChecks } from '#src/broker/sign-in/password-check.ts'
import { ProxyError } from '#src/errors/proxy-error.ts'

const alice: UpstreamIdentity = {
  ...{ userId: '1', name: 'Alice', preferredUsername: 'alice', email: 'alice@corp.test' },
  ...{ emailVerified: true, groups: [] },
}

/** A directory that knows one password, and writes down what it was asked. */
function start(answer: (login: string, password: string) => Promise<UpstreamIdentity | undefined> = knows) {
  let now = 0
  const asked: string[] = []
  const checks = new PasswordChecks(() => now)
  const connector: PasswordConnector = {
    kind: 'password',
    prompt: 'Username',
    freshness: 'each refresh',
    signIn: async ({ login, password }) => {
      asked.push(login)
      return await answer(login, password)
    },
    check: async () => {},
    async *diagnose() {},
    close: async () => {},
  }
  const scopes = { groups: true, offlineAccess: false }
  const attempt = (login: string, password: string, address = '192.0.2.1', connectorId = 'ldap') =>
    checks.check({ login, password, address }, { connectorId, connector, scopes })
  return { attempt, asked, pass: (ms: number) => (now += ms) }
}

const knows = async (_login: string, password: string) => (password === 'right' ? alice : undefined)

test('what cannot be a password never reaches the directory: empty, with NUL, or without end', async () => {
  const { attempt, asked } = start()
  for (const [login, password] of [
    ['alice', ''],
    ['', 'right'],
    [' \t ', 'right'],
    ['alice\u0000', 'right'],
    ['alice', 'right\u0000'],
    ['a'.repeat(255), 'right'],
    ['alice', 'x'.repeat(1025)],
  ] as const)
    assert.deepEqual(await attempt(login, password), { kind: 'wrong' })
  assert.deepEqual(asked, [])
})

test('the directory gets the name as it was typed, without blanks around it', async () => {
  const { attempt, asked } = start()
  await attempt('  Ali (ce)*\\ ', 'right')
  assert.deepEqual(asked, ['Ali (ce)*\\'])
})

test('spellings that a directory may take for one name are one account', async () => {
  const { attempt, asked } = start()
  const spellings = ['alice', 'ALICE', 'a\u00adlice', 'al\u200bice', 'álice', '\uff41lice', 'ali\u2060ce']
  const kinds: string[] = []
  for (const login of spellings) kinds.push((await attempt(login, 'wrong')).kind)
  assert.deepEqual(kinds, [...Array(6).fill('wrong'), 'wait'])
  assert.equal(asked.length, 6)
})

test('the same name at two connectors is two accounts', async () => {
  const { attempt } = start()
  for (let tries = 0; tries < 6; tries++) await attempt('alice', 'wrong')
  assert.equal((await attempt('alice', 'right')).kind, 'wait')
  assert.equal((await attempt('alice', 'right', '192.0.2.2', 'other')).kind, 'right')
})

test('guesses from many addresses wait as those from one; the wait has an end, and the right password is good after it', async () => {
  const { attempt, pass } = start()
  let judged = 0
  for (let at = 0; at < 500; at++) {
    if ((await attempt('alice', 'wrong', `198.51.100.${at % 250}`)).kind === 'wrong') judged++
    pass(60_000)
  }
  assert.ok(judged < 50, `${judged} guesses in eight hours`)
  pass(900_000)
  assert.equal((await attempt('alice', 'right')).kind, 'right')
})

test('who guesses for ever, taking every chance, does not lock the owner out where they have signed in before', async () => {
  const { attempt, pass } = start()
  assert.equal((await attempt('alice', 'right', '192.0.2.1')).kind, 'right')
  for (let at = 0; at < 200; at++) {
    await attempt('alice', 'wrong', `198.51.100.${at % 250}`)
    pass(1_000)
  }
  assert.equal((await attempt('alice', 'wrong', '203.0.113.1')).kind, 'wait')
  assert.equal((await attempt('alice', 'right', '192.0.2.1')).kind, 'right')
  assert.equal((await attempt('alice', 'right', '203.0.113.1')).kind, 'wait', 'the owner has let the others in')
})

test('a network where the owner signs in is no place to guess without end', async () => {
  const { attempt } = start()
  await attempt('alice', 'right')
  const kinds = new Set<string>()
  for (let tries = 0; tries < 7; tries++) kinds.add((await attempt('alice', 'wrong')).kind)
  assert.ok(kinds.has('wait'))
})

test('signing in with an account of one’s own does not buy guesses at others', async () => {
  const { attempt } = start(async (login, password) => (login === 'mallory' && password === 'own' ? alice : undefined))
  let judged = 0
  for (let at = 0; at < 200; at++) {
    if ((await attempt(`user${at}`, 'Winter2026')).kind === 'wrong') judged++
    await attempt('mallory', 'own')
  }
  assert.ok(judged <= 31, `${judged} guesses`)
})

test('a directory that is away counts for nobody, and is told as it is', async () => {
  const { attempt } = start(async () => {
    throw new ProxyError('CONNECTOR_UNREACHABLE', 'cannot ask: it is away')
  })
  for (let tries = 0; tries < 50; tries++)
    await assert.rejects(attempt('alice', 'right'), { code: 'CONNECTOR_UNREACHABLE' })
})

test('checks at once are bounded, and those who wait are told so, not that they are wrong', async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const { attempt } = start(() => promise)
  const running = Array.from({ length: 64 }, (_, at) => attempt(`user${at}`, 'x', `192.0.2.${at}`))
  assert.equal((await attempt('late', 'x', '203.0.113.1')).kind, 'busy')
  resolve(undefined)
  await Promise.all(running)
  assert.equal((await attempt('late', 'x', '203.0.113.1')).kind, 'wrong')
})

test('parallel guesses are counted before they are judged', async () => {
  const { attempt, asked } = start()
  const kinds = await Promise.all(Array.from({ length: 40 }, () => attempt('alice', 'wrong')))
  assert.equal(asked.length, 6)
  assert.equal(kinds.filter(({ kind }) => kind === 'wait').length, 34)
})

test('many good sign-ins at once are no guessing: of one account, and of all behind one address', async () => {
  const slowly = async (login: string, password: string) => {
    await pause(2)
    return await knows(login, password)
  }
  const { attempt } = start(slowly)
  const same = await Promise.all(Array.from({ length: 40 }, () => attempt('alice', 'right')))
  assert.deepEqual([...new Set(same.map(({ kind }) => kind))], ['right'])
  const all = await Promise.all(Array.from({ length: 200 }, (_, at) => attempt(`user-${at}`, 'right')))
  assert.deepEqual([...new Set(all.map(({ kind }) => kind))], ['right'])
})

test('guesses among good sign-ins at the same moment are counted as they would be one after the other', async () => {
  const { attempt, asked } = start()
  const mixed = Array.from({ length: 60 }, (_, at) => (at % 2 === 0 ? 'wrong' : 'right'))
  const kinds = await Promise.all(mixed.map((password) => attempt('bob', password)))
  assert.ok(kinds.filter(({ kind }) => kind === 'wrong').length <= 30)
  asked.length = 0
  await Promise.all(Array.from({ length: 200 }, (_, at) => attempt(`user-${at}`, 'wrong', '192.0.2.7')))
  assert.equal(asked.length, 31)
})

test('more than can wait for others are told that it is busy', async () => {
  const { attempt } = start(async () => {
    await pause(100)
    return undefined
  })
  const kinds = await Promise.all(Array.from({ length: 400 }, () => attempt('alice', 'wrong')))
  const count = (kind: string) => kinds.filter((one) => one.kind === kind).length
  assert.equal(count('wrong'), 6)
  assert.ok(count('busy') > 100, `${count('busy')} were busy`)
})

test('a household has one IPv6 /64, and an address inside IPv4 is that', () => {
  assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), networkOf('2001:0db8:0001:0002::9'))
  assert.notEqual(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:3::1'))
  assert.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1')
  assert.equal(networkOf('fe80::1%eth0'), networkOf('fe80::2'))
  assert.equal(networkOf('::1'), networkOf('::2'))
  assert.equal(networkOf('unknown'), 'unknown')
})
