import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createClients, deleteClient, getClient, listClients } from '#src/cli/idp/clients.ts'
import {
  createConnectors,
  deleteConnector,
  getConnector,
  listConnectors,
  updateConnectors,
} from '#src/cli/idp/connectors.ts'
import { readText } from '#src/cli/idp/read-text.ts'
import { openTarget, type Target } from '#src/cli/idp/target.ts'
import { testConnector } from '#src/cli/idp/test-connector.ts'
import { revoke } from '#src/cli/idp/tokens.ts'
import { skipWithout } from '#test/actors/program.ts'
import { certificates, serveGrpc, startManagedDex } from '#test/broker/management/grpc-world.ts'
import { type Desk, openDesk, quiet } from './idp-desk.ts'
import { typeIdp } from './idp-process.ts'

const mock = 'type: mockPassword\nid: kilgore\nname: Kilgore\nconfig: {username: admin, password: hunter2-pw}\n'
const given = (text: string) => ({ name: 'file.yaml', text })

/** The certificates as files, and the options that name them. */
async function dexOptions(folder: string, address: string) {
  const { ca, client } = await certificates()
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  return {
    dex: address,
    dexCa: write('ca.crt', ca),
    dexCert: write('client.crt', client.cert),
    dexKey: write('client.key', client.key.reveal()),
  }
}

async function targetAt(desk: Desk, address: string): Promise<Target> {
  const options = await dexOptions(desk.world.folder, address)
  return await openTarget(options, { env: {}, cwd: '/', readText }, { out: () => {}, err: () => {} })
}

async function manage({ type }: Desk, target: Target): Promise<void> {
  const create = (text: string) => type((io) => createConnectors(given(text), { target, flags: quiet, io }))
  const get = (id: string) => type((io) => getConnector(id, { target, format: 'yaml', showSecrets: false, io }))
  const update = (text: string, more: { version?: string; diff?: boolean }) =>
    type((io) => updateConnectors({ id: undefined, given: given(text) }, { target, flags: { ...quiet, ...more }, io }))

  assert.equal(await create(mock), 'exit 0\n')
  assert.match(await create(mock), /^cannot create connector "kilgore": .*exists already/)
  assert.match(
    await type((io) => listConnectors({ target, format: undefined, io })),
    /^kilgore - Kilgore \(mockPassword\)$/m,
  )
  const shown = await get('kilgore')
  const version = /^Version: "?([0-9a-f]{16})"?$/m.exec(shown)?.[1]
  assert.ok(version)
  assert.match(shown, /username: admin\n {2}password: "\*{8}"\nexit 0\n$/)
  const next = 'id: kilgore\nname: K\nversion: 7\n'
  assert.equal(await update(next, { version }), 'exit 0\n')
  assert.match(
    await update(next, { version }),
    /the version must be [0-9a-f]{16} \(what is there\), got [0-9a-f]{16}\n.*\nexit 1\n$/,
  )
  assert.match(
    await update('id: kilgore\nname: K2\nversion: 7\n', { diff: true }),
    /file\.yaml:1:1: version 7 is not compared: Dex counts none.*\n {2}~ name: "K" -> "K2"\nexit 0\n$/,
  )
  const flags = { user: undefined, json: false, signal: AbortSignal.timeout(5_000) }
  assert.match(
    await type((io) => testConnector('kilgore', { target, flags, io })),
    /^cannot test connector "kilgore": Dex has no such call\n/,
  )
  assert.equal(await type((io) => deleteConnector('kilgore', { target, flags: { verbose: false }, io })), 'exit 0\n')

  const client = 'id: wiki\nname: Wiki\nredirectURIs: [https://wiki.corp.test/cb]\n'
  assert.match(await type((io) => createClients(given(client), { target, io })), /^Client secret: "\S+"\nexit 0\n$/)
  assert.match(await type((io) => listClients({ target, io })), /^wiki$/m)
  assert.match(
    await type((io) => getClient('wiki', { target, format: 'json', showSecrets: false, io })),
    /"redirectUris": \[\n {4}"https:\/\/wiki\.corp\.test\/cb"/,
  )
  assert.equal(await type((io) => deleteClient('wiki', { target, verbose: false, io })), 'exit 0\n')
  // Of these three the last two are no `sub` at all.
  for (const subject of ['CgExEgRsZGFw', 'nobody', 'alice@corp.test'])
    for (const client of [undefined, 'wiki'])
      assert.match(
        await type((io) => revoke(subject, { target, who: {}, client, io })),
        /^0 refresh tokens revoked: .*\nhint: .*\nexit 1\n$/,
      )
}

test('a real Dex is managed by the same commands', { skip: skipWithout('dex') }, async () => {
  await using dex = await startManagedDex()
  await using desk = await openDesk()
  await using target = await targetAt(desk, dex.address)
  await manage(desk, target)
  // Types that only Dex knows are not judged here.
  const keystone =
    '{type: keystone, id: ks, name: KS, config: {domain: default, host: "http://127.0.0.1:1", keystonePassword: ks-pw}}'
  assert.equal(await desk.type((io) => createConnectors(given(keystone), { target, flags: quiet, io })), 'exit 0\n')
  assert.match(
    await desk.type((io) => getConnector('ks', { target, format: 'yaml', showSecrets: false, io })),
    /keystonePassword: "\*{8}"/,
  )
})

test('our own gRPC API is managed by the same commands, and says no to strangers', async () => {
  await using desk = await openDesk()
  await using served = await serveGrpc(desk.world)
  {
    await using target = await targetAt(desk, served.address)
    await manage(desk, target)
  }
  const cwd = desk.world.folder
  const { dexCa, dexCert, dexKey } = await dexOptions(cwd, served.address)
  const options = ['--dex', served.address, '--dex-ca', dexCa, '--dex-cert', dexCert, '--dex-key', dexKey]
  assert.match(await typeIdp(['get-config', ...options], { cwd }), /^server: ostiary 0\.0\.0\napi: 3\nissuer: http/)
  assert.match(
    await typeIdp(['list-connector', '--dex', served.address, '--dex-insecure'], { cwd }),
    /^cannot reach Dex at 127\.0\.0\.1:\d+: .*\n {2}is its gRPC listener on.*\n\[exit 1\]\n$/,
  )
})

test('what is shown of a Dex can be made in a broker of ours, and given back under its version', async () => {
  await using desk = await openDesk()
  await using served = await serveGrpc(desk.world)
  await using target = await targetAt(desk, served.address)
  await using ours = await openDesk()
  const show = { target, format: 'yaml', showSecrets: true } as const
  const without = (text: string) => text.replace(/exit 0\n$/, '')
  const client = 'id: wiki\nname: Wiki\nsecret: wiki-secret\nredirectURIs: [https://wiki.corp.test/cb]\n'
  await desk.type((io) => createConnectors(given(mock), { target, flags: quiet, io }))
  await desk.type((io) => createClients(given(client), { target, io }))

  const connector = without(await desk.type((io) => getConnector('kilgore', { ...show, io })))
  const made = await ours.type((io) => createConnectors(given(connector), { target: ours.target, flags: quiet, io }))
  assert.match(
    made,
    /^file\.yaml:4:10: version: warning: this is the version of a connector of a Dex, .*\n(?: .*\n)*exit 0\n$/,
  )
  assert.deepEqual((await ours.world.management.getConnector('kilgore')).config, {
    username: 'admin',
    password: 'hunter2-pw',
  })
  const application = without(await desk.type((io) => getClient('wiki', { ...show, io })))
  await ours.type((io) => createClients(given(application), { target: ours.target, io }))
  assert.equal((await ours.world.management.getClient('wiki', { showSecret: true })).secret, 'wiki-secret')

  const update = () => {
    const text = connector.replace('Name: Kilgore', 'Name: K')
    return desk.type((io) => updateConnectors({ id: undefined, given: given(text) }, { target, flags: quiet, io }))
  }
  assert.equal(await update(), 'exit 0\n')
  assert.match(await update(), /^cannot update connector "kilgore": the version must be \w{16} \(what is there\)/)
})
