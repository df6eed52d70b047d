import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Browser } from '#test/actors/browser.ts'
import { type LyingIdp, startLyingIdp } from '#test/actors/lying-idp.ts'
import { freePort } from '#test/actors/program.ts'
import { type RunningProxy, startProxy } from '#test/actors/proxy.ts'
import { startUpstream, type Upstream } from '#test/actors/upstream.ts'
import { load } from './plain.ts'

interface World extends AsyncDisposable {
  readonly idp: LyingIdp
  readonly upstream: Upstream
  readonly proxy: RunningProxy
}

/** A provider whose faults can be chosen, and two hosts: `any` for whoever is signed in, `pub` for everybody. */
async function startWorld(prepare: (idp: LyingIdp) => void = () => {}): Promise<World> {
  await using opened = new AsyncDisposableStack()
  const port = await freePort()
  const upstream = opened.use(await startUpstream((_, response) => void response.end('ok')))
  const idp = opened.use(await startLyingIdp())
  prepare(idp)
  const route = (name: string, access: object) => ({
    from: `https://${name}.corp.test:${port}`,
    to: upstream.url,
    ...access,
  })
  const proxy = opened.use(
    await startProxy({
      port,
      config: {
        idp_provider: 'oidc',
        idp_provider_url: idp.issuer,
        idp_client_id: 'pom',
        idp_client_secret: 'pomerium',
        shared_secret: randomBytes(32).toString('base64'),
        cookie_secret: randomBytes(32).toString('base64'),
        routes: [
          route('any', { allow_any_authenticated_user: true }),
          route('pub', { allow_public_unauthenticated_access: true }),
        ],
      },
    }),
  )
  const kept = opened.move()
  return { idp, upstream, proxy, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** Goes to `any` up to the provider, which answers at once; the page that comes of it. */
async function signIn({ idp, proxy }: World, browser: Browser) {
  const first = await browser.fetch(proxy.url('any'), navigation)
  const second = await browser.fetch(first.headers['location'] ?? '', navigation)
  const { location } = second.headers
  if (location === undefined) return second
  return browser.open(`${proxy.url('authenticate')}oauth2/callback?${idp.authorize(location)}`)
}

const navigation = { headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' } }

describe('a provider that does not answer', { concurrency: true }, () => {
  it('a provider that hangs: its sign-ins end in 503 with Retry-After, everybody else goes on, and it is found again', async () => {
    await using world = await startWorld()
    const { idp, proxy } = world
    const known = proxy.browser()
    assert.equal((await signIn(world, known)).status, 200)
    const stranger = proxy.browser()
    idp.lie = { hang: ['/token'] }
    const hanging = signIn(world, stranger)
    await idpWasAsked(idp, '/token', 2)
    const under = load(() => known.fetch(proxy.url('any')), 2)
    const page = await hanging
    assert.equal(page.status, 503)
    assert.match(page.headers['retry-after'] ?? '', /^\d+$/)
    assert.equal((await known.fetch(proxy.url('any'))).status, 200)
    assert.equal((await proxy.browser().fetch(proxy.url('pub'))).status, 200)
    const { 200: served = 0, ...others } = await under.end()
    assert.deepEqual(others, {})
    assert.ok(served > 100, String(served))
    // No session came of it, and the way is free again.
    assert.equal((await stranger.fetch(proxy.url('any'))).status, 401)
    idp.lie = {}
    assert.equal((await signIn(world, stranger)).status, 200)
  })

  it('a provider that hangs when the proxy starts delays nobody who needs no sign-in', async () => {
    await using world = await startWorld((idp) => {
      idp.lie = { hang: ['/.well-known/openid-configuration'] }
    })
    const { idp, proxy } = world
    const browser = proxy.browser()
    assert.equal((await browser.fetch(proxy.url('pub'))).status, 200)
    assert.equal(await proxy.health('/readyz'), 200)
    // The first sign-in waits for the answer that does not come, and tells so.
    const page = await signIn(world, browser)
    assert.equal(page.status, 503)
    idp.lie = {}
    let status = 0
    for (let tries = 0; tries < 40 && status !== 200; tries++) {
      status = (await signIn(world, browser)).status
      if (status !== 200) await pause(500)
    }
    assert.equal(status, 200)
  })
})

test('keys that change without notice are found; a key set of garbage changes nothing', async () => {
  await using world = await startWorld()
  const { idp, proxy } = world
  assert.equal((await signIn(world, proxy.browser())).status, 200)
  idp.rotate()
  assert.equal((await signIn(world, proxy.browser())).status, 200, 'after a rotation')
  idp.lie = { garbage: ['/jwks'] }
  assert.equal((await signIn(world, proxy.browser())).status, 200, 'with a broken key set')
  idp.lie = { keys: [] }
  assert.equal((await signIn(world, proxy.browser())).status, 200, 'with an empty key set')
  // A new key that nobody can look up lets nobody in, and does not stay.
  idp.rotate()
  assert.notEqual((await signIn(world, proxy.browser())).status, 200, 'with a key that nobody knows')
  idp.lie = {}
  assert.equal((await signIn(world, proxy.browser())).status, 200, 'and back')
})

async function idpWasAsked(idp: LyingIdp, path: string, times: number): Promise<void> {
  const count = () => idp.asked.filter((asked) => asked === path).length
  for (let tries = 0; tries < 250 && count() < times; tries++) await pause(20)
  assert.ok(count() >= times, idp.asked.join())
}
