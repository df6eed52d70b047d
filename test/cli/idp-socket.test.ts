import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { adminSocketOf, usualSockets } from '#src/config/dex/admin-socket.ts'
import { openDesk } from './idp-desk.ts'
import { typeIdp } from './idp-process.ts'

const mock = { id: 'there', type: 'mockCallback', name: 'There', config: {} }

test('without --socket the one broker of this machine is found, and no guess is made between two', async () => {
  await using found = await openDesk()
  const env = { XDG_RUNTIME_DIR: found.world.folder }
  await found.world.management.createConnector(mock, { force: false })
  const listed = 'there - There (mockCallback)\n'
  {
    await using desk = await openDesk()
    const cwd = desk.world.folder
    // Beside its file is where a broker puts its socket by default.
    assert.equal(await typeIdp(['list-connector'], { cwd }), '')
    const told = `cannot choose between 2 brokers on this machine
  ${desk.socket}
  ${found.socket}
hint: give one of them with --socket PATH
[exit 1]
`
    assert.equal(await typeIdp(['list-connector'], { cwd, env }), told)
    assert.equal(await typeIdp(['list-connector', '--socket', found.socket], { cwd, env }), listed)
    assert.equal(await typeIdp(['list-connector'], { cwd, env: { ...env, OSTIARY_ADMIN_SOCKET: desk.socket } }), '')
  }
  assert.equal(await typeIdp(['list-connector'], { cwd: '/', env }), listed)
  assert.equal(
    await typeIdp(['list-connector'], { cwd: found.world.folder, env }),
    listed,
    'the same place twice is one',
  )
})

test('what is at the usual places and is no broker is told for each: left by a crash, a file, nothing', async () => {
  await using desk = await openDesk()
  const [left, file] = [join(desk.world.folder, 'left'), join(desk.world.folder, 'file')]
  for (const each of [left, file]) mkdirSync(each)
  const crash = 'require("net").createServer().listen("ostiary.sock", () => process.kill(process.pid, "SIGKILL"))'
  spawnSync(process.execPath, ['-e', crash], { cwd: left, timeout: 10_000 })
  writeFileSync(join(file, 'ostiary.sock'), '')
  const env = { XDG_RUNTIME_DIR: file, RUNTIME_DIRECTORY: `${desk.world.folder}/nowhere:/other` }
  const told = await typeIdp(['list-connector'], { cwd: left, env })
  assert.deepEqual(told.split('\n').slice(0, 4), [
    'cannot find the administration socket of a broker on this machine',
    `  ${left}/ostiary.sock: nobody serves it`,
    `  ${desk.world.folder}/nowhere/ostiary.sock: there is no such socket`,
    `  ${file}/ostiary.sock: it is no socket`,
  ])
  assert.match(told, /\nhint: is it running\? .*--socket PATH\n\[exit 1\]\n$/)
})

test('whoever has put a socket into a folder of theirs is not believed by root who comes by, unless it is named', {
  skip: process.getuid?.() === 0 ? false : 'only root can make a socket of somebody else',
}, async () => {
  await using desk = await openDesk()
  await desk.world.management.createConnector(mock, { force: false })
  const cwd = desk.world.folder
  for (const path of [cwd, desk.socket]) chownSync(path, 65_534, 65_534)
  const refused = `  ${desk.socket}: it belongs to another user (id 65534); name it with --socket where you know whose it is\n`
  for (const [where, env] of [
    [cwd, {}],
    ['/', { XDG_RUNTIME_DIR: cwd }],
  ] as const)
    assert.ok((await typeIdp(['list-connector'], { cwd: where, env })).includes(refused))
  assert.equal(await typeIdp(['list-connector', '--socket', desk.socket], { cwd }), 'there - There (mockCallback)\n')
})

test('where a broker puts its socket and where it is looked for are the same places', () => {
  const cwd = '/srv/gate'
  const beside = { type: 'sqlite3', file: '/srv/gate/ostiary-broker.sqlite3' } as const
  for (const [storage, environment] of [
    [beside, {}],
    [{ type: 'sqlite3', file: '/var/lib/ostiary/broker.sqlite3' }, {}],
    [{ type: 'sqlite3', file: '/etc/ostiary/ostiary-broker.sqlite3' }, {}],
    [{ type: 'memory' }, { XDG_RUNTIME_DIR: '/run/user/1000' }],
    [{ type: 'memory' }, { RUNTIME_DIRECTORY: '/run/ostiary', XDG_RUNTIME_DIR: '/run/user/1000' }],
  ] as const) {
    const put = adminSocketOf(undefined, { storage, environment, cwd })
    assert.ok(put !== undefined && usualSockets({ environment, cwd }).some(({ path }) => path === put), String(put))
  }
  const long = `/${'x'.repeat(100)}`
  assert.deepEqual(
    usualSockets({ environment: {}, cwd: long }).filter(({ path }) => path.startsWith(long)),
    [],
    'no system takes such a path',
  )
})
