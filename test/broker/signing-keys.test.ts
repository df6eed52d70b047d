import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { calculateJwkThumbprint } from 'jose'
import { openSigningKeys, type SigningKeysOptions } from '#src/broker/provider/signing-keys.ts'
import { openMemoryStore } from '#src/broker/store/memory-store.ts'
import { openSealedStore } from '#src/broker/store/sealed-store.ts'
import type { Store } from '#src/broker/store/store.ts'
import { Secret } from '#src/crypto/secret.ts'

const START = 1_800_000_000_000
const HOUR = 3_600_000
const AHEAD = 15 * 60_000

function stage(options: Partial<SigningKeysOptions> = {}) {
  const clock = { now: START }
  const now = () => clock.now
  const settings = {
    store: openMemoryStore({ now }),
    algorithm: 'ES256',
    rotationPeriod: 6 * HOUR,
    keepFor: 24 * HOUR,
    now,
    ...options,
  } as const satisfies SigningKeysOptions
  /** What an instance that starts at `moment` has. */
  const at = async (moment: number, more: Partial<SigningKeysOptions> = {}) => {
    clock.now = moment
    using keys = await openSigningKeys({ ...settings, ...more })
    return keys.current().keys.map(({ kid }) => kid ?? '')
  }
  return { clock, settings, at }
}

for (const algorithm of ['RS256', 'ES256'] as const) {
  test(`${algorithm}: the key signs and verifies, and its id is its thumbprint (RFC 7638)`, async () => {
    using keys = await openSigningKeys(stage({ algorithm }).settings)
    const { keys: all, signingKid } = keys.current()
    const [jwk, ...others] = all
    assert.ok(jwk)
    assert.deepEqual(others, [])
    assert.equal(jwk.kid, signingKid)
    assert.equal(jwk.kid, await calculateJwkThumbprint(jwk as Parameters<typeof calculateJwkThumbprint>[0]))
    assert.deepEqual([jwk.alg, jwk.use], [algorithm, 'sig'])
    const privateKey = createPrivateKey({ format: 'jwk', key: jwk as Record<string, string> })
    const publicKey = createPublicKey(privateKey)
    assert.equal(publicKey.asymmetricKeyDetails?.modulusLength ?? 2048, 2048)
    const text = Buffer.from('text')
    assert.ok(verify('sha256', text, publicKey, sign('sha256', text, privateKey)))
  })
}

test('an instance that starts later has the same key; a memory store forgets it with the process', async () => {
  const { at } = stage()
  const first = await at(START)
  assert.deepEqual(await at(START + HOUR), first)
  assert.notDeepEqual(await stage().at(START), first)
})

test('the next key is published before it signs, and the old one for exactly keepFor after', async () => {
  const { at } = stage()
  const [first] = await at(START)
  assert.deepEqual(await at(START + 6 * HOUR - AHEAD - 1), [first])
  const [, second] = await at(START + 6 * HOUR - AHEAD)
  assert.ok(second)
  assert.deepEqual(await at(START + 6 * HOUR - 1), [first, second])
  assert.deepEqual(await at(START + 6 * HOUR), [second, first])
  for (let moment = START + 6 * HOUR; moment < START + 30 * HOUR; moment += AHEAD) {
    assert.ok((await at(moment)).includes(first ?? ''), `the first key is gone after ${(moment - START) / HOUR} hours`)
  }
  const before = await at(START + 30 * HOUR - 1)
  assert.ok(before.includes(first ?? ''))
  // The one that signs, the next one, and those that did within the last day.
  assert.equal(before.length, 6)
  const after = await at(START + 30 * HOUR)
  assert.ok(!after.includes(first ?? ''))
  assert.ok(after.includes(second))
})

test('what has ended is no longer in the store either', async () => {
  const { at, settings } = stage({ keepFor: HOUR })
  const [first] = await at(START)
  await at(START + 6 * HOUR - AHEAD)
  await at(START + 7 * HOUR - 1)
  assert.ok(JSON.stringify(await settings.store.list('SigningKeys')).includes(first ?? ''))
  await at(START + 7 * HOUR)
  assert.ok(!JSON.stringify(await settings.store.list('SigningKeys')).includes(first ?? ''))
})

test('a running instance changes over at the moment itself, whatever its timers do', async () => {
  const { clock, settings, at } = stage()
  const [first] = await at(START)
  const [, second] = await at(START + 6 * HOUR - AHEAD)
  using keys = await openSigningKeys(settings)
  assert.equal(keys.current().signingKid, first)
  clock.now = START + 6 * HOUR
  assert.equal(keys.current().signingKid, second)
  clock.now = START + 30 * HOUR - 1
  assert.ok(keys.current().keys.some(({ kid }) => kid === first))
  clock.now = START + 30 * HOUR
  assert.ok(!keys.current().keys.some(({ kid }) => kid === first))
})

test('a key that is overdue because nobody ran signs until the next has been published', async () => {
  const { at } = stage()
  const [first] = await at(START)
  const [still, second] = await at(START + 100 * HOUR)
  assert.equal(still, first)
  assert.ok(second)
  assert.deepEqual(await at(START + 100 * HOUR + AHEAD), [second, first])
})

test('another algorithm signs at once, and the old keys are published until their tokens have ended', async () => {
  const { at } = stage({ algorithm: 'ES256' })
  const [old] = await at(START)
  const [fresh, ...others] = await at(START + HOUR, { algorithm: 'RS256' })
  assert.notEqual(fresh, old)
  assert.deepEqual(others, [old])
  // An instance that has not been changed yet goes on with its own, and neither makes the other change again.
  assert.deepEqual(await at(START + HOUR, { algorithm: 'ES256' }), [old, fresh])
  assert.deepEqual(await at(START + 2 * HOUR, { algorithm: 'RS256' }), [fresh, old])
  assert.ok((await at(START + 30 * HOUR - 1, { algorithm: 'RS256' })).includes(old ?? ''))
  assert.ok(!(await at(START + 30 * HOUR, { algorithm: 'RS256' })).includes(old ?? ''))
})

test('many instances that start on an empty store at once have one key', async () => {
  const { settings } = stage()
  const instances = await Promise.all(Array.from({ length: 8 }, () => openSigningKeys(settings)))
  const ids = new Set(instances.map((keys) => keys.current().signingKid))
  assert.equal(ids.size, 1)
  for (const keys of instances) keys[Symbol.dispose]()
})

test('instances change over together, tell their listeners, and never sign with what the others do not publish', async () => {
  const options = { ...stage().settings, now: Date.now, rotationPeriod: 600, keepFor: 900 }
  const store = openMemoryStore({ now: Date.now })
  const instances = await Promise.all([1, 2, 3].map(() => openSigningKeys({ ...options, store })))
  const told = instances.map(() => [] as string[])
  instances.forEach((keys, n) => void keys.onChange(({ signingKid }) => told[n]?.push(signingKid)))
  const seen = new Set<string>()
  const until = Date.now() + 2_500
  while (Date.now() < until) {
    for (const signer of instances) {
      const { signingKid } = signer.current()
      seen.add(signingKid)
      for (const verifier of instances) {
        assert.ok(verifier.current().keys.some(({ kid }) => kid === signingKid))
      }
    }
    await pause(10)
  }
  assert.ok(seen.size >= 3 && seen.size <= 6, `${seen.size} keys signed in four periods`)
  for (const list of told) assert.ok(new Set(list).size >= 3, `a listener heard of ${list.length} changes`)
  for (const keys of instances) keys[Symbol.dispose]()
  const before = told.map((list) => list.length)
  await pause(700)
  assert.deepEqual(
    told.map((list) => list.length),
    before,
    'a closed one went on',
  )
})

test('a store that fails keeps the keys as they are, says so, and is asked again', async () => {
  let isDown = false
  const memory = openMemoryStore({ now: Date.now })
  const store: Store = {
    put: (record, options) => (isDown ? Promise.reject(new Error('down')) : memory.put(record, options)),
    get: (kind, id) => (isDown ? Promise.reject(new Error('down')) : memory.get(kind, id)),
    findBy: memory.findBy.bind(memory),
    list: memory.list.bind(memory),
    consume: memory.consume.bind(memory),
    delete: memory.delete.bind(memory),
    deleteBy: memory.deleteBy.bind(memory),
    count: memory.count.bind(memory),
    [Symbol.asyncDispose]: () => memory[Symbol.asyncDispose](),
  }
  const errors: unknown[] = []
  using keys = await openSigningKeys({
    ...stage().settings,
    store,
    now: Date.now,
    rotationPeriod: 200,
    keepFor: 1000,
    onError: (error) => errors.push(error),
  })
  const { signingKid } = keys.current()
  isDown = true
  await pause(400)
  assert.equal(keys.current().signingKid, signingKid)
  assert.ok(errors.length > 0)
})

test('an unusual pair of settings does not make keys without end', async () => {
  const { at } = stage({ rotationPeriod: 1000 })
  let most = 0
  for (let moment = START; moment < START + 26 * HOUR; moment += 10 * 60_000)
    most = Math.max(most, (await at(moment)).length)
  assert.ok(most <= 103, `${most} keys are published`)
})

test('private keys lie sealed in a sealed store', async () => {
  const { settings } = stage()
  const sealed = await openSealedStore(settings.store, [new Secret(Buffer.alloc(32, 1).toString('base64'))])
  using keys = await openSigningKeys({ ...settings, store: sealed })
  const [jwk] = keys.current().keys
  assert.ok(jwk?.d)
  assert.ok(!JSON.stringify(await settings.store.list('SigningKeys')).includes(jwk.d))
})
