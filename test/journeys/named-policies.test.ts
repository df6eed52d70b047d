import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readOffline } from '#src/trial/read-offline.ts'
import { requestOf } from '#src/trial/request.ts'
import { openTrial } from '#src/trial/trial.ts'
import { temporaryFolder } from '#test/actors/program.ts'
import type { LogLine } from '#test/actors/proxy.ts'
import { startWorld, type World } from './world.ts'

const methods = ['GET', 'POST']
const isTaken = (line: LogLine) => line['message'] === 'configuration in force'
const isRefused = (line: LogLine) => String(line['message']).startsWith('configuration refused')

const policies = {
  members: { allow: { and: [{ record: { type: 'member', field: 'status', is: 'active' } }] } },
  'no-posts': { deny: { or: [{ http_method: 'POST' }] } },
}

/** What the tools that read the same file say, as the status of each method. */
async function offline(world: World): Promise<number[]> {
  const read = await readOffline({ files: [world.proxy.configFile], env: {} })
  assert.ok(read.kind === 'ok')
  const trial = openTrial(read.settings)
  const alice = { email: 'alice@corp.test', groups: [], claims: {} }
  return methods.map((method) => {
    const { decision } = trial.decide(requestOf(world.url('club'), Date.now(), { method }), alice)
    return decision === 'allow' ? 200 : 403
  })
}

test('records and named policies decide alike in the proxy and in the tools, and an edit of the records is taken at once', async () => {
  using folder = temporaryFolder('records')
  const file = join(folder.path, 'members.yaml')
  writeFileSync(file, 'alice@corp.test: {status: active}\n')
  await using world = await startWorld({
    settings: { policies, records: { member: { file, key: 'user.email' } } },
    routes: ({ port, upstream }) => [
      { name: 'club', from: `https://club.corp.test:${port}`, to: upstream, policy: { use: ['members', 'no-posts'] } },
    ],
  })
  const alice = await world.signedIn('alice', 'club')
  const answers = async () => {
    const statuses: number[] = []
    for (const method of methods) statuses.push((await alice.fetch(world.url('club'), { method })).status)
    return statuses
  }
  assert.deepEqual(await answers(), [200, 403])
  assert.deepEqual(await offline(world), [200, 403])

  writeFileSync(file, 'alice@corp.test: {status: ended}\n')
  await world.proxy.logged(isTaken, 'the reload')
  assert.deepEqual(await answers(), [403, 403])
  assert.deepEqual(await offline(world), [403, 403])

  writeFileSync(file, '')
  const line = await world.proxy.logged(isRefused, 'the refusal')
  assert.match(JSON.stringify(line), /members\.yaml\\?" is empty/)
  assert.deepEqual(await answers(), [403, 403])
})
