import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { closeFrame, FrameBoundary } from '#src/forward/frame-boundary.ts'

function frame(length: number, masked: boolean): Buffer {
  const head = [0x82]
  const mask = masked ? 0x80 : 0
  if (length < 126) head.push(mask | length)
  else if (length < 65_536) head.push(mask | 126, length >> 8, length & 0xff)
  else head.push(mask | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff)
  return Buffer.concat([Buffer.from(head), Buffer.alloc(length + (masked ? 4 : 0), 0x88)])
}

test('it is clean exactly between two frames, however the octets arrive', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(0, 1, 125, 126, 200, 65_535, 65_536, 70_000), fc.boolean()), { maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 8 }),
      (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(([length, masked]) => frame(length, masked)))
        const ends = new Set<number>([0])
        let end = 0
        for (const [length, masked] of frames) {
          end += frame(length, masked).length
          ends.add(end)
        }
        const boundary = new FrameBoundary()
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const step = Math.min(cuts[i % cuts.length] ?? 1, bytes.length - at)
          boundary.pass(bytes.subarray(at, at + step))
          at += step
          assert.equal(boundary.clean, ends.has(at))
        }
        assert.equal(boundary.closed, false)
      },
    ),
  )
})

test('after a Close frame it is closed', () => {
  for (const masked of [true, false]) {
    const boundary = new FrameBoundary()
    boundary.pass(closeFrame(1008, masked))
    assert.deepEqual([boundary.clean, boundary.closed], [true, true])
  }
})
