import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createClients, deleteClient, getClient, listClients, updateClients } from '#src/cli/idp/clients.ts'
import {
  createConnectors,
  deleteConnector,
  getConnector,
  listConnectors,
  updateConnectors,
  type WriteFlags,
} from '#src/cli/idp/connectors.ts'
import { testConnector } from '#src/cli/idp/test-connector.ts'
import { listRefresh, revoke } from '#src/cli/idp/tokens.ts'
import { fileConnector } from '#test/broker/management/world.ts'
import { type Desk, openDesk, quiet } from './idp-desk.ts'

const mock = `type: mockPassword
id: kilgore
name: Kilgore
version: 1
config:
  username: admin
  password: hunter2-pw
`

/** The commands, with what stays the same in a test. */
function commandsAt({ type, target }: Desk) {
  const given = (text: string, name = 'mock.yaml') => ({ name, text })
  return {
    create: (text: string, flags: Partial<WriteFlags> = {}, name = 'mock.yaml') =>
      type((io) => createConnectors(given(text, name), { target, flags: { ...quiet, ...flags }, io })),
    update: (text: string | undefined, flags: Partial<WriteFlags> = {}, id?: string) =>
      type((io) =>
        updateConnectors(
          { id, given: text === undefined ? undefined : given(text) },
          { target, flags: { ...quiet, ...flags }, io },
        ),
      ),
    get: (id: string, showSecrets = false, format: 'yaml' | 'json' = 'yaml') =>
      type((io) => getConnector(id, { target, format, showSecrets, io })),
    list: (format?: 'json') => type((io) => listConnectors({ target, format, io })),
    remove: (id: string) => type((io) => deleteConnector(id, { target, flags: { verbose: false }, io })),
    createClient: (text: string) => type((io) => createClients(given(text, 'client.yaml'), { target, io })),
    updateClient: (text: string, id?: string) =>
      type((io) => updateClients({ id, given: given(text, 'client.yaml') }, { target, verbose: false, io })),
  }
}

test('a connector is created in silence, listed, shown with masks, updated by version, and deleted', async () => {
  await using desk = await openDesk()
  const { create, list, get, update, remove } = commandsAt(desk)
  assert.equal(await create(mock), 'exit 0\n')
  assert.equal(await list(), 'kilgore - Kilgore (mockPassword)\nexit 0\n')
  assert.equal(
    await get('kilgore'),
    `ID: kilgore
Name: Kilgore
Type: mockPassword
Version: 1
Config:
  username: admin
  password: "********"
exit 0
`,
  )
  assert.match(await get('kilgore', true), /password: hunter2-pw/)
  assert.equal(
    await update(mock),
    `cannot update connector "kilgore": the new version must be 2 (it is at 1), got 1
  look at it with get-connector, and update that
exit 1
`,
  )
  assert.equal(await update(mock.replace('version: 1', 'version: 2').replace('Kilgore', 'K. Trout')), 'exit 0\n')
  assert.equal(await update('id: kilgore\nname: K3\n', { version: '3' }), 'exit 0\n')
  // The founding document's `update-connector ID --version N`.
  assert.equal(
    await update(undefined, { version: '4', verbose: true }, 'kilgore'),
    'updated connector kilgore (mockPassword), version 4\nexit 0\n',
  )
  assert.equal(await list(), 'kilgore - K3 (mockPassword)\nexit 0\n')
  assert.equal(await remove('kilgore'), 'exit 0\n')
  assert.match(await remove('kilgore'), /^cannot delete connector "kilgore": there is none\n.*\nexit 1\n$/)
  assert.equal(await list(), 'exit 0\n')
})

test('what get-connector prints can be given back, once its secrets are in it', async () => {
  await using desk = await openDesk()
  const { create, get, update } = commandsAt(desk)
  await create(mock)
  const masked = (await get('kilgore')).replace('exit 0\n', '').replace('Version: 1', 'Version: 2')
  assert.equal(
    await update(masked),
    `cannot use the settings of connector "kilgore": they hold the mask of a secret
hint: get-connector --show-secrets prints what can be given back
exit 1
`,
  )
  const whole = (await get('kilgore', true)).replace('exit 0\n', '').replace('Version: 1', 'Version: 2')
  assert.equal(await update(whole), 'exit 0\n')
  const json: { id: string; config: object; origin: string } = JSON.parse(
    (await get('kilgore', false, 'json')).replace('exit 0\n', ''),
  )
  assert.deepEqual(json, {
    id: 'kilgore',
    name: 'Kilgore',
    type: 'mockPassword',
    version: 2,
    config: { username: 'admin', password: '********' },
    origin: 'store',
  })
})

test('a difference shows what changes and no secret; a dry run writes nothing', async () => {
  await using desk = await openDesk()
  const { create, update, get } = commandsAt(desk)
  assert.equal(
    await create(mock, { dryRun: true, diff: true }),
    `would create connector kilgore (mockPassword), version 1
  + type: "mockPassword"
  + name: "Kilgore"
  + config.username: "admin"
  + config.password: ********
exit 0
`,
  )
  assert.match(await get('kilgore'), /there is none/)
  await create(mock)
  const next = mock.replace('admin', 'root').replace('hunter2-pw', 'other-pw').replace('version: 1', 'version: 2')
  const shown = `would update connector kilgore (mockPassword), version 2
  ~ config.username: "admin" -> "root"
  ~ config.password: ******** (another one)
exit 0
`
  assert.equal(await update(next, { dryRun: true, diff: true }), shown)
  assert.equal(
    await update(next, { diff: true }),
    shown.replace('would update connector kilgore (mockPassword), version 2\n', ''),
  )
  assert.match(await update('id: kilgore\n', { diff: true }), /^ {2}no difference\n/)
})

test('problems of a file are told with their places, and nothing is done', async () => {
  await using desk = await openDesk()
  const { create, list } = commandsAt(desk)
  const text = await create(mock.replace('password: hunter2-pw', 'pasword: hunter2-pw'))
  assert.match(text, /^mock\.yaml:7:3: config\.pasword: unknown key, did you mean "password"\?/m)
  assert.match(text, /problems?: nothing was done\nexit 1\n$/)
  assert.ok(!text.includes('hunter2'), text)
  assert.equal(await list(), 'exit 0\n')
})

test('the founding files: JSON, YAML with its stray comma, and the Secret as it is printed', async () => {
  await using desk = await openDesk()
  const { create, get, list } = commandsAt(desk)
  const seed = (name: string) => readFileSync(join(import.meta.dirname, '../vectors/seeds', name), 'utf8')
  const json = seed('oidc-dex-connector.json').replaceAll('<ip>', '127.0.0.1')
  const yaml = seed('oidc-dex-connector.yaml').replaceAll('<ip>', '127.0.0.1')
  // Auth0 is not asked: the placeholder <ip> leads nowhere.
  assert.match(await create(json, { force: true }, 'oidc-dex-connector.json'), /exit 0\n$/)
  assert.match(await get('auth0'), /Version: 1\nConfig:\n {2}issuer: https:\/\/dev-k34x5yjn\.us\.auth0\.com\/\n/)
  assert.match(await create(yaml, { force: true }), /expected true or false, got "false,"/)
  assert.match(await create(seed('upstream-idps-secret.yaml'), { force: true }), /exit [01]\n$/)
  assert.match(await list(), /auth0 - Auth0 \(oidc\)/)
})

test('of several connectors each is made that can be, and the rest is counted', async () => {
  await using desk = await openDesk()
  const { create, list, update } = commandsAt(desk)
  await create(mock)
  const several = `- {type: mockPassword, id: a, name: A, config: {username: u, password: p}}
- {type: mockPassword, id: kilgore, name: B, config: {username: u, password: p}}
- {type: mockCallback, id: c, name: C}
`
  const text = await create(several)
  assert.match(
    text,
    /cannot create connector "kilgore": the id exists already\n.*\n2 of 3 connectors created\nexit 1\n$/,
  )
  assert.match(await list(), /^kilgore .*\na - A .*\nc - C \(mockCallback\)\n/)
  assert.match(await update(several, { version: '1' }), /cannot give one version to several connectors\nhint: /)
  assert.match(
    await update(several, {}, 'nobody'),
    /holds "a"\nhint: name the id that the file has, or none\nexit 1\n$/,
  )
  assert.equal(
    await update(several.replaceAll('name: A', 'name: A2'), { verbose: true }, 'a'),
    'updated connector a (mockPassword), version 1\nexit 0\n',
  )
})

test('a source that does not work is refused, and forced in', async () => {
  await using desk = await openDesk()
  const { create } = commandsAt(desk)
  const ldap = `type: ldap
id: away
name: FreeIPA
config:
  host: 127.0.0.1:9
  insecureNoSSL: true
  bindDN: uid=dex
  bindPW: bind-pw-secret
  userSearch: {baseDN: "dc=x", username: uid, idAttr: uid, emailAttr: mail, nameAttr: cn}
`
  const refused = await create(ldap)
  assert.match(refused, /cannot create connector "away": it does not work\n {2}.*127\.0\.0\.1:9/)
  assert.match(refused, /exit 1\n$/)
  assert.ok(!refused.includes('bind-pw-secret'))
  assert.match(
    await create(ldap, { force: true, verbose: true }),
    /created connector away \(ldap\), version 0\nexit 0\n$/,
  )
})

test('connectors of the file are shown as such', async () => {
  await using desk = await openDesk()
  await desk.world.management.reconcile([fileConnector('ldap')])
  const { get, remove } = commandsAt(desk)
  assert.match(await get('ldap'), /^# from the configuration file: it is changed there\nID: ldap\n/)
  assert.match(
    await remove('ldap'),
    /^cannot delete connector "ldap": it comes from the configuration file\n {2}change it there/,
  )
})

test('names and settings cannot steer the terminal', async () => {
  await using desk = await openDesk()
  await desk.world.store.put({
    kind: 'Connector',
    id: 'evil',
    value: {
      type: 'mock\u001b[2J',
      name: '\u001b]0;owned\u0007\u009b31m',
      version: 1,
      config: { a: '\u001b[31m\u009b', b: 'x\u2028y' },
    },
  })
  const { get, list } = commandsAt(desk)
  for (const text of [
    await list(),
    await get('evil'),
    await get('evil', false, 'json'),
    await list('json'),
    await get('\u001b[31m'),
  ])
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/)
})

test('an application gets its secret once, in words that can be copied', async () => {
  await using desk = await openDesk()
  const { createClient, updateClient } = commandsAt(desk)
  const { type, target } = desk
  assert.match(
    await createClient('id: wiki\nname: Wiki\nredirect_uris: [https://wiki.corp.test/cb]\n'),
    /^Client secret: "[\w-]{43}"\nexit 0\n$/,
  )
  assert.match(await createClient('name: Unnamed\n'), /^Client id: "[\w-]{22}"\nClient secret: "[\w-]{43}"\nexit 0\n$/)
  assert.equal(await createClient('id: cli\nname: CLI\npublic: true\n'), 'exit 0\n')
  assert.match(
    await createClient('id: wiki\nname: Wiki\n'),
    /^cannot create client "wiki": the id exists already\nexit 1\n$/,
  )
  assert.equal(
    await type((io) => getClient('wiki', { target, format: 'yaml', showSecrets: false, io })),
    `ID: wiki
Name: Wiki
RedirectURIs:
  - https://wiki.corp.test/cb
TrustedPeers: []
Public: false
exit 0
`,
  )
  assert.match(await type((io) => listClients({ target, io })), /^wiki\n[\w-]{22}\ncli\nexit 0\n$/)
  assert.equal(await updateClient('id: wiki\ntrusted_peers: [cli]\n'), 'exit 0\n')
  assert.equal(await updateClient('name: W\n', 'wiki'), 'exit 0\n')
  assert.match(
    await updateClient('id: wiki\nsecret: other\n'),
    /^cannot change the secret of client "wiki"\nhint: delete/,
  )
  const withSecret = await type((io) => getClient('wiki', { target, format: 'json', showSecrets: true, io }))
  const [, secret = ''] = /"secret": "([\w-]{43})"/.exec(withSecret) ?? []
  assert.notEqual(secret, '')
  assert.equal(await updateClient(`id: wiki\nsecret: ${secret}\n`), 'exit 0\n', 'what was printed is taken back')
  assert.match(
    await updateClient('id: wiki\npublic: true\n'),
    /^cannot change whether client "wiki" is public\nhint: delete/,
  )
  assert.equal(await type((io) => deleteClient('wiki', { target, verbose: true, io })), 'deleted client wiki\nexit 0\n')
})

test('the walk is printed step by step, and a failed step is 1', async () => {
  await using desk = await openDesk({
    routesOpenTo: () => [{ route: 'wiki', isOpen: true, why: 'the group authors' }],
  })
  const { create } = commandsAt(desk)
  const { type, target } = desk
  await create('{type: mockCallback, id: mock, name: M}')
  const flags = { user: undefined, json: false, signal: AbortSignal.timeout(5_000) }
  assert.equal(
    await type((io) => testConnector('mock', { target, flags, io })),
    `doubtful  mock: anybody is let in
ok        claims: sub Cg0wLTM4NS0yODA4OS0wEgRtb2Nr
            email: "kilgore@kilgore.trout"
            email_verified: true
            name: "Kilgore Trout"
            groups: ["authors"]
            federated_claims: {"connector_id":"mock","user_id":"0-385-28089-0"}
ok        routes: 1 of 1 open
            open  wiki: the group authors
exit 0
`,
  )
  await create(
    '{type: ldap, id: away, name: A, config: {host: "127.0.0.1:9", insecureNoSSL: true, userSearch: {baseDN: "dc=x", username: uid, idAttr: uid, emailAttr: mail, nameAttr: cn}}}',
    { force: true },
  )
  assert.match(
    await type((io) => testConnector('away', { target, flags, io })),
    /^failed .*127\.0\.0\.1:9.*\n(?:.*\n)*exit 1\n$/m,
  )
  assert.match(
    await type((io) => testConnector('none', { target, flags, io })),
    /^cannot test connector "none": there is none/,
  )
})

test('refresh tokens are listed and revoked by sub or by id at a connector, and none revoked is no success', async () => {
  await using desk = await openDesk()
  const { type, target, world } = desk
  await world.store.put({
    kind: 'RefreshToken',
    id: 'the-token-itself',
    value: { iat: 1_700_000_000 },
    indexes: { subject: 'CgoxODYwMjAwMDAxEgRsZGFw', client: 'wiki', grant: 'g' },
  })
  const nobody = {}
  const alice = { connector: 'ldap', userId: '1860200001' }
  const listed = await type((io) => listRefresh(undefined, { target, who: alice, format: undefined, io }))
  assert.match(listed, /^wiki {2}since 2023-11-14 22:13Z {2}used 2023-11-14 22:13Z {2}[\w-]{16}\nexit 0\n$/)
  assert.match(
    await type((io) => revoke('user:alice', { target, who: nobody, client: undefined, io })),
    /^0 refresh tokens revoked: "user:alice" has none\nhint: the subject is the `sub` of tokens.*\nexit 1\n$/,
  )
  assert.equal(
    await type((io) => revoke(undefined, { target, who: alice, client: undefined, io })),
    '1 refresh token revoked\nexit 0\n',
  )
  assert.match(
    await type((io) => revoke(undefined, { target, who: nobody, client: undefined, io })),
    /cannot tell whose.*\nhint: /,
  )
})

test('a file of the other kind is told as one, and a configuration without any of the kind', async () => {
  await using desk = await openDesk()
  const { type, target } = desk
  const connectors = (text: string) => type((io) => createConnectors({ name: '-', text }, { target, flags: quiet, io }))
  const clients = (text: string, lenient = false) =>
    type((io) => createClients({ name: '-', text }, { target, io, lenient }))
  const configuration = 'issuer: https://dex.corp.test\nstorage: {type: memory}\n'
  assert.match(
    await connectors('id: w\nredirect_uris: ["https://w/cb"]\n'),
    /:2:1: .*no connector\n(?:.*\n)*.*create-client/,
  )
  assert.match(
    await clients('type: github\nid: g\nconfig: {clientID: a}\n'),
    /:1:7: .*no application\n(?:.*\n)*.*create-conn/,
  )
  assert.match(
    await connectors(configuration),
    /: there is no connector in it\n(?:.*\n)*1 problem: nothing was done\nexit 1\n$/,
  )
  assert.match(
    await clients(configuration),
    /: there is no client in it\n(?:.*\n)*1 problem: nothing was done\nexit 1\n$/,
  )
  assert.match(await clients('id: w\nfuture: 1\n'), /future: unknown key\n(?:.*\n)*exit 1\n$/)
  assert.match(
    await clients('id: w\nname: W\nfuture: 1\n', true),
    /warning: unknown key\n(?:.*\n)*Client secret: .*\nexit 0\n$/,
  )
  assert.match(
    await type((io) => listClients({ target, io, format: 'yaml' })),
    /^- id: w\n {2}name: W\n {2}public: false\n {2}origin: store\nexit 0\n$/,
  )
})
