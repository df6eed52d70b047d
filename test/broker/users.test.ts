import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { hashSync } from 'bcryptjs'
import { parse } from 'yaml'
import { dexSubject, Users } from '#src/broker/users.ts'
import { STATIC_PASSWORDS } from '#test/actors/dex.ts'

const hash = hashSync('right', 10)
const entry = { email: 'ada@corp.test', hash, username: 'ada', userID: '1' }

test('the demo’s users open with the password that the demo shows', async () => {
  const users = new Users(parse(readFileSync(new URL('../../policies/demo/users.yaml', import.meta.url), 'utf8')))
  for (const [name, groups] of [
    ['alice', ['devops']],
    ['bob', ['finance']],
    ['carol', ['devops', 'finance']],
  ] as const) {
    const user = await users.check({ email: `${name}@corp.test`, password: 'open sesame' })
    assert.deepEqual(user?.groups, groups)
    assert.equal(await users.check({ email: `${name}@corp.test`, password: 'open' }), undefined)
  }
})

test('users declared for Dex are read as they are, $2y$ hashes included', async () => {
  const users = new Users({ staticPasswords: STATIC_PASSWORDS })
  assert.equal((await users.check({ email: 'alice@corp.test', password: 'alice-pw' }))?.name, 'Alice Okafor')
})

test('an address is compared without case, a password with it', async () => {
  const users = new Users({ staticPasswords: [{ ...entry, email: 'Ada@Corp.Test' }] })
  assert.ok(await users.check({ email: ' ADA@corp.test', password: 'right' }))
  assert.equal(await users.check({ email: 'ada@corp.test', password: 'Right' }), undefined)
})

test('a hash may be wrapped in base64, as Dex takes it', async () => {
  const users = new Users({ staticPasswords: [{ ...entry, hash: Buffer.from(hash).toString('base64') }] })
  assert.ok(await users.check({ email: entry.email, password: 'right' }))
})

test('nobody opens with an empty password, an unknown address, or a tail beyond what bcrypt reads', async () => {
  const long = 'x'.repeat(72)
  const users = new Users({
    staticPasswords: [entry, { ...entry, email: 'l@corp.test', userID: '2', hash: hashSync(long, 10) }],
  })
  assert.ok(await users.check({ email: 'l@corp.test', password: long }))
  for (const attempt of [
    { email: entry.email, password: '' },
    { email: '', password: 'right' },
    { email: '', password: '' },
    { email: 'nobody@corp.test', password: 'nobody' },
    { email: 'l@corp.test', password: `${long}tail` },
    { email: '__proto__', password: 'right' },
  ]) {
    assert.equal(await users.check(attempt), undefined, JSON.stringify(attempt))
  }
})

test('a declaration that is not in Dex’s form is refused', () => {
  for (const staticPasswords of [
    [],
    [{ ...entry, hash: 'plain text' }],
    [{ ...entry, hash: hashSync('x', 4) }],
    [{ ...entry, group: ['devops'] }],
    [{ ...entry, email: 'ada' }],
    [entry, { ...entry, userID: '2' }],
    [entry, { ...entry, email: 'other@corp.test' }],
  ]) {
    assert.throws(() => new Users({ staticPasswords }), JSON.stringify(staticPasswords))
  }
})

test('a subject is Dex’s own', () => {
  assert.equal(dexSubject('0-385-28089-0', 'mock'), 'Cg0wLTM4NS0yODA4OS0wEgRtb2Nr')
  assert.equal(dexSubject('1860200001', 'ldap'), 'CgoxODYwMjAwMDAxEgRsZGFw')
})
