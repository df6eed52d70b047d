import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openAdminSocket } from '#src/broker/management/admin-socket.ts'
import { socketManagement } from '#src/broker/management/socket-management.ts'
import { away, careful, forced, kilgore, makeWorld, type World } from './world.ts'

async function serve(world: World) {
  const path = join(world.folder, 'ostiary.sock')
  const events: string[] = []
  const log = {
    event: (level: string, message: string, fields = {}) =>
      void events.push(`${level} ${message} ${JSON.stringify(fields)}`),
  }
  const socket = await openAdminSocket({ path, management: world.management, log })
  return { path, events, client: socketManagement(path), [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose]() }
}

test('everything that can be managed can be managed through the socket, with the same answers and refusals', async () => {
  await using world = makeWorld()
  await using served = await serve(world)
  const { client, events } = served
  assert.equal((await client.createConnector(kilgore, careful)).version, 0)
  assert.deepEqual(await client.getConnector('kilgore'), await world.management.getConnector('kilgore'))
  assert.equal((await client.updateConnector({ id: 'kilgore', version: 1, name: 'K' }, careful)).version, 1)
  await assert.rejects(client.updateConnector({ id: 'kilgore', version: 1 }, careful), {
    failure: 'conflict',
    message: 'cannot update connector "kilgore": the new version must be 2 (it is at 1), got 1',
    details: ['look at it with get-connector, and update that'],
  })
  await assert.rejects(client.createConnector(away, careful), { failure: 'does-not-work' })
  assert.equal((await client.createConnector(away, forced)).id, 'away')
  assert.deepEqual(
    (await client.listConnectors()).map(({ id }) => id),
    ['kilgore', 'away'],
  )
  await client.deleteConnector('away')
  await assert.rejects(client.deleteConnector('away'), { failure: 'not-found' })

  const made = await client.createClient({ name: 'Wiki', redirectUris: ['https://wiki.corp.test/cb'] })
  assert.ok(made.secret)
  assert.equal((await client.updateClient({ id: made.id, name: 'W' })).name, 'W')
  assert.equal((await client.getClient(made.id)).name, 'W')
  assert.equal((await client.listClients()).length, 1)
  await client.deleteClient(made.id)

  const hash = '$2b$10$cTJ793aV/Q2YC42Nf0/bYenWEgDaLAGewNHaLQLjrdu71//p3hKku'
  await client.createPassword({ email: 'a@corp.test', hash, username: 'a', userId: '1' })
  await client.updatePassword({ email: 'a@corp.test', username: 'b' })
  assert.equal((await client.listPasswords())[0]?.username, 'b')
  assert.equal(await client.verifyPassword('a@corp.test', 'wrong'), false)
  await client.deletePassword('a@corp.test')
  assert.deepEqual(await client.listRefreshTokens('sub'), [])
  assert.equal(await client.revoke('sub', 'wiki'), 0)
  assert.deepEqual(await client.discovery(), await world.management.discovery())
  assert.deepEqual(await client.version(), { server: 'ostiary 0.0.0', api: 3 })

  // Each change is written down with whom it concerned, and with nothing that is secret.
  const log = events.join('\n')
  assert.match(log, /managed over the administration socket \{"operation":"createConnector","of":"kilgore"\}/)
  assert.doesNotMatch(log, /hunter2|bind-pw|\$2b\$|"operation":"listClients/)
})

test('steps of a test arrive one by one, and an end that is no end is noticed', async () => {
  await using world = makeWorld()
  await using served = await serve(world)
  await served.client.createConnector({ ...kilgore, type: 'mockCallback', config: {} }, careful)
  const names: string[] = []
  const how = { user: undefined, signal: AbortSignal.timeout(5_000) }
  for await (const { name } of served.client.testConnector('kilgore', how)) names.push(name)
  assert.deepEqual(names, ['mock', 'claims', 'routes'])
  await assert.rejects(
    async () => {
      for await (const _ of served.client.testConnector('nobody', how));
    },
    { failure: 'not-found' },
  )
})

test('the socket is for its owner alone, and gone with its broker', async () => {
  await using world = makeWorld()
  const before = process.umask()
  {
    await using served = await serve(world)
    assert.equal(statSync(served.path).mode & 0o777, 0o600)
    assert.equal(process.umask(), before)
  }
  const client = socketManagement(join(world.folder, 'ostiary.sock'))
  await assert.rejects(client.listConnectors(), { failure: 'unreachable', message: /there is no such socket/ })
})
