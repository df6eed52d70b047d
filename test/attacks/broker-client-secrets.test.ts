/** Guessing at the secrets of clients: bounded for an address and for a client, and no way to lock the client out. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import { authorizeUrl, client, post, redeem, refresh, signIn, startBroker, type World } from '#test/broker/world.ts'

const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`

interface Shown {
  readonly from: string
  readonly path?: string
  readonly id?: string
  readonly secret?: string
  readonly by?: 'header' | 'form' | 'header without form'
  /** Blanks after "Basic": one or more (RFC 9110 §11.4). */
  readonly blanks?: string
  /** Beside the header, where the id stands once more, or nothing. */
  readonly formId?: string
}

/** One client that shows a secret. */
function show(world: World, shown: Shown) {
  const { from, path = '/token/introspect', id = 'app', secret = 'guess', by = 'header', blanks = ' ', formId } = shown
  const fields = new URLSearchParams({ token: 'x', grant_type: 'refresh_token', refresh_token: 'x', scope: 'openid' })
  if (by === 'form')
    for (const [name, value] of Object.entries({ client_id: id, client_secret: secret })) fields.set(name, value)
  const headers: Record<string, string> = { 'x-forwarded-for': from }
  if (by !== 'form') headers['authorization'] = basic(id, secret).replace(' ', blanks)
  if (formId !== undefined) fields.set('client_id', formId)
  if (by !== 'header without form') headers['content-type'] = 'application/x-www-form-urlencoded'
  const body = by === 'header without form' ? '' : String(fields)
  return new Promise<{ status: number; wait: number; body: string }>((resolve, reject) => {
    const asking = request(`${world.issuer}${path}`, { method: 'POST', headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part) => (text += part))
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, wait: Number(answer.headers['retry-after']), body: text }),
      )
    })
    asking.on('error', reject).end(body)
  })
}

test('wrong secrets from one address wait ever longer, at every endpoint and by either way, and then the right one does, too', async () => {
  let moment = Date.now()
  await using world = await startBroker({ now: () => moment, isBehindProxy: true })
  const from = '198.51.100.1'
  const shapes = ['/token', '/token/introspect', '/token/revoke', '/device/code'].flatMap((path) =>
    (['header', 'form', 'header without form'] as const).map((by) => ({ path, by })),
  )
  let tries = 0
  let held: Awaited<ReturnType<typeof show>> | undefined
  while (!held && tries < 60) {
    const answer = await show(world, { from, ...shapes[tries++ % shapes.length] })
    if (answer.status === 429) held = answer
    else assert.equal(answer.status, 401, answer.body)
  }
  assert.ok(held, 'nobody was held up')
  assert.equal(JSON.parse(held.body).error, 'temporarily_unavailable')
  for (const shape of shapes)
    assert.equal((await show(world, { from, ...shape })).status, 429, `${shape.path} by ${shape.by} is not counted`)
  assert.equal((await show(world, { from, secret: 'app-secret' })).status, 429, 'a hit is told from a miss meanwhile')
  const waits: number[] = []
  for (let round = 0; round < 6; round++) {
    const { wait } = await show(world, { from })
    waits.push(wait)
    moment += wait * 1000
    assert.equal((await show(world, { from })).status, 401)
  }
  assert.ok(
    waits.every((wait, at) => at === 0 || wait > (waits[at - 1] ?? 0)),
    `the waits do not grow: ${waits}`,
  )
  moment += 300_000
  assert.equal((await show(world, { from, secret: 'app-secret' })).status, 200, 'after the wait it is looked at again')
  const lines = world.decisions.filter(({ act }) => act === 'client authentication')
  assert.ok(
    lines.some(({ outcome, client: who, address }) => outcome === 'held-up' && who === 'app' && address === from),
  )
  assert.ok(!JSON.stringify([lines, world.log]).includes('guess'))
})

test('many guesses at the same moment are not more than one after the other', async () => {
  await using world = await startBroker({ isBehindProxy: true })
  const answers = await Promise.all(Array.from({ length: 120 }, () => show(world, { from: '198.51.100.1' })))
  const looked = answers.filter(({ status }) => status === 401).length
  assert.ok(looked <= 40, `${looked} were looked at`)
})

test('one IPv6 network is one guesser, whatever address of it is used', async () => {
  await using world = await startBroker({ isBehindProxy: true })
  const statuses: number[] = []
  for (let host = 1; host <= 60; host++)
    statuses.push((await show(world, { from: `2001:db8:0:7::${host.toString(16)}` })).status)
  assert.ok(statuses.includes(429))
  assert.equal((await show(world, { from: '2001:db8:0:8::1' })).status, 401)
})

test('whoever guesses elsewhere, from however many addresses, does not lock the client out where it lives', async () => {
  await using world = await startBroker({ isBehindProxy: true })
  const home = { from: '203.0.113.5', secret: 'app-secret' }
  assert.equal((await show(world, home)).status, 200)
  const statuses = new Map<number, number>()
  for (let host = 1; host <= 40; host++)
    for (let round = 0; round < 10; round++) {
      const { status } = await show(world, { from: `198.51.100.${host}` })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  assert.ok((statuses.get(401) ?? 0) <= 150, `${statuses.get(401)} guesses were looked at`)
  assert.equal((await show(world, home)).status, 200)
  assert.equal((await show(world, { ...home, from: '203.0.113.6' })).status, 429, 'elsewhere it waits, for a moment')
  assert.ok((await show(world, { ...home, from: '203.0.113.6' })).wait <= 30)
})

test('guesses at one client are counted as such however its id is written', async () => {
  for (const spelling of [{ blanks: '   ' }, { formId: '' }, { blanks: '  ', formId: 'app' }]) {
    await using world = await startBroker({ isBehindProxy: true })
    const statuses: number[] = []
    for (let host = 1; host <= 150; host++)
      statuses.push((await show(world, { from: `198.51.100.${host}`, ...spelling })).status)
    assert.deepEqual([...new Set(statuses)], [401, 429], JSON.stringify(spelling))
    const { status } = await show(world, { from: '203.0.113.9' })
    assert.equal(status, 429, `${JSON.stringify(spelling)} is counted for somebody else`)
  }
})

test('whoever guesses at one client from the address of another does not hold that one up', async () => {
  await using world = await startBroker({ clients: [client('app'), client('other')], isBehindProxy: true })
  const from = '203.0.113.5'
  assert.equal((await show(world, { from, secret: 'app-secret' })).status, 200)
  for (let round = 0; round < 60; round++) await show(world, { from, id: 'other' })
  assert.equal((await show(world, { from, id: 'other', secret: 'other-secret' })).status, 429)
  assert.equal((await show(world, { from, secret: 'app-secret' })).status, 200)
})

test('names that nobody has, broken and doubled credentials are guesses of their address, and reset nothing', async () => {
  await using world = await startBroker({ isBehindProxy: true })
  const from = '198.51.100.1'
  let held = 0
  for (let round = 0; round < 80; round++) {
    const odd = await show(world, { from, id: round % 2 === 0 ? `made-up-${round}` : 'app%zz' })
    if (odd.status === 429) held++
    // What is refused before the secret is looked at takes nothing back.
    const both = await fetch(`${world.issuer}/token`, {
      method: 'POST',
      headers: { authorization: basic('app', 'x'), 'x-forwarded-for': from },
      body: new URLSearchParams({ client_id: 'other', client_secret: 'y', grant_type: 'refresh_token' }),
    })
    assert.ok([400, 401, 429].includes(both.status))
  }
  assert.ok(held > 0, 'nobody was held up')
})

test('mistakes that are no guesses, and public clients, are not counted', async () => {
  await using world = await startBroker({
    clients: [client('app'), client('cli', { secret: undefined, public: true, redirectURIs: [] })],
  })
  for (let round = 0; round < 50; round++) {
    assert.equal((await refresh(world, 'gone')).status, 400)
    assert.equal((await post(`${world.issuer}/device/code`, { scope: 'openid' }, { id: 'cli' })).status, 200)
  }
  const { status } = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer)))
  assert.equal(status, 200)
})

test('whoever shares the address of a client holds it up for seconds, however long they guess', async () => {
  let moment = Date.now()
  await using world = await startBroker({ now: () => moment, isBehindProxy: true })
  const home = { from: '203.0.113.5', secret: 'app-secret' }
  assert.equal((await show(world, home)).status, 200)
  let looked = 0
  for (let second = 0; second < 300; second++) {
    if ((await show(world, { from: home.from })).status === 401) looked++
    moment += 1_000
  }
  assert.ok(looked <= 100, `${looked} guesses in five minutes`)
  const { status, wait } = await show(world, home)
  assert.ok(status === 200 || wait <= 5, `${status} for ${wait} s`)
})
