import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { BrokerView } from '#src/broker/views.ts'
import { catalog } from '#src/errors/catalog.ts'
import { brokerPages } from '#src/respond/pages/broker.ts'
import { findProgram, skipWithout } from '#test/actors/program.ts'

const pages = brokerPages()
const client = { name: 'Nextcloud' }
const endless = 'a-name-that-does-not-end-'.repeat(8)
const form: Extract<BrokerView, { kind: 'sign-in' }> = {
  ...{ kind: 'sign-in', client, action: '/x', prompt: 'Email Address', connector: undefined, login: '' },
  ...{ problem: undefined, remember: true, otherHref: undefined },
}
const problemOf = (code: keyof typeof catalog) => `${catalog[code].text} ${catalog[code].advice}`
const fields = { xsrf: 'x' }

const views: Readonly<Record<string, BrokerView>> = {
  choose: { kind: 'choose', client, connectors: ['Email', 'FreeIPA', endless].map((name) => ({ name, href: '/x' })) },
  form,
  wrong: {
    ...{ ...form, login: 'alice@corp.test', connector: 'FreeIPA', otherHref: '/sign-in' },
    problem: 'That name and password do not belong together.',
  },
  waiting: { ...form, login: endless, problem: 'Too many tries with this name. Wait 15 minutes and try again.' },
  away: { ...form, login: 'alice', problem: problemOf('CONNECTOR_UNREACHABLE') },
  'no e-mail': { ...form, login: 'alice', problem: problemOf('ACCOUNT_WITHOUT_EMAIL') },
  consent: { kind: 'consent', client, action: '/x', fields: {}, name: 'Alice', wishes: ['your name', endless] },
  'bare consent': { kind: 'consent', client: { name: endless }, action: '/x', fields: {}, name: '', wishes: [] },
  onward: { kind: 'onward', connector: endless, action: 'https://idp.test/', fields: { SAMLRequest: 'x' } },
  answer: { kind: 'answer', client: { name: endless }, action: 'https://app.test/', fields: { code: 'x' } },
  code: { kind: 'device-code', action: '/x', fields, code: '', problem: undefined },
  'wrong code': { kind: 'device-code', action: '/x', fields, code: 'BCDF-GHJK', problem: 'That code is not known.' },
  'compare the code': { kind: 'device-confirm', action: '/x', fields, code: 'BCDF-GHJK', client: { name: endless } },
  'device done': { kind: 'device-done', client },
  'sign out': { kind: 'sign-out', action: '/x', fields, name: endless },
  'signed out': { kind: 'signed-out' },
  problem: { kind: 'problem', heading: 'This cannot go on', text: endless, advice: 'Try again.', requestId: endless },
}

/** The only script: its hash stands in the policy of that page. */
const sending = '<script>document.forms[0].submit()</script>'

async function withBrowser(act: (browser: Browser) => Promise<void>): Promise<void> {
  const executablePath = findProgram('chromium') ?? 'chromium'
  await using browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
  await act(browser)
}

/** Contrast of each text with what lies behind it (WCAG 2.2 §1.4.3), and of the edges of what can be used (§1.4.11). */
const contrasts = `(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number)
  const light = ([r, g, b]) => [r, g, b].map((x) => x / 255)
    .map((x) => (x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4))
    .reduce((sum, x, at) => sum + x * [0.2126, 0.7152, 0.0722][at], 0)
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05) }
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor)
      if (colour.length < 4 || colour[3] > 0) return colour
    }
    return [255, 255, 255]
  }
  const found = []
  for (const element of document.querySelectorAll('body *')) {
    const style = getComputedStyle(element)
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '')
    if (hasText && ratio(parse(style.color), behind(element)) < 4.5) found.push('text of ' + element.outerHTML.slice(0, 80))
    if (element.matches('.button, input[type=text], input[type=password]') &&
        ratio(parse(style.borderTopColor), behind(element.parentElement)) < 3)
      found.push('edge of ' + element.outerHTML.slice(0, 80))
  }
  return found
})()`

const namelessControls = `[...document.querySelectorAll('input:not([type=hidden]), button, a')]
  .filter((one) => !(one.labels?.length || one.textContent.trim() || one.getAttribute('aria-label')))
  .map((one) => one.outerHTML)`

async function show(page: Page, view: BrokerView): Promise<void> {
  await page.goto('about:blank')
  await page.setContent(pages.render(view).replace(sending, ''))
}

for (const [width, colorScheme] of [
  [320, 'dark'],
  [390, 'light'],
  [1280, 'light'],
  [1280, 'dark'],
] as const) {
  test(`every page of the broker can be read, used and fits, ${width} pixels wide, ${colorScheme}`, {
    skip: skipWithout('chromium'),
  }, async () => {
    await withBrowser(async (browser) => {
      const page = await browser.newPage({ viewport: { width, height: 700 }, colorScheme })
      for (const [name, view] of Object.entries(views)) {
        await show(page, view)
        assert.deepEqual(await page.evaluate(contrasts), [], name)
        assert.deepEqual(await page.evaluate(namelessControls), [], name)
        assert.ok((await page.evaluate<number>('document.documentElement.scrollWidth')) <= width, `${name} is too wide`)
        assert.equal(await page.locator('h1').count(), 1, name)
        assert.equal(await page.locator('html').getAttribute('lang'), 'en', name)
        for (const box of await page.locator('.button, input[type=text], input[type=password]').all())
          assert.ok(((await box.boundingBox())?.height ?? 0) >= 44, `${name}: too small for a finger`)
      }
    })
  })
}

test('no page of the broker has a script but the one that sends an answer, an event handler, a style of its own, or anything from elsewhere', () => {
  for (const [name, view] of Object.entries(views)) {
    const whole = pages.render(view)
    const page = name === 'answer' ? whole.replace(sending, '') : whole
    assert.doesNotMatch(page, /<script|\son\w+=|\sstyle=|javascript:|<(?:img|link|iframe|object|embed)\b/i, name)
  }
})

test('whatever stands in a view is text, never markup', () => {
  const odd = `"'><svg onload=alert(1)>&amp;{{x}}`
  const texts = (value: unknown): unknown => {
    if (typeof value === 'string') return odd
    if (Array.isArray(value)) return value.map(texts)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, name === 'kind' ? one : texts(one)]))
  }
  for (const [name, view] of Object.entries(views)) {
    const page = pages.render(texts(view) as BrokerView)
    assert.doesNotMatch(page, /<svg onload/, name)
    assert.doesNotMatch(page, /="[^"]*"'>/, name)
  }
})

test('a problem is read out with the field that has the focus: the password, where the name stands already', {
  skip: skipWithout('chromium'),
}, async () => {
  await withBrowser(async (browser) => {
    const page = await browser.newPage()
    for (const name of ['wrong', 'waiting', 'away', 'no e-mail']) {
      const view = views[name]
      assert.ok(view)
      await show(page, view)
      const focused = page.locator(':focus')
      assert.equal(await focused.getAttribute('name'), 'password', name)
      const id = await focused.getAttribute('aria-describedby')
      assert.equal(await page.locator(`#${id}`).textContent(), 'problem' in view ? view.problem : '', name)
    }
    await show(page, form)
    assert.equal(await page.locator(':focus').getAttribute('name'), 'login')
  })
})

test('what goes wrong for different reasons reads differently', () => {
  const texts = ['wrong', 'waiting', 'away', 'no e-mail'].map((name) => pages.render(views[name] ?? form))
  assert.match(texts[0] ?? '', /do not belong together/)
  assert.match(texts[2] ?? '', /cannot be reached/)
  assert.match(texts[2] ?? '', /Your password was not judged/)
  assert.match(texts[3] ?? '', /lacks an e-mail address/)
  assert.equal(new Set(texts).size, 4)
})
