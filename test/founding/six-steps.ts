/** The six steps of the founding document, in its words, against whichever provider is given. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Page, Reply, Visitor } from './visitor.ts'
import { AUTHENTICATE, SERVICE, type StartProvider, startWorld, type World } from './world.ts'

/** Asked for in every step; the query must come back byte for byte. */
const WANTED = `${SERVICE}/index.html?view=a%20b&empty=&list=1,2`
const HOUR = 3_600_000
const WANTED_TARGET = WANTED.slice(SERVICE.length)

interface Steps {
  /** What the subject is called in the test's name. */
  readonly provider: string
  readonly startProvider: StartProvider
  readonly skip: string | false
  /** Whether the provider still knows somebody who signed in a moment ago, and so asks nothing. */
  readonly remembers: boolean
}

/** Registers one test with the six steps, one after another. */
export function testSixSteps({ provider, startProvider, skip, remembers }: Steps): void {
  test(`the six steps of the founding document pass with ${provider}`, { skip }, async (steps) => {
    await using world = await startWorld(startProvider)
    const alice = world.visitor()
    let sent: Page
    let login: Reply

    await steps.test('1. a user makes an unauthenticated request to the service', async () => {
      sent = await alice.ask(WANTED)
      assert.equal(sent.status, 302, world.log())
      assert.deepEqual(world.nextcloud.requests(), [])
    })

    await steps.test('2. the proxy receives the request and recognizes it as anonymous', async () => {
      const signIn = new URL(String(sent.headers['location']))
      assert.equal(signIn.origin + signIn.pathname, `${AUTHENTICATE}/.pomerium/sign_in`)
      assert.equal(signIn.searchParams.get('pomerium_redirect_uri'), WANTED)

      const background = await world
        .visitor()
        .ask(WANTED, { headers: { accept: 'application/json', 'sec-fetch-mode': 'cors' } })
      assert.equal(background.status, 401)
      const { login_url: loginUrl }: { login_url: string } = JSON.parse(background.body)
      const followed = await world.visitor().open(loginUrl)
      assert.equal(new URL(followed.url).host, new URL(world.provider.issuer).host)
      assert.deepEqual(world.nextcloud.requests(), [])
    })

    await steps.test('3. it redirects the user to the auth provider for authentication', async () => {
      login = await alice.open(WANTED)
      assert.equal(login.status, 200)
      const asked = login.trail.map((address) => new URL(address))
      const issuer = new URL(world.provider.issuer)
      const authorization = asked.find((url) => url.host === issuer.host)
      assert.ok(authorization, login.trail.join('\n'))
      const query = authorization.searchParams
      assert.equal(query.get('client_id'), 'pom')
      assert.equal(query.get('redirect_uri'), `${AUTHENTICATE}/oauth2/callback`)
      assert.equal(query.get('response_type'), 'code')
      assert.equal(query.get('code_challenge_method'), 'S256')
      assert.deepEqual(
        new Set(query.get('scope')?.split(' ')),
        new Set(['openid', 'profile', 'email', 'groups', 'offline_access']),
      )
      assert.ok(query.get('state'))
      assert.ok(query.get('nonce'))
      assert.ok(asked.some((url) => url.origin === AUTHENTICATE))
    })

    await steps.test('4. upon successful login, it provides an auth cookie to the user', async () => {
      const page = await world.provider.signIn(alice, login, 'alice')
      assert.equal(page.url, WANTED, `${page.trail.join('\n')}\n${page.body}\n${world.log()}`)
      assert.equal(page.status, 200)
      assert.match(page.body, /Hello from the files/)
      assert.deepEqual(world.nextcloud.requests(), [`GET ${WANTED_TARGET} 200`])
      const kept = alice.cookies.matching(new URL(SERVICE))
      assert.ok(kept.length > 0)
      assert.ok(kept.some(({ expiresAt }) => expiresAt > Date.now() + 13 * HOUR && expiresAt < Date.now() + 15 * HOUR))
      for (const cookie of kept) assert.ok(cookie.secure && cookie.httpOnly && cookie.hostOnly, cookie.name)
    })

    await steps.test('5. based on the cookie, it identifies the user and checks policy', async () => {
      const again = await alice.ask(WANTED)
      assert.equal(again.status, 200)
      const who: Record<string, unknown> = JSON.parse((await alice.ask(`${SERVICE}/.pomerium/user`)).body)
      assert.equal(who['email'], 'alice@corp.test')
      assert.ok(Array.isArray(who['groups']) && who['groups'].includes('devops'))

      const before = world.nextcloud.requests().length
      const bob = world.visitor()
      const refused = await signIn(world, bob, 'bob')
      assert.equal(refused.status, 403)
      assert.match(refused.body, /bob@corp\.test/)
      const still: Record<string, unknown> = JSON.parse((await bob.ask(`${SERVICE}/.pomerium/user`)).body)
      assert.equal(still['email'], 'bob@corp.test', 'a denial keeps the session')
      assert.equal(world.nextcloud.requests().length, before)
    })

    await steps.test('6. when the cookie expires, the login flow gets triggered all over again', async () => {
      await using brief = await startWorld(startProvider, { COOKIE_EXPIRE: '3s' })
      const visitor = brief.visitor()
      const first = await signIn(brief, visitor, 'alice')
      assert.equal(first.status, 200, first.body)
      const cookie = visitor.cookies.header(new URL(SERVICE))
      await pause(3_200)

      const replayed = await brief.visitor().ask(WANTED, { headers: { cookie } })
      assert.equal(replayed.status, 302, 'the server itself no longer takes it')
      assert.equal(new URL(String(replayed.headers['location'])).origin, AUTHENTICATE)

      const returned = await visitor.open(WANTED)
      const { host } = new URL(brief.provider.issuer)
      assert.ok(
        returned.trail.some((address) => new URL(address).host === host),
        returned.trail.join('\n'),
      )
      if (remembers) assert.equal(returned.url, WANTED, 'silent where the provider still knows the user')
      else assert.equal(new URL(returned.url).host, host)
    })
  })
}

async function signIn(world: World, visitor: Visitor, person: 'alice' | 'bob'): Promise<Reply> {
  return world.provider.signIn(visitor, await visitor.open(WANTED), person)
}
