import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Admission, ClientGuesses } from '#src/broker/guesses/client-guesses.ts'

const wiki = { client: 'wiki', address: '192.0.2.1' }

function free(admission: Admission): Extract<Admission, { kind: 'free' }> {
  assert.equal(admission.kind, 'free')
  return admission as Extract<Admission, { kind: 'free' }>
}

test('an application refreshes for two hundred people at the same moment, right after a start as well', () => {
  const guesses = new ClientGuesses(() => 0)
  for (let round = 0; round < 3; round++) {
    const under = Array.from({ length: 200 }, () => free(guesses.admit(wiki)))
    for (const { end } of under) end('right')
  }
})

test('after a wrong secret many at once gain nothing, from the client’s own network and from elsewhere', () => {
  const guesses = new ClientGuesses(() => 0)
  free(guesses.admit(wiki)).end('right')
  for (const [address, most] of [
    [wiki.address, 30],
    ['198.51.100.7', 30],
  ] as const) {
    free(guesses.admit({ client: 'wiki', address })).end('wrong')
    const admitted = Array.from({ length: 200 }, () => guesses.admit({ client: 'wiki', address })).filter(
      (admission) => admission.kind === 'free',
    )
    assert.equal(admitted.length, most, address)
    for (const admission of admitted) free(admission).end('wrong')
    for (let n = 0; n < 2; n++) {
      const next = guesses.admit({ client: 'wiki', address })
      if (next.kind === 'free') next.end('wrong')
    }
    assert.equal(guesses.admit({ client: 'wiki', address }).kind, 'wait', address)
  }
})
