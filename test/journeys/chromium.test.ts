import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { findProgram, skipWithout, temporaryFolder } from '#test/actors/program.ts'
import { type RunningDemo, startDemo } from '#test/cli/demo-actor.ts'

const options = { skip: skipWithout('chromium'), timeout: 120_000 }
const password = 'open sesame'
/** Where to leave a picture of each page, if anywhere. */
const pictures = process.env['OSTIARY_PICTURES']

let demo: RunningDemo
let browser: Browser

before(async () => {
  if (options.skip !== false) return
  demo = await startDemo()
  browser = await launch(demo)
})

after(async () => {
  await browser?.close()
  await demo?.[Symbol.asyncDispose]()
})

/** Chromium that believes the demo's own key and no other that it does not know. */
function launch({ certificateFile }: RunningDemo): Promise<Browser> {
  const { publicKey } = new X509Certificate(readFileSync(certificateFile))
  const pin = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? findProgram('chromium') ?? 'chromium',
    args: ['--no-sandbox', '--disable-gpu', `--ignore-certificate-errors-spki-list=${pin}`],
  })
}

async function withContext(run: (context: BrowserContext) => Promise<void>, from: Browser = browser): Promise<void> {
  const context = await from.newContext({ viewport: { width: 1000, height: 800 } })
  context.setDefaultTimeout(20_000)
  try {
    await run(context)
  } finally {
    await context.close()
  }
}

async function fillIn(page: Page, user: string): Promise<void> {
  await page.getByLabel('Email Address').fill(`${user}@corp.test`)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

async function picture(page: Page, name: string): Promise<void> {
  if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true })
}

test('alice signs in and reads her page, at the address she asked for', options, async () => {
  await withContext(async (context) => {
    const page = await context.newPage()
    await page.goto(demo.url('hello', '/deep/page?x=1'))
    assert.equal(new URL(page.url()).hostname, 'broker.localhost', page.url())
    await picture(page, 'broker-sign-in')
    await fillIn(page, 'alice')
    await page.waitForURL(demo.url('hello', '/deep/page?x=1'))
    assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'Hello, Alice Okafor')
    await picture(page, 'hello-alice')
    await page.getByRole('link', { name: 'Who am I?' }).click()
    await page.waitForURL(demo.url('hello', '/.pomerium/'))
    assert.match((await page.textContent('body')) ?? '', /alice@corp\.test/)
    await picture(page, 'who-am-i')
  })
})

test('bob is refused politely, and goes on as carol', options, async () => {
  await withContext(async (context) => {
    const page = await context.newPage()
    await page.goto(demo.url('hello'))
    await fillIn(page, 'bob')
    await page.waitForURL(demo.url('hello'))
    const text = (await page.textContent('body')) ?? ''
    assert.match(text, /bob@corp\.test/)
    assert.match(text, /not open to you/)
    await picture(page, 'denied-bob')
    await page.setViewportSize({ width: 390, height: 800 })
    await page.emulateMedia({ colorScheme: 'dark' })
    await picture(page, 'denied-bob-phone-dark')
    await page.goto(demo.url('files'))
    assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'All files', 'his session is gone')
    await page.goto(demo.url('hello'))
    await page.getByRole('link', { name: 'Sign in as somebody else' }).click()
    await fillIn(page, 'carol')
    await page.waitForURL(demo.url('hello'))
    assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'Hello, Carol Núñez')
  })
})

test('a wrong password is told, and the right one still works', options, async () => {
  await withContext(async (context) => {
    const page = await context.newPage()
    await page.goto(demo.url('hello'))
    await page.getByLabel('Email Address').fill('alice@corp.test')
    await page.getByLabel('Password').fill('sesame')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').waitFor()
    await picture(page, 'broker-wrong-password')
    await fillIn(page, 'alice')
    await page.waitForURL(demo.url('hello'))
  })
})

test('sign-out works: here, at another host, and at the broker', options, async () => {
  await withContext(async (context) => {
    const page = await context.newPage()
    await page.goto(demo.url('hello'))
    await fillIn(page, 'alice')
    await page.waitForURL(demo.url('hello'))
    await page.goto(demo.url('files'))
    await page.getByRole('link', { name: 'Sign out' }).click()
    await page.waitForURL((url) => url.href.startsWith(demo.url('authenticate', '/.pomerium/signed_out')))
    assert.match((await page.textContent('body')) ?? '', /signed out/i)
    await page.getByRole('link', { name: /^Back to files\.localhost/ }).waitFor()
    await picture(page, 'signed-out')
    await page.goto(demo.url('hello'))
    await page.getByLabel('Password').waitFor()
  })
})

test('ten tabs at once all arrive where they wanted', options, async () => {
  await withContext(async (context) => {
    const tabs = await Promise.all(Array.from({ length: 10 }, () => context.newPage()))
    const wanted = tabs.map((_, index) => demo.url('hello', `/tab/${index}?n=${index}`))
    await Promise.all(tabs.map((tab, index) => tab.goto(wanted[index] ?? '')))
    const [first] = tabs
    assert.ok(first)
    await fillIn(first, 'alice')
    await first.waitForURL(wanted[0] ?? '')
    // The others still show the form; a person presses reload, or signs in once more.
    for (const [index, tab] of tabs.entries()) {
      if (index === 0) continue
      if (index % 2 === 0) await tab.reload()
      else await fillIn(tab, 'alice')
      await tab.waitForURL(wanted[index] ?? '')
      assert.equal(await tab.getByRole('heading', { level: 1 }).textContent(), 'Hello, Alice Okafor')
    }
  })
})

test('ten tabs that come back when only the broker still knows the user all arrive', options, async () => {
  await withContext(async (context) => {
    const page = await context.newPage()
    await page.goto(demo.url('hello'))
    await fillIn(page, 'alice')
    await page.waitForURL(demo.url('hello'))
    for (const { name, domain, path } of await context.cookies()) {
      if (domain !== 'broker.localhost') await context.clearCookies({ name, domain, path })
    }
    const tabs = await Promise.all(Array.from({ length: 10 }, () => context.newPage()))
    await Promise.all(tabs.map((tab, index) => tab.goto(demo.url('hello', `/tab/${index}`))))
    for (const [index, tab] of tabs.entries()) assert.equal(tab.url(), demo.url('hello', `/tab/${index}`))
  })
})

test('the clock ticks and the WebSocket echoes through the proxy, and both end with the session', options, async () => {
  await withContext(async (context) => {
    const page = await context.newPage()
    await page.goto(demo.url('hello', '/live'))
    await fillIn(page, 'alice')
    await page.waitForURL(demo.url('hello', '/live'))
    await page.locator('#state', { hasText: 'connected' }).waitFor()
    await page.locator('#clock', { hasText: /^\d{4}-/ }).waitFor()
    const before = (await page.locator('#clock').textContent()) ?? ''
    await page.locator('#clock').filter({ hasNotText: before }).waitFor()
    await page.getByLabel('Say something').fill('is anybody there?')
    await page.getByRole('button', { name: 'Send' }).click()
    await page.locator('#echo', { hasText: 'is anybody there?' }).waitFor()
    await picture(page, 'live')
    const other = await context.newPage()
    await other.goto(demo.url('hello', '/.pomerium/sign_out'))
    await page.locator('#state', { hasText: 'closed' }).waitFor()
  })
})

test('any name under the wildcard is served', options, async () => {
  await withContext(async (context) => {
    const page = await context.newPage()
    await page.goto(demo.url('anything.apps', '/x'))
    await fillIn(page, 'bob')
    await page.waitForURL(demo.url('anything.apps', '/x'))
    assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'Hello, Bob Lindqvist')
    await page.goto(demo.url('other.apps'))
    assert.equal(new URL(page.url()).hostname, 'other.apps.localhost')
    assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'Hello, Bob Lindqvist')
  })
})

test('a file is uploaded, listed and deleted in the browser', options, async () => {
  await withContext(async (context) => {
    const page = await context.newPage()
    await page.goto(demo.url('files'))
    await fillIn(page, 'bob')
    await page.waitForURL(demo.url('files'))
    await page
      .getByLabel('A file')
      .setInputFiles({ name: 'my notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hi') })
    await page.getByRole('button', { name: 'Upload' }).click()
    await page.getByRole('link', { name: 'my notes.txt' }).waitFor()
    await picture(page, 'files')
    await page.getByRole('button', { name: 'Delete my notes.txt' }).click()
    await page.getByRole('link', { name: 'my notes.txt' }).waitFor({ state: 'detached' })
  })
})

test(
  'when the session has expired a script gets 401, and a reload comes back without a question',
  options,
  async () => {
    using folder = temporaryFolder('expiry')
    const file = join(folder.path, 'short.yaml')
    writeFileSync(file, 'cookie_expire: 3s\n')
    await using short = await startDemo(['--config', file])
    const own = await launch(short)
    try {
      await withContext(async (context) => {
        const page = await context.newPage()
        await page.goto(short.url('files'))
        await fillIn(page, 'bob')
        await page.waitForURL(short.url('files'))
        await page.waitForTimeout(3_300)
        const status = await page.evaluate(`fetch('/welcome.txt').then((answer) => answer.status)`)
        assert.equal(status, 401)
        await page.reload()
        assert.equal(page.url(), short.url('files'))
        assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'All files')
      }, own)
    } finally {
      await own.close()
    }
  },
)

test('no page of the demo breaks its own content policy', options, async () => {
  await withContext(async (context) => {
    const complaints: string[] = []
    context.on('console', (message) => complaints.push(message.text()))
    const page = await context.newPage()
    await page.goto(demo.url('hello', '/live'))
    await fillIn(page, 'alice')
    await page.waitForURL(demo.url('hello', '/live'))
    for (const address of [
      demo.url('hello'),
      demo.url('files'),
      demo.url('hello', '/.pomerium/'),
      demo.url('public'),
    ]) {
      await page.goto(address)
    }
    assert.deepEqual(
      complaints.filter((text) => /Content.Security.Policy|Refused to/i.test(text)),
      [],
    )
  })
})
