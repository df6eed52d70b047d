/** The broker's pages in a real browser without scripts, by keyboard alone, and from another site's page. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { chromium, type Page } from 'playwright-core'
import { findProgram, skipWithout } from '#test/actors/program.ts'
import { authorizeUrl, client, post, rightPassword, startBroker, user } from '#test/broker/world.ts'

const skip = skipWithout('chromium')
const launch = () =>
  chromium.launch({
    executablePath: findProgram('chromium') ?? 'chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  })

/** A site with one page, which is also the application: whatever is sent there is answered. */
async function startSite(page: () => string) {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(page())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    /** Another site than 127.0.0.1 in a browser's eyes. */
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const consenting = {
  oauth2: { grantTypes: [], skipApprovalScreen: false, alwaysShowLoginScreen: false, pkceEnforce: false },
}

test('somebody signs in, mistypes, agrees and comes back by keyboard, without any script, and nothing is blocked', {
  skip,
}, async () => {
  await using site = await startSite(() => 'the application')
  const app = client('app', { redirectURIs: [`${site.url}/cb`] })
  await using world = await startBroker({ settings: consenting, clients: [app] })
  await using browser = await launch()
  const page = await browser.newPage({ javaScriptEnabled: false, viewport: { width: 390, height: 700 } })
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('requestfailed', (request) => complaints.push(request.url()))
  const { keyboard } = page
  await page.goto(authorizeUrl(world.issuer, { redirect_uri: `${site.url}/cb` }))
  await page.locator('input[autocomplete=username]:focus').waitFor()
  await keyboard.type('alice@corp.test')
  await keyboard.press('Tab')
  await keyboard.type('open sesam')
  await keyboard.press('Enter')
  await page.getByRole('alert').waitFor()
  assert.match((await page.getByRole('alert').textContent()) ?? '', /do not belong together/)
  // The name stands there still, and the cursor is where something has to be typed, once the browser has put it there.
  await page.locator('input[type=password]:focus').waitFor()
  await keyboard.type(rightPassword)
  await keyboard.press('Enter')
  await page.getByText('May app know who you are?').waitFor()
  for (let presses = 0; presses < 10; presses++) {
    await keyboard.press('Tab')
    if ((await page.locator(':focus').textContent()) === 'Yes, go on') break
  }
  await keyboard.press('Enter')
  await page.waitForURL(`${site.url}/cb?*`)
  assert.ok(new URL(page.url()).searchParams.get('code'))
  assert.deepEqual(
    complaints.filter((text) => !text.includes('favicon') && !text.includes('401')),
    [],
  )
})

test('a device is connected, and refused, without any script', { skip }, async () => {
  await using world = await startBroker()
  await using browser = await launch()
  const page = await browser.newPage({ javaScriptEnabled: false })
  const begin = async () => (await post(`${world.issuer}/device/code`, { scope: 'openid' })).body
  const poll = async (asked: Readonly<Record<string, unknown>>) => {
    const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
    return (await post(`${world.issuer}/token`, { grant_type, device_code: String(asked['device_code']) })).body
  }
  const refused = await begin()
  await page.goto(String(refused['verification_uri_complete']))
  await page.getByRole('button', { name: 'Go on' }).click()
  await page.getByRole('button', { name: 'No, stop' }).click()
  await page.getByText('You have stopped this sign-in').waitFor()
  assert.equal((await poll(refused))['error'], 'access_denied')
  const taken = await begin()
  await page.goto(String(taken['verification_uri']))
  await page.getByLabel('Code').fill(String(taken['user_code']).toLowerCase())
  await page.getByRole('button', { name: 'Go on' }).click()
  await page.getByRole('button', { name: 'The code is the same' }).click()
  await page.getByLabel('Email Address').fill('alice@corp.test')
  await page.getByLabel('Password').fill(rightPassword)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('The device is signed in').waitFor()
  assert.ok((await poll(taken))['id_token'])
})

test('a page of another site can neither frame a form of ours nor send one for somebody, nor sign them out', {
  skip,
}, async () => {
  let evil = ''
  await using site = await startSite(() => evil)
  await using world = await startBroker({ settings: consenting })
  await using browser = await launch()
  const page = await browser.newPage()
  await page.goto(authorizeUrl(world.issuer))
  const form = page.url()
  evil = `<iframe name=f src="${form}"></iframe>`
  await page.goto(site.url)
  await page.waitForTimeout(300)
  const framed = page.frame('f')
  assert.ok(!(await framed?.content())?.includes('type="password"'), 'the form is in a frame')

  await page.goto(form)
  await page.getByLabel('Email Address').fill('alice@corp.test')
  await page.getByLabel('Password').fill(rightPassword)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('May app know').waitFor()
  const consent = page.url()
  const sent = (action: string, fields: Readonly<Record<string, string>>) => {
    const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`)
    return `<form method="post" action="${action}">${inputs.join('')}<button>go</button></form>`
  }
  for (const [action, fields] of [
    [consent, { approval: 'approve' }],
    [form, { login: 'bob@corp.test', password: rightPassword }],
    [`${world.issuer}/logout`, {}],
    [`${world.issuer}/logout/confirm`, { logout: 'yes', xsrf: '' }],
    [`${world.issuer}/device`, { user_code: 'BCDF-GHJK', confirm: 'yes', xsrf: '' }],
  ] as const) {
    evil = sent(action, fields)
    await page.goto(site.url)
    await page.getByRole('button', { name: 'go' }).click()
    await page.waitForLoadState()
    assert.doesNotMatch(page.url(), /[?&]code=/, action)
  }
  assert.deepEqual(
    world.audit.map(({ outcome, login }) => [outcome, login]),
    [['signed-in', 'alice@corp.test']],
  )
  await page.goto(consent)
  await page.getByText('May app know').waitFor()
  await page.goto(`${world.issuer}/logout`)
  await page.getByText('Alice').waitFor()
})

test('form_post: the answer sends itself by the one script that its policy lets through, and by hand without scripts', {
  skip,
}, async () => {
  const received: { body: string; origin: string | undefined }[] = []
  await using app = await startReceiver((request, body) => {
    if (request.method === 'POST') received.push({ body, origin: request.headers.origin })
  })
  const redirect_uri = `${app.url}/cb`
  const state = '"><script>alert(1)</script>\'&;'
  await using world = await startBroker({ clients: [client('app', { redirectURIs: [redirect_uri] })] })
  await using browser = await launch()
  for (const javaScriptEnabled of [true, false]) {
    const page = await browser.newPage({ javaScriptEnabled })
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    page.on('dialog', (dialog) => complaints.push(dialog.message()))
    await page.goto(authorizeUrl(world.issuer, { redirect_uri, response_mode: 'form_post', state }))
    await page.getByLabel('Email Address').fill('alice@corp.test')
    await page.getByLabel('Password').fill(rightPassword)
    await page.keyboard.press('Enter')
    await byHand(page, javaScriptEnabled)
    await page.getByText('the application').waitFor()
    const sent = new URLSearchParams(received.at(-1)?.body)
    assert.deepEqual([...sent.keys()].sort(), ['code', 'iss', 'state'])
    assert.equal(sent.get('state'), state)
    assert.equal(received.at(-1)?.origin, new URL(world.issuer).origin)
    assert.deepEqual(complaints, [])
    await page.goto(authorizeUrl(world.issuer, { redirect_uri, response_mode: 'form_post', scope: 'openid x' }))
    await byHand(page, javaScriptEnabled)
    await page.getByText('the application').waitFor()
    assert.match(received.at(-1)?.body ?? '', /error=invalid_scope/)
    await page.context().close()
  }
})

async function byHand(page: Page, isScripted: boolean): Promise<void> {
  if (isScripted) return
  await page.getByRole('heading', { name: 'Back to app' }).waitFor()
  await page.keyboard.press('Enter')
}

async function startReceiver(hear: (request: IncomingMessage, body: string) => void) {
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part
    })
    request.on('end', () => {
      hear(request, body)
      response.writeHead(200, { 'content-type': 'text/html' }).end('<link rel="icon" href="data:,">the application')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

test('no name is too long, and no letters too large, for a narrow page, and no way leads sideways', {
  skip,
}, async () => {
  const connector = (id: string, name: string) => ({ type: 'mockCallback', id, name, ...plain })
  const plain = { config: {}, raw: {}, groups: undefined, grantTypes: [] }
  const long = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft'
  const connectors = ['شركة المثال', long, ...Array.from({ length: 38 }, (_, at) => `Directory ${at}`)]
  await using world = await startBroker({
    settings: consenting,
    clients: [client('app', { name: long }), client('tv', { public: true, secret: undefined })],
    connectors: connectors.map((name, at) => connector(`c${at}`, name)) as never,
    users: [user('alice', { name: long })],
  })
  const { user_code } = (await post(`${world.issuer}/device/code`, { scope: 'openid' }, { id: 'tv' })).body
  await using browser = await launch()
  const page = await browser.newPage({ viewport: { width: 360, height: 640 } })
  const isNarrow = async (what: string) => {
    for (const size of ['100%', '200%']) {
      await page.evaluate(`document.documentElement.style.fontSize = '${size}'`)
      const width = Number(await page.evaluate('document.documentElement.scrollWidth'))
      assert.ok(width <= 360, `${what} at ${size} is ${width} wide`)
    }
  }
  await page.goto(authorizeUrl(world.issuer))
  await isNarrow('the choice')
  await page.goto(authorizeUrl(world.issuer, { connector_id: 'local' }))
  await isNarrow('the form')
  await page.getByLabel('Email Address').fill('alice@corp.test')
  await page.getByLabel('Password').fill('wrong')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('alert').waitFor()
  await isNarrow('the form that says no')
  await page.getByLabel('Password').fill(rightPassword)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Yes, go on' }).waitFor()
  await isNarrow('the question')
  await page.goto(`${world.issuer}/logout`)
  await isNarrow('signing out')
  await page.goto(authorizeUrl(world.issuer, { redirect_uri: `https://evil.test/${long}` }))
  await isNarrow('a problem')
  await page.goto(`${world.issuer}/device?user_code=${user_code}`)
  await page.getByRole('button', { name: 'Go on' }).click()
  const [yes, no] = [
    page.getByRole('button', { name: 'The code is the same' }),
    page.getByRole('button', { name: 'No, stop' }),
  ]
  await yes.waitFor()
  assert.equal((await yes.boundingBox())?.width, (await no.boundingBox())?.width)
  await isNarrow('the code')
})
