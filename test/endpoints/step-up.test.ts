import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerOf } from '#src/wire/headers.ts'
import { setCookieLines } from '#test/session/cookies.ts'
import { Browser, startWorld } from './world.ts'

const location = (answer: { headers: readonly string[] }) => headerOf(answer.headers, 'location') ?? ''

test('somebody who signed in too weakly or too long ago goes to the provider, which is asked for what is missing', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  await browser.go('https://wiki.corp.test/')
  const cookie = [...browser.jar.values()]
    .filter(({ host }) => host === 'wiki.corp.test')
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ')
  const visit = world.visit('https://wiki.corp.test/safe?x=1', {
    headers: ['sec-fetch-mode', 'navigate', 'cookie', cookie],
  })
  const again = { acrValues: ['phr', 'phrh'], maxAge: 300 }
  const answer = await world.endpoints.startSignIn(visit, { now: world.clock.now, again })

  assert.equal(answer.status, 302)
  for (const line of setCookieLines(answer.headers)) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    browser.jar.set(`wiki.corp.test ${name}`, { host: 'wiki.corp.test', domain: false, name, value })
  }
  const { answer: arrived, trail } = await browser.go(location(answer))
  const asked = trail.find(({ url }) => url.startsWith(world.idp.issuer))
  assert.ok(asked, 'the live session of the authenticate host was good enough')
  const { searchParams } = new URL(asked.url)
  assert.equal(searchParams.get('acr_values'), 'phr phrh')
  assert.equal(searchParams.get('max_age'), '300')
  assert.equal(arrived.body, 'reached sub-ada GET /safe?x=1')
})

test('what is asked of the provider stands in the signed address: nobody can take it out', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  await browser.go('https://wiki.corp.test/')
  const visit = world.visit('https://wiki.corp.test/safe')
  const again = { acrValues: [], maxAge: 60 }
  const link = location(await world.endpoints.startSignIn(visit, { now: world.clock.now, again }))
  assert.match(link, /pomerium_max_age=60/)
  const answer = await browser.request(link.replace('&pomerium_max_age=60', ''))
  assert.equal(answer.body, 'failed SIGN_IN_LINK_INVALID')
})
