/** Thousands of bent requests on both doors of the whole product: what reaches an application is whole, canonical and allowed. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { diceFor, many } from './dice.ts'
import { bentName, hostileRequest } from './hostile-requests.ts'
import { valuesOf } from './recording-upstream.ts'
import { type Fort, type Heard, inParallel, startFort } from './whole.ts'

let fort: Fort
before(async () => {
  fort = await startFort()
})
after(() => fort[Symbol.asyncDispose]())

test('bent requests of strangers: nothing reaches what is closed, nothing bent reaches what is open', async () => {
  const heard = await inParallel(many(2400), 24, async (at) => {
    const dice = diceFor(at)
    const { bytes, method } = hostileRequest(dice, at)
    const gap = dice.chance(0.1) ? dice.below(bytes.length) : 0
    const pieces = gap > 0 ? [bytes.slice(0, gap), bytes.slice(gap)] : [bytes]
    return fort.send(pieces, { methods: [method], answers: 1, secure: at % 6 === 0, quiet: 200 })
  })
  assert.ok(heard.filter(({ answers }) => answers.length > 0).length > heard.length * 0.9, 'most are answered')
  assert.ok(fort.open.seen.length > heard.length * 0.03, `${fort.open.seen.length} of ${heard.length} were let in`)
  assert.deepEqual(fort.closed.seen, [])
  assert.deepEqual(fort.any.seen, [])
  nothingPlanted()
  await fort.check(heard)
})

test('behind a bent request the next one on the connection is answered as itself, or not at all', async () => {
  const heard = await inParallel(many(900), 24, async (at) => {
    const dice = diceFor(100_000 + at)
    const hostile = hostileRequest(dice, at)
    const probe = `GET /probe${at}x HTTP/1.1\r\nHost: open.corp.test\r\nConnection: close\r\n\r\n`
    const answer = await fort.send(hostile.bytes + probe, {
      methods: [hostile.method],
      answers: 2,
      secure: at % 6 === 0,
      quiet: 200,
    })
    const echoes = answer.answers.filter(({ fields }) => fields.get('x-from') === 'upstream').map(({ body }) => body)
    for (const echo of echoes.filter((body) => body !== '')) {
      const isOwn = echo.includes(`/probe${at}x`) || echo.includes(hostile.mark)
      assert.ok(isOwn, `${JSON.stringify(hostile.bytes)} was answered with ${echo}`)
    }
    assert.ok(answer.answers.length <= 2 + interim(answer), JSON.stringify([hostile.bytes, answer.text]))
    return answer
  })
  await fort.check(heard)
})

test('a request hidden in the body of another is body, whatever the lengths say', async () => {
  const hidden = 'GET /smuggled HTTP/1.1\r\nHost: open.corp.test\r\nX: y\r\n\r\n'
  const before = fort.open.seen.length
  const heard = await inParallel(many(500), 24, async (at) => {
    const dice = diceFor(200_000 + at)
    const length = hidden.length + dice.oneOf([-5, -1, 0, 1, 5, 500])
    const size = Math.max(1, length).toString(16)
    const framing = dice.oneOf([
      `Content-Length: ${length}\r\n`,
      `Content-Length: ${length}\r\nTransfer-Encoding: chunked\r\n`,
      `Transfer-Encoding: chunked\r\nContent-Length: ${length}\r\n`,
      `Transfer-Encoding: chunked\r\n`,
      `Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n`,
      `Transfer-Encoding: identity\r\nContent-Length: ${length}\r\n`,
      `Transfer-Encoding: xchunked\r\nContent-Length: ${length}\r\n`,
      `X: y\nTransfer-Encoding: chunked\r\nContent-Length: ${length}\r\n`,
      `Content-Length: ${length}\r\nContent-Length: 0\r\n`,
      `Content_Length: ${length}\r\n`,
      `Connection: close, content-length\r\nContent-Length: ${length}\r\n`,
      `Expect: 100-continue\r\nContent-Length: ${length}\r\n`,
      `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nContent-Length: ${length}\r\n`,
    ])
    const opening = dice.oneOf(['', `${size}\r\n`, `${size};x=\n\r\n`, `0\r\n\r\n`, `${size}\n`, `0${size}\r\n`])
    const method = dice.oneOf(['GET', 'POST', 'HEAD', 'OPTIONS', 'DELETE'])
    const bytes = `${method} /m${at}x HTTP/1.1\r\nHost: open.corp.test\r\n${framing}\r\n${opening}${hidden}`
    return fort.send(bytes, { methods: [method], quiet: 150 })
  })
  // With `0 CR LF CR LF` before it, it is no body but a second request of the same client, said in so many words.
  const smuggled = fort.open.seen.slice(before).filter(({ target }) => target === '/smuggled')
  const second = heard.filter(({ answers }) => answers.filter(({ status }) => status === 200).length === 2)
  assert.equal(smuggled.length, second.length)
  await fort.check(heard)
})

test('nothing that follows Connection: close is served, however slowly the answer before it goes out', async () => {
  const mark = fort.open.seen.length
  const second = 'GET /second HTTP/1.1\r\nHost: open.corp.test\r\n\r\n'
  const cases: readonly (readonly string[])[] = [
    [`GET /first HTTP/1.1\r\nHost: open.corp.test\r\nConnection: close\r\n\r\n${second}`],
    [`GET /first HTTP/1.0\r\nHost: open.corp.test\r\n\r\n${second}`],
    // A stranger's upload is not read: the refusal closes the connection, and lingers.
    [
      `POST / HTTP/1.1\r\nHost: closed.corp.test\r\nContent-Length: 70000\r\n\r\n`,
      'a'.repeat(70_000) + second.repeat(3),
    ],
    [`POST / HTTP/1.1\r\nHost: closed.corp.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, second.repeat(3)],
    [`POST / HTTP/1.1\r\nHost: closed.corp.test\r\nTransfer-Encoding: chunked\r\n\r\n`, `0\r\n\r\n${second.repeat(3)}`],
    [
      `POST / HTTP/1.1\r\nHost: closed.corp.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`,
      `abc${second.repeat(3)}`,
    ],
    [`GET / HTTP/1.1\r\nHost: \r\n\r\n${second}`, second],
    [`TRACE / HTTP/1.1\r\nHost: open.corp.test\r\n\r\n${second}`, second],
    [`CONNECT a:1 HTTP/1.1\r\nHost: open.corp.test\r\n\r\n${second}`, second],
  ]
  const heard: Heard[] = []
  for (const secure of [false, true]) {
    for (const pieces of cases) {
      const answer = await fort.send(pieces, { quiet: 600, secure })
      const last = answer.answers.findIndex(({ fields }) => fields.get('connection') === 'close')
      if (last !== -1) {
        assert.equal(answer.answers.length, last + 1, answer.text)
        assert.ok(answer.closed, answer.text)
        assert.doesNotMatch(answer.text, /second/)
      }
      heard.push(answer)
    }
  }
  const served = fort.open.seen.slice(mark).filter(({ target }) => target === '/second').length
  const answered = heard.flatMap(({ answers }) => answers).filter(({ body }) => body.includes('/second')).length
  assert.equal(served, answered, 'what was served was answered')
  await fort.check(heard)
})

test('identity in any spelling, nominated away or in trailers: the application hears only what we say', async () => {
  const alice = await fort.signedIn('alice')
  const cookie = fort.cookieOf(alice, 'any')
  const before = fort.any.seen.length
  const heard = await inParallel(many(700), 16, async (at) => {
    const dice = diceFor(300_000 + at)
    let fields = ''
    for (let left = 1 + dice.below(4); left > 0; left--) fields += `${bentName(dice).trim()}: mallory${at}\r\n`
    if (dice.chance(0.4)) {
      const names = [
        'x-pomerium-jwt-assertion',
        'x-email',
        'x-groups',
        'x-forwarded-for',
        'x-request-id',
        'cookie',
        'host',
      ]
      fields += `Connection: ${dice.oneOf(['close', 'keep-alive'])}, ${dice.oneOf(names)}, ${dice.oneOf(names)}\r\n`
    }
    const trailers = dice.chance(0.3)
    const framing = trailers ? 'Transfer-Encoding: chunked\r\nTrailer: X-Email\r\n' : ''
    const body = trailers
      ? '0\r\nX-Email: mallory\r\nX-Pomerium-Jwt-Assertion: mallory\r\nCookie: mallory=1\r\n\r\n'
      : ''
    const own = dice.oneOf(['', '__host-ostiary=mallory; ', '__Host-Ostiary_9=mallory; ', 'a=b; '])
    const cookies = `Cookie: ${own}${cookie}; theirs=kept${dice.chance(0.3) ? '; __Host-ostiary_2=mallory' : ''}\r\n`
    const bytes = `POST /i${at}x HTTP/1.1\r\nHost: any.corp.test\r\n${cookies}${fields}${framing}\r\n${body}`
    return fort.send(bytes, { answers: 1, secure: at % 6 === 0 })
  })
  const seen = fort.any.seen.slice(before)
  assert.ok(seen.length > heard.length * 0.25, `${seen.length} of ${heard.length} were let in`)
  for (const request of seen) {
    assert.deepEqual(valuesOf(request, 'x-email'), ['alice@corp.test'])
    assert.deepEqual(valuesOf(request, 'x-groups'), ['admins'])
    const [assertion = '', ...others] = valuesOf(request, 'x-pomerium-jwt-assertion')
    assert.deepEqual(others, [])
    const claims: unknown = JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString())
    assert.equal((claims as { email: string }).email, 'alice@corp.test')
    assert.deepEqual(valuesOf(request, 'x-forwarded-for'), ['127.0.0.1'])
    assert.match(valuesOf(request, 'cookie')[0] ?? '', /^(?:__Host-Ostiary_9=mallory; )?(?:a=b; )?theirs=kept$/)
  }
  nothingPlanted(/__Host-Ostiary_9=mallory/)
  await fort.check(heard)
})

test('the path that is judged is the path that arrives, in every reading of it', async () => {
  const before = fort.paths.seen.length
  const starts = ['/public/', '/api/', '/guests/', '/exact', '/public', '/api/x/read', '/guests/a/']
  const steps = [
    '..',
    '.',
    '%2e%2e',
    '.%2e',
    '%2E.',
    '..;',
    '..;a=b',
    '..%3b',
    '%2e',
    '..\\',
    '..%5c',
    '%2e%2e%2f',
    '..%2f',
  ]
  const ends = ['admin', 'admin/', 'Admin', '%61dmin', 'admin%2fx', 'admin;x', 'admin/../guests/x', 'read', 'x/read']
  const joints = ['/', '//', '/./', '%2f', '%5c', '\\', '/%2e/', ';/', '/;/', '']
  const heard = await inParallel(many(1500), 24, async (at) => {
    const dice = diceFor(400_000 + at)
    let path = dice.oneOf(starts)
    for (let left = dice.below(4); left > 0; left--) path += dice.oneOf(steps) + dice.oneOf(joints)
    path += dice.oneOf(ends)
    if (dice.chance(0.1)) path += dice.oneOf(['?/../admin', '#/admin', '%23', '%3f/../', ';', '%00', '%0a', '?'])
    return fort.send(`GET ${path} HTTP/1.1\r\nHost: paths.corp.test\r\n\r\n`, { answers: 1, secure: at % 10 === 0 })
  })
  const seen = fort.paths.seen.slice(before)
  assert.ok(seen.length > heard.length * 0.05, `${seen.length} of ${heard.length} were let in`)
  for (const { target } of seen) {
    const path = target.split('?', 1)[0] ?? ''
    for (const reading of readingsOf(path)) {
      const isOpen = /^\/(?:public\/|guests\/|exact$|api\/[a-z]+\/read$)/.test(reading)
      assert.ok(isOpen, `${target} was let in, and can be read as ${reading}`)
    }
  }
  await fort.check(heard)
})

/** How servers behind us might read a path: as it is, decoded, with `;` cut, with slashes merged, with dots resolved. */
function readingsOf(path: string): string[] {
  const resolve = (text: string) => new URL(text.replace(/^\/+/, '/'), 'http://a.test').pathname
  const decoded = decodeURIComponent(path)
  return [path, resolve(path), decoded, decoded.replace(/;[^/]*/g, ''), decoded.replace(/\/{2,}/g, '/')]
}

/** Nothing of what attackers call themselves is seen by any application. */
function nothingPlanted(but?: RegExp): void {
  for (const { seen } of [fort.open, fort.closed, fort.any, fort.paths]) {
    for (const { method, target, fields } of seen) {
      // What the client said in our assertion's name goes on under this one (Pomerium's, for chains of proxies).
      const text = fields.filter((_, at) => fields[at - (at % 2)] !== 'x-pomerium-jwt-assertion-for').join('\n')
      const rest = but ? text.replace(but, '') : text
      assert.doesNotMatch(rest, /mallory/, `${method} ${target} ${JSON.stringify(fields)}`)
      const ours = fields.filter(
        (name, at) =>
          at % 2 === 0 && /^(?:connection|keep-alive|te|trailer|upgrade|http2-settings|proxy-.*)$/.test(name),
      )
      assert.ok(
        ours.every((name) => name === 'connection'),
        `${target} ${ours}`,
      )
    }
  }
}

function interim({ answers }: Heard): number {
  return answers.filter(({ status }) => status > 0 && status < 200).length
}
