/** Where the way out of the network leads through a proxy, the provider is asked through it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Browser, describe } from '#test/actors/browser.ts'
import { startOutboundProxy } from '#test/actors/outbound-proxy.ts'
import { freePort } from '#test/actors/program.ts'
import { startWorld } from './world.ts'

test('somebody signs in at a provider that only HTTP_PROXY leads to', async () => {
  await using outbound = await startOutboundProxy({ user: 'door:s3cret' })
  const proxied = outbound.url.replace('http://', 'http://door:s3cret@')
  await using world = await startWorld({ idp: { host: 'idp.corp.test' }, proxy: { env: { HTTP_PROXY: proxied } } })
  await world.proxy.logged(({ proxies }) => JSON.stringify(proxies) === JSON.stringify([`http:// by ${outbound.url}`]))
  const { port, certs } = world.proxy
  const browser = new Browser({ port, plainPort: world.idp.port, ca: certs.ca })
  const page = await browser.signIn(world.url('any', '/x'), 'alice@corp.test')
  assert.equal(page.status, 200, describe(page))
  const { issuer } = world.idp
  for (const path of ['/.well-known/openid-configuration', '/jwks', '/token'])
    assert.ok(
      outbound.asked.some((line) => line.endsWith(`${issuer}${path}`)),
      `${path} of ${outbound.asked}`,
    )
  assert.doesNotMatch(world.proxy.output(), /s3cret/)
})

test('NO_PROXY leads around it, and a proxy that is away is told by its address', async () => {
  await using outbound = await startOutboundProxy()
  const away = `http://127.0.0.1:${await freePort()}`
  await using world = await startWorld({ proxy: { env: { HTTP_PROXY: away } } })
  // 127.0.0.1 is never behind a proxy.
  assert.equal((await world.browser().signIn(world.url('any'), 'alice@corp.test')).status, 200)
  const broken = { idp: { host: 'idp.corp.test' }, proxy: { env: { HTTP_PROXY: away, HTTPS_PROXY: outbound.url } } }
  await using cut = await startWorld(broken)
  const page = await cut.browser().open(cut.url('any'))
  assert.equal(page.status, 503, describe(page))
  await cut.proxy.logged(({ error }) => JSON.stringify(error)?.includes(`through the proxy ${away}`) === true)
  assert.deepEqual(outbound.asked, [])
})
