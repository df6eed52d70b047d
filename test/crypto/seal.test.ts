import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { keyRing, randomSecret } from '#src/crypto/key-ring.ts'
import { sealer } from '#src/crypto/seal.ts'

const now = 1_800_000_000_000
const scope = { purpose: 'session', audience: 'wiki.corp.test' }
const lasting = { ...scope, expiresAt: now + 60_000 }
const newSealer = (...secrets: ReturnType<typeof randomSecret>[]) => sealer(keyRing(secrets, 'cookie_secret'))

test('a sealed value opens as it was, whatever it was', async () => {
  const seals = newSealer(randomSecret())
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), async (value) => {
      // JSON has no negative zero.
      const plain = JSON.parse(JSON.stringify(value))
      assert.deepEqual(await seals.unseal(await seals.seal(plain, lasting), { ...scope, now }), plain)
    }),
    { numRuns: 60 },
  )
})

test('a long value is sealed shorter than it is, and opens', async () => {
  const seals = newSealer(randomSecret())
  const value = { groups: Array.from({ length: 300 }, (_, i) => `cn=group-${i},ou=groups,dc=corp,dc=test`) }
  const text = await seals.seal(value, lasting)
  assert.ok(text.length < JSON.stringify(value).length / 3)
  assert.deepEqual(await seals.unseal(text, { ...scope, now }), value)
})

test('200 groups of 40 random hex characters take less than 7,700 characters', async () => {
  const groups = Array.from({ length: 200 }, () => randomBytes(20).toString('hex'))
  const text = await newSealer(randomSecret()).seal({ groups }, lasting)
  assert.ok(text.length < 7700, `${text.length}`)
})

test('a value opens for no other purpose, no other host and no other secret', async () => {
  const secret = randomSecret()
  const text = await newSealer(secret).seal({ v: 1 }, lasting)
  const other = (more: object) => newSealer(secret).unseal(text, { ...scope, now, ...more })
  assert.deepEqual(await other({}), { v: 1 })
  assert.equal(await other({ purpose: 'hand-over' }), undefined)
  assert.equal(await other({ audience: 'files.corp.test' }), undefined)
  assert.equal(await newSealer(randomSecret()).unseal(text, { ...scope, now }), undefined)
  assert.equal(await sealer(keyRing([secret], 'shared_secret')).unseal(text, { ...scope, now }), undefined)
})

test('purpose and audience cannot be shifted into each other', async () => {
  const seals = newSealer(randomSecret())
  const text = await seals.seal(1, { purpose: 'ab', audience: 'c', expiresAt: now + 1 })
  assert.equal(await seals.unseal(text, { purpose: 'a', audience: 'bc', now }), undefined)
})

test('a value ends at the millisecond it was given, not a minute later', async () => {
  const seals = newSealer(randomSecret())
  const text = await seals.seal({ v: 1 }, lasting)
  assert.deepEqual(await seals.unseal(text, { ...scope, now: lasting.expiresAt - 1 }), { v: 1 })
  assert.equal(await seals.unseal(text, { ...scope, now: lasting.expiresAt }), undefined)
})

test('after a change of secrets old values still open, new ones are sealed with the new secret', async () => {
  const [old, fresh] = [randomSecret(), randomSecret()]
  const before = await newSealer(old).seal('before', lasting)
  const both = newSealer(fresh, old)
  const after = await both.seal('after', lasting)
  assert.equal(await both.unseal(before, { ...scope, now }), 'before')
  assert.equal(await newSealer(fresh).unseal(after, { ...scope, now }), 'after')
  assert.equal(await newSealer(fresh).unseal(before, { ...scope, now }), undefined)
  assert.equal(await newSealer(old).unseal(after, { ...scope, now }), undefined)
})

test('changing any one character closes the seal', async () => {
  const seals = newSealer(randomSecret())
  const text = await seals.seal({ sub: 'ada' }, lasting)
  for (let at = 0; at < text.length; at++) {
    const bent = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`
    assert.equal(await seals.unseal(bent, { ...scope, now }), undefined, `character ${at}`)
  }
})

test('noise opens to nothing and never rejects', async () => {
  const seals = newSealer(randomSecret())
  const sealed = await seals.seal(1, lasting)
  const noise = ['', 'Fe26.2**', '{}', sealed.slice(1), sealed + sealed, sealed.replace('~2', '~1'), `${sealed}x`]
  noise.push(sealed.replace(/\*\d+\*/, '*constructor*'), sealed.replace(/\*\d+\*/, '*__proto__*'), 'A'.repeat(100_000))
  for (const text of noise) assert.equal(await seals.unseal(text, { ...scope, now }), undefined, text.slice(0, 30))
})

test('the text of a seal needs no escaping in a cookie or a query', async () => {
  const text = await newSealer(randomSecret()).seal({ v: 'é"; ,\\' }, lasting)
  assert.match(text, /^[\w.*~-]+$/)
})

test('a secret that is not base64 of 32 octets is refused without being shown', () => {
  for (const text of ['', 'c2hvcnQ=', 'p'.repeat(32), '!'.repeat(44), Buffer.alloc(33).toString('base64')]) {
    assert.throws(
      () => keyRing([{ reveal: () => text }], 'x'),
      (error: Error) => /32 octets/.test(error.message) && (text === '' || !error.message.includes(text)),
    )
  }
  assert.throws(() => keyRing([], 'x'), /no secret/)
})

test('a sealed value has one spelling: bits of its last character that say nothing may not be set', async () => {
  const seals = newSealer(randomSecret())
  const text = await seals.seal('x', lasting)
  const at = text.length - 3
  for (const letter of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
    const bent = text.slice(0, at) + letter + text.slice(at + 1)
    assert.equal(await seals.unseal(bent, { ...scope, now }), letter === text[at] ? 'x' : undefined, letter)
  }
})
