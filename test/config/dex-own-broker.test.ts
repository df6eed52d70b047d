import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { DEX } from './dex-loading.ts'
import { brief, HEAD, KEY, load, problemsOf, settingsOf } from './loading.ts'

const seed = (name: string) => readFileSync(new URL(`../vectors/seeds/${name}`, import.meta.url), 'utf8')
const ROUTES = 'routes: [{from: "https://app.corp.test", to: "http://app", allowed_groups: [devops]}]\n'
const CALLBACK = 'https://authenticate.corp.test/oauth2/callback'
const client = (more = '') =>
  `staticClients:\n  - id: pom\n    name: pom\n    secret: pomerium\n    redirectURIs: ["${CALLBACK}"]\n${more}`

/** The gate of `loading.ts` with a broker as its provider. */
const gate = (url = 'https://dex.corp.test/dex') => `${HEAD.replace('http://idp.test', url)}${ROUTES}broker: dex.yaml\n`
const dex = `${DEX}${client()}`

test('a configuration names the file of its broker, which is found beside it', async () => {
  const configuration = await load(gate(), { beside: { 'dex.yaml': dex } })
  assert.ok(configuration.kind === 'ok', JSON.stringify(configuration))
  assert.equal(configuration.settings.broker?.issuer, 'https://dex.corp.test/dex')
  assert.equal(configuration.settings.broker?.source.file, 'dex.yaml')
  assert.ok(Object.isFrozen(configuration.settings.broker?.staticClients))
})

test('the file of the broker is watched with the others', async () => {
  const { watched, fingerprints } = await load(gate(), { beside: { 'dex.yaml': dex } })
  assert.ok(watched.includes('/gate/dex.yaml'))
  const changed = await load(gate(), { beside: { 'dex.yaml': `${dex}# changed\n` } })
  assert.notEqual(fingerprints.get('/gate/dex.yaml'), changed.fingerprints.get('/gate/dex.yaml'))
})

test('the broker may be written into the configuration, with the references of ours', async () => {
  const inside = `${DEX}${client().replace('pomerium', '${POM_SECRET}')}`.replaceAll(/^(?=.)/gm, '  ')
  const text = gate().replace('broker: dex.yaml\n', `broker:\n${inside}`)
  const settings = await settingsOf(text, { env: { POM_SECRET: 'pomerium' } })
  assert.equal(settings.broker?.staticClients[0]?.secret?.reveal(), 'pomerium')
  const wrong = text.replace('enablePasswordDB: true', 'EnablePasswordDB: "true"')
  const told = brief(await problemsOf(wrong, { env: { POM_SECRET: 'x' } }))
  assert.match(told.join('\n'), /^gate\.yaml:13:21 broker\.enablePasswordDB expected true or false, got "true"/m)
})

test('what a reference of ours brought into a connector is not read for variables again', async () => {
  const inside = `issuer: https://dex.corp.test/dex
storage: {type: memory}
connectors: [{type: mockPassword, id: m, name: m, config: {username: "$NAME", password: "\${PW}"}}]
${client()}`.replaceAll(/^(?=.)/gm, '  ')
  const text = gate().replace('broker: dex.yaml\n', `broker:\n${inside}`)
  const settings = await settingsOf(text, { env: { PW: 'pa$NAME', NAME: 'kilgore' } })
  const [connector] = settings.broker?.connectors ?? []
  assert.ok(connector?.type === 'mockPassword')
  assert.deepEqual([connector.config.username, connector.config.password.reveal()], ['kilgore', 'pa$NAME'])
})

test('a broker named on the command line wins, with a warning', async () => {
  const configuration = await load(gate(), { brokerFile: 'other.yaml', beside: { 'other.yaml': dex } })
  assert.ok(configuration.kind === 'ok', JSON.stringify(configuration))
  assert.match(brief(configuration.warnings).join('\n'), /broker "broker" is ignored: --broker names another one/)
  assert.ok(!configuration.watched.includes('/gate/dex.yaml'))
})

test('problems of the broker come out with those of the proxy, each with its file', async () => {
  const told = brief(
    await problemsOf(`${gate()}timeout_read: 30\n`, { beside: { 'dex.yaml': dex.replace('memory', 'etcd') } }),
  )
  assert.deepEqual(
    told.map((line) => line.split(' ').slice(0, 2).join(' ')),
    ['dex.yaml:2:17 storage.type', 'gate.yaml:11:15 timeout_read'],
  )
})

test('a broker whose file is not there is told at the key that names it', async () => {
  assert.deepEqual(brief(await problemsOf(gate())), [
    'gate.yaml:10:9 broker cannot read "dex.yaml": there is no such file',
  ])
  assert.deepEqual(brief(await problemsOf(gate().replace('dex.yaml', '[1]'))), [
    'gate.yaml:10:9 broker expected the path of a Dex configuration, or the configuration itself, got a list of 1',
  ])
})

test('with a broker nobody has to name a provider or a client', async () => {
  const text = `authenticate_service_url: https://authenticate.corp.test
insecure_server: true
shared_secret: ${KEY}
cookie_secret: ${KEY}
${ROUTES}broker: dex.yaml
`
  const settings = await settingsOf(text, { beside: { 'dex.yaml': dex } })
  assert.deepEqual([settings.idp_provider_url, settings.idp_client_id], [undefined, undefined])
  const without = brief(await problemsOf(text.replace('broker: dex.yaml\n', '')))
  assert.match(without.join('\n'), /there is no idp_provider, idp_client_id, idp_client_secret, idp_provider_url/)
})

const contradictions: readonly (readonly [what: string, gate: string, dex: string, words: RegExp])[] = [
  [
    'an issuer on the host of a route',
    gate('https://app.corp.test'),
    dex.replace('dex.corp.test/dex', 'app.corp.test'),
    /gate\.yaml:9:11 routes\[0\]\.from the broker is served on this host \(issuer https:\/\/app\.corp\.test, dex\.yaml:1\)/,
  ],
  [
    "a route inside of the broker's own path",
    gate('https://app.corp.test/dex').replace('to:', 'prefix: /dex/x, to:'),
    dex.replace('dex.corp.test/dex', 'app.corp.test/dex'),
    /routes\[0\]\.from the broker is served below \/dex on this host/,
  ],
  [
    'an issuer with another end',
    gate('https://dex.corp.test/dex/'),
    dex,
    /gate\.yaml:4:19 idp_provider_url the issuer of the broker is "https:\/\/dex\.corp\.test\/dex" \(dex\.yaml:1\), got "https:\/\/dex\.corp\.test\/dex\/"/,
  ],
  [
    'a way back that is not registered',
    gate(),
    dex.replace(CALLBACK, 'https://other.test/cb'),
    /gate\.yaml:1:27 authenticate_service_url people come back to https:\/\/authenticate\.corp\.test\/oauth2\/callback, which client "pom" of the broker has not registered \(dex\.yaml:8\)/,
  ],
  [
    'another secret',
    gate(),
    dex.replace('pomerium', 'Pomerium'),
    /gate\.yaml:6:1 idp_client_secret client "pom" of the broker has another secret \(dex\.yaml:5\)/,
  ],
]
for (const [what, text, broker, words] of contradictions) {
  test(`${what} is a contradiction that names both places`, async () => {
    const problems = await problemsOf(text, { beside: { 'dex.yaml': broker } })
    assert.match(brief(problems).join('\n'), words)
    assert.equal(problems.length, 1)
    assert.doesNotMatch(JSON.stringify(problems), /Pomerium"/)
  })
}

test('a client that the file of the broker does not have is warned about, since management may make it', async () => {
  const configuration = await load(gate(), { beside: { 'dex.yaml': dex.replace('id: pom', 'id: pomm') } })
  assert.equal(configuration.kind, 'ok')
  assert.match(
    brief(configuration.warnings).join('\n'),
    /gate\.yaml:5:16 idp_client_id the broker has no client "pom" in its file \(dex\.yaml:5\): there are pomm/,
  )
})

test('an issuer below a path of its own may share the host of a route, and so may one with its own listener', async () => {
  const shared = dex.replace('dex.corp.test/dex', 'app.corp.test/dex')
  await settingsOf(gate('https://app.corp.test/dex'), { beside: { 'dex.yaml': shared } })
  const own = `${dex.replace('dex.corp.test/dex', 'app.corp.test')}web: {http: "127.0.0.1:5556"}\n`
  await settingsOf(gate('https://app.corp.test'), { beside: { 'dex.yaml': own } })
})

test('another provider beside the broker is left alone', async () => {
  const settings = await settingsOf(gate('http://idp.test'), { beside: { 'dex.yaml': DEX } })
  assert.equal(settings.idp_provider_url, 'http://idp.test')
})

test("the founding document's two Helm files load together as they are", async () => {
  const configuration = await load(seed('pomerium-helm-values.yaml'), {
    brokerFile: 'dex.yaml',
    beside: { 'dex.yaml': seed('dex-helm-values.yaml') },
  })
  assert.ok(configuration.kind === 'ok', JSON.stringify(configuration))
  assert.equal(configuration.settings.idp_provider_url, configuration.settings.broker?.issuer)
})

test("values of the proxy's chart may name a broker", async () => {
  const configuration = await load(`${seed('pomerium-helm-values.yaml')}\nbroker: dex.yaml\n`, {
    beside: { 'dex.yaml': seed('dex-helm-values.yaml') },
  })
  assert.ok(configuration.kind === 'ok', JSON.stringify(configuration))
  assert.equal(configuration.settings.broker?.staticClients[0]?.id, 'pom')
})

test('a broker that keeps things in PostgreSQL needs a secret that is the same at the next start', async () => {
  const storage = 'storage: {type: postgres, config: {host: db, database: dex, user: dex, password: x}}'
  const beside = { 'dex.yaml': dex.replace(/^storage:.*$/m, storage) }
  assert.equal((await load(gate(), { beside })).kind, 'ok')
  const [told] = brief(await problemsOf(gate().replace(/^shared_secret:.*\n/m, ''), { beside }))
  assert.match(told ?? '', /^dex\.yaml:\d+:\d+ shared_secret what the broker keeps in PostgreSQL is sealed with it/)
  assert.equal((await load(gate().replace(/^shared_secret:.*\n/m, ''), { beside: { 'dex.yaml': dex } })).kind, 'ok')
})
