/** Journeys that need nothing but a provider, so that each can be had with more than one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type Browser, describe } from '../actors/browser.ts'
import { SERVICE, type StartProvider, startWorld, type World } from './world.ts'

interface Journeys {
  readonly provider: string
  readonly startProvider: StartProvider
  readonly skip: string | false
}

const TABS = 10

/** Registers the journeys with one provider. */
export function testProviderJourneys({ provider, startProvider, skip }: Journeys): void {
  const journey = (sentence: string, body: (world: World) => Promise<void>) =>
    test(`${sentence} (${provider})`, { skip }, async () => {
      await using world = await startWorld(startProvider)
      await body(world)
    })

  journey('ten tabs opened before anybody signed in all arrive where they wanted', async (world) => {
    const alice = world.browser()
    const wanted = Array.from({ length: TABS }, (_, tab) => `${SERVICE}/index.html?tab=${tab}&path=a%2Fb`)
    const forms = await Promise.all(wanted.map((address) => alice.open(address)))
    for (const [tab, form] of forms.entries()) {
      const page = await world.provider.signIn(alice, form, 'alice')
      assert.equal(page.url, wanted[tab], describe(page))
      assert.equal(page.status, 200)
    }
  })

  journey('a wrong password leads nowhere, and the right one afterwards does', async (world) => {
    const browser = world.browser()
    const again = await browser.submit(await browser.open(`${SERVICE}/`), {
      login: 'alice@corp.test',
      password: 'wrong',
    })
    assert.equal(again.status, 401)
    assert.equal(await isIn(browser), false)
    const page = await world.provider.signIn(browser, again, 'alice')
    assert.equal(page.url, `${SERVICE}/`)
  })

  journey('with the provider down, whoever has a session stays in', async (world) => {
    const alice = await signedIn(world)
    await world.provider.down()
    assert.equal(await isIn(alice), true)
  })

  test(`before the provider is there a sign-in is answered 503, and works after the time it names (${provider})`, {
    skip,
  }, async () => {
    await using world = await startWorld(async (place) => {
      const late = await startProvider(place)
      await late.down()
      return late
    })
    const early = await world.browser().open(`${SERVICE}/`)
    assert.equal(early.status, 503, early.body)
    const seconds = Number(early.headers['retry-after'])
    assert.ok(seconds > 0 && seconds <= 10, String(seconds))
    await world.provider.up()
    await pause(seconds * 1000)
    assert.equal(await isIn(await signedIn(world)), true)
  })

  journey('after a restart of the provider, new keys or not, people sign in at once', async (world) => {
    await signedIn(world)
    await world.provider.down()
    await world.provider.up()
    assert.equal(await isIn(await signedIn(world)), true)
  })

  journey('sign-out ends the session, and the next visit asks who is there', async (world) => {
    const alice = await signedIn(world)
    const cookie = alice.cookies.header(new URL(SERVICE), 'same-site')
    await alice.open(`${SERVICE}/.pomerium/sign_out`, { from: 'https://elsewhere.example/' })
    assert.equal(await isIn(alice), true, 'a link on a foreign page signs nobody out')
    const left = await alice.open(`${SERVICE}/.pomerium/sign_out`)
    const provider = new URL(world.provider.issuer).host
    if (new URL(left.url).host === provider) await alice.submit(left, { logout: 'yes' })

    const next = await alice.open(`${SERVICE}/`)
    assert.equal(new URL(next.url).host, provider, describe(next))
    assert.match(next.body, /name="password"/)
    const replayed = await world.browser().fetch(`${SERVICE}/`, { headers: { cookie } })
    assert.equal(replayed.status, 401, 'a copy of the cookie is of no use either')
  })
}

async function signedIn(world: World): Promise<Browser> {
  const browser = world.browser()
  const page = await world.provider.signIn(browser, await browser.open(`${SERVICE}/`), 'alice')
  assert.equal(page.url, `${SERVICE}/`, page.body)
  return browser
}

/** Whether the service itself answers them; a background request starts no sign-in. */
export const isIn = async (browser: Browser) => (await browser.fetch(`${SERVICE}/`)).status === 200
