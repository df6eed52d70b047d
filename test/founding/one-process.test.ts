/** The founding exercise, whole, in one process: the document's Pomerium values and its Dex values, side by side. */
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { describe } from '../actors/browser.ts'
import { runLitmus } from '../actors/litmus.ts'
import { findProgram, skipWithout } from '../actors/program.ts'
import { dexValues, ISSUER, signIn, startOneProcess } from './one-process.ts'
import { AUTHENTICATE, DOMAIN, SERVICE } from './world.ts'

const programs = ['nginx', 'apache2', 'slapd', 'ldapmodify'] as const
const skip = skipWithout(...programs)
const pictures = process.env['OSTIARY_PICTURES']

test('only YOURDOMAIN, the masked password and the address of the directory are replaced in the Dex values', () => {
  const seed = readFileSync(join(import.meta.dirname, '../vectors/seeds/dex-helm-values.yaml'), 'utf8')
  const back = dexValues(`freeipa.${DOMAIN}:636`)
    .replace('dex-bind-pw', 'mN****tG****')
    .replaceAll(DOMAIN.replace(/\.dev$/, ''), 'YOURDOMAIN')
  assert.equal(back, seed)
})

test('alice of devops gets in, bob is refused, and nobody with a wrong password', { skip }, async () => {
  await using world = await startOneProcess()
  const alice = world.browser()
  const form = await alice.open(`${SERVICE}/index.html?view=a%20b`)
  assert.equal(new URL(form.url).origin, ISSUER, `${describe(form)}\n${world.log()}`)
  assert.match(form.body, /<label for="login">Email<\/label>/)
  const wrong = await alice.submit(form, { login: 'alice@corp.test', password: 'wrong' })
  assert.equal(wrong.status, 401, describe(wrong))
  assert.match(wrong.body, /do not belong together/)
  const consent = await alice.submit(wrong, { login: 'alice@corp.test', password: 'alice-pw' })
  assert.match(consent.body, /May pom know who you are\?/, describe(consent))
  const page = await alice.submit(consent, { approval: 'approve' })
  assert.equal(page.url, `${SERVICE}/index.html?view=a%20b`, `${describe(page)}\n${world.log()}`)
  assert.match(page.body, /Hello from the files/)
  const who = JSON.parse((await alice.fetch(`${SERVICE}/.pomerium/user`)).body) as Record<string, unknown>
  assert.deepEqual([who['email'], who['sub'] ?? who['user']], ['alice@corp.test', 'CgoxODYwMjAwMDAxEgRsZGFw'])

  const bob = world.browser()
  const refused = await signIn(bob, await bob.open(`${SERVICE}/`), 'bob')
  assert.equal(refused.status, 403, describe(refused))
  assert.match(refused.body, /bob@corp\.test/)
})

test('who does not consent gets a page that says so, and nothing is opened', { skip }, async () => {
  await using world = await startOneProcess()
  const alice = world.browser()
  const consent = await alice.submit(await alice.open(`${SERVICE}/`), {
    login: 'alice@corp.test',
    password: 'alice-pw',
  })
  const refused = await alice.submit(consent, { approval: 'reject' })
  assert.equal(new URL(refused.url).origin, AUTHENTICATE)
  assert.equal(refused.status, 401, describe(refused))
  assert.match(refused.body, /access_denied/)
})

test('while the directory is away the form stays and says so, and signs in when it is back', { skip }, async () => {
  await using world = await startOneProcess()
  const alice = world.browser()
  const form = await alice.open(`${SERVICE}/`)
  await world.directory.stop()
  const away = await alice.submit(form, { login: 'alice@corp.test', password: 'alice-pw' })
  assert.equal(away.status, 503, describe(away))
  assert.match(away.body, /cannot be reached just now/)
  assert.doesNotMatch(away.body, /do not belong together/)
  await world.directory.restart()
  const page = await signIn(alice, away, 'alice')
  assert.equal(page.status, 200, describe(page))
})

test('alice loses access when she leaves the group and her token is refreshed', { skip }, async () => {
  await using world = await startOneProcess({ SESSION_REFRESH_INTERVAL: '1s' })
  const alice = world.browser()
  const page = await signIn(alice, await alice.open(`${SERVICE}/`), 'alice')
  assert.equal(page.status, 200, describe(page))
  const { suffix } = world.directory
  world.directory.modify(
    [
      `dn: cn=devops,cn=groups,cn=accounts,${suffix}`,
      'changetype: modify',
      'delete: member',
      `member: uid=alice,cn=users,cn=accounts,${suffix}`,
      '',
    ].join('\n'),
  )
  let status = 200
  for (let round = 0; round < 40 && status === 200; round++) {
    await pause(250)
    status = (await alice.open(`${SERVICE}/`)).status
  }
  assert.equal(status, 403, world.log())
})

test('signing out ends the browser session at the broker, and a restart does not', { skip }, async () => {
  await using world = await startOneProcess()
  const alice = world.browser()
  await signIn(alice, await alice.open(`${SERVICE}/`), 'alice')
  await world.restart()
  // The proxy made its secrets anew; the broker still knows the browser, and asks nothing but consent.
  const again = await alice.open(`${SERVICE}/`)
  const page = again.body.includes('name="approval"') ? await alice.submit(again, { approval: 'approve' }) : again
  assert.equal(page.url, `${SERVICE}/`, `${describe(page)}\n${world.log()}`)
  const cookie = alice.cookies.header(new URL(`${ISSUER}/auth`), 'same-site')
  const replay = async () => {
    const asked = await world.browser().open(`${SERVICE}/`)
    const authorization = asked.trail.find(({ url }) => url.startsWith(`${ISSUER}/auth?`))
    assert.ok(authorization, describe(asked))
    return await world.browser().fetch(authorization.url, { headers: { cookie } })
  }
  const answered = await replay()
  assert.match(answered.headers['location'] ?? '', /[?&]code=/, 'the cookie alone is enough before')
  const out = await alice.open(`${SERVICE}/.pomerium/sign_out`, { from: `${SERVICE}/` })
  assert.match(out.url, new RegExp(`^${AUTHENTICATE}/\\.pomerium/signed_out`), describe(out))
  assert.match((await alice.open(`${SERVICE}/`)).body, /type="password"/)
  const refused = await replay()
  assert.doesNotMatch(refused.headers['location'] ?? '', /[?&]code=/, 'a copy of the cookie is of no use either')
})

test('a WebDAV client with a session works as it does without the proxy, and without one is told to sign in', {
  skip: skipWithout(...programs, 'litmus'),
}, async () => {
  await using world = await startOneProcess()
  const { certificate, nextcloud, ingress } = world
  const address = `${SERVICE}/dav/`
  const anonymous = await world.browser().fetch(address, { method: 'PROPFIND', headers: { depth: '1' } })
  assert.equal(anonymous.status, 401)
  const alice = world.browser()
  const page = await signIn(alice, await alice.open(address), 'alice')
  assert.equal(page.url, address, describe(page))
  const cookie = alice.cookies.header(new URL(address), 'same-site')
  const direct = await runLitmus(address, { certificate, target: nextcloud })
  const target = { host: ingress.host, port: ingress.port, ca: certificate.ca }
  const through = await runLitmus(address, { certificate, cookie, target })
  assert.ok(direct.verdicts.size > 100, direct.output)
  assert.deepEqual([...through.verdicts], [...direct.verdicts], `${through.output}\n${world.log()}`)
})

test('the same in a real browser, which turns the http issuer into https by itself', {
  skip: skipWithout(...programs, 'chromium'),
  timeout: 120_000,
}, async () => {
  await using world = await startOneProcess()
  const { publicKey } = new X509Certificate(readFileSync(world.certificate.certificateFile))
  const pin = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')
  const { port, plainPort } = world.ingress
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? findProgram('chromium') ?? 'chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      `--ignore-certificate-errors-spki-list=${pin}`,
      `--host-resolver-rules=MAP *.${DOMAIN}:443 127.0.0.1:${port}, MAP *.${DOMAIN}:80 127.0.0.1:${plainPort}`,
    ],
  })
  try {
    const page = await (await browser.newContext()).newPage()
    page.setDefaultTimeout(20_000)
    const picture = async (name: string) => {
      if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true })
    }
    await page.goto(`${SERVICE}/`)
    await picture('founding-1-form')
    await page.getByLabel('Email').fill('alice@corp.test')
    await page.getByLabel('Password').fill('alice-pw')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('button', { name: 'Yes, go on' }).waitFor()
    await picture('founding-2-consent')
    await page.getByRole('button', { name: 'Yes, go on' }).click()
    await page.waitForURL(`${SERVICE}/`)
    assert.match(await page.content(), /Hello from the files/)

    const other = await (await browser.newContext()).newPage()
    other.setDefaultTimeout(20_000)
    await other.goto(`${SERVICE}/`)
    await other.getByLabel('Email').fill('bob@corp.test')
    await other.getByLabel('Password').fill('bob-pw')
    await other.getByRole('button', { name: 'Sign in' }).click()
    await other.getByRole('button', { name: 'Yes, go on' }).click()
    await other.getByRole('heading', { name: /not open to you/ }).waitFor()
    if (pictures) await other.screenshot({ path: join(pictures, 'founding-3-refused.png'), fullPage: true })
  } finally {
    await browser.close()
  }
})
