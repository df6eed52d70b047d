import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dexSubject } from '#src/broker/provider/dex-subject.ts'
import type { ConnectorSettings } from '#src/config/dex/connectors/connector-settings.ts'
import { type Ask, Browser, type Page, type Reply } from '#test/actors/browser.ts'
import { freePort } from '#test/actors/program.ts'
import { type RunningSamlIdp, startSamlIdp } from '#test/actors/saml-idp.ts'
import { answerOf, authorizeUrl, claimsIn, redeem, startBroker } from '#test/broker/world.ts'
import { settingsOf, sharedKeys } from './saml-case.ts'

/** Keeps cookies, and finds the provider on another site than the broker; the application's host is a blank page. */
class Visitor extends Browser {
  protected override send(url: URL, ask: Ask): Promise<Reply> {
    if (url.hostname !== 'app.test') return super.send(url, ask)
    return Promise.resolve({ url: url.href, status: 200, headers: {}, setCookies: [], body: 'back' })
  }
}

async function startWorld(idp: RunningSamlIdp) {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}/dex`
  const raw = { ssoURL: idp.url.replace('127.0.0.1', 'localhost'), redirectURI: `${issuer}/callback` }
  const connector: ConnectorSettings = {
    type: 'saml',
    id: 'corp',
    name: 'Corp',
    raw,
    config: settingsOf(raw, idp.keys.certificate),
    groups: undefined,
    grantTypes: [],
  }
  const web = {
    http: `127.0.0.1:${port}`,
    https: undefined,
    tls: undefined,
    allowedOrigins: [],
    allowedHeaders: [],
    headers: {},
    clientRemoteIP: undefined,
  }
  const world = await startBroker({ connectors: [connector], settings: { issuer, web } })
  const browser = () => new Visitor({ port: Number(new URL(idp.url).port), ca: '' })
  return { world, issuer, browser, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

/** From the application to the provider's own page, on which somebody presses the button. */
async function atTheProvider(browser: Browser, issuer: string): Promise<Page> {
  const first = await browser.open(authorizeUrl(issuer))
  const page = first.body.includes('SAMLRequest') ? await browser.submit(first) : first
  assert.match(page.body, /SAMLResponse/, page.body)
  return page
}

test('somebody signs in at a provider on another site, and the application gets their claims', async () => {
  await using idp = await startSamlIdp({ keys: await sharedKeys() })
  await using corp = await startWorld(idp)
  const browser = corp.browser()
  const page = await browser.submit(await atTheProvider(browser, corp.issuer))
  assert.equal(answerOf(page).get('state'), 's-1', page.body)
  const { status, body } = await redeem(corp, page)
  assert.equal(status, 200, JSON.stringify(body))
  const { sub, name, email, email_verified, groups, preferred_username } = claimsIn(body['id_token'])
  assert.deepEqual(
    { sub, name, email, email_verified, groups, preferred_username },
    {
      sub: dexSubject({ userId: 'ada-0815', connectorId: 'corp' }),
      name: 'Ada Lovelace',
      email: 'ada@corp.test',
      email_verified: true,
      groups: ['devops', 'staff'],
      preferred_username: undefined,
    },
  )
  // An assertion says nothing of tomorrow.
  assert.equal(body['refresh_token'], undefined)
})

test('an answer belongs to the browser that began, once, and to nobody who altered it', async () => {
  await using idp = await startSamlIdp({ keys: await sharedKeys() })
  await using corp = await startWorld(idp)
  const [victim, attacker] = [corp.browser(), corp.browser()]

  // The attacker's own answer, in the victim's browser.
  const theirs = await atTheProvider(attacker, corp.issuer)
  const planted = await victim.submit(theirs)
  assert.ok(planted.status >= 400 && !planted.url.startsWith('https://app.test/'), planted.body)

  const page = await atTheProvider(victim, corp.issuer)
  assert.ok((await victim.submit(page)).url.startsWith('https://app.test/'))
  const again = await victim.submit(page)
  assert.ok(again.status >= 400 && !again.url.startsWith('https://app.test/'), again.body)

  idp.alter = (xml) => xml.replace('ada-0815', 'root-0001')
  const visitor = corp.browser()
  const altered = await visitor.submit(await atTheProvider(visitor, corp.issuer))
  assert.equal(altered.status, 502, altered.body)
  assert.match(altered.body, /cannot be trusted/)
  assert.doesNotMatch(altered.body, /pinned|root-0001/)
})
