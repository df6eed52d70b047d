/**
 * The founding exercise with a real Dex, where a program `dex` is on PATH: once with the document's own Dex values
 * behind a directory shaped like FreeIPA's, once with `staticPasswords`.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { parse } from 'yaml'
import { makeCertificate } from '../actors/certificate.ts'
import { STATIC_PASSWORDS, startDex } from '../actors/dex.ts'
import { startDirectory } from '../actors/directory.ts'
import { findProgram, skipWithout, temporaryFolder } from '../actors/program.ts'
import { client, type Person, type Provider, type ProviderPlace } from './provider.ts'
import { testSixSteps } from './six-steps.ts'
import type { Page, Visitor } from './visitor.ts'
import { AUTHENTICATE, PROGRAMS, SERVICE, startWorld } from './world.ts'

// CI has no Dex, so unlike the other programs this one is never required.
const needsDex = findProgram('dex') ? false : 'needs the program dex'
const skip = needsDex || skipWithout(...PROGRAMS)
const skipDirectory = skip || skipWithout('slapd', 'ldapadd')

testSixSteps({
  provider: 'a real Dex behind a directory shaped like FreeIPA',
  startProvider: startDexWithDirectory,
  skip: skipDirectory,
  remembers: false,
})

testSixSteps({
  provider: 'a real Dex with static passwords',
  startProvider: startDexWithPasswords,
  skip,
  remembers: false,
})

test('a wrong password at Dex leads nowhere, and the right one afterwards does', { skip }, async () => {
  await using world = await startWorld(startDexWithPasswords)
  const visitor = world.visitor()
  const form = await visitor.open(`${SERVICE}/`)
  const again = await visitor.submit(form, { login: 'alice@corp.test', password: 'wrong' })
  assert.equal(again.status, 401)
  assert.equal(await isIn(visitor), false)
  const page = await world.provider.signIn(visitor, again, 'alice')
  assert.equal(page.url, `${SERVICE}/`)
})

test('with Dex down, whoever has a session stays in', { skip }, async () => {
  await using world = await startWorld(startDexWithPasswords)
  const alice = world.visitor()
  await world.provider.signIn(alice, await alice.open(`${SERVICE}/`), 'alice')
  await world.provider[Symbol.asyncDispose]()
  assert.equal((await alice.ask(`${SERVICE}/`)).status, 200)
})

test('with Dex not up yet, a sign-in is answered 503, and works after the time it names', { skip }, async () => {
  let place: ProviderPlace | undefined
  await using world = await startWorld(async (given) => {
    place = given
    return { issuer: issuerAt(given), signIn: signInAtDex, async [Symbol.asyncDispose]() {} }
  })
  assert.ok(place)
  const early = await world.visitor().open(`${SERVICE}/`)
  assert.equal(early.status, 503, early.body)
  const seconds = Number(early.headers['retry-after'])
  assert.ok(seconds > 0 && seconds <= 10, String(seconds))

  await using _dex = await startDexWithPasswords(place)
  await pause(seconds * 1000)
  const alice = world.visitor()
  const page = await signInAtDex(alice, await alice.open(`${SERVICE}/`), 'alice')
  assert.equal(page.url, `${SERVICE}/`)
})

test('consent refused at Dex ends on a page of its own, and the next attempt is a fresh one', { skip }, async () => {
  await using world = await startWorld(startDexWithPasswords)
  const visitor = world.visitor()
  const consent = await visitor.submit(await visitor.open(`${SERVICE}/`), credentials('alice'))
  const refused = await visitor.submit(consent, { approval: 'rejected' })
  assert.ok(refused.status >= 400 || new URL(refused.url).origin === AUTHENTICATE, refused.url)
  assert.equal(await isIn(visitor), false)
  const page = await world.provider.signIn(visitor, await visitor.open(`${SERVICE}/`), 'alice')
  assert.equal(page.url, `${SERVICE}/`)
})

const issuerAt = ({ domain, port }: ProviderPlace) => `http://dex.${domain}:${port}`

/** Whether the service itself answers them. */
const isIn = async (visitor: Visitor) => (await visitor.ask(`${SERVICE}/`)).status === 200

const credentials = (person: Person) => ({ login: `${person}@corp.test`, password: `${person}-pw` })

/** Dex's password form and, since the document says `skipApprovalScreen: false`, its consent page. */
async function signInAtDex(visitor: Visitor, page: Page, person: Person) {
  const consent = await visitor.submit(page, credentials(person))
  assert.equal(consent.status, 200, consent.body)
  return visitor.submit(consent)
}

async function startDexWithPasswords({ domain, host, port }: ProviderPlace): Promise<Provider> {
  const { id, secret, redirectUri } = client(domain)
  const dex = await startDex({
    host,
    port,
    configuration: {
      issuer: issuerAt({ domain, host, port }),
      oauth2: { responseTypes: ['code'], skipApprovalScreen: false },
      staticClients: [{ id, name: id, secret, redirectURIs: [redirectUri] }],
      enablePasswordDB: true,
      staticPasswords: STATIC_PASSWORDS,
    },
  })
  return { issuer: dex.issuer, signIn: signInAtDex, [Symbol.asyncDispose]: dex.stop }
}

/** The document's Dex values; besides YOURDOMAIN only the directory's address, its password and the port differ. */
async function startDexWithDirectory({ domain, host, port }: ProviderPlace): Promise<Provider> {
  await using parts = new AsyncDisposableStack()
  const name = domain.replace(/\.dev$/, '')
  const folder = parts.use(temporaryFolder('directory-certificate'))
  const certificate = makeCertificate(folder.path, [`freeipa.${domain}`])
  const directory = parts.use(await startDirectory({ suffix: `dc=${name},dc=dev`, certificate }))
  const seed = readFileSync(join(import.meta.dirname, '../vectors/seeds/dex-helm-values.yaml'), 'utf8')
  const values = parse(
    seed
      .replaceAll('YOURDOMAIN', name)
      .replace(`host: freeipa.${domain}:636`, `host: ${directory.host}:${directory.port}`)
      .replace('mN****tG****', 'dex-bind-pw')
      .replace(`issuer: http://dex.${domain}`, `issuer: http://dex.${domain}:${port}`),
  )
  const dex = parts.use(await startDex({ host, port, configuration: values }))
  const owned = parts.move()
  return { issuer: dex.issuer, signIn: signInAtDex, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
