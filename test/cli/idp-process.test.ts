import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { isSecretKey } from '#src/broker/management/secret-keys.ts'
import { listConnectors } from '#src/cli/idp/connectors.ts'
import { openTarget, type TargetFlags } from '#src/cli/idp/target.ts'
import { connectorTypes } from '#src/config/dex/connectors/connector-settings.ts'
import { sectionOf } from '#src/config/dex/go-types.ts'
import { metaOf } from '#src/config/setting-type.ts'
import { openDesk } from './idp-desk.ts'
import { typeIdp } from './idp-process.ts'

const mock = 'type: mockPassword\nid: kilgore\nname: Kilgore\nconfig: {username: admin, password: hunter2-pw}\n'

test('the socket is found by option and by environment, and standard input is read by default', async () => {
  await using desk = await openDesk()
  const { socket, world } = desk
  const cwd = world.folder
  const env = { OSTIARY_ADMIN_SOCKET: socket }
  assert.equal(await typeIdp(['create-connector'], { cwd, env, input: mock }), '')
  assert.equal(await typeIdp(['list-connector', '--socket', socket], { cwd }), 'kilgore - Kilgore (mockPassword)\n')
  assert.equal(await typeIdp(['update-connector', '-c', '-'], { cwd, env, input: 'id: kilgore\nversion: 1\n' }), '')
  // An empty input beside id and version: the founding document's `update-connector ID --version N`.
  assert.equal(await typeIdp(['update-connector', 'kilgore', '--version', '2'], { cwd, env }), '')
  assert.match(
    await typeIdp(['get-connector', 'kilgore'], { cwd, env }),
    /Version: 2\nConfig:\n {2}username: admin\n {2}password: "\*{8}"\n/,
  )
  assert.match(await typeIdp(['get-config'], { cwd, env }), /^server: ostiary 0\.0\.0\napi: 3\nissuer: http/)
})

test('wrong use is told with a hint and is 1', async () => {
  await using desk = await openDesk()
  const { socket, world } = desk
  const cwd = world.folder
  const wrong = [
    ['list-connector', '--socket', join(cwd, 'nothing')],
    ['get-connector', '--socket', socket],
    ['list-connector', '--socket', socket, '--dex', '127.0.0.1:1'],
    ['create-connector', '--socket', socket, '--config', 'nothing.yaml'],
    ['get-connector', 'x', '-o', 'xml', '--socket', socket],
    ['create-connector', 'ldap.yaml', '--socket', socket],
  ]
  const texts = await Promise.all(wrong.map((args) => typeIdp(args, { cwd })))
  for (const text of texts) {
    assert.match(text, /^(?:cannot|error:) .*\n(?:.*\n)*\[exit 1\]\n$/)
    assert.doesNotMatch(text, /at .*\.ts:\d+/, text)
  }
  assert.match(texts.at(-1) ?? '', /\nhint: ostiary idp create-connector --help\n/)
  const targets: readonly (readonly [TargetFlags, RegExp])[] = [
    [
      {},
      /cannot find the administration socket of a broker on this machine\n(?: {2}\/.*: there is no such socket\n)+hint: /,
    ],
    [{ dex: 'nonsense' }, /cannot reach "nonsense": expected HOST:PORT\nhint: /],
    [{ dex: '127.0.0.1:1', dexCert: 'x' }, /cannot show a certificate without its key\nhint: /],
    [{ dex: '127.0.0.1:1', dexInsecure: true, dexCa: 'x' }, /cannot use certificates in clear\nhint: /],
    [{ dexInsecure: true }, /cannot use certificates without an address\nhint: /],
    [{ dex: '127.0.0.1:1', dexCa: 'x' }, /cannot use these certificates/],
  ]
  const around = { env: {}, cwd: '/', readText: async () => 'no PEM' }
  for (const [flags, told] of targets)
    assert.match(
      await desk.type(async (io) => {
        await using target = await openTarget(flags, around, io)
        return await listConnectors({ target, format: undefined, io })
      }),
      told,
    )
})

test('every key that is declared secret is masked, and no key that names a claim is', () => {
  const secret: string[] = []
  const shown: string[] = []
  const walk = (schema: Parameters<typeof sectionOf>[0]) => {
    for (const [key, inner] of Object.entries(sectionOf(schema)?.shape ?? {})) {
      ;(metaOf(inner).secret === true ? secret : shown).push(key)
      walk(inner)
    }
  }
  for (const { schema } of Object.values(connectorTypes)) walk(schema)
  assert.ok(secret.length > 5)
  assert.deepEqual(
    secret.filter((key) => !isSecretKey(key)),
    [],
  )
  assert.deepEqual(shown.filter(isSecretKey), [])
})
