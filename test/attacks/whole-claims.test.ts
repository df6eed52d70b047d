/** What a provider (or a user who may choose a name there) says about somebody, through the whole flow. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { valuesOf } from './recording-upstream.ts'
import { type Fort, startFort } from './whole.ts'

/** Random letters: what cannot be compressed. */
const noise = (length: number) =>
  Array.from({ length: Math.ceil(length / 8) }, (_, at) =>
    Math.imul(at + 1, 0x9e3779b1)
      .toString(36)
      .padStart(8, 'x'),
  )
    .join('')
    .slice(0, length)

const hostile: Readonly<Record<string, unknown>> = {
  lines: 'Eve\r\nX-Email: root@corp.test\r\n\r\nGET /evil HTTP/1.1',
  controls: 'Eve\0\x01\x1b[31m\x7f\x85\u2028',
  emoji: '👩🏽‍🚀 Ünïcødé مرحبا',
  surrogate: 'Eve\ud800',
  blanks: ' \t Eve \t ',
  comma: 'admins,root',
  tag: '<script>alert(1)</script>"\'&',
  object: { admin: true },
  list: ['a', ['b'], { c: 1 }, null, 3, true],
  proto: JSON.parse('{"__proto__":{"groups":["admins"]},"constructor":{"prototype":{"email":"root"}}}'),
  wide: Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`k${at}`, at])),
  deep: JSON.parse(`${'{"a":'.repeat(100)}1${'}'.repeat(100)}`),
  megabyte: 'a'.repeat(1_000_000),
  half: 'b'.repeat(300_000),
  noise: noise(200_000),
}

let fort: Fort
before(async () => {
  const names = Object.keys(hostile)
  fort = await startFort({
    users: names.map((name) => ({
      email: `${name}@corp.test`,
      email_verified: true,
      groups: ['guests'],
      name: hostile[name],
    })),
    settings: { jwt_claims_headers: { 'X-Email': 'email', 'X-Name': 'name' } },
  })
})
after(() => fort[Symbol.asyncDispose]())

const signIn = async (name: string) => {
  const browser = fort.secure.browser()
  const page = await browser.signIn(fort.secure.url('any', `/${name}`), `${name}@corp.test`)
  return { browser, page, seen: fort.any.seen.find(({ target }) => target === `/${name}`) }
}

for (const name of Object.keys(hostile).filter((one) => !['megabyte', 'half', 'noise'].includes(one))) {
  test(`a name of the kind "${name}" comes to the application as one harmless field`, async () => {
    const { page, seen, browser } = await signIn(name)
    assert.equal(page.status, 200, page.body.slice(0, 500))
    assert.ok(seen)
    assert.deepEqual(valuesOf(seen, 'x-email'), [`${name}@corp.test`])
    assert.equal(valuesOf(seen, 'x-name').length, 1)
    assert.equal(valuesOf(seen, 'x-pomerium-jwt-assertion').length, 1)
    const denied = await browser.open(fort.secure.url('closed'))
    assert.equal(denied.status, 403, 'no claim makes a guest an admin')
    assert.doesNotMatch(denied.body, /<script|<b>/)
    const about = await browser.open(fort.secure.url('any', '/.pomerium/'))
    assert.equal(about.status, 200)
    assert.doesNotMatch(about.body, /<script|"__proto__":/)
    assert.equal((await browser.open(fort.secure.url('any', '/.pomerium/user'))).status, 200)
  })
}

for (const name of ['megabyte', 'half', 'noise']) {
  test(`a name of the kind "${name}" ends in a page that says why, or in a request that an application can take`, async () => {
    const { page, seen } = await signIn(name)
    if (seen) assert.ok(seen.fields.join('').length < 64_000, `${seen.fields.join('').length} octets of fields`)
    else assert.match(page.body, /more groups than a session can carry|sign-in service cannot be reached/)
    assert.ok(page.trail.length < 12, 'no loop')
  })
}

test('after all of this the log holds no secret, and both doors are open', () => fort.check())
