/** What strangers leave in the log: what operators can find again, and nothing that is no failure. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { authorizeUrl, client, startBroker, user } from '#test/broker/world.ts'

const mock = { type: 'mockCallback', id: 'mock', name: 'Mock', config: {}, raw: {}, groups: undefined, grantTypes: [] }

test('the request id of a page stands in the log, with what went wrong', async () => {
  await using broken = await startBroker({
    clients: [client('app')],
    connectors: [mock as never],
    users: [user('alice')],
  })
  const browser = broken.browser()
  const form = await browser.open(authorizeUrl(broken.issuer, { connector_id: 'local' }))
  const page = await browser.open(form.url, {
    method: 'POST',
    headers: { origin: 'https://evil.test', 'content-type': 'application/x-www-form-urlencoded' },
    body: 'login=alice%40corp.test&password=x',
  })
  assert.equal(page.status, 403)
  const shown = /<dd><code>([^<]+)<\/code>/.exec(page.body)?.[1]
  const line = broken.log.find(({ message }) => message === 'a form came from somewhere else')
  const { 'request-id': logged, error } = Object(line?.details)
  assert.equal(logged, shown)
  assert.match(String(error), /https:\/\/evil\.test/)
})

test('whoever breaks off in the middle, or sends what is no body, is no failure in the log', async () => {
  await using quiet = await startBroker()
  const browser = quiet.browser()
  const { pathname, search } = new URL((await browser.open(authorizeUrl(quiet.issuer))).url)
  const cookie = browser.cookies.header(new URL(quiet.issuer), 'same-site')
  const { port } = new URL(quiet.issuer)
  for (const path of [pathname + search, '/dex/token', '/dex/callback', '/dex/auth', '/dex/logout', '/dex/device'])
    for (const body of ['5\r\nlogin\r\nZZ\r\n', '5\r\nlogin\r\n', 'fffff\r\nx']) {
      const socket = connect(Number(port), '127.0.0.1')
        .on('error', () => undefined)
        .resume()
      socket.end(
        `POST ${path} HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\nTransfer-Encoding: chunked\r\n` +
          `Content-Type: application/x-www-form-urlencoded\r\n\r\n${body}`,
      )
      await once(socket, 'close')
    }
  assert.equal((await fetch(`${quiet.issuer}/healthz`)).status, 200)
  assert.deepEqual(
    quiet.log.filter(({ level }) => level !== 'info'),
    [],
  )
})
