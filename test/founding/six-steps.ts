/** The six steps of the founding document, in its words, against whichever provider is given. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type Browser, describe, type Page } from '../actors/browser.ts'
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
    const alice = world.browser()
    let login: Page

    await steps.test('1. a user makes an unauthenticated request to the service', async () => {
      login = await alice.open(WANTED)
      assert.deepEqual(login.trail[0], { url: WANTED, status: 302 }, world.log())
      assert.deepEqual(world.nextcloud.requests(), [])
    })

    await steps.test('2. the proxy receives the request and recognizes it as anonymous', async () => {
      const signIn = new URL(login.trail[1]?.url ?? '')
      assert.equal(signIn.origin + signIn.pathname, `${AUTHENTICATE}/.pomerium/sign_in`)
      assert.equal(signIn.searchParams.get('pomerium_redirect_uri'), WANTED)

      const background = await world.browser().fetch(WANTED)
      assert.equal(background.status, 401)
      const { login_url: loginUrl }: { login_url: string } = JSON.parse(background.body)
      const followed = await world.browser().open(loginUrl)
      assert.equal(new URL(followed.url).origin, new URL(world.provider.issuer).origin)
      assert.deepEqual(world.nextcloud.requests(), [])
    })

    await steps.test('3. it redirects the user to the auth provider for authentication', async () => {
      assert.equal(login.status, 200)
      const asked = login.trail.map(({ url }) => new URL(url))
      const authorization = asked.find((url) => url.origin === new URL(world.provider.issuer).origin)
      assert.ok(authorization, describe(login))
      const query = authorization.searchParams
      assert.equal(query.get('client_id'), 'pom')
      assert.equal(query.get('redirect_uri'), `${AUTHENTICATE}/oauth2/callback`)
      assert.equal(query.get('response_type'), 'code')
      assert.equal(query.get('code_challenge_method'), 'S256')
      const scopes = ['email', 'groups', 'offline_access', 'openid', 'profile']
      assert.deepEqual(query.get('scope')?.split(' ').sort(), scopes)
      assert.ok(query.get('state'))
      assert.ok(query.get('nonce'))
    })

    await steps.test('4. upon successful login, it provides an auth cookie to the user', async () => {
      const page = await world.provider.signIn(alice, login, 'alice')
      assert.equal(page.url, WANTED, `${describe(page)}\n${world.log()}`)
      assert.equal(page.status, 200)
      assert.match(page.body, /Hello from the files/)
      assert.deepEqual(world.nextcloud.requests(), [`GET ${WANTED_TARGET} 200`])
      const kept = alice.cookies.matching(new URL(SERVICE))
      assert.ok(kept.length > 0)
      assert.ok(kept.some(({ expiresAt }) => expiresAt > Date.now() + 13 * HOUR && expiresAt < Date.now() + 15 * HOUR))
      for (const cookie of kept) assert.ok(cookie.isSecure && cookie.isHttpOnly && cookie.isHostOnly, cookie.name)
    })

    await steps.test('5. based on the cookie, it identifies the user and checks policy', async () => {
      const again = await alice.fetch(WANTED)
      assert.equal(again.status, 200)
      const who: Record<string, unknown> = JSON.parse((await alice.fetch(`${SERVICE}/.pomerium/user`)).body)
      assert.equal(who['email'], 'alice@corp.test')
      assert.ok(Array.isArray(who['groups']) && who['groups'].includes('devops'))

      const before = world.nextcloud.requests().length
      const bob = world.browser()
      const refused = await signIn(world, bob, 'bob')
      assert.equal(refused.status, 403)
      assert.match(refused.body, /bob@corp\.test/)
      const still: Record<string, unknown> = JSON.parse((await bob.fetch(`${SERVICE}/.pomerium/user`)).body)
      assert.equal(still['email'], 'bob@corp.test', 'a denial keeps the session')
      assert.equal(world.nextcloud.requests().length, before)
    })

    await steps.test('6. when the cookie expires, the login flow gets triggered all over again', async () => {
      await using brief = await startWorld(startProvider, { env: { COOKIE_EXPIRE: '3s' } })
      const browser = brief.browser()
      const first = await signIn(brief, browser, 'alice')
      assert.equal(first.status, 200, first.body)
      const cookie = browser.cookies.header(new URL(SERVICE), 'same-site')
      await pause(3_200)

      const replayed = await brief.browser().fetch(WANTED, { headers: { cookie } })
      assert.equal(replayed.status, 401, 'the server itself no longer takes it')

      const returned = await browser.open(WANTED)
      const { origin } = new URL(brief.provider.issuer)
      assert.ok(
        returned.trail.some(({ url }) => new URL(url).origin === origin),
        describe(returned),
      )
      if (remembers) assert.equal(returned.url, WANTED, 'silent where the provider still knows the user')
      else assert.equal(new URL(returned.url).origin, origin)
    })
  })
}

async function signIn(world: World, browser: Browser, person: 'alice' | 'bob'): Promise<Page> {
  return world.provider.signIn(browser, await browser.open(WANTED), person)
}
