/** Filling the store: with sign-ins that nobody finishes, codes that nobody redeems, forms that nobody sends. */
import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { temporaryFolder } from '#test/actors/program.ts'
import {
  authorizeUrl,
  client,
  post,
  redeem,
  refresh,
  signIn,
  startBroker,
  user,
  type World,
} from '#test/broker/world.ts'

const local = { connector_id: 'local' }
const stranger = '198.51.100.1'
const owner = '203.0.113.9'

const mock = { type: 'mockCallback', id: 'mock', name: 'mock', config: {}, raw: {}, groups: undefined, grantTypes: [] }

async function startWithFile() {
  await using opened = new AsyncDisposableStack()
  const folder = opened.use(temporaryFolder('broker-floods'))
  const file = join(folder.path, 'broker.db')
  const world = opened.use(
    await startBroker({
      settings: { storage: { type: 'sqlite3', file } as World['settings']['storage'] },
      clients: [client('app'), client('cli', { secret: undefined, public: true, redirectURIs: [] })],
      connectors: [mock] as unknown as World['settings']['connectors'],
      users: [user('alice'), user('bob')],
      isBehindProxy: true,
    }),
  )
  const rows = (kind: string) => {
    using database = new DatabaseSync(file, { readOnly: true })
    return database.prepare('SELECT expires_at FROM ostiary_records WHERE kind = ?').all(kind) as {
      expires_at: number
    }[]
  }
  const owned = opened.move()
  return { world, rows, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

interface Flood {
  readonly times: number
  readonly from: string
  readonly body?: string
  readonly cookie?: string
}

/** As many requests, some at a time; what the last one answered. */
async function flood(address: string, { times, from, body, cookie }: Flood) {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  const once = () =>
    new Promise<{ status: number; location: string; cookies: readonly string[] }>((resolve, reject) => {
      const headers = {
        'x-forwarded-for': from,
        ...(cookie && { cookie }),
        ...(body && { 'content-type': 'application/x-www-form-urlencoded' }),
      }
      const asking = request(address, { agent, headers, method: body ? 'POST' : 'GET' }, (answer) => {
        answer.resume().on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            location: answer.headers.location ?? '',
            cookies: answer.headers['set-cookie'] ?? [],
          }),
        )
      })
      asking.on('error', reject).end(body)
    })
  const first = await once()
  for (let done = 1; done < times; done += 16) await Promise.all(Array.from({ length: 16 }, once))
  agent.destroy()
  return first
}

test('sign-ins that one address begins are bounded, in number and in octets, and push out no others', async () => {
  await using broker = await startWithFile()
  const { world, rows } = broker
  const other = world.browserAt(owner)
  const form = await other.open(authorizeUrl(world.issuer, local))
  const first = await flood(authorizeUrl(world.issuer, { state: 's' }), { times: 2_300, from: stranger })
  assert.equal(first.status, 303)
  const many = rows('Interaction').length
  assert.ok(many > 1_000 && many <= 2_020, `${many} attempts are kept`)
  await flood(authorizeUrl(world.issuer, { state: 's'.repeat(14_000) }), { times: 1_000, from: stranger })
  const long = rows('Interaction').length
  assert.ok(long <= 700, `${long} attempts of 14 kB are kept`)
  const page = await other.submit(form, { login: 'alice@corp.test', password: 'open sesame' })
  assert.equal((await redeem(world, page)).status, 200, 'a stranger has ended the sign-in of somebody else')
})

test('device codes that nobody enters are bounded for an address, and those of others stay', async () => {
  await using broker = await startWithFile()
  const { world, rows } = broker
  const { body: asked } = await post(`${world.issuer}/device/code`, { scope: 'openid' })
  const fields = String(new URLSearchParams({ client_id: 'cli', scope: 'openid' }))
  const { status } = await flood(`${world.issuer}/device/code`, { times: 2_300, from: stranger, body: fields })
  assert.equal(status, 200)
  assert.ok(rows('DeviceCode').length <= 2_020, `${rows('DeviceCode').length} device codes are kept`)
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  const { body } = await post(`${world.issuer}/token`, { grant_type, device_code: String(asked['device_code']) })
  assert.equal(body['error'], 'authorization_pending')
})

test('forms shown to nobody in particular fill nothing, end soon, and push out no session of a person', async () => {
  await using broker = await startWithFile()
  const { world, rows } = broker
  const browser = world.browserAt(owner)
  await signIn(browser, authorizeUrl(world.issuer, local))
  for (const path of ['/device', '/logout']) await flood(`${world.issuer}${path}`, { times: 1_400, from: stranger })
  const sessions = rows('Session')
  assert.ok(sessions.length <= 2_020, `${sessions.length} sessions are kept`)
  const inAnHour = Date.now() + 61 * 60_000
  assert.ok(sessions.filter(({ expires_at }) => expires_at > inAnHour).length <= 1, 'nobody’s sessions live long')
  const again = await browser.open(authorizeUrl(world.issuer, local))
  assert.match(again.url, /[?&]code=/, 'the person has to sign in again')
})

test('codes that a person lets lie leave little behind, and none of it for long', async () => {
  await using broker = await startWithFile()
  const { world, rows } = broker
  const bob = world.browserAt(owner)
  const { body } = await redeem(world, await signIn(bob, authorizeUrl(world.issuer, local), { login: 'bob@corp.test' }))
  const browser = world.browserAt(stranger)
  await signIn(browser, authorizeUrl(world.issuer, local))
  for (let round = 0; round < 650; round += 10)
    await Promise.all(Array.from({ length: 10 }, () => browser.open(authorizeUrl(world.issuer, local))))
  for (const kind of ['Grant', 'GrantIdentity', 'AuthorizationCode'])
    assert.ok(rows(kind).length <= 530, `${rows(kind).length} of ${kind} are kept`)
  const inAnHour = Date.now() + 60 * 60_000
  assert.equal(
    rows('Grant').filter(({ expires_at }) => expires_at > inAnHour).length,
    1,
    'only what was redeemed lives',
  )
  assert.equal((await refresh(world, body['refresh_token'])).status, 200)
})

test('ways to another service, and answers from there, are bounded for an address, in octets as well', async () => {
  await using broker = await startWithFile()
  const { world, rows } = broker
  const begin = async () => {
    const asked = authorizeUrl(world.issuer, { connector_id: 'mock' })
    const { cookies, location } = await flood(asked, { times: 1, from: stranger })
    const cookie = cookies.map((line) => line.split(';')[0]).join('; ')
    return { login: new URL(location, world.issuer).href, ways: { from: stranger, cookie } }
  }
  const { login, ways } = await begin()
  await flood(login, { ...ways, times: 2_300 })
  assert.ok(rows('Departure').length <= 2_020, `${rows('Departure').length} departures are kept`)
  assert.equal((await flood(login, { ...ways, times: 1 })).status, 400, 'the attempt itself went before its ways')
  const again = await begin()
  for (let at = 0; at < 32; at++) {
    const { location } = await flood(again.login, { ...again.ways, times: 1 })
    const RelayState = new URL(location).searchParams.get('state') ?? ''
    const body = String(new URLSearchParams({ RelayState, SAMLResponse: 'x'.repeat(500_000) }))
    await flood(`${world.issuer}/callback`, { times: 1, from: stranger, body })
  }
  const kept = rows('PostedAnswer').length
  assert.ok(kept >= 8 && kept <= 18, `${kept} answers of 500 kB are kept`)
})

test('answers that trickle in take no more memory than a few of them would, and others are read meanwhile', async () => {
  await using broker = await startWithFile()
  const { world } = broker
  const { hostname, port, pathname } = new URL(`${world.issuer}/callback`)
  const trickling = (from: string) =>
    new Promise<Socket>((resolve, reject) => {
      const head = `POST ${pathname} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${from}\r\nContent-Type: application/x-www-form-urlencoded`
      const socket = connect(Number(port), hostname, () => {
        socket.write(`${head}\r\nContent-Length: 500000\r\n\r\n${'x'.repeat(100_000)}`, () => resolve(socket))
      })
      socket.on('error', reject)
    })
  const answerTo = async (from: string) => {
    const body = String(new URLSearchParams({ RelayState: 'x' }))
    return (await flood(`${world.issuer}/callback`, { times: 1, from, body })).status
  }
  const open = await Promise.all(Array.from({ length: 32 }, () => trickling(stranger)))
  await pause(300)
  assert.equal(await answerTo(stranger), 503)
  assert.equal(await answerTo(owner), 400)
  for (const socket of open) socket.destroy()
  await pause(300)
  assert.equal(await answerTo(stranger), 400)
})
