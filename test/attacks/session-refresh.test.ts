/** What a provider, or somebody in its place, could make of a refresh. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Session } from '#src/session/session.ts'
import type { Lies } from '#test/actors/lying-idp.ts'
import { Browser, startWorld, type World } from '#test/endpoints/world.ts'

const wiki = 'https://wiki.corp.test/'
const place = { kind: 'session', scheme: 'https', host: 'wiki.corp.test' } as const
const soon = () => Math.floor(Date.now() / 1000)

/** Who a request with the browser's cookies is, when everything that it set going has ended. */
async function whoIs(world: World, browser: Browser): Promise<Session | undefined> {
  const cookie = [...browser.jar.values()].filter(({ host }) => host === place.host)
  const headers = ['cookie', cookie.map(({ name, value }) => `${name}=${value}`).join('; ')]
  await world.sessions.open(headers, place, world.clock.now)
  // The question goes over real sockets in the background.
  await pause(150)
  return world.sessions.open(headers, place, world.clock.now)
}

/** Ada signs in; then her token is due, and the provider says `lie` and that she is `person`. */
async function refreshedWith(
  world: World,
  { lie, person = {} }: { lie: Lies; person?: object },
): Promise<Session | undefined> {
  const browser = new Browser(world)
  await browser.go(wiki)
  assert.deepEqual((await whoIs(world, browser))?.claims['groups'], ['devops'])
  world.clock.now += 50_000
  world.idp.lie = lie
  world.idp.person = { ...world.idp.person, ...person }
  return whoIs(world, browser)
}

const root = { groups: ['root', 'admins'], email: 'root@corp.test' }
const noNonce = { claims: { nonce: undefined } }

test('an honest answer does change who may what: the following tests could fail', async () => {
  await using world = await startWorld()
  assert.deepEqual((await refreshedWith(world, { lie: noNonce, person: root }))?.claims['groups'], root.groups)
})

for (const [what, lie] of Object.entries<Lies>({
  'is of another issuer': { claims: { nonce: undefined, iss: 'https://evil.test' } },
  'is for another client': { claims: { nonce: undefined, aud: 'other' } },
  'has expired': { claims: { nonce: undefined, exp: soon() - 300 } },
  'is from an hour ago, and may be a recorded one': { claims: { nonce: undefined, iat: soon() - 3600 } },
  'bears the nonce of another sign-in': { claims: { nonce: 'stolen' } },
  'is signed by a stranger': { ...noNonce, signature: 'stranger' },
  'has no signature': { ...noNonce, signature: 'none' },
  'is signed with what everybody knows': { ...noNonce, signature: 'hs256' },
  'was changed on its way': { ...noNonce, signature: 'broken' },
  'comes with userinfo about somebody else': { ...noNonce, userInfo: { sub: 'sub-root' } },
})) {
  test(`a refreshed ID token that ${what} gives nobody a group`, async () => {
    await using world = await startWorld()
    const session = await refreshedWith(world, { lie, person: root })
    assert.deepEqual(session?.claims['groups'], ['devops'])
    assert.equal(session?.email, 'ada@corp.test')
  })
}

test('an answer about another subject makes nobody somebody else: the session is over', async () => {
  await using world = await startWorld()
  assert.equal(await refreshedWith(world, { lie: noNonce, person: { ...root, sub: 'sub-root' } }), undefined)
})

test('a cookie of before a refusal opens nowhere, however often it is put back', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  await browser.go(wiki)
  await browser.go('https://files.corp.test/')
  const stolen = [...browser.jar]
  world.clock.now += 50_000
  world.idp.lie = {
    fail: {},
    answer: {
      '/token': (response) =>
        void response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_grant"}'),
    },
  }
  assert.equal(await whoIs(world, browser), undefined)
  world.idp.lie = {}
  for (const host of ['wiki', 'files']) {
    const thief = new Browser(world)
    for (const [key, cookie] of stolen) if (cookie.host !== 'authenticate.corp.test') thief.jar.set(key, cookie)
    const answer = await thief.request(`https://${host}.corp.test/`, { headers: ['accept', 'application/json'] })
    assert.equal(answer.status, 401, host)
  }
})

test('a refresh cannot pass for a fresh authentication', async () => {
  await using world = await startWorld()
  world.idp.lie = { claims: { auth_time: soon() - 5_000, acr: 'password' } }
  const lie = { claims: { nonce: undefined, auth_time: soon(), acr: 'hardware' } }
  const session = await refreshedWith(world, { lie, person: { name: 'Ada L.' } })
  assert.equal(session?.name, 'Ada L.')
  assert.equal(session?.claims['acr'], 'password')
  assert.ok(Number(session?.claims['auth_time']) < soon() - 4_000)
})
