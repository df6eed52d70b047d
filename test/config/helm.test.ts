import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { brief, KEY, load, problemsOf, settingsOf } from './loading.ts'

const seed = readFileSync(new URL('../vectors/seeds/pomerium-helm-values.yaml', import.meta.url), 'utf8')

/** Chart values with everything sign-in needs; `more` goes under `config`. */
const values = (more = '', rest = '') => `config:
  rootDomain: corp.test
  insecure: true
  sharedSecret: ${KEY}
  cookieSecret: ${KEY}
${more}authenticate:
  idp: {provider: oidc, clientID: pom, clientSecret: pomerium, url: "http://dex.corp.test"}
${rest}`

test('the values of the founding document are taken exactly as they are', async () => {
  const configuration = await load(seed)
  assert.ok(configuration.kind === 'ok')
  const { settings, warnings } = configuration
  assert.equal(settings.authenticate_service_url, 'https://authenticate.yourdomain.dev')
  assert.deepEqual(settings.address, { host: '', port: 80 })
  assert.equal(settings.insecure_server, true)
  assert.equal(settings.http_redirect_addr, undefined)
  assert.equal(settings.idp_provider, 'oidc')
  assert.equal(settings.idp_provider_url, 'http://dex.YOURDOMAIN.dev')
  assert.equal(settings.idp_client_id, 'pom')
  assert.equal(settings.idp_client_secret?.reveal(), 'pomerium')
  assert.deepEqual(settings.idp_scopes, ['openid', 'profile', 'email', 'groups', 'offline_access'])
  assert.equal(settings.log_level, 'error')
  const [route, ...more] = settings.routes
  assert.deepEqual(more, [])
  assert.equal(route?.from, 'https://hello.YOURDOMAIN.dev')
  assert.deepEqual(route?.to, [{ url: 'http://nextcloud.nextcloud.svc.cluster.local:8080', weight: 0 }])
  assert.deepEqual(route?.allowed_groups, ['devops'])
  assert.deepEqual(route?.allowed_idp_claims, { groups: ['devops'] })
  assert.deepEqual(
    warnings.map(({ line, path }) => [line, path]),
    [
      [8, 'shared_secret, cookie_secret'],
      [30, 'pomerium_debug'],
      [46, 'authenticate.idp.serviceAccount'],
    ],
  )
})

test('the real environment wins over extraEnv, extraEnv over extraOpts, extraOpts over the values', async () => {
  const text = values(
    '  extraOpts: {log_level: debug, cookie_name: opts, idp_client_id: opts}\n',
    'extraEnv: {COOKIE_NAME: chart, LOG_LEVEL: warn}\n',
  )
  const settings = await settingsOf(text, { env: { LOG_LEVEL: 'fatal' } })
  assert.deepEqual([settings.log_level, settings.cookie_name, settings.idp_client_id], ['fatal', 'chart', 'opts'])
})

test('extraEnv serves references, and may be a list', async () => {
  const settings = await settingsOf(
    values('  extraOpts: {cookie_name: "${NAME}"}\n', 'extraEnv:\n  - {name: NAME, value: x}\n'),
  )
  assert.equal(settings.cookie_name, 'x')
})

test('routes may be text, and a problem in it stands at its line of the values', async () => {
  const text = values(
    '  routes: |\n    - from: https://a.{{ .Values.config.rootDomain }}\n      to: http://a\n      allowed_users: [x]\n',
  )
  assert.equal((await settingsOf(text)).routes[0]?.from, 'https://a.corp.test')
  const wrong = values('  routes: |\n    # people\n    - from: https://a.corp.test\n      too: http://a\n')
  const [missing, unknown] = brief(await problemsOf(wrong))
  assert.equal(missing, 'gate.yaml:8:7 routes[0].to "to" is missing')
  assert.equal(unknown, 'gate.yaml:9:7 routes[0].too unknown key, did you mean "to"?')
})

test('references to other values are followed in texts; anything cleverer is refused', async () => {
  const list = values(
    '  routes:\n    - from: "https://a.{{ .Values.config.rootDomain }}"\n      to: http://a\n      allowed_users: [x]\n',
  )
  assert.equal((await settingsOf(list)).routes[0]?.from, 'https://a.corp.test')
  const clever = values('  routes:\n    - from: "https://{{ include \\"x\\" . }}"\n      to: http://a\n')
  assert.match(brief(await problemsOf(clever)).join('\n'), /only references of the form/)
  const nowhere = values('  routes:\n    - from: "https://{{ .Values.nothing }}"\n      to: http://a\n')
  assert.match(brief(await problemsOf(nowhere)).join('\n'), /there is no text at \.Values\.nothing/)
})

test('both lists, policy first', async () => {
  const text = values(
    '  policy: [{from: "https://old", to: "http://a", allowed_users: [x]}]\n  routes: [{from: "https://new", to: "http://a", allowed_users: [x]}]\n',
  )
  assert.deepEqual(
    (await settingsOf(text)).routes.map(({ from }) => from),
    ['https://old', 'https://new'],
  )
})

test('with TLS the chart serves on 443 and redirects from 80, unless told otherwise', async () => {
  const tls = (proxy: string) => `config: {rootDomain: corp.test}\nauthenticate: {name: login}\n${proxy}`
  const settings = await settingsOf(tls(''))
  assert.deepEqual(
    [settings.address.port, settings.http_redirect_addr?.port, settings.insecure_server],
    [443, 80, false],
  )
  assert.equal(settings.authenticate_service_url, 'https://login.corp.test')
  assert.equal((await settingsOf(tls('proxy: {redirectServer: false}\n'))).http_redirect_addr, undefined)
  assert.equal(
    (await settingsOf(tls('proxy: {authenticateServiceUrl: "https://x.test"}\n'))).authenticate_service_url,
    'https://x.test',
  )
})

const warned: [string, string, RegExp][] = [
  [
    'a redirect address on another host',
    values().replace('idp:', 'redirectUrl: "https://auth.corp.test/oauth2/callback"\n  idp:'),
    /authenticate\.redirectUrl the provider will be given https:\/\/authenticate\.corp\.test\/oauth2\/callback/,
  ],
  ['a placeholder', values().replace('clientID: pom', 'clientID: REPLACE_ME'), /still REPLACE_ME/],
  [
    'a Secret in Kubernetes',
    values('  existingSharedSecret: a\n'),
    /"existingSharedSecret" is ignored: it names something in Kubernetes/,
  ],
  ['redis', values('', 'redis: {enabled: true}\n'), /redis\.enabled/],
  ['a misspelt variable', values('', 'extraEnv: {COOKIE_NAM: x}\n'), /sets nothing, did you mean "COOKIE_NAME"/],
]
for (const [what, text, words] of warned) {
  test(`${what} draws a warning`, async () => {
    assert.match(brief((await load(text)).warnings).join('\n'), words)
  })
}

test('what only Kubernetes needs says nothing', async () => {
  const text = values(
    '',
    'ingress: {enabled: true, hosts: [a]}\nresources: {limits: {cpu: 1}}\nreplicaCount: 2\nservice: {type: NodePort}\nimage: {tag: v1}\n',
  )
  const configuration = await load(text)
  assert.equal(configuration.kind, 'ok')
  assert.deepEqual(configuration.warnings, [])
})

test('a value that the chart does not have is refused, and so is what would be served in another way', async () => {
  assert.match(
    brief(await problemsOf(values('  rootDomian: x\n'))).join('\n'),
    /gate\.yaml:6:3 config\.rootDomian the chart has no such value, did you mean "rootDomain"/,
  )
  assert.match(brief(await problemsOf(values('', 'ingresss: {}\n'))).join('\n'), /ingresss/)
  assert.match(
    brief(await problemsOf(values('', 'ingressController: {enabled: true}\n'))).join('\n'),
    /"ingressController" is not supported yet/,
  )
  assert.match(
    brief(await problemsOf(values('', 'metrics: {enabled: true}\n'))).join('\n'),
    /"metrics_address" is not supported yet/,
  )
})
