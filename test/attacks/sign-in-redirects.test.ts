import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerOf } from '#src/wire/headers.ts'
import { authenticate, Browser, startWorld } from '#test/endpoints/world.ts'

/** Spellings by which proxies of this kind were led to foreign places (oauth2-proxy's list, OWASP, own). */
const evil = [
  'https://evil.test/',
  'http://evil.test',
  '//evil.test',
  '///evil.test',
  '////evil.test',
  '/\\evil.test',
  '\\\\evil.test',
  '\\/evil.test',
  '/\\/evil.test',
  '/%5cevil.test',
  '/%2f/evil.test',
  '/\tevil.test',
  '/\t/evil.test',
  '\t//evil.test',
  ' //evil.test',
  '/ /evil.test',
  '\n//evil.test',
  '/\r\n/evil.test',
  '/%09/evil.test',
  '/.//evil.test',
  '/..//evil.test',
  '/./\\evil.test',
  'https:evil.test',
  'https:/evil.test',
  'https:///evil.test',
  'https:\\\\evil.test',
  'https:/\\evil.test',
  'HTTPS://EVIL.TEST',
  'https://wiki.corp.test@evil.test/',
  'https://wiki.corp.test:x@evil.test/',
  'https://wiki.corp.test%40evil.test/',
  'https://evil.test#wiki.corp.test',
  'https://evil.test?wiki.corp.test',
  'https://evil.test\\wiki.corp.test',
  'https://evil.test\\@wiki.corp.test/',
  'https://wiki.corp.test\\.evil.test',
  'https://wiki.corp.test.evil.test/',
  'https://evilwiki.corp.test/',
  'https://wiki.corp.test:8443/',
  'https://wiki.corp.test:443@evil.test',
  'http://wiki.corp.test/',
  'https://[::1]/',
  'https://0x7f.1/',
  'https://wiki.corp.test。evil.test',
  'https://wiki。corp。test/',
  'https://ｗiki.corp.test/',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'java\nscript:alert(1)',
  'javascript://wiki.corp.test/%0aalert(1)',
  'data:text/html,x',
  'vbscript:x',
  'file:///etc/passwd',
  'blob:https://wiki.corp.test/x',
  'ftp://wiki.corp.test/',
  'https://wiki.corp.test\r\nset-cookie: a=b',
  'https://evil.test/https://wiki.corp.test/',
  'https://user@wiki.corp.test/',
  'https://user:pw@wiki.corp.test/',
  '',
  ' ',
  '/',
  'x',
  '?x',
  '#x',
  '//',
  '/\\',
  'https://',
  'https://wiki.corp.test\u0000.evil.test/',
  '〱evil.test',
  '/〱evil.test',
  'ⓗttps://evil.test',
  '%68ttps://evil.test',
  '&#47;&#47;evil.test',
  '%2f%2fevil.test',
]

test('no spelling leads from a route host to a foreign place, nor to one of our own paths', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  await browser.go('https://wiki.corp.test/')
  const own = [
    '/.pomerium/sign_out',
    '/%2epomerium/sign_out',
    '/.pomerium%2fsign_out',
    'https://wiki.corp.test/.pomerium/sign_out',
    '/./.pomerium/sign_out',
    '/x/../.pomerium/sign_out',
  ]
  for (const target of [...evil, ...own]) {
    const answer = await browser.request(
      `https://wiki.corp.test/.pomerium/sign_in?pomerium_redirect_uri=${encodeURIComponent(target)}`,
    )
    const location = headerOf(answer.headers, 'location') ?? ''
    assert.equal(new URL(location).origin, 'https://wiki.corp.test', JSON.stringify(target))
    assert.doesNotMatch(new URL(location).pathname, /pomerium|^\/[/\\]/, JSON.stringify(target))
    assert.match(location, /^[\x21-\x7e]+$/, JSON.stringify(target))
  }
})

test('no spelling leads a stranger to a foreign place at the end of the sign-in', async () => {
  await using world = await startWorld()
  for (const target of evil) {
    const { answer } = await new Browser(world).go(
      `https://wiki.corp.test/.pomerium/sign_in?pomerium_redirect_uri=${encodeURIComponent(target)}`,
    )
    assert.match(answer.body, /^reached sub-ada GET \//, JSON.stringify(target))
  }
})

test('a sign-in link made up by hand leads nowhere', async () => {
  await using world = await startWorld()
  for (const target of evil) {
    const value = encodeURIComponent(target)
    for (const query of [
      `?pomerium_redirect_uri=${value}`,
      `?pomerium_redirect_uri=${value}&pomerium_issued=1&pomerium_expiry=99999999999&pomerium_signature=${'A'.repeat(43)}`,
    ]) {
      const answer = await new Browser(world).request(`${authenticate}/.pomerium/sign_in${query}`)
      assert.equal(answer.body, 'failed SIGN_IN_LINK_INVALID', JSON.stringify(target))
      assert.equal(headerOf(answer.headers, 'location'), undefined)
    }
  }
})

test('even signed, a link to a host that is not published is refused', async () => {
  const { keyRing, randomSecret } = await import('#src/crypto/key-ring.ts')
  const { urlSigner } = await import('#src/crypto/signed-url.ts')
  const secrets = { shared: randomSecret(), cookie: randomSecret() }
  await using world = await startWorld({ secrets })
  const signer = urlSigner(keyRing([secrets.shared], 'shared_secret'))
  for (const target of evil) {
    const query = new URLSearchParams({
      pomerium_redirect_uri: target,
      pomerium_attempt: 'a',
      pomerium_binding: 'b',
      pomerium_count: '0',
    })
    const link = signer.sign(`${authenticate}/.pomerium/sign_in?${query}`, world.clock.now)
    const { answer, url } = await new Browser(world).go(link, { until: /^https:\/\/(?!authenticate)/ })
    const isSafe = answer.body === 'failed SIGN_IN_LINK_INVALID' || new URL(url).hostname === 'wiki.corp.test'
    assert.ok(isSafe, `${JSON.stringify(target)} ${url} ${answer.body}`)
  }
})

test('a bent, late or early sign-in link leads nowhere', async () => {
  await using world = await startWorld()
  const link = headerOf((await new Browser(world).request('https://wiki.corp.test/x')).headers, 'location') ?? ''
  const bent = [
    link.replace('wiki', 'files'),
    link.replace('pomerium_count=0', 'pomerium_count=1'),
    `${link}&pomerium_redirect_uri=https%3A%2F%2Fevil.test`,
    link.replace('?', '?pomerium_switch=1&'),
  ]
  for (const url of bent) assert.equal((await new Browser(world).request(url)).body, 'failed SIGN_IN_LINK_INVALID', url)
  for (const minutes of [7, -2]) {
    world.clock.now += minutes * 60_000
    assert.equal((await new Browser(world).request(link)).body, 'failed SIGN_IN_LINK_EXPIRED')
    world.clock.now -= minutes * 60_000
  }
  assert.equal((await new Browser(world).request(link)).status, 302)
})
