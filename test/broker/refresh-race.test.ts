import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { milliseconds } from '#src/wire/units.ts'
import { temporaryFolder } from '#test/actors/program.ts'
import { authorizeUrl, redeem, refresh, signIn, startBroker } from './world.ts'

const zero = milliseconds(0)
const settings = async (reuseInterval: number) => {
  await using plain = await startBroker()
  const refreshTokens = {
    disableRotation: false,
    reuseInterval: milliseconds(reuseInterval),
    validIfNotUsedFor: zero,
    absoluteLifetime: zero,
  }
  return { expiry: { ...plain.settings.expiry, refreshTokens } }
}

test('within the interval of reuse, two refreshes at the same moment leave tokens that work', async () => {
  using folder = temporaryFolder('race')
  const storage = { type: 'sqlite3', file: join(folder.path, 'broker.db') } as const
  await using world = await startBroker({ settings: { ...(await settings(3000)), storage } })
  for (let round = 0; round < 10; round++) {
    const page = await signIn(world.browser(), authorizeUrl(world.issuer))
    const { body } = await redeem(world, page)
    const answers = await Promise.all([1, 2, 3, 4].map(() => refresh(world, body['refresh_token'])))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200],
    )
    const next = new Set(answers.map((answer) => answer.body['refresh_token']))
    assert.equal(next.size, 1, 'they got different tokens')
    const [token] = next
    const again = await refresh(world, token)
    assert.equal(again.status, 200, JSON.stringify(again.body))
  }
})
