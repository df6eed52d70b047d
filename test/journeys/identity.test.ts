import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose'
import { echoOf, people, startWorld } from './world.ts'

test('the application can verify who is there with the published keys', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'hello')
  const page = await browser.open(world.url('hello', '/who'))
  const { headers } = echoOf(page)
  const keys = createRemoteJWKSet(new URL(world.url('hello', '/.well-known/pomerium/jwks.json')), {
    [customFetch]: async (url: string) => new Response((await world.browser().fetch(url)).body),
  })
  const { payload, protectedHeader } = await jwtVerify(String(headers['x-pomerium-jwt-assertion']), keys, {
    algorithms: ['ES256'],
    audience: 'hello.corp.test',
  })
  assert.equal(protectedHeader.alg, 'ES256')
  assert.equal(payload['email'], people.alice.email)
  assert.deepEqual(payload['groups'], ['devops'])
  assert.equal(headers['x-email'], people.alice.email)
  assert.equal(headers['x-groups'], 'devops')
})

test('identity headers that a client sends never arrive', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('bob', 'any')
  const forged = {
    'x-pomerium-jwt-assertion': 'forged',
    'x-pomerium-claim-email': 'root@corp.test',
    'X-Email': 'root@corp.test',
    'x-groups': 'devops',
    'x-pomerium-claim-anything': 'root@corp.test',
  }
  for (const host of ['any', 'pub']) {
    const page = await browser.open(world.url(host), { headers: forged })
    // An assertion of another proxy in front is moved out of the way, to a name that no application trusts.
    const { 'x-pomerium-jwt-assertion-for': moved, ...headers } = echoOf(page).headers
    assert.ok(moved === undefined || moved === 'forged')
    assert.doesNotMatch(JSON.stringify(headers), /forged|root@corp\.test/, host)
    assert.notEqual(headers['x-groups'], 'devops', host)
  }
})

test('a public route tells the application nothing about who is there', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'any')
  const { headers } = echoOf(await browser.open(world.url('pub')))
  assert.deepEqual(
    Object.keys(headers).filter((name) => /pomerium|x-email|x-groups/.test(name)),
    [],
  )
})

test('no cookie of ours reaches the application, and those of the application do', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'any')
  const cookie = `${browser.cookies.header(new URL(world.url('any')), 'same-site')}; theirs=1`
  const { headers } = echoOf(await browser.fetch(world.url('any'), { headers: { cookie } }))
  assert.equal(headers['cookie'], 'theirs=1')
})

test('who-am-i tells the user what is known about them', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('carol', 'any')
  const page = await browser.open(world.url('any', '/.pomerium/'))
  assert.equal(page.status, 200)
  for (const text of ['carol@corp.test', 'Carol Núñez', 'devops', 'finance']) assert.ok(page.body.includes(text), text)
  const user = await browser.fetch(world.url('any', '/.pomerium/user'), { from: world.url('any') })
  assert.match(user.body, /carol@corp\.test/)
})
