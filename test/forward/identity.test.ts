import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileIdentity, type IdentityOptions } from '#src/forward/identity.ts'
import { headerOf } from '#src/wire/headers.ts'
import { sessionOf, signForTest } from './front.ts'

function identityWith(options: Partial<IdentityOptions> = {}) {
  let signed = 0
  const identityOf = compileIdentity({
    claimHeaders: [],
    issuerFormat: 'hostOnly',
    omit: new Set(),
    signAssertion: (claims) => {
      signed++
      return signForTest(claims)
    },
    randomId: () => `id-${signed}`,
    ...options,
  })
  return { identityOf, signatures: () => signed }
}

const claimsOf = (assertion: string) => JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString())
const ada = sessionOf({ email: 'ada@example.com', name: 'Ada', groups: ['devops', 'ops'] })

test('one assertion is used again for two minutes, for the same session and host only', () => {
  const { identityOf, signatures } = identityWith()
  const start = 1_800_000_000_000
  const first = identityOf(ada, 'wiki.app.test', start)
  assert.equal(identityOf(ada, 'wiki.app.test', start + 119_000), first)
  assert.equal(signatures(), 1)
  assert.notEqual(identityOf(ada, 'wiki.app.test', start + 121_000), first)
  assert.notEqual(identityOf(sessionOf({ email: 'eve@example.com' }), 'wiki.app.test', start), first)
  assert.equal(claimsOf(identityOf(ada, 'other.app.test', start).assertion).aud, 'other.app.test')
})

test('a clock that was set back does not keep an assertion in use', () => {
  const { identityOf } = identityWith()
  const start = 1_800_000_000_000
  const first = identityOf(ada, 'wiki.app.test', start)
  const back = start - 86_400_000
  assert.notEqual(identityOf(ada, 'wiki.app.test', back), first)
  assert.equal(claimsOf(identityOf(ada, 'wiki.app.test', back).assertion).iat, back / 1000)
})

test('what is remembered for a wildcard route is bounded', () => {
  const { identityOf, signatures } = identityWith()
  for (let i = 0; i < 1000; i++) identityOf(undefined, `h${i}.app.test`, 0)
  identityOf(undefined, 'h999.app.test', 0)
  assert.equal(signatures(), 1000)
})

test('no configured claim replaces what the assertion itself says', () => {
  const names = ['iss', 'aud', 'exp', 'iat', 'jti', 'sub', 'user', 'email', 'sid', 'groups', '__proto__']
  const { identityOf } = identityWith({ claimHeaders: names.map((claim) => ({ header: `X-${claim}`, claim })) })
  const evil = sessionOf(Object.fromEntries(names.map((name) => [name, 'evil'])), { email: 'ada@example.com' })
  const { assertion, headers } = identityOf(evil, 'wiki.app.test', 0)
  const claims = claimsOf(assertion)
  assert.deepEqual(
    [claims.iss, claims.aud, claims.exp, claims.sub, claims.user, claims.email, claims.sid],
    ['wiki.app.test', 'wiki.app.test', 300, 'u-1', 'u-1', 'ada@example.com', 'sess-1'],
  )
  assert.deepEqual(claims.groups, ['evil'])
  assert.equal(headerOf(headers, 'x-sub'), 'u-1')
  assert.equal(headerOf(headers, 'x-email'), 'ada@example.com')
})

test('groups are a list always, and the name falls back to that of the session', () => {
  const { identityOf } = identityWith()
  assert.deepEqual(claimsOf(identityOf(sessionOf({ groups: 'one' }), 'a.test', 0).assertion).groups, ['one'])
  assert.deepEqual(claimsOf(identityOf(sessionOf({}), 'a.test', 0).assertion).groups, [])
  assert.equal(claimsOf(identityOf(sessionOf({}, { name: 'Ada' }), 'a.test', 0).assertion).name, 'Ada')
})

test('the issuer is the host, or a URL where the route says uri', () => {
  const { identityOf } = identityWith({ issuerFormat: 'uri' })
  assert.equal(claimsOf(identityOf(ada, 'wiki.app.test', 0).assertion).iss, 'https://wiki.app.test/')
})
