import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { flattenClaims } from '#src/session/claims.ts'
import { compileOwnCookies, cookieNames } from '#src/session/cookie-names.ts'
import { OpenedSessions } from '#src/session/opened-sessions.ts'
import { makeSession, readSession } from '#src/session/payload.ts'
import { cut, join, pieceSize } from '#src/session/pieces.ts'
import { RevokedSessions } from '#src/session/revoked-sessions.ts'

const now = 1_800_000_000_000

test('a set cookie_name is used to the letter', () => {
  assert.deepEqual(cookieNames({ cookieName: '_gatekeeper', httpOnly: true }, 'https'), {
    session: '_gatekeeper',
    authenticate: '_gatekeeper_authenticate',
    attempt: '_gatekeeper_csrf_',
    mark: '_gatekeeper_csrf',
    pkce: '_gatekeeper_pkce_',
    pkcePath: '/oauth2/callback',
  })
})

test('without cookie_name the family is __Host- over https, and only the shared session is __Secure-', () => {
  const host = cookieNames({ httpOnly: true }, 'https')
  assert.equal(host.session, '__Host-ostiary')
  assert.equal(host.pkcePath, '/')
  const shared = cookieNames({ httpOnly: true, cookieDomain: 'corp.test' }, 'https')
  assert.equal(shared.session, '__Secure-ostiary')
  assert.equal(shared.authenticate, '__Host-ostiary_authenticate')
  assert.equal(cookieNames({ httpOnly: true }, 'http').session, 'ostiary')
})

test('our own cookies are known by name, pieces and other letter case included; others are not taken for ours', () => {
  const isOwn = compileOwnCookies({ cookieName: '_pomerium', httpOnly: true })
  const own = [
    '_pomerium',
    '_pomerium_1',
    '_pomerium_3',
    '_pomerium_authenticate',
    '_pomerium_authenticate_2',
    '_pomerium_csrf',
    '_pomerium_csrf_abc',
    '_pomerium_pkce_abc',
    '_POMERIUM',
  ]
  for (const name of own) assert.equal(isOwn(name), true, name)
  for (const name of ['_pomerium2', '_pomerium_4', '_pomerium_theme', 'pomerium', 'x_pomerium', ''])
    assert.equal(isOwn(name), false, name)
  const unset = compileOwnCookies({ httpOnly: true })
  for (const name of ['__Host-ostiary', '__host-ostiary_1', 'ostiary', '__Host-ostiary_pkce_x'])
    assert.equal(unset(name), true, name)
})

test('pieces put together are what was cut, and none is too long', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 15_000 }),
      fc.string({ unit: fc.constantFrom('a', 'Z', '*', '~'), minLength: 1, maxLength: 40 }),
      (length, pattern) => {
        const sealed = pattern.repeat(Math.ceil(length / pattern.length)).slice(0, length)
        const pieces = cut(sealed, '__Host-ostiary')
        assert.ok(pieces)
        for (const { name, value } of pieces) assert.ok(name.length + 1 + value.length <= pieceSize)
        assert.equal(
          join('__Host-ostiary', (name) => pieces.find((piece) => piece.name === name)?.value),
          sealed,
        )
      },
    ),
  )
})

test('a text for more than four pieces is not cut', () => {
  assert.equal(cut('x'.repeat(16_000), 'n'), undefined)
})

test('noise for pieces joins to nothing or to text, and never throws', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('n', 'n_1', 'n_2', 'n_3'), fc.string()), (sent) => {
      const joined = join('n', (name) => sent[name])
      assert.ok(joined === undefined || typeof joined === 'string')
    }),
  )
})

test('claims are flattened by dots; a value that is no list is a list of one', () => {
  const flat = flattenClaims({ a: { b: 1, c: { d: ['x', 'y'] } }, e: null, f: [], g: {} })
  assert.deepEqual(
    [...flat],
    [
      ['a.b', [1]],
      ['a.c.d', ['x', 'y']],
      ['e', [null]],
      ['f', []],
    ],
  )
})

test('a claim whose name holds a dot cannot add to another, and hostile names are only names', () => {
  const flat = flattenClaims(JSON.parse('{"realm":{"roles":["user"]},"realm.roles":["admin"],"__proto__":{"x":1}}'))
  assert.deepEqual(flat.get('realm.roles'), ['user'])
  assert.deepEqual(flat.get('__proto__.x'), [1])
  assert.equal(flat.get('toString'), undefined)
})

test('claims nested without end and without number are bounded', () => {
  let deep: Record<string, unknown> = { end: 1 }
  for (let i = 0; i < 1000; i++) deep = { d: deep }
  assert.equal(flattenClaims(deep).size, 0)
  assert.equal(flattenClaims(Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`c${i}`, i]))).size, 2000)
})

test('an unverified address is known as such, as a boolean and as a word', () => {
  const verified = (claims: object) =>
    makeSession({ id: '1', userId: 'u', claims: { ...claims }, issuedAt: 0, expiresAt: 1 }).emailVerified
  assert.equal(verified({ email_verified: false }), false)
  assert.equal(verified({ email_verified: 'false' }), false)
  assert.equal(verified({ email_verified: true }), true)
  assert.equal(verified({}), true)
})

test('a sealed value that is no session makes nobody', () => {
  for (const value of [
    undefined,
    null,
    1,
    'x',
    [],
    {},
    { i: '1', a: 1, x: 2, c: {} },
    { i: '1', a: 1, x: 2, c: { sub: '' } },
    { i: 1, a: 1, x: 2, c: { sub: 'u' } },
  ]) {
    assert.equal(readSession(value), undefined)
  }
})

test('a revoked session is over until it would have ended, and listeners hear of it', () => {
  const revoked = new RevokedSessions()
  const heard: string[] = []
  const stop = revoked.onRevoked((id) => heard.push(id))
  revoked.revoke({ id: 'a', issuedAt: 1, expiresAt: now + 10 }, now)
  revoked.revoke({ id: 'a', issuedAt: 1, expiresAt: now + 10 }, now)
  stop()
  revoked.revoke({ id: 'b', issuedAt: 1, expiresAt: now + 10 }, now)
  assert.deepEqual(heard, ['a'])
  assert.equal(revoked.isRevoked({ id: 'a', issuedAt: 1 }), true)
  assert.equal(revoked.isRevoked({ id: 'c', issuedAt: 1 }), false)
})

test('full memory of revoked sessions forgets what has ended first, then ends sessions as old as what it forgets', () => {
  const revoked = new RevokedSessions({ limit: 2 })
  revoked.revoke({ id: 'a', issuedAt: 100, expiresAt: now + 10 }, now)
  revoked.revoke({ id: 'b', issuedAt: 200, expiresAt: now + 5 }, now)
  revoked.revoke({ id: 'c', issuedAt: 300, expiresAt: now + 50 }, now + 6)
  assert.equal(revoked.isRevoked({ id: 'x', issuedAt: 100 }), false, 'b had ended and made room')
  revoked.revoke({ id: 'd', issuedAt: 400, expiresAt: now + 50 }, now + 6)
  assert.equal(revoked.size, 2)
  for (const id of ['a', 'c', 'd'])
    assert.equal(revoked.isRevoked({ id, issuedAt: { a: 100, c: 300, d: 400 }[id] ?? 0 }), true, id)
  assert.equal(revoked.isRevoked({ id: 'other', issuedAt: 150 }), false)
})

test('the memory of opened sessions is bounded in number and in characters', () => {
  const opened = new OpenedSessions({ entries: 3, characters: 10 })
  const session = makeSession({ id: '1', userId: 'u', claims: {}, issuedAt: 0, expiresAt: now })
  for (const key of ['a', 'b', 'c']) opened.keep(key, session)
  assert.ok(opened.get('a', 0), 'now b is the one not used for longest')
  opened.keep('d', session)
  assert.equal(opened.get('b', 0), undefined)
  opened.keep('eeeeeeeee', session)
  assert.equal(opened.size, 2)
  opened.keep('f'.repeat(11), session)
  assert.equal(opened.size, 0)
})

test('all sessions of a user that began until now are over, and those after it are not', () => {
  const revoked = new RevokedSessions({ userLimit: 2 })
  revoked.revokeUser('alice', 100)
  assert.equal(revoked.isRevoked({ id: 'a', issuedAt: 100, userId: 'alice' }), true)
  assert.equal(revoked.isRevoked({ id: 'a', issuedAt: 101, userId: 'alice' }), false)
  assert.equal(revoked.isRevoked({ id: 'b', issuedAt: 50, userId: 'bob' }), false)
  // Where no more users can be remembered, everybody who signed in as early signs in again.
  revoked.revokeUser('bob', 200)
  revoked.revokeUser('carol', 300)
  assert.equal(revoked.isRevoked({ id: 'a', issuedAt: 100, userId: 'alice' }), true)
  assert.equal(revoked.isRevoked({ id: 'd', issuedAt: 90, userId: 'dora' }), true)
  assert.equal(revoked.isRevoked({ id: 'd', issuedAt: 150, userId: 'dora' }), false)
})
