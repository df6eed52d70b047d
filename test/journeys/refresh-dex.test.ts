/** The founding promise with a real Dex and a real directory, where both programs are there. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Browser } from '#test/actors/browser.ts'
import { startDex } from '#test/actors/dex.ts'
import { type Directory, startDirectory } from '#test/actors/directory.ts'
import { findProgram, freePort, skipWithout } from '#test/actors/program.ts'
import { startProxy } from '#test/actors/proxy.ts'
import { startUpstream } from '#test/actors/upstream.ts'
import { says, until } from './refreshing.ts'

// CI has no Dex, so unlike the other programs this one is never required.
const skip = findProgram('dex') ? skipWithout('slapd', 'ldapadd') : 'needs the program dex'
const suffix = 'dc=corp,dc=test'
const client = { id: 'pom', secret: 'pomerium' }

test('alice loses access when she leaves the group and her token is refreshed, in both of her browsers', {
  skip,
}, async () => {
  await using opened = new AsyncDisposableStack()
  const [port, dexPort] = [await freePort(), await freePort()]
  const authenticate = `https://authenticate.corp.test:${port}`
  const directory = opened.use(await startDirectory({ suffix }))
  const issuer = `http://127.0.0.1:${dexPort}`
  opened.use(
    await startDex({
      port: dexPort,
      configuration: {
        issuer,
        oauth2: { responseTypes: ['code'], skipApprovalScreen: true },
        expiry: { idTokens: '66s' },
        staticClients: [{ ...client, name: 'pom', redirectURIs: [`${authenticate}/oauth2/callback`] }],
        connectors: [connectorTo(directory)],
      },
    }),
  )
  const upstream = opened.use(await startUpstream())
  const proxy = opened.use(
    await startProxy({
      port,
      config: {
        authenticate_service_url: authenticate,
        idp_provider: 'oidc',
        idp_provider_url: issuer,
        idp_client_id: client.id,
        idp_client_secret: client.secret,
        idp_scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
        shared_secret: randomBytes(32).toString('base64'),
        cookie_secret: randomBytes(32).toString('base64'),
        routes: [{ from: `https://hello.corp.test:${port}`, to: upstream.url, allowed_groups: ['devops'] }],
      },
    }),
  )
  const hello = proxy.url('hello')
  // Dex keeps one refresh token for a user: this sign-in is the end of the first browser's.
  const browsers = [proxy.browser(), proxy.browser()] as const
  for (const browser of browsers) {
    const page = await browser.signIn(hello, 'alice@corp.test', 'alice-pw')
    assert.equal(page.status, 200, page.body)
  }
  const refreshes = () => proxy.log().filter(says('session refreshed')).length
  for (const end = Date.now() + 12_000; refreshes() < 2 && Date.now() < end; await pause(200)) {
    for (const browser of browsers) assert.equal(await statusOf(browser, hello), 200)
  }
  assert.ok(refreshes() >= 2, 'the older session was not taken along')

  directory.modify(`dn: cn=devops,cn=groups,cn=accounts,${suffix}
changetype: modify
delete: member
member: uid=alice,cn=users,cn=accounts,${suffix}
`)
  await Promise.all(browsers.map((browser) => until(browser, hello, 403)))
})

async function statusOf(browser: Browser, url: string): Promise<number> {
  return (await browser.fetch(url, { from: url })).status
}

function connectorTo({ host, plainPort }: Directory) {
  return {
    type: 'ldap',
    id: 'ldap',
    name: 'FreeIPA',
    config: {
      host: `${host}:${plainPort}`,
      insecureNoSSL: true,
      bindDN: `uid=dex,cn=sysaccounts,cn=etc,${suffix}`,
      bindPW: 'dex-bind-pw',
      userSearch: {
        baseDN: `cn=users,cn=accounts,${suffix}`,
        username: 'mail',
        idAttr: 'uidNumber',
        emailAttr: 'mail',
        nameAttr: 'displayName',
      },
      groupSearch: {
        baseDN: `cn=groups,cn=accounts,${suffix}`,
        filter: '(objectClass=groupOfNames)',
        userMatchers: [{ userAttr: 'DN', groupAttr: 'member' }],
        nameAttr: 'cn',
      },
    },
  }
}
