import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerOf } from '#src/wire/headers.ts'
import { setCookieLines } from '#test/session/cookies.ts'
import { authenticate, Browser, navigation, startWorld } from './world.ts'

const wikiOut = 'https://wiki.corp.test/.pomerium/sign_out'
const fetchFrom = (site: string, mode = 'navigate', dest = 'document') => [
  'accept',
  'text/html',
  'sec-fetch-mode',
  mode,
  'sec-fetch-dest',
  dest,
  'sec-fetch-site',
  site,
]

async function signedIn() {
  const world = await startWorld()
  const browser = new Browser(world)
  for (const host of ['files', 'wiki']) await browser.go(`https://${host}.corp.test/`)
  world.clock.now += 6000
  const isIn = async (host = 'wiki') =>
    (await browser.request(`https://${host}.corp.test/x`)).body.startsWith('reached')
  return { world, browser, isIn }
}

test('signing out ends the session on every host, at the authenticate host and at the provider', async () => {
  const { world, browser, isIn } = await signedIn()
  await using _ = world
  const stolen = browser.copy()
  const { answer, trail } = await browser.go(wikiOut)
  assert.equal(answer.body, 'signed out back=https://wiki.corp.test/')
  assert.deepEqual(
    trail.map(({ url }) => url.split('?')[0]),
    [
      wikiOut,
      `${authenticate}/.pomerium/sign_out`,
      `${world.idp.issuer}/end_session`,
      `${authenticate}/.pomerium/signed_out`,
    ],
  )
  const end = new URL(trail[2]?.url ?? '').searchParams
  assert.equal(end.get('client_id'), 'pom')
  assert.match(end.get('id_token_hint') ?? '', /^eyJ/)
  assert.equal(await isIn(), false)
  assert.equal(await isIn('files'), false, 'the other host knows at once')
  for (const host of ['wiki.corp.test', 'files.corp.test']) {
    assert.equal((await stolen.request(`https://${host}/x`)).status, 302, 'a copied cookie is worth nothing')
  }
  assert.deepEqual(browser.names('authenticate.corp.test'), [])
})

test('those who hold something open for the session hear of its end', async () => {
  const { world, browser } = await signedIn()
  await using _ = world
  const heard: string[] = []
  world.revoked.onRevoked((id) => heard.push(id))
  await browser.go(wikiOut)
  assert.equal(heard.length, 1)
})

test('right after signing out a sign-in works; that is no lost cookie', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  await browser.go('https://wiki.corp.test/')
  await browser.go(wikiOut)
  assert.equal((await browser.go('https://wiki.corp.test/again')).answer.body, 'reached sub-ada GET /again')
})

test('a link or form on a foreign page, a picture, a frame and an unknown client only get the question', async () => {
  const { world, browser, isIn } = await signedIn()
  await using _ = world
  const asks: [string, string, string[]][] = [
    ['cross-site link', 'GET', fetchFrom('cross-site')],
    ['sibling host', 'GET', fetchFrom('same-site')],
    ['cross-site image', 'GET', fetchFrom('cross-site', 'no-cors', 'image')],
    ['image on our own page', 'GET', fetchFrom('same-origin', 'no-cors', 'image')],
    ['frame on our own page', 'GET', fetchFrom('same-origin', 'navigate', 'iframe')],
    ['no Fetch Metadata', 'GET', ['accept', 'text/html']],
    ['cross-site form', 'POST', fetchFrom('cross-site')],
    ['form of a sibling', 'POST', fetchFrom('same-site')],
    ['form without origin', 'POST', ['accept', 'text/html']],
    ['form with a foreign origin', 'POST', ['origin', 'https://evil.test']],
    ['form with origin null', 'POST', ['origin', 'null']],
    ['form with an origin that begins like ours', 'POST', ['origin', 'https://wiki.corp.test.evil.test']],
  ]
  for (const [title, method, headers] of asks) {
    const more = method === 'POST' ? ['content-type', 'application/x-www-form-urlencoded'] : []
    for (const url of [wikiOut, `${authenticate}/.pomerium/sign_out`]) {
      const answer = await browser.request(url, { method, headers: [...headers, ...more] })
      assert.match(answer.body, /^question \/\.pomerium\/sign_out .*sub-ada/, `${title} ${url}`)
      assert.deepEqual(setCookieLines(answer.headers), [], title)
    }
  }
  assert.equal(await isIn(), true)
})

test('the question names where its form may lead', async () => {
  const { world, browser } = await signedIn()
  await using _ = world
  const { body } = await browser.request(wikiOut, { headers: [] })
  assert.ok(body.includes(` ${authenticate} ${world.idp.issuer} `), body)
})

test('the question answered with its token signs out, with the token of another session not', async () => {
  const { world, browser, isIn } = await signedIn()
  await using _ = world
  const tokenOf = async (who: Browser) =>
    /token=(\S+)/.exec((await who.request(wikiOut, { headers: [] })).body)?.[1] ?? ''
  const press = (token: string) =>
    browser.request(wikiOut, {
      method: 'POST',
      headers: ['content-type', 'application/x-www-form-urlencoded'],
      body: `token=${token}`,
    })
  const other = new Browser(world)
  const anonymous = await tokenOf(other)
  await other.go('https://wiki.corp.test/')
  for (const token of [await tokenOf(other), anonymous, '', 'x']) assert.match((await press(token)).body, /^question/)
  assert.equal(await isIn(), true)
  assert.equal((await press(await tokenOf(browser))).status, 303)
  assert.equal(await isIn(), false)
})

test("a token without a session's cookie clears nothing: anybody could have fetched it", async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  const { body } = await browser.request(wikiOut, { headers: [] })
  const token = /token=(\S+)/.exec(body)?.[1]
  const headers = ['content-type', 'application/x-www-form-urlencoded', 'sec-fetch-site', 'cross-site']
  const answer = await browser.request(wikiOut, { method: 'POST', headers, body: `token=${token}` })
  assert.match(answer.body, /^question/)
  assert.deepEqual(setCookieLines(answer.headers), [])
})

test('a sign-out link that was signed for one person signs nobody else out', async () => {
  const { world, browser, isIn } = await signedIn()
  await using _ = world
  const mallory = new Browser(world)
  world.idp.person = { ...world.idp.person, sub: 'sub-mallory' }
  await mallory.go('https://wiki.corp.test/')
  const link = headerOf((await mallory.request(wikiOut)).headers, 'location') ?? ''
  assert.match((await browser.request(link)).body, /^question/)
  const stranger = await new Browser(world).go(link)
  assert.equal(stranger.answer.body, 'signed out back=https://wiki.corp.test/')
  assert.ok(!stranger.trail.some(({ url }) => url.includes('end_session')))
  assert.equal(await isIn('files'), true)
})

test('a bent or late sign-out link asks', async () => {
  const { world, browser } = await signedIn()
  await using _ = world
  const link = headerOf((await browser.request(wikiOut)).headers, 'location') ?? ''
  for (const bent of [
    link.replace(/pomerium_session=./, 'pomerium_session=~'),
    `${link}&x=1`,
    `${authenticate}/.pomerium/sign_out`,
  ]) {
    assert.match((await browser.request(bent)).body, /^question/, bent)
  }
  world.clock.now += 10 * 60_000
  assert.match((await browser.request(link)).body, /^question/)
})

test('no place named in the query is followed', async () => {
  const { world, browser } = await signedIn()
  await using _ = world
  const evil = encodeURIComponent('https://evil.test/')
  const { trail } = await browser.go(`${wikiOut}?pomerium_redirect_uri=${evil}&redirect_uri=${evil}`)
  for (const { url } of trail.slice(1)) assert.ok(!url.includes('evil.test'), url)
})

test('signout_redirect_url is where it ends, with a provider that offers sign-out and without', async () => {
  await using world = await startWorld({ signOutRedirectUrl: 'https://bye.test/x' })
  const browser = new Browser(world)
  await browser.go('https://wiki.corp.test/')
  assert.equal((await browser.go(wikiOut)).url, 'https://bye.test/x')
  await using plain = await startWorld({ signOutRedirectUrl: 'https://bye.test/x' })
  plain.idp.lie = { metadata: { end_session_endpoint: undefined } }
  const other = new Browser(plain)
  await other.go('https://wiki.corp.test/')
  const { url, trail } = await other.go(wikiOut)
  assert.equal(url, 'https://bye.test/x')
  assert.ok(!trail.some(({ url }) => url.includes('end_session')))
})

test('signing out without a session is no error, also while the provider is away', async () => {
  await using world = await startWorld()
  world.idp.lie = { fail: { '/.well-known/openid-configuration': 503 } }
  const browser = new Browser(world)
  const { answer } = await browser.go(wikiOut)
  assert.match(answer.body, /^question .*nobody/)
  const pressed = await browser.go(`${authenticate}/.pomerium/sign_out`, {
    method: 'POST',
    headers: fetchFrom('same-origin'),
  })
  assert.equal(pressed.answer.body, 'signed out')
  assert.ok(navigation.length > 0)
})

test('the last page offers the way back to the application where it began, and to no host that is not ours', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  await browser.go('https://wiki.corp.test/')
  const { url } = await browser.go('https://wiki.corp.test/.pomerium/sign_out', { headers: fetchFrom('same-origin') })
  assert.equal(new URL(url).searchParams.get('state'), 'wiki.corp.test')
  assert.match((await browser.request(url)).body, /back=https:\/\/wiki\.corp\.test\/$/)
  for (const state of ['evil.test', 'wiki.corp.test@evil.test', 'wiki.corp.test/x', 'evil.test#wiki.corp.test', '']) {
    const page = await browser.request(`${authenticate}/.pomerium/signed_out?${new URLSearchParams({ state })}`)
    assert.equal(page.body, 'signed out', state)
  }
})
