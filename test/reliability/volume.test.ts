import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { json } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { testCerts } from '#test/actors/certs.ts'
import { type RunningProxy, startProxy } from '#test/actors/proxy.ts'
import { checksumOf, patternOf, startUpstream } from '#test/actors/upstream.ts'
import { memoryOf, publicRoute, skipWithoutProc } from './plain.ts'

const MiB = 1024 * 1024
const size = 128 * MiB
/** What a stream may hold, whatever its length: windows, pieces under way, what V8 has not collected yet. */
const held = 96

interface Line {
  readonly proxy: RunningProxy
  readonly session: ClientHttp2Session
}

async function withLine(to: string, use: (line: Line) => Promise<void>): Promise<void> {
  const { ca } = await testCerts()
  await using proxy = await startProxy({ config: { routes: [publicRoute('pub', to, { timeout: '0s' })] } })
  const session = connectHttp2(`https://127.0.0.1:${proxy.port}`, { ca, servername: 'pub.corp.test' })
  try {
    await use({ proxy, session })
  } finally {
    session.destroy()
  }
}

/** The most memory that the proxy took while `work` went on, above what it had before (MiB). */
async function grownBy({ proxy }: Line, work: () => Promise<void>): Promise<number> {
  const before = memoryOf(proxy)
  let most = before
  const timer = setInterval(() => {
    most = Math.max(most, memoryOf(proxy))
  }, 20)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  return most - before
}

const asked = { ':authority': 'pub.corp.test' }

test('128 MiB come down over HTTP/2 to a client that pauses, whole, with memory that stays flat', {
  skip: skipWithoutProc,
}, async () => {
  await using upstream = await startUpstream()
  await withLine(upstream.url, async (line) => {
    const grown = await grownBy(line, async () => {
      const stream = line.session.request({ ...asked, ':path': `/?do=down&bytes=${size}` })
      const hash = createHash('sha256')
      let read = 0
      let rests = 0
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        hash.update(chunk)
        read += chunk.length
        // The application would have sent all of it meanwhile.
        if (read > (rests + 1) * 32 * MiB) {
          rests++
          await pause(250)
        }
      }
      assert.ok(rests >= 3)
      assert.equal(hash.digest('hex'), checksumOf(size))
    })
    assert.ok(grown < held, `${Math.round(grown)} MiB`)
  })
})

test('128 MiB go up over HTTP/2 to an application that pauses, whole, with memory that stays flat', {
  skip: skipWithoutProc,
}, async () => {
  await using upstream = await startUpstream(async (request, response) => {
    const hash = createHash('sha256')
    let bytes = 0
    let rests = 0
    for await (const chunk of request as AsyncIterable<Buffer>) {
      hash.update(chunk)
      bytes += chunk.length
      if (bytes > (rests + 1) * 32 * MiB) {
        rests++
        await pause(250)
      }
    }
    response.end(JSON.stringify({ bytes, sha256: hash.digest('hex') }))
  })
  await withLine(upstream.url, async (line) => {
    const grown = await grownBy(line, async () => {
      const stream = line.session.request({ ...asked, ':path': '/', ':method': 'PUT' })
      for (const chunk of patternOf(size)) {
        if (!stream.write(chunk)) await once(stream, 'drain')
      }
      stream.end()
      assert.deepEqual(await json(stream), { bytes: size, sha256: checksumOf(size) })
    })
    assert.ok(grown < held, `${Math.round(grown)} MiB`)
  })
})
