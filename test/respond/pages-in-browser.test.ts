import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chromium } from 'playwright-core'
import { deniedAnswer } from '#src/respond/denied-answer.ts'
import { sendAnswer } from '#src/respond/send-answer.ts'
import { findProgram, skipWithout } from '#test/actors/program.ts'
import { startHttp1, visit } from './exchanges.ts'

const long = 'a-group-with-a-name-that-does-not-end-'.repeat(8)

const denied = deniedAnswer({
  visit: visit({ path: `/${long}` }),
  who: { name: 'Ada', email: `${long}@example.com`, userId: 'u-1' },
  application: 'Grafana',
  reasons: [long],
  signInAsElse: { action: '/.pomerium/sign_out', fields: { token: 't' }, text: 'Sign in as somebody else' },
  session: { href: '/.pomerium/', text: 'Your session' },
  now: 0,
})

test('in a browser a page has its style and nothing is blocked, fits a small phone, and shows where the keyboard is', {
  skip: skipWithout('chromium'),
}, async () => {
  await using server = await startHttp1((exchange) => sendAnswer(exchange, denied, 'x'))
  const executablePath = findProgram('chromium') ?? 'chromium'
  await using browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
  const page = await browser.newPage({ viewport: { width: 320, height: 600 }, colorScheme: 'dark' })
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  await page.goto(`http://127.0.0.1:${server.port}/`)

  assert.deepEqual(
    complaints.filter((text) => /Content.Security.Policy|Refused/i.test(text)),
    [],
  )
  assert.equal(await page.evaluate('getComputedStyle(document.body).backgroundColor'), 'rgb(18, 23, 21)')
  assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 320)
  await page.keyboard.press('Tab')
  const focused = page.locator(':focus')
  assert.equal(await focused.textContent(), 'Sign in as somebody else')
  assert.equal(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'), 'solid')
  assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'Grafana is not open to you')
})
