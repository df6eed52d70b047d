import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { checksumOf, type Echo, patternOf, startUpstream } from '../actors/upstream.ts'
import { open, openFront } from './front.ts'

const MiB = 1024 * 1024
/** 1 GiB each way; OSTIARY_TEST_LONG multiplies it. */
const size = 1024 * MiB * Number(process.env['OSTIARY_TEST_LONG'] || 1)

/** The highest memory in use (octets, buffers included) until `stop` is called, above what it was at the start. */
function watchMemory(): () => number {
  const used = () => process.memoryUsage().rss
  const before = used()
  let highest = before
  const timer = setInterval(() => {
    highest = Math.max(highest, used())
  }, 20)
  return () => {
    clearInterval(timer)
    return highest - before
  }
}

test('1 GiB comes down whole, with memory that stays flat', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }], timeout: 0 } })
  const stop = watchMemory()
  const answer = await open(front, `/?do=down&bytes=${size}`)
  const hash = createHash('sha256')
  for await (const chunk of answer) hash.update(chunk)
  const grown = stop()
  assert.equal(hash.digest('hex'), checksumOf(size))
  assert.ok(grown < 256 * MiB, `memory grew by ${Math.round(grown / MiB)} MiB`)
})

test('1 GiB goes up whole, with memory that stays flat', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }], timeout: 0 } })
  const stop = watchMemory()
  const request = httpRequest({
    host: '127.0.0.1',
    port: front.port,
    method: 'PUT',
    headers: { host: 'wiki.app.test' },
  })
  const answered = once(request, 'response')
  await pipeline(Readable.from(patternOf(size)), request)
  const [answer] = await answered
  const { body } = (await json(answer as Readable)) as Echo
  const grown = stop()
  assert.deepEqual(body, { bytes: size, sha256: checksumOf(size) })
  assert.ok(grown < 256 * MiB, `memory grew by ${Math.round(grown / MiB)} MiB`)
})

test('a client that does not read holds the application back, and memory stays flat', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }], timeout: 0 } })
  const stop = watchMemory()
  const answer = await open(front, `/?do=down&bytes=${512 * MiB}`)
  answer.pause()
  await pause(500)
  const [socket] = upstream.sockets
  const sent = socket?.bytesWritten ?? 0
  await pause(300)
  assert.equal(socket?.bytesWritten, sent)
  assert.ok(sent < 64 * MiB, `${Math.round(sent / MiB)} MiB were taken`)
  assert.ok(stop() < 128 * MiB)
  answer.on('error', () => {}).destroy()
})

test('an application that does not read holds the client back', async () => {
  await using upstream = await startUpstream(async (request, response) => {
    request.pause()
    await pause(400)
    let bytes = 0
    for await (const chunk of request) bytes += (chunk as Buffer).length
    response.end(JSON.stringify({ bytes }))
  })
  await using front = await openFront({ route: { to: [{ url: upstream.url }], timeout: 0 } })
  const stop = watchMemory()
  const request = httpRequest({
    host: '127.0.0.1',
    port: front.port,
    method: 'PUT',
    headers: { host: 'wiki.app.test' },
  })
  const answered = once(request, 'response')
  await pipeline(Readable.from(patternOf(256 * MiB)), request)
  const [answer] = await answered
  assert.deepEqual(await json(answer as Readable), { bytes: 256 * MiB })
  assert.ok(stop() < 256 * MiB)
})
