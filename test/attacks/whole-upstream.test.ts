/** Applications that attack: what they answer reaches a browser whole and harmless, or as a 502, and never as ours. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { diceFor, many } from './dice.ts'
import type { Answer } from './raw-answers.ts'
import { type Fort, type Heard, inParallel, startFort, until } from './whole.ts'

type Act = string | ((socket: Socket) => void)

/** What is answered to a request whose target is `/ACT`. */
const acts = new Map<string, Act>()

let fort: Fort
before(async () => {
  fort = await startFort({
    upstream: {
      answer({ target }, socket) {
        const act = acts.get(target.slice(1)) ?? ok('hello')
        if (typeof act === 'string') return Buffer.from(act, 'latin1')
        act(socket)
        return undefined
      },
    },
  })
})
after(() => fort[Symbol.asyncDispose]())

function ok(body: string, fields = ''): string {
  return `HTTP/1.1 200 OK\r\nx-from: upstream\r\n${fields}content-length: ${body.length}\r\n\r\n${body}`
}

let count = 0
async function ask(act: Act, head = 'GET', more = ''): Promise<Heard> {
  const name = `act${count++}`
  acts.set(name, act)
  const bytes = `${head} /${name} HTTP/1.1\r\nHost: open.corp.test\r\n${more}\r\n`
  return fort.send(bytes, { answers: 1, methods: [head], quiet: 3500 })
}

const only = ({ answers, text }: Heard): Answer => {
  const final = answers.filter(({ status }) => status >= 200 || status === 0)
  assert.equal(final.length, 1, text)
  return final[0] as Answer
}

const invalid: readonly (readonly [title: string, act: string])[] = [
  ['transfer-encoding gzip', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nabc'],
  ['gzip and chunked', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
  ['both framings', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd'],
  ['a length with a sign', 'HTTP/1.1 200 OK\r\ncontent-length: +3\r\n\r\nabc'],
  [
    '101 that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
  ],
  ['a bare 101', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ['a status of 999', 'HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n'],
  ['a status of 099', 'HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n'],
  ['HTTP/9.9', 'HTTP/9.9 200 OK\r\ncontent-length: 0\r\n\r\n'],
  ['no HTTP at all', 'SSH-2.0-OpenSSH_9.6\r\n'],
  ['NUL in a value', 'HTTP/1.1 200 OK\r\nx-a: a\0b\r\ncontent-length: 0\r\n\r\n'],
  ['a bare line feed in a head', 'HTTP/1.1 200 OK\nx-a: b\nset-cookie: a=b\ncontent-length: 0\n\n'],
  ['a bare carriage return in a value', 'HTTP/1.1 200 OK\r\nx-a: a\rset-cookie: x=y\r\ncontent-length: 0\r\n\r\n'],
  ['a folded field', 'HTTP/1.1 200 OK\r\nx-a: a\r\n b\r\ncontent-length: 0\r\n\r\n'],
  ['a head of a megabyte', `HTTP/1.1 200 OK\r\nx-a: ${'a'.repeat(1_000_000)}\r\n\r\n`],
  ['a name with a blank', 'HTTP/1.1 200 OK\r\nx a: b\r\ncontent-length: 0\r\n\r\n'],
  ['a name that is empty', 'HTTP/1.1 200 OK\r\n: b\r\ncontent-length: 0\r\n\r\n'],
]

for (const [title, act] of invalid) {
  test(`an answer with ${title} is a 502, or cleaned, and the next request is served`, async () => {
    const heard = await ask(act)
    const answer = only(heard)
    const isClean = answer.status === 200 && !/\n[^\S\n]|\0|gzip|\bset-cookie: x=y/.test(heard.text)
    assert.ok(answer.status === 502 || isClean, heard.text)
    if (answer.status === 502) assert.equal(answer.fields.get('x-content-type-options'), 'nosniff')
    assert.equal(only(await ask(ok('next'))).body, 'next')
  })
}

test('an answer behind the answer is nobody’s: it never becomes the answer of the next request', async () => {
  const evil = 'HTTP/1.1 200 OK\r\nx-from: upstream\r\ncontent-length: 4\r\n\r\nEVIL'
  for (const act of [
    ok('one') + evil,
    `HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\n${evil}`,
    `HTTP/1.1 304 Not Modified\r\n\r\n${evil}`,
    ok('longer than said').replace('16', '3') + evil,
  ]) {
    await ask(act)
    for (let left = 3; left > 0; left--) assert.equal(only(await ask(ok('mine'))).body, 'mine')
  }
  await ask(ok('') + evil, 'HEAD')
  for (let left = 3; left > 0; left--) assert.equal(only(await ask(ok('mine'))).body, 'mine')
})

test('cookies of ours are never taken from an application, however they are spelt', async () => {
  const names = ['__Host-ostiary', '__host-OSTIARY', '__Host-ostiary_1', '__Host-ostiary_authenticate', 'ostiary']
  const spellings = (name: string) => [
    `${name}=evil`,
    ` ${name} =evil`,
    `\t${name}\t=evil; Path=/`,
    `=${name}=evil`,
    `==${name}=evil`,
    ` = ${name}=evil`,
    `${name.toUpperCase()}=evil`,
    `${name}_csrf_0000000aaaaaaaaaaa=evil`,
    `${name}_pkce_x=evil`,
  ]
  for (const name of names.slice(0, 2)) {
    for (const line of [...spellings(name), ...names.map((other) => `${other}=evil; Domain=corp.test`)]) {
      const answer = only(await ask(ok('x', `Set-Cookie: theirs=kept\r\nsEt-cOOkie: ${line}\r\n`)))
      assert.equal(answer.fields.get('set-cookie'), 'theirs=kept', line)
    }
  }
})

test('what an application calls hop by hop is not passed on, and it cannot nominate away what protects', async () => {
  const fields =
    'connection: close, x-gone, set-cookie\r\nx-gone: 1\r\nkeep-alive: timeout=9\r\nproxy-authenticate: Basic\r\nupgrade: h2c\r\nset-cookie: a=b\r\ntrailer: x\r\n'
  const answer = only(await ask(ok('x', fields)))
  for (const name of ['x-gone', 'proxy-authenticate', 'upgrade', 'trailer'])
    assert.equal(answer.fields.get(name), undefined)
  assert.equal(answer.fields.get('set-cookie'), 'a=b')
})

test('interim answers without end cost nothing but the request, and a client that reads none of them no memory', async () => {
  const stopped: boolean[] = []
  const flood = (interim: string) => (socket: Socket) => {
    let left = 20_000
    const more = (): void => {
      while (left > 0 && !socket.destroyed && socket.write(interim.repeat(20))) left -= 20
      if (socket.destroyed || left <= 0) stopped.push(socket.destroyed)
    }
    socket.on('drain', more).on('close', () => stopped.push(true))
    more()
  }
  for (const interim of [
    'HTTP/1.1 100 Continue\r\n\r\n',
    `HTTP/1.1 103 Early Hints\r\nlink: </${'a'.repeat(4000)}>\r\n\r\n`,
    'HTTP/1.1 102 Processing\r\nx-a: b\r\n\r\n',
  ]) {
    const heard = await ask(flood(interim))
    assert.equal(heard.answers.findLast(({ status }) => status >= 200)?.status, 502, heard.text.slice(0, 400))
    assert.ok(heard.answers.length < 100, `${heard.answers.length} interim answers were passed on`)
  }
  assert.equal(stopped.filter(Boolean).length >= 3, true)
})

test('an application that stops in the middle is not taken for one that has ended', async () => {
  const broken: readonly Act[] = [
    'HTTP/1.1 200 OK\r\nx-from: upstream\r\ncontent-length: 100\r\n\r\nabc',
    'HTTP/1.1 200 OK\r\nx-from: upstream\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab',
    'HTTP/1.1 200 OK\r\nx-from: upstream\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n',
    'HTTP/1.1 200 OK\r\nx-from: upstream\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n',
  ]
  for (const bytes of broken) {
    const heard = await ask((socket) => void socket.end(bytes as string))
    const [answer] = heard.answers
    assert.ok(answer?.status === 502 || (answer?.whole === false && heard.closed), heard.text)
  }
})

test('a refusal of a WebSocket that switches protocols all the same switches nothing', async () => {
  const handshake =
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
  const accept = 'ICX+Yqv66kxgM0FcWaLWlFLwTAI='
  const cases: readonly (readonly [title: string, act: string, statuses: readonly number[]])[] = [
    ['no Upgrade field', 'HTTP/1.1 101 Switching Protocols\r\n\r\nEVIL', [502]],
    ['another protocol', 'HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nEVIL', [502]],
    [
      'a wrong proof',
      'HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n',
      [502],
    ],
    ['a status of 999', 'HTTP/1.1 999 X\r\ncontent-length: 0\r\n\r\n', [502]],
    ['both framings', 'HTTP/1.1 200 X\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', [502]],
    ['a page', ok('no sockets here').replace('200', '403'), [403]],
    [
      'a cookie of ours',
      `HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSet-Cookie: __Host-ostiary=evil\r\n\r\n`,
      [101],
    ],
  ]
  for (const [title, act, statuses] of cases) {
    const heard = await ask(act, 'GET', handshake)
    assert.ok(statuses.includes(heard.answers.at(-1)?.status ?? 0), `${title}: ${heard.text}`)
    assert.doesNotMatch(heard.text, /EVIL|__Host-ostiary=evil/, title)
  }
})

test('answers with random octets in them: what reaches the client parses, and the door stays open', async () => {
  const heard = await inParallel(many(300), 12, async (at) => {
    const dice = diceFor(500_000 + at)
    let bytes = dice.oneOf([
      ok('body', 'x-a: b\r\nset-cookie: a=b\r\n'),
      'HTTP/1.1 200 OK\r\nx-from: upstream\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n',
    ])
    for (let left = 1 + dice.below(3); left > 0; left--) {
      const place = dice.below(bytes.length)
      bytes = bytes.slice(0, place) + String.fromCharCode(dice.below(256)) + bytes.slice(place + dice.below(2))
    }
    return ask((socket) => void socket.end(Buffer.from(bytes, 'latin1')))
  })
  for (const { answers, text } of heard) {
    assert.ok(
      answers.every(({ status, whole }) => status !== 0 || !whole),
      JSON.stringify(text),
    )
    assert.doesNotMatch(text.split('\r\n\r\n')[0] ?? '', /\0|[^\r]\n|\r[^\n]/, 'controls in a head')
  }
  await until(async () => (await fort.plain.health('/healthz')) === 200, 'alive')
})

test('an application that says no early, and drips late, is carried as it is', async () => {
  const early = await ask((socket) => {
    socket.write('HTTP/1.1 413 Too Large\r\nx-from: upstream\r\ncontent-length: 3\r\n\r\nno.')
    socket.end()
  }, 'GET')
  assert.equal(only(early).status, 413)
  const slow = await ask((socket) => {
    void (async () => {
      for (const sign of ok('slow but whole')) {
        socket.write(sign)
        await pause(2)
      }
    })()
  })
  assert.equal(only(slow).body, 'slow but whole')
})
