import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { openUpstreamHttp } from '#src/broker/connectors/upstream-http.ts'
import { readRoots } from '#src/broker/connectors/upstream-roots.ts'
import type { ProxyError } from '#src/errors/proxy-error.ts'
import { testCerts } from '#test/actors/certs.ts'

async function startServer(listener: RequestListener, tls?: { cert: string; key: string }) {
  const server = tls ? createSecureServer(tls, listener) : createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const failure = async (promise: Promise<unknown>): Promise<ProxyError> => {
  const error = await promise.then(
    () => assert.fail('it answered'),
    (cause: unknown) => cause,
  )
  return error as ProxyError
}

test('an answer comes whole, with its status and headers', async () => {
  await using server = await startServer((request, response) => {
    let text = ''
    request.on('data', (chunk) => (text += chunk))
    request.on('end', () =>
      response
        .writeHead(418, {
          'x-seen': `${request.method} ${request.headers['authorization']}`,
          'content-encoding': 'gzip',
        })
        .end(gzipSync(text)),
    )
  })
  const http = openUpstreamHttp()
  const answer = await http.request(`${server.url}/x`, {
    method: 'POST',
    headers: { authorization: 'Bearer t' },
    body: 'hello',
  })
  assert.deepEqual([answer.status, answer.text, answer.headers.get('x-seen')], [418, 'hello', 'POST Bearer t'])
  await http.close()
})

test('redirects are followed at the same origin only, and only so often', async () => {
  const strangers: string[] = []
  await using stranger = await startServer((request, response) => {
    strangers.push(request.url ?? '')
    response.end('stranger')
  })
  await using server = await startServer((request, response) => {
    const to: Record<string, string> = {
      '/moved': '/here',
      '/out': `${stranger.url}/taken`,
      '/round': '/round',
      '/broken': 'http://[',
    }
    const location = to[request.url ?? '']
    if (location === undefined) response.end('here')
    else response.writeHead(302, { location }).end()
  })
  const http = openUpstreamHttp()
  assert.equal((await http.request(`${server.url}/moved`)).text, 'here')
  for (const path of ['/out', '/round', '/broken']) {
    const error = await failure(http.request(`${server.url}${path}`))
    assert.equal(error.code, 'CONNECTOR_ANSWER_INVALID', path)
  }
  assert.equal((await http.request(`${server.url}/moved`, { method: 'POST' })).status, 302)
  assert.equal((await http.fetch(`${server.url}/moved`)).status, 302)
  assert.deepEqual(strangers, [])
  await http.close()
})

test('an answer that is too long is not read to its end, packed or not', async () => {
  await using server = await startServer((request, response) => {
    const octets = Buffer.alloc(10 * 1024 * 1024, 'a')
    if (request.url === '/packed') response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(octets))
    else response.end(octets)
  })
  const http = openUpstreamHttp()
  for (const path of ['/plain', '/packed']) {
    const error = await failure(http.request(`${server.url}${path}`))
    assert.equal(error.code, 'CONNECTOR_ANSWER_INVALID')
    assert.match(error.message, /^cannot use http:\/\/127\.0\.0\.1:\d+: got an answer longer than 1048576 octets$/)
  }
  await http.close()
})

test('who never answers, or octet by octet, is given up', async () => {
  await using server = await startServer((request, response) => {
    if (request.url === '/silent') return
    response.writeHead(200)
    const timer = setInterval(() => response.write('.'), 20)
    response.on('close', () => clearInterval(timer))
  })
  const http = openUpstreamHttp({ timeLimit: 300 })
  for (const path of ['/silent', '/drip']) {
    const since = Date.now()
    const error = await failure(http.request(`${server.url}${path}`))
    assert.equal(error.code, 'CONNECTOR_UNREACHABLE')
    assert.match(error.message, /: nothing in 300 ms$/)
    assert.deepEqual(error.headers, ['retry-after', '5'])
    assert.ok(Date.now() - since < 10_000)
  }
  const calledOff = await failure(http.request(`${server.url}/silent`, { signal: AbortSignal.timeout(50) }))
  assert.match(calledOff.message, /called off/)
  await http.close()
})

test('more calls than 64 at a time are refused at once', async () => {
  await using server = await startServer(() => {})
  const http = openUpstreamHttp({ timeLimit: 2_000 })
  const waiting = Array.from({ length: 64 }, () => failure(http.request(server.url)))
  assert.match((await failure(http.request(server.url))).message, /64 calls are under way already/)
  await http.close()
  await Promise.all(waiting)
})

test('a certificate is believed by a root that is given in any of three ways, or by nothing at all', async () => {
  const certs = await testCerts()
  await using server = await startServer((_, response) => void response.end('secret'), {
    cert: certs.certificate,
    key: certs.key,
  })
  const readFile = async (path: string) => {
    if (path === certs.caFile) return certs.ca
    throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
  }
  const strict = openUpstreamHttp()
  const error = await failure(strict.request(server.url))
  assert.deepEqual([error.code, /CERT|VERIFY|ISSUER/.test(error.message)], ['CONNECTOR_UNREACHABLE', true])
  for (const root of [certs.caFile, certs.ca, Buffer.from(certs.ca).toString('base64')]) {
    const http = openUpstreamHttp({ roots: await readRoots([root], { id: 'a', readFile }) })
    assert.equal((await http.request(server.url)).text, 'secret')
    await http.close()
  }
  const careless = openUpstreamHttp({ insecureSkipVerify: true })
  assert.equal((await careless.request(server.url)).text, 'secret')
  await Promise.all([strict.close(), careless.close()])
  for (const [root, reason] of [
    ['/not/there.pem', /cannot read authority 2 of connector a \("\/not\/there\.pem"\): ENOENT/],
    [Buffer.from('no PEM at all').toString('base64'), /cannot read authority 2 of connector a: ENOENT/],
  ] as const) {
    const problem = await failure(readRoots([certs.ca, root], { id: 'a', readFile }))
    assert.equal(problem.code, 'CONNECTOR_MISCONFIGURED')
    assert.match(problem.message, reason)
  }
})
