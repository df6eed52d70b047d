import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { networkSteps } from '#src/broker/connectors/oidc/network-steps.ts'
import { openUpstreamHttp } from '#src/broker/connectors/upstream-http.ts'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { proxiesInWords, proxiesOf } from '#src/outbound/environment-proxy.ts'
import { testCerts } from '#test/actors/certs.ts'
import { startOutboundProxy } from '#test/actors/outbound-proxy.ts'
import { freePort } from '#test/actors/program.ts'
import { startProxy } from '#test/actors/proxy.ts'

const BOTH = { HTTP_PROXY: 'http://plain.test:3128', HTTPS_PROXY: 'http://secure.test:3129' }

/** As Go 1.26's own reader answers for the same environment; undefined: straight. */
const cases: readonly (readonly [environment: Record<string, string>, url: string, proxy: string | undefined])[] = [
  [BOTH, 'http://a.test/', 'http://plain.test:3128'],
  [BOTH, 'https://a.test/', 'http://secure.test:3129'],
  [BOTH, 'https://10.0.0.1/', 'http://secure.test:3129'],
  [BOTH, 'http://localhost/', undefined],
  [BOTH, 'https://localhost:1/', undefined],
  [BOTH, 'http://127.9.9.9:80/', undefined],
  [BOTH, 'https://[::1]/', undefined],
  [BOTH, 'http://localhost.test/', 'http://plain.test:3128'],
  [{}, 'https://a.test/', undefined],
  [{ HTTP_PROXY: 'http://p.test' }, 'https://a.test/', undefined],
  [{ HTTPS_PROXY: 'http://p.test' }, 'http://a.test/', undefined],
  [{ https_proxy: 'http://p.test' }, 'https://a.test/', 'http://p.test'],
  [{ HTTP_PROXY: '', http_proxy: 'http://p.test' }, 'http://a.test/', 'http://p.test'],
  [{ HTTPS_PROXY: 'p.test:3128' }, 'https://a.test/', 'http://p.test:3128'],
  [{ HTTPS_PROXY: '10.1.1.1:3128' }, 'https://a.test/', 'http://10.1.1.1:3128'],
  [{ HTTPS_PROXY: 'https://p.test' }, 'https://a.test/', 'https://p.test'],
  [{ HTTPS_PROXY: 'http://[::1]:3128' }, 'https://a.test/', 'http://[::1]:3128'],
  [{ ALL_PROXY: 'http://p.test' }, 'https://a.test/', undefined],
]

test('which proxy leads where is read as Go reads it', () => {
  for (const [environment, url, expected] of cases)
    assert.equal(proxiesOf(environment)(new URL(url))?.origin, expected, `${JSON.stringify(environment)} ${url}`)
})

const places = [
  'https://a.test/',
  'https://x.a.test/',
  'https://xa.test/',
  'https://a.test:8443/',
  'http://a.test/',
  'https://10.0.0.1/',
  'https://10.0.0.1:8443/',
  'https://[fd00::1]/',
]

/** What goes straight by NO_PROXY, as Go's own reader has it: numbers of `places`. */
const straight: Readonly<Record<string, string>> = {
  '*': '01234567',
  'a.test': '0134',
  '.a.test': '1',
  '*.a.test': '1',
  'A.TEST': '0134',
  ' a.test , b.test': '0134',
  'b.test,,a.test': '0134',
  'a.test:443': '01',
  'a.test:8443': '3',
  'a.test:80': '4',
  test: '01234',
  est: '',
  '.': '',
  '': '',
  '10.0.0.0/8': '56',
  '10.0.0.1': '56',
  '10.0.0.1:8443': '6',
  'fd00::/8': '7',
  'fd00::1': '7',
  '10.0.0.0/33': '',
  '*a.test': '',
  'a.test b.test': '',
  'http://a.test': '',
  '0.0.0.0/0': '56',
  ':443': '',
}

test('what goes straight by NO_PROXY is what goes straight in Go', () => {
  for (const [list, expected] of Object.entries(straight)) {
    const proxyFor = proxiesOf({ ...BOTH, NO_PROXY: list })
    const seen = places.flatMap((url, index) => (proxyFor(new URL(url)) === undefined ? [index] : []))
    assert.equal(seen.join(''), expected, JSON.stringify(list))
  }
})

test('what is no proxy, or of a kind that is not spoken, is told without its password, and nothing goes around it', () => {
  for (const [text, words] of [
    ['http://me:pa ss@p.test:bad', /^HTTPS_PROXY has to be an address such as/],
    ['socks5://me:secret@p.test:1080', /^HTTPS_PROXY has to be a proxy with http:\/\/ or https:\/\/, got socks5:\/\/$/],
  ] as const)
    assert.throws(
      () => proxiesOf({ HTTPS_PROXY: text })(new URL('https://a.test/')),
      (error) => {
        assert.ok(error instanceof TypeError)
        assert.match(error.message, words)
        assert.doesNotMatch(error.message, /secret|pa ss/)
        return true
      },
    )
})

test('the log of the start tells the proxies without passwords, whatever goes straight', () => {
  const environment = { HTTPS_PROXY: 'http://me:secret@p.test:1', HTTP_PROXY: 'socks5://q.test', NO_PROXY: '*' }
  assert.deepEqual(proxiesInWords(environment), [
    'HTTP_PROXY has to be a proxy with http:// or https://, got socks5://',
    'https:// by http://p.test:1',
  ])
  assert.deepEqual(proxiesInWords({}), [])
})

async function startServer(listener: RequestListener, tls?: { cert: string; key: string }) {
  const server = tls ? createSecureServer(tls, listener) : createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const { ca, certificate, key } = await testCerts()
const tls = { cert: certificate, key }

const failure = async (promise: Promise<unknown>): Promise<ProxyError> => {
  const error = await promise.then(
    () => assert.fail('it answered'),
    (cause: unknown) => cause,
  )
  assert.ok(error instanceof ProxyError, String(error))
  return error
}

test('https goes through CONNECT, and the certificate has to be that of the service', async () => {
  await using server = await startServer((request, response) => void response.end(`${request.method} ok`), tls)
  await using proxy = await startOutboundProxy()
  const proxyFor = proxiesOf({ HTTPS_PROXY: proxy.url })
  const http = openUpstreamHttp({ roots: [ca], proxyFor })
  const url = `https://idp.corp.test:${server.port}/x`
  assert.equal((await http.request(url)).text, 'GET ok')
  assert.equal((await http.request(url, { method: 'POST', body: 'a=b' })).text, 'POST ok')
  assert.deepEqual([...new Set(proxy.asked)], [`CONNECT idp.corp.test:${server.port}`])
  const stranger = await failure(http.request(`https://idp.elsewhere.test:${server.port}/`))
  assert.match(stranger.message, /^cannot reach https:\/\/idp\.elsewhere\.test:\d+: through the proxy http:.*names/)
  await http.close()
  const strict = openUpstreamHttp({ proxyFor })
  assert.match((await failure(strict.request(url))).message, /of no authority that is trusted here/)
  await strict.close()
  const careless = openUpstreamHttp({ proxyFor, insecureSkipVerify: true })
  assert.equal((await careless.request(url)).text, 'GET ok')
  await careless.close()
})

test('plain http is asked for in absolute form, and loopback never through the proxy', async () => {
  await using server = await startServer((request, response) => void response.end(request.headers.host))
  await using proxy = await startOutboundProxy()
  const http = openUpstreamHttp({ proxyFor: proxiesOf({ HTTP_PROXY: proxy.url }) })
  const url = `http://api.corp.test:${server.port}/x?y=1`
  assert.equal((await http.request(url)).text, `api.corp.test:${server.port}`)
  assert.deepEqual(proxy.asked, [`GET ${url}`])
  assert.equal((await http.request(`http://127.0.0.1:${server.port}/`)).text, `127.0.0.1:${server.port}`)
  assert.equal(proxy.asked.length, 1)
  await http.close()
})

test('a proxy that wants to know who asks is told, and its refusal without the password', async () => {
  await using server = await startServer((_, response) => void response.end('ok'), tls)
  await using plain = await startServer(
    (request, response) => void response.end(String(request.headers['proxy-authorization'])),
  )
  await using proxy = await startOutboundProxy({ user: 'me@corp:s3cret' })
  const open = (user: string) => {
    const url = proxy.url.replace('//', `//${user}@`)
    return openUpstreamHttp({ roots: [ca], proxyFor: proxiesOf({ HTTPS_PROXY: url, HTTP_PROXY: url }) })
  }
  const urls = [`https://idp.corp.test:${server.port}/`, `http://idp.corp.test:${plain.port}/`] as const
  const known = open('me%40corp:s3cret')
  assert.deepEqual(await Promise.all(urls.map(async (url) => (await known.request(url)).text)), ['ok', 'undefined'])
  await known.close()
  for (const url of urls) {
    const stranger = open('me%40corp:wr0ng')
    const { code, message } = await failure(stranger.request(url))
    assert.equal(code, 'CONNECTOR_UNREACHABLE')
    assert.match(message, /through the proxy http:\/\/127\.0\.0\.1:\d+: it answered 407$/)
    await stranger.close()
  }
})

test('a proxy that is spoken to by TLS has to show who it is as well', async () => {
  await using server = await startServer((_, response) => void response.end('ok'), tls)
  await using plain = await startServer((_, response) => void response.end('plain'))
  await using proxy = await startOutboundProxy({ tls })
  const proxyFor = proxiesOf({ HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url })
  const http = openUpstreamHttp({ roots: [ca], proxyFor })
  assert.equal((await http.request(`https://idp.corp.test:${server.port}/`)).text, 'ok')
  assert.equal((await http.request(`http://idp.corp.test:${plain.port}/`)).text, 'plain')
  await http.close()
  const strict = openUpstreamHttp({ proxyFor })
  for (const url of [`https://idp.corp.test:${server.port}/`, `http://idp.corp.test:${plain.port}/`]) {
    const before = proxy.asked.length
    assert.match(
      (await failure(strict.request(url))).message,
      /through the proxy https:.*of no authority that is trusted/,
    )
    assert.equal(proxy.asked.length, before)
  }
  await strict.close()
})

test('a proxy that is silent or away is given up, and told by its address', async () => {
  await using silent = await startOutboundProxy({ silent: true })
  for (const url of ['https://idp.corp.test/', 'http://idp.corp.test/']) {
    const http = openUpstreamHttp({
      timeLimit: 300,
      proxyFor: proxiesOf({ HTTPS_PROXY: silent.url, HTTP_PROXY: silent.url }),
    })
    assert.match((await failure(http.request(url))).message, /nothing in 300 ms|through the proxy/)
    await http.close()
    const away = `http://127.0.0.1:${await freePort()}`
    const other = openUpstreamHttp({ proxyFor: proxiesOf({ HTTPS_PROXY: away, HTTP_PROXY: away }) })
    assert.match((await failure(other.request(url))).message, /through the proxy http:.*ECONNREFUSED/)
    await other.close()
  }
  const broken = openUpstreamHttp({ proxyFor: proxiesOf({ HTTPS_PROXY: 'socks5://p.test' }) })
  assert.match((await failure(broken.request('https://a.test/'))).message, /HTTPS_PROXY has to be a proxy with http/)
  await broken.close()
})

test('the walk of a connector names the proxy, and leaves names and certificates to it', async () => {
  const walk = async (environment: Record<string, string>, url: string) => {
    const proxyOf = (address: string) => proxiesOf(environment)(new URL(address))?.origin
    const options = { url, roots: [], insecureSkipVerify: false, proxyOf, signal: AbortSignal.timeout(5_000) }
    return (await Array.fromAsync(networkSteps(options))).map(
      ({ name, outcome, found }) => `${name} ${outcome} ${found}`,
    )
  }
  assert.deepEqual(await walk(BOTH, 'https://idp.corp.test/'), ['proxy ok http://secure.test:3129 leads there'])
  const [first] = await walk({ HTTPS_PROXY: 'ftp://p.test' }, 'https://idp.corp.test/')
  assert.match(first ?? '', /^proxy failed HTTPS_PROXY has to be/)
  assert.match((await walk(BOTH, 'http://127.0.0.1:9/')).join(), /^name resolution ok/)
})

test('a broker with HTTPS_PROXY finds its source through it, and its users go around it', async () => {
  const metadata = (issuer: string) => ({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/keys`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  })
  await using source = await startServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(metadata(`https://${request.headers.host}`)))
  }, tls)
  await using outbound = await startOutboundProxy()
  const port = await freePort()
  const [issuer, upstream] = [`https://id.corp.test:${port}`, `https://idp.corp.test:${source.port}`]
  const connector = { issuer: upstream, clientID: 'a', redirectURI: `${issuer}/callback`, rootCAs: [ca] }
  const config = {
    shared_secret: Buffer.alloc(32, 1).toString('base64'),
    cookie_secret: Buffer.alloc(32, 2).toString('base64'),
    broker: {
      issuer,
      storage: { type: 'memory' },
      admin: { socket: '' },
      staticClients: [{ id: 'pom', name: 'pom', secret: 'p', redirectURIs: ['https://app.test/cb'] }],
      connectors: [{ type: 'oidc', id: 'up', name: 'Up', config: connector }],
    },
    routes: [{ from: `https://app.corp.test:${port}`, to: 'http://127.0.0.1:9', allowed_groups: ['x'] }],
  }
  await using proxy = await startProxy({ config, port, env: { HTTPS_PROXY: outbound.url, HTTP_PROXY: outbound.url } })
  await proxy.logged(({ proxies }) => JSON.stringify(proxies)?.includes(`https:// by ${outbound.url}`) === true)
  const browser = proxy.browser()
  const query = 'client_id=pom&response_type=code&scope=openid&state=s&redirect_uri=https%3A%2F%2Fapp.test%2Fcb'
  let url = `${issuer}/auth/up?${query}`
  for (let hops = 0; hops < 5 && url.startsWith(issuer); hops++) {
    const { status, headers, body } = await browser.fetch(url, { headers: { 'sec-fetch-mode': 'navigate' } })
    assert.ok(headers['location'], `${status} ${body.slice(0, 300)}`)
    url = new URL(headers['location'], url).href
  }
  assert.ok(url.startsWith(`${upstream}/authorize?`), url)
  assert.deepEqual([...new Set(outbound.asked)], [`CONNECT idp.corp.test:${source.port}`])
})
