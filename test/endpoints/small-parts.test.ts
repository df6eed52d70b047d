import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { keptTarget, ownTarget, publishedTarget } from '#src/endpoints/addresses.ts'
import type { EndpointContext } from '#src/endpoints/context.ts'
import { readForm } from '#src/endpoints/read-form.ts'
import { SingleUse } from '#src/endpoints/single-use.ts'
import { endpoints } from '#src/endpoints/table.ts'
import { startWorld, type World } from './world.ts'

const context = {
  publicScheme: () => 'https',
  isRouteHost: (url: URL) => url.hostname === 'wiki.corp.test',
} as unknown as EndpointContext

async function visitAt(): Promise<{ world: World; visit: ReturnType<World['visit']> }> {
  const world = await startWorld()
  return { world, visit: world.visit('https://wiki.corp.test/') }
}

const pieces = fc.constantFrom(
  'https:',
  'http:',
  '//',
  '/',
  '\\',
  '@',
  '#',
  '?',
  '.',
  ':',
  '%2f',
  '%5c',
  '%0d%0a',
  '\t',
  '\r\n',
  ' ',
  'wiki.corp.test',
  'evil.test',
  '.pomerium',
  'a',
  '。',
  '\u0000',
)

test('whatever is asked for, the place to return to is of this very origin, in printable ASCII', async () => {
  const { world, visit } = await visitAt()
  await using _ = world
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.webUrl(),
        fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('')),
      ),
      (text) => {
        const target = ownTarget(text, { visit, context })
        assert.equal(new URL(target).origin, 'https://wiki.corp.test')
        assert.match(target, /^https:\/\/wiki\.corp\.test\/(?!\/)[\x21-\x7e]*$/)
      },
    ),
    { numRuns: 3000 },
  )
})

test('a published target is of a published host for every parser that reads it', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.webUrl(),
        fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('')),
      ),
      (text) => {
        const url = publishedTarget(text, context)
        if (!url) return
        // The host by the letter of RFC 3986 appendix B, which is not how URL reads.
        assert.match(/^[^:/?#]+:\/\/([^/?#]*)/.exec(text)?.[1]?.toLowerCase() ?? '', /^wiki\.corp\.test(?::\d*)?$/)
      },
    ),
    { numRuns: 3000 },
  )
})

test('what a cookie keeps of a target is the whole, or the path, or the start', () => {
  assert.equal(keptTarget('https://a.test/x?y=1'), 'https://a.test/x?y=1')
  assert.equal(keptTarget(`https://a.test/x?y=${'1'.repeat(3000)}`), 'https://a.test/x')
  assert.equal(keptTarget(`https://a.test/${'x'.repeat(3000)}?y`), 'https://a.test/')
})

test('an id can be used once until it expires, and the memory is bounded', () => {
  const used = new SingleUse({ limit: 3 })
  assert.equal(used.claim('a', { expiresAt: 100, now: 0 }), true)
  assert.equal(used.claim('a', { expiresAt: 100, now: 99 }), false)
  assert.equal(used.claim('a', { expiresAt: 200, now: 100 }), true)
  for (const id of ['b', 'c', 'd']) used.claim(id, { expiresAt: 200, now: 101 })
  assert.equal(used.claim('d', { expiresAt: 200, now: 102 }), false)
  assert.equal(used.claim('a', { expiresAt: 200, now: 102 }), true, 'the oldest was let go')
})

test('a form is read within bounds, and only if it is one', async () => {
  const { world } = await visitAt()
  await using _ = world
  const read = (type: string, ...chunks: string[]) =>
    readForm({
      visit: world.visit('https://wiki.corp.test/', { method: 'POST', headers: ['content-type', type] }),
      request: Readable.from(chunks.map((chunk) => Buffer.from(chunk))) as never,
    })
  const form = 'application/x-www-form-urlencoded'
  assert.equal((await read(`${form}; charset=utf-8`, 'token=a%', '20b')).get('token'), 'a b')
  await assert.rejects(read('multipart/form-data', 'x'), { code: 'FORM_INVALID' })
  await assert.rejects(read(form, ...Array.from({ length: 70 }, () => 'x'.repeat(1024))), { code: 'FORM_INVALID' })
})

test('no two rows of the table answer the same path at the same place', () => {
  const keys = endpoints.map(({ path, at }) => `${at} ${path}`)
  assert.equal(new Set(keys).size, keys.length)
})
