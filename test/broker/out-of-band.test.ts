/** Installed applications that no browser can open (`urn:ietf:wg:oauth:2.0:oob`): as with Dex, a person copies the code. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authorizeUrl, client, redeem, signIn, startBroker } from './world.ts'

const outOfBand = 'urn:ietf:wg:oauth:2.0:oob'
const tool = client('tool', { name: 'The tool', public: true, secret: undefined, redirectURIs: [] })
const asked = { client_id: 'tool', redirect_uri: outOfBand }

test('the code is shown, is good for minutes, and is redeemed as any other', async () => {
  let clock = Date.now()
  await using world = await startBroker({ clients: [tool], now: () => clock })
  const page = await signIn(world.browser(), authorizeUrl(world.issuer, asked))
  assert.equal(page.status, 200)
  assert.ok(page.url.startsWith(world.issuer), page.url)
  assert.match(page.body, /Copy this code into The tool/)
  assert.match(page.headers['content-security-policy'] ?? '', /^default-src 'none'/)
  const code = /<input id="code"[^>]* value="([^"]+)"/.exec(page.body)?.[1] ?? ''
  clock += 5 * 60_000
  const { status, body } = await redeem(world, page, { code, redirect_uri: outOfBand }, { id: 'tool' })
  assert.equal(status, 200, JSON.stringify(body))
  assert.ok(body['id_token'])
})

test('what goes wrong is said on a page, in every response mode, and no browser is sent nowhere', async () => {
  await using world = await startBroker({ clients: [tool] })
  for (const response_mode of [undefined, 'query', 'fragment', 'form_post']) {
    const page = await world.browser().open(authorizeUrl(world.issuer, { ...asked, prompt: 'none', response_mode }))
    assert.equal(page.status, 400)
    assert.match(page.body, /The tool gets no code/)
    assert.match(page.body, /login_required/)
  }
})
