/**
 * The founding exercise with a real Dex, where a program `dex` is on PATH: once with the document's own Dex values
 * behind a directory shaped like FreeIPA's, once with `staticPasswords`.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import type { Browser, Page } from '../actors/browser.ts'
import { makeCertificate } from '../actors/certificate.ts'
import { type DexConfiguration, STATIC_PASSWORDS, startDex } from '../actors/dex.ts'
import { startDirectory } from '../actors/directory.ts'
import { findProgram, skipWithout, temporaryFolder } from '../actors/program.ts'
import { client, type Person, type Provider, type ProviderPlace } from './provider.ts'
import { isIn, testProviderJourneys } from './provider-journeys.ts'
import { testSixSteps } from './six-steps.ts'
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

testProviderJourneys({ provider: 'a real Dex', startProvider: startDexWithPasswords, skip })

test('consent refused at Dex ends on a page of its own, and the next attempt is a fresh one', { skip }, async () => {
  await using world = await startWorld(startDexWithPasswords)
  const browser = world.browser()
  const consent = await browser.submit(await browser.open(`${SERVICE}/`), credentials('alice'))
  const refused = await browser.submit(consent, { approval: 'rejected' })
  assert.ok(refused.status >= 400 || new URL(refused.url).origin === AUTHENTICATE, refused.url)
  assert.equal(await isIn(browser), false)
  const page = await world.provider.signIn(browser, await browser.open(`${SERVICE}/`), 'alice')
  assert.equal(page.url, `${SERVICE}/`)
})

const issuerAt = ({ port }: ProviderPlace) => `http://127.0.0.1:${port}`

const credentials = (person: Person) => ({ login: `${person}@corp.test`, password: `${person}-pw` })

/** Dex's password form and, since the document says `skipApprovalScreen: false`, its consent page. */
async function signInAtDex(browser: Browser, page: Page, person: Person) {
  const consent = await browser.submit(page, credentials(person))
  assert.equal(consent.status, 200, consent.body)
  return browser.submit(consent)
}

async function startDexWithPasswords(place: ProviderPlace): Promise<Provider> {
  const { id, secret, redirectUri } = client(place.domain)
  return dexAsProvider(place, {
    issuer: issuerAt(place),
    oauth2: { responseTypes: ['code'], skipApprovalScreen: false },
    staticClients: [{ id, name: id, secret, redirectURIs: [redirectUri] }],
    enablePasswordDB: true,
    staticPasswords: STATIC_PASSWORDS,
  })
}

/** The document's Dex values; besides YOURDOMAIN only the directory's address, its password and the port differ. */
async function startDexWithDirectory(place: ProviderPlace): Promise<Provider> {
  await using parts = new AsyncDisposableStack()
  const { domain } = place
  const name = domain.replace(/\.dev$/, '')
  const folder = parts.use(temporaryFolder('directory-certificate'))
  const certificate = await makeCertificate(folder.path, [`freeipa.${domain}`])
  const directory = parts.use(await startDirectory({ suffix: `dc=${name},dc=dev`, certificate }))
  const seed = readFileSync(join(import.meta.dirname, '../vectors/seeds/dex-helm-values.yaml'), 'utf8')
  const values = parse(
    seed
      .replaceAll('YOURDOMAIN', name)
      .replace(`host: freeipa.${domain}:636`, `host: ${directory.host}:${directory.port}`)
      .replace('mN****tG****', 'dex-bind-pw')
      .replace(`issuer: http://dex.${domain}`, `issuer: ${issuerAt(place)}`),
  )
  const dex = parts.use(await dexAsProvider(place, values))
  const owned = parts.move()
  return { ...dex, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Its storage is memory, so that it comes back from a stop with other keys and without its refresh tokens. */
async function dexAsProvider({ port }: ProviderPlace, configuration: DexConfiguration): Promise<Provider> {
  let dex = await startDex({ port, configuration })
  return {
    issuer: configuration.issuer,
    signIn: signInAtDex,
    down: () => dex.stop(),
    up: async () => {
      dex = await startDex({ port, configuration })
    },
    [Symbol.asyncDispose]: () => dex.stop(),
  }
}
