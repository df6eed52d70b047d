/** The founding exercise: the document's own Helm values, between nginx and a WebDAV service. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { describe } from '../actors/browser.ts'
import { runLitmus } from '../actors/litmus.ts'
import { skipWithout } from '../actors/program.ts'
import { startOidcProvider } from './provider.ts'
import { testProviderJourneys } from './provider-journeys.ts'
import { testSixSteps } from './six-steps.ts'
import { DOMAIN, helmValues, PROGRAMS, SERVICE, startWorld } from './world.ts'

test('only YOURDOMAIN is replaced in the values of the document', () => {
  const seed = readFileSync(join(import.meta.dirname, '../vectors/seeds/pomerium-helm-values.yaml'), 'utf8')
  assert.equal(helmValues().replaceAll(DOMAIN, 'YOURDOMAIN.dev'), seed)
  assert.ok(seed.includes('to: http://nextcloud.nextcloud.svc.cluster.local:8080'))
})

testSixSteps({
  provider: 'an OpenID provider over plain http',
  startProvider: (place) => startOidcProvider(place),
  skip: skipWithout(...PROGRAMS),
  remembers: true,
})

testProviderJourneys({
  provider: 'an OpenID provider over plain http',
  startProvider: (place) => startOidcProvider(place),
  skip: skipWithout(...PROGRAMS),
})

test('somebody in 200 groups signs in through an ingress with the buffer that the how-to asks for', {
  skip: skipWithout(...PROGRAMS),
}, async () => {
  // Nothing in the names repeats, so that nothing is won by compression.
  const groups = ['devops', ...Array.from({ length: 199 }, () => randomBytes(20).toString('hex'))]
  await using world = await startWorld((place) => startOidcProvider(place, groups), { headBuffer: '16k' })
  const alice = world.browser()
  const page = await world.provider.signIn(alice, await alice.open(`${SERVICE}/`), 'alice')
  assert.equal(page.url, `${SERVICE}/`, describe(page))
  assert.equal(page.status, 200)
})

test('litmus gives the same result through the proxy, with a session cookie, as directly', {
  skip: skipWithout(...PROGRAMS, 'litmus'),
}, async () => {
  await using world = await startWorld((place) => startOidcProvider(place))
  const alice = world.browser()
  const address = `${SERVICE}/dav/`
  const page = await world.provider.signIn(alice, await alice.open(address), 'alice')
  assert.equal(page.url, address, page.body)
  const cookie = alice.cookies.header(new URL(address), 'same-site')
  const { certificate, nextcloud, ingress } = world

  const direct = await runLitmus(address, { certificate, target: nextcloud })
  const through = await runLitmus(address, {
    certificate,
    cookie,
    target: { host: ingress.host, port: ingress.port, ca: certificate.ca },
  })
  assert.ok(direct.verdicts.size > 100, direct.output)
  assert.deepEqual([...through.verdicts], [...direct.verdicts], `${through.output}\n${world.log()}`)
  assert.deepEqual(through.warnings, direct.warnings)
})
