import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { hashSync } from 'bcryptjs'
import type { ConnectorTools } from '#src/broker/connectors/connector.ts'
import { openLocalConnector } from '#src/broker/connectors/local.ts'
import { kinds } from '#src/broker/management/records.ts'
import { localUsers } from '#src/broker/passwords/local-users.ts'
import { PasswordChecker } from '#src/broker/passwords/password-checker.ts'
import { dexSubject } from '#src/broker/provider/dex-subject.ts'
import { openMemoryStore } from '#src/broker/store/memory-store.ts'
import type { StaticPassword } from '#src/config/dex/broker-settings.ts'
import { staticPasswordEntries, staticPasswordsOf } from '#src/config/dex/connectors/local.ts'
import { bcryptCosts, nobodysBcryptHash, parseBcryptHash } from '#src/crypto/bcrypt-hash.ts'
import { STATIC_PASSWORDS } from '#test/actors/dex.ts'

const hash = hashSync('right', 10)
const ada = { email: 'ada@corp.test', hash, username: 'ada', userID: '1' }
const long = 'x'.repeat(72)
const ease = { scopes: { groups: true, offlineAccess: false }, signal: new AbortController().signal }

/** As the configuration is read. */
function declare(entries: readonly object[], env: Record<string, string> = {}) {
  const problems: string[] = []
  const users = staticPasswordsOf(staticPasswordEntries.parse(entries), {
    env: (name) => env[name],
    fail: (expected, { path = [], found = '' } = {}) => problems.push(`${path.join('.')}: ${expected}, ${found}`),
  })
  return { users, problems }
}

async function open(entries: readonly object[]) {
  const store = openMemoryStore({ now: Date.now })
  const warnings: string[] = []
  const tools: ConnectorTools = {
    id: 'local',
    callbackUrl: 'http://127.0.0.1/dex/callback',
    readFile: async () => '',
    now: Date.now,
    warn: (message) => warnings.push(message),
  }
  const checker = new PasswordChecker()
  const declared: readonly StaticPassword[] = declare(entries).users
  const connector = openLocalConnector(localUsers(declared, store), tools, { checker })
  return {
    connector,
    checker,
    store,
    warnings,
    signIn: (login: string, password: string) => connector.signIn({ login, password }, ease),
    [Symbol.asyncDispose]: async () => {
      await connector.close()
      await store[Symbol.asyncDispose]()
    },
  }
}

const remember = (store: Awaited<ReturnType<typeof open>>['store'], user: Record<string, string>) =>
  store.put({ kind: kinds.password, id: (user['email'] ?? '').toLowerCase(), value: user })

test('users declared for Dex sign in, $2y$ hashes included, with the claims that Dex gives them', async () => {
  await using local = await open(STATIC_PASSWORDS)
  assert.equal(local.connector.prompt, 'Email Address')
  assert.deepEqual(await local.signIn(' Alice@CORP.test', 'alice-pw'), {
    userId: '1860200001',
    name: 'Alice Okafor',
    preferredUsername: '',
    email: 'alice@corp.test',
    emailVerified: true,
    groups: ['devops'],
  })
  assert.equal(await local.signIn('alice@corp.test', 'bob-pw'), undefined)
  assert.equal(await local.signIn('alice@corp.test', 'Alice-pw'), undefined)
})

test('hashes are taken as $2a$, $2b$ and $2y$, in base64, and from a variable', async () => {
  const entries = ['a', 'b', 'y'].map((letter, index) => ({
    email: `${letter}@corp.test`,
    userID: letter,
    hash: index === 1 ? Buffer.from(hash).toString('base64') : hash.replace('$2b$', `$2${letter}$`),
  }))
  await using local = await open(entries)
  for (const { email } of entries) assert.ok(await local.signIn(email, 'right'), email)
  const { hash: _, ...bare } = ada
  const read = declare([{ ...bare, hashFromEnv: 'ADA' }], { ADA: hash })
  assert.deepEqual([read.problems, read.users[0]?.hash], [[], hash])
})

test('nobody opens with an empty password, an empty or unknown address, a NUL, or a tail beyond 72 octets', async () => {
  await using local = await open([
    { ...ada, hash: hashSync('right', 10) },
    { ...ada, email: 'long@corp.test', userID: '2', hash: hashSync(long, 10) },
    { ...ada, email: 'null@corp.test', userID: '3', hash: hashSync('right\0tail', 10) },
    { ...ada, email: 'empty@corp.test', userID: '4', hash: hashSync('', 10) },
  ])
  // What another program has written: Dex stores such a user and lets them in.
  await remember(local.store, { email: '', hash, username: 'nobody', userId: '5' })
  assert.ok(await local.signIn('long@corp.test', long))
  for (const [login, password] of [
    ['ada@corp.test', ''],
    ['', 'right'],
    ['  ', 'right'],
    ['', ''],
    ['nobody@corp.test', 'nobody'],
    ['long@corp.test', `${long}tail`],
    ['ada@corp.test', 'right\0'],
    ['ada@corp.test', 'right\0tail'],
    ['null@corp.test', 'right\0tail'],
    ['empty@corp.test', ''],
    ['__proto__', 'right'],
    ['*', 'right'],
  ] as const) {
    assert.equal(await local.signIn(login, password), undefined, JSON.stringify([login, password]))
  }
})

test('an unknown address costs as many rounds as a wrong password, and a cheap hash as many as a dear one', async () => {
  await using local = await open([ada, { ...ada, email: 'dear@corp.test', userID: '2', hash: hashSync('right', 11) }])
  const costs: number[] = []
  for (const [login, password] of [
    ['ada@corp.test', 'right'],
    ['ada@corp.test', 'wrong'],
    ['dear@corp.test', 'wrong'],
    ['nobody@corp.test', 'wrong'],
    ['', 'wrong'],
    ['ada@corp.test', ''],
    ['ada@corp.test', `${long}tail`],
    ['nobody@corp.test', 'right\0'],
  ] as const) {
    const before = local.checker.rounds
    await local.signIn(login, password)
    costs.push(local.checker.rounds - before)
  }
  assert.deepEqual(costs, Array(8).fill(2 ** 11))
})

test('users made by management sign in too; the configuration goes first where both have an address', async () => {
  await using local = await open([ada])
  await remember(local.store, { email: 'Grace@corp.test', hash, username: 'grace', userId: '7' })
  await remember(local.store, { email: 'ada@corp.test', hash: hashSync('other', 10), username: 'eve', userId: '8' })
  assert.equal((await local.signIn('grace@corp.test', 'right'))?.userId, '7')
  assert.equal(await local.signIn('ada@corp.test', 'other'), undefined)
  assert.equal((await local.signIn('ada@corp.test', 'right'))?.userId, '1')
})

test('a stored hash out of bounds opens nothing, and the operator is told without the hash', async () => {
  await using local = await open([])
  const cheap = hashSync('right', 4)
  await remember(local.store, { email: 'cheap@corp.test', hash: cheap, username: 'cheap', userId: '7' })
  assert.equal(await local.signIn('cheap@corp.test', 'right'), undefined)
  assert.match(local.warnings.join(), /^cannot let cheap@corp\.test sign in: its hash is not bcrypt of cost 10 to 16$/)
})

test('a refresh takes over new groups and names, follows a new address, and ends when the user is gone', async () => {
  await using old = await open([ada])
  const identity = await old.signIn(ada.email, 'right')
  assert.ok(identity)
  await using fresh = await open([{ ...ada, name: 'Ada L.', groups: ['devops'] }])
  const again = await fresh.connector.refresh?.(identity, ease)
  assert.deepEqual([again?.name, again?.groups], ['Ada L.', ['devops']])

  await using moved = await open([{ ...ada, email: 'lovelace@corp.test' }])
  assert.equal((await moved.connector.refresh?.(identity, ease))?.email, 'lovelace@corp.test')

  for (const entries of [[], [{ ...ada, userID: '2' }]]) {
    await using other = await open(entries)
    await assert.rejects(async () => other.connector.refresh?.(identity, ease), { code: 'ACCOUNT_GONE' })
  }

  await using stored = await open([])
  await remember(stored.store, { email: 'new@corp.test', hash, username: 'Ada', userId: '1' })
  assert.equal((await stored.connector.refresh?.(identity, ease))?.email, 'new@corp.test')
  await stored.store.delete(kinds.password, 'new@corp.test')
  await assert.rejects(async () => stored.connector.refresh?.(identity, ease), { code: 'ACCOUNT_GONE' })
})

test('whoever has no userID signs in and is refreshed, as in Dex', async () => {
  const { userID: _, ...nameless } = ada
  await using local = await open([nameless])
  const identity = await local.signIn('ada@corp.test', 'right')
  assert.equal(identity?.userId, '')
  assert.equal(dexSubject({ userId: '', connectorId: 'local' }), 'EgVsb2NhbA')
  assert.ok(identity)
  assert.equal((await local.connector.refresh?.(identity, ease))?.email, 'ada@corp.test')
  await using moved = await open([{ ...nameless, email: 'grace@corp.test' }])
  await assert.rejects(async () => moved.connector.refresh?.(identity, ease), { code: 'ACCOUNT_GONE' })
})

test('an entry of the configuration that Dex takes and nobody could mean is refused', () => {
  for (const entries of [
    [{ ...ada, email: '' }],
    [{ ...ada, email: 'ada lovelace' }],
    [{ ...ada, email: 'ada@corp.test@evil.test' }],
    [{ ...ada, hash: 'plain text' }],
    [{ ...ada, hash: hashSync('x', 4) }],
    [{ ...ada, hash: hash.replace('$10$', '$17$') }],
    [{ ...ada, userID: 1 }],
    [{ ...ada, group: ['devops'] }],
  ]) {
    const result = staticPasswordEntries.safeParse(entries)
    assert.ok(!result.success, JSON.stringify(entries))
    assert.ok(!JSON.stringify(result.error.issues).includes(hash), 'the hash is shown')
  }
  const { hash: _, ...bare } = ada
  assert.match(declare([bare]).problems.join(), /^0: hash or hashFromEnv, neither$/)
  assert.match(declare([{ ...bare, hashFromEnv: 'ADA' }]).problems.join(), /no variable ADA/)
  assert.match(declare([{ ...bare, hashFromEnv: 'ADA' }], { ADA: 'secret' }).problems.join(), /something else/)
  assert.match(declare([ada, { ...ada, email: 'ADA@corp.test' }]).problems.join(), /^1\.email: .*entry 1 again$/)
})

test('what is compared for nobody is bcrypt’s own form at every cost', () => {
  for (let cost: number = bcryptCosts.least; cost <= bcryptCosts.most; cost++)
    assert.equal(parseBcryptHash(nobodysBcryptHash(cost))?.cost, cost)
})

test('more comparisons than fit are turned away with a time to come back, and nobody waits for one called off', async () => {
  const checker = new PasswordChecker({ threads: 1, waiting: 2 })
  const check = (signal = ease.signal) => checker.isRight('right', { hash, costliest: 10, signal })
  const caller = new AbortController()
  const [first, second] = [check(), check(caller.signal)]
  const third = check()
  await assert.rejects(check(), { code: 'CONNECTOR_UNREACHABLE', headers: ['retry-after', '5'] })
  caller.abort()
  await assert.rejects(second, { code: 'CONNECTOR_UNREACHABLE', message: /called off/ })
  assert.deepEqual([await first, await third], [true, true])
  await checker.close()
  await assert.rejects(check(), { code: 'CONNECTOR_UNREACHABLE', message: /being closed/ })
})

test('as many are compared at once as there are threads, and those come after whoever serves', {
  skip: process.platform !== 'linux' && 'needs Linux',
}, async () => {
  const checker = new PasswordChecker({ threads: 2 })
  // proc_pid_stat(5): the 19th field; the second is a name in brackets.
  const lowered = () =>
    readdirSync('/proc/self/task')
      .map((id) => readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ').at(-1)?.split(' ').at(16))
      .filter((nice) => nice === '10').length
  const before = lowered()
  const check = () => checker.isRight('right', { hash, costliest: 10, signal: ease.signal })
  assert.deepEqual(await Promise.all([check(), check(), check()]), [true, true, true])
  assert.equal(lowered(), before + 2)
  await checker.close()
  assert.equal(lowered(), before)
})

test('a thread that takes too long is ended, and the next comparison gets a new one', async () => {
  const checker = new PasswordChecker({ threads: 1, timeLimit: 300 })
  const dear = { hash: nobodysBcryptHash(16), costliest: 16, signal: ease.signal }
  await assert.rejects(checker.isRight('right', dear), { code: 'CONNECTOR_UNREACHABLE', message: /thread ended/ })
  assert.ok(await checker.isRight('right', { hash, costliest: 10, signal: ease.signal }))
  await checker.close()
})

test('comparing keeps the main thread free, and an idle thread keeps no process alive', () => {
  const script = `
    import { PasswordChecker } from '#src/broker/passwords/password-checker.ts'
    const signal = new AbortController().signal
    let turns = 0
    const clock = setInterval(() => turns++, 5)
    const isRight = await new PasswordChecker().isRight('right', { hash: process.argv[1], costliest: 12, signal })
    clearInterval(clock)
    process.stdout.write(JSON.stringify([isRight, turns > 5]))
  `
  const cwd = fileURLToPath(new URL('../../..', import.meta.url))
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script, hash], { cwd, timeout: 15_000 })
  assert.equal(output.toString(), '[true,true]')
})

test('the thread is found in the package as it is built, where Node strips no types', () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url))
  const folder = mkdtempSync(join(tmpdir(), 'ostiary-built-'))
  try {
    // The files and what they import, built with the settings of the package, below node_modules.
    const home = join(folder, 'node_modules', 'built')
    for (const part of ['src/broker/passwords', 'src/broker/threads', 'src/crypto', 'src/errors']) {
      mkdirSync(join(folder, 'source', part), { recursive: true })
    }
    for (const file of [
      'src/broker/passwords/password-checker.ts',
      'src/broker/passwords/password-thread.ts',
      'src/broker/threads/bounded-threads.ts',
      'src/broker/threads/low-priority.ts',
      'src/crypto/bcrypt-hash.ts',
      'src/errors/proxy-error.ts',
      'src/errors/catalog.ts',
    ]) {
      cpSync(join(root, file), join(folder, 'source', file))
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'source', 'node_modules'))
    const config = { extends: join(root, 'tsconfig.build.json'), include: ['src'] }
    const compilerOptions = { rootDir: 'src', outDir: home }
    writeFileSync(join(folder, 'source', 'tsconfig.json'), JSON.stringify({ ...config, compilerOptions }))
    writeFileSync(join(folder, 'source', 'package.json'), '{"type":"module"}')
    execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(folder, 'source')], { stdio: 'inherit' })
    writeFileSync(join(home, 'package.json'), '{"type":"module"}')
    symlinkSync(join(root, 'node_modules', 'bcryptjs'), join(folder, 'node_modules', 'bcryptjs'))
    const script = `
      import { PasswordChecker } from 'built/broker/passwords/password-checker.js'
      const signal = new AbortController().signal
      const isRight = await new PasswordChecker().isRight('right', { hash: process.argv[1], costliest: 10, signal })
      process.stdout.write(String(isRight))
    `
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script, hash], {
      cwd: folder,
      timeout: 15_000,
    })
    assert.equal(output.toString(), 'true')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
