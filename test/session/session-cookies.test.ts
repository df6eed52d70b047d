import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { keyRing, randomSecret } from '#src/crypto/key-ring.ts'
import { type Sealer, sealer } from '#src/crypto/seal.ts'
import type { CookieSettings } from '#src/session/cookie-names.ts'
import { makeSession } from '#src/session/payload.ts'
import { RevokedSessions } from '#src/session/revoked-sessions.ts'
import { type CookiePlace, SessionCookies } from '#src/session/session-cookies.ts'
import { cookiesAfter, setCookieLines } from './cookies.ts'

const now = 1_800_000_000_000
const wiki: CookiePlace = { kind: 'session', scheme: 'https', host: 'wiki.corp.test' }
const secret = randomSecret()

function countingSealer() {
  const inner = sealer(keyRing([secret], 'cookie_secret'))
  const seals = { opened: 0 }
  const counting: Sealer = {
    ...inner,
    unseal: (text, options) => {
      seals.opened++
      return inner.unseal(text, options)
    },
  }
  return { counting, seals }
}

function setUp({ cookies = {}, needed = [] }: { cookies?: Partial<CookieSettings>; needed?: string[] } = {}) {
  const { counting, seals } = countingSealer()
  const revoked = new RevokedSessions()
  const sessions = new SessionCookies({
    sealer: counting,
    cookies: { httpOnly: true, ...cookies },
    neededClaims: new Set(needed),
    revoked,
  })
  return { sessions, seals, revoked }
}

function session(claims: object = {}) {
  const all = { sub: 'u-1', email: 'ada@corp.test', name: 'Ada', groups: ['devops'], ...claims }
  return makeSession({ id: 's-1', userId: 'u-1', claims: all, issuedAt: now, expiresAt: now + 3_600_000 })
}

const fresh = { now, headers: [] }

test('a session comes back from its cookies as it was', async () => {
  const { sessions } = setUp()
  const before = session({ realm_access: { roles: ['admin'] }, email_verified: true })
  const headers = cookiesAfter(await sessions.print(before, wiki, fresh))
  assert.deepEqual(await sessions.open(headers, wiki, now), before)
})

test('the cookie is __Host-, Secure, HttpOnly, Lax and ends with the session', async () => {
  const [line] = setCookieLines(await setUp().sessions.print(session(), wiki, fresh))
  assert.match(line ?? '', /^__Host-ostiary=1\.Fe26[^;]+; Path=\/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax$/)
})

test('an opened cookie is not opened again, and opens at once', async () => {
  const { sessions, seals } = setUp()
  const headers = cookiesAfter(await sessions.print(session(), wiki, fresh))
  const first = await Promise.all([1, 2, 3].map(() => sessions.open(headers, wiki, now)))
  assert.equal(first.filter(Boolean).length, 3)
  const again = sessions.open([...headers, 'x-other', '1'], wiki, now)
  assert.ok(again && !(again instanceof Promise))
  assert.equal(seals.opened, 1)
})

test('other cookies around ours change nothing', async () => {
  const { sessions } = setUp()
  const [, cookie = ''] = cookiesAfter(await sessions.print(session(), wiki, fresh))
  const headers = ['cookie', `theme=dark; ${cookie}; __Host-ostiary_x=1`, 'cookie', 'more=1']
  assert.equal((await sessions.open(headers, wiki, now))?.userId, 'u-1')
})

test('a remembered session ends at its last millisecond', async () => {
  const { sessions } = setUp()
  const headers = cookiesAfter(await sessions.print(session(), wiki, fresh))
  assert.ok(await sessions.open(headers, wiki, now + 3_599_999))
  assert.equal(await sessions.open(headers, wiki, now + 3_600_000), undefined)
})

test('200 groups of 40 random characters fit two cookies of at most 4,096 octets with their attributes', async () => {
  const { sessions } = setUp()
  const groups = Array.from({ length: 200 }, () => randomBytes(20).toString('hex'))
  const before = session({ groups })
  const answer = await sessions.print(before, wiki, fresh)
  const lines = setCookieLines(answer)
  assert.equal(lines.length, 2)
  for (const line of lines) assert.ok(line.length <= 4096, `${line.length}`)
  assert.deepEqual(await sessions.open(cookiesAfter(answer), wiki, now), before)
})

test('a missing, exchanged or doubled piece makes nobody', async () => {
  const { sessions } = setUp()
  const groups = Array.from({ length: 200 }, () => randomBytes(20).toString('hex'))
  const [, cookie = ''] = cookiesAfter(await sessions.print(session({ groups }), wiki, fresh))
  const [one = '', two = ''] = cookie.split('; ')
  const swapped = `__Host-ostiary=2.${two.slice(two.indexOf('=') + 1)}; __Host-ostiary_1=${one.slice(one.indexOf('.') + 1)}`
  const bent = [
    one,
    two,
    swapped,
    `${one.replace('2.', '1.')}; ${two}`,
    `${one.replace('2.', '3.')}; ${two}`,
    `${one.replace('2.', '9.')}`,
  ]
  for (const text of bent) assert.equal(await sessions.open(['cookie', text], wiki, now), undefined, text.slice(0, 40))
  assert.ok(await sessions.open(['cookie', `${two}; ${one}`], wiki, now), 'the order of cookies means nothing')
})

test('a shorter session removes the pieces of a longer one, and so does clearing', async () => {
  const { sessions } = setUp()
  const groups = Array.from({ length: 200 }, () => randomBytes(20).toString('hex'))
  const long = await sessions.print(session({ groups }), wiki, fresh)
  const headers = cookiesAfter(long)
  const short = await sessions.print(session(), wiki, { now, headers })
  assert.deepEqual(
    setCookieLines(short).map((line) => line.split('=', 1)[0]),
    ['__Host-ostiary', '__Host-ostiary_1'],
  )
  assert.deepEqual(cookiesAfter(long, sessions.clear(headers, wiki)), [])
  assert.equal(setCookieLines(sessions.clear([], wiki)).length, 1, 'the first piece is always cleared')
})

test('a session that is too long keeps the claims that rules name, and says so', async () => {
  const { sessions } = setUp({ needed: ['realm_access.roles', 'Groups'] })
  const noise = Array.from({ length: 600 }, () => randomBytes(20).toString('hex'))
  const before = session({ noise, realm_access: { roles: ['admin'] } })
  const after = await sessions.open(cookiesAfter(await sessions.print(before, wiki, fresh)), wiki, now)
  assert.deepEqual(Object.keys(after?.claims ?? {}).sort(), ['email', 'groups', 'name', 'realm_access', 'sub'])
  assert.equal(after?.isTrimmed, true)
})

test('a session whose needed claims are too long is refused, not cut silently', async () => {
  const { sessions } = setUp({ needed: ['groups'] })
  const groups = Array.from({ length: 700 }, () => randomBytes(20).toString('hex'))
  await assert.rejects(sessions.print(session({ groups }), wiki, fresh), { code: 'SESSION_TOO_LARGE' })
})

test("the token's own claims are not kept, unless a rule names one", async () => {
  const claims = { nonce: 'n', at_hash: 'h', aud: 'pom', exp: 1, azp: 'pom', department: 'eng' }
  const { sessions } = setUp({ needed: ['azp'] })
  const after = await sessions.open(cookiesAfter(await sessions.print(session(claims), wiki, fresh)), wiki, now)
  assert.deepEqual(Object.keys(after?.claims ?? {}).sort(), ['azp', 'department', 'email', 'groups', 'name', 'sub'])
})

test('a user id that is not the subject is kept beside it', async () => {
  const { sessions } = setUp()
  const before = { ...session(), userId: 'oid-7' }
  assert.equal(
    (await sessions.open(cookiesAfter(await sessions.print(before, wiki, fresh)), wiki, now))?.userId,
    'oid-7',
  )
})

test('with cookie_domain one cookie opens on all hosts below, and hosts elsewhere have their own', async () => {
  const { sessions } = setUp({ cookies: { cookieDomain: '.corp.test' } })
  const answer = await sessions.print(session(), wiki, fresh)
  assert.match(setCookieLines(answer)[0] ?? '', /^__Secure-ostiary=.*; Domain=corp\.test;/)
  assert.ok(await sessions.open(cookiesAfter(answer), { ...wiki, host: 'files.corp.test' }, now))
  assert.equal(await sessions.open(cookiesAfter(answer), { ...wiki, host: 'wiki.other.test' }, now), undefined)
  assert.equal(await sessions.open(cookiesAfter(answer), { ...wiki, host: 'evilcorp.test' }, now), undefined)
  const elsewhere = await sessions.print(session(), { ...wiki, host: 'wiki.other.test' }, fresh)
  assert.doesNotMatch(elsewhere.join(), /Domain=/)
})

test('cookie_same_site is used where it can work', async () => {
  const line = async (sameSite: 'strict' | 'none', place: CookiePlace) =>
    setCookieLines(await setUp({ cookies: { sameSite } }).sessions.print(session(), place, fresh))[0] ?? ''
  assert.match(await line('strict', wiki), /SameSite=Strict$/)
  assert.match(await line('strict', { ...wiki, kind: 'authenticate' }), /SameSite=Lax$/)
  assert.match(await line('none', wiki), /Secure; HttpOnly; SameSite=None$/)
  assert.match(await line('none', { ...wiki, scheme: 'http' }), /HttpOnly; SameSite=Lax$/)
})
