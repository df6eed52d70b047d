/** The same requests to a real Dex and to ours, one thing changed in each: the same comes of them, or the list says why not. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Secret } from '#src/crypto/secret.ts'
import { type Dex, startDex } from '#test/actors/dex.ts'
import { freePort, skipWithout } from '#test/actors/program.ts'
import { authorizeUrl, callback, claimsIn, client, startBroker, verifier, type World } from '#test/broker/world.ts'
import { differingIds } from '#test/vectors/read-vectors.ts'

const skip = skipWithout('dex')
const differing = differingIds('dex-requests')
type Fields = Readonly<Record<string, string | undefined>>

const challenge = new URL(authorizeUrl('http://x')).searchParams.get('code_challenge') ?? ''
const crossClient = (id: string) => `openid audience:server:client_id:${id}`

/** What is changed of a good request of `app` at `/auth/mock`. */
const signIns: Readonly<Record<string, Fields>> = {
  'nothing changed': {},
  'no client_id': { client_id: undefined },
  'empty client_id': { client_id: '' },
  'unknown client': { client_id: 'nobody' },
  'public client, loopback by name': { client_id: 'cli', redirect_uri: 'http://localhost:8000/cb' },
  'public client, loopback by number': { client_id: 'cli', redirect_uri: 'http://127.0.0.1:8000' },
  'public client, loopback IPv6': { client_id: 'cli', redirect_uri: 'http://[::1]:8000/cb?x=1' },
  'public client, loopback without port': { client_id: 'cli', redirect_uri: 'http://localhost/cb' },
  'public client, out of band': { client_id: 'cli', redirect_uri: 'urn:ietf:wg:oauth:2.0:oob' },
  'public client, https loopback': { client_id: 'cli', redirect_uri: 'https://localhost:8000/cb' },
  'public client, elsewhere': { client_id: 'cli', redirect_uri: 'http://evil.test/cb' },
  'public client, own scheme': { client_id: 'cli', redirect_uri: 'com.example.app:/cb' },
  'secret client, loopback': { redirect_uri: 'http://localhost:8000/cb' },
  'no redirect_uri': { redirect_uri: undefined },
  'redirect_uri with a query that is registered': { redirect_uri: `${callback}?x=1` },
  'redirect_uri with another query': { redirect_uri: `${callback}?x=2` },
  'redirect_uri with a slash': { redirect_uri: `${callback}/` },
  'redirect_uri in capitals': { redirect_uri: callback.toUpperCase() },
  'no response_type': { response_type: undefined },
  'empty response_type': { response_type: '' },
  'response_type in capitals': { response_type: 'CODE' },
  'response_type unknown': { response_type: 'foo' },
  'response_type twice': { response_type: 'code code' },
  'response_type token': { response_type: 'token' },
  'response_type id_token': { response_type: 'id_token' },
  'response_type code id_token': { response_type: 'code id_token' },
  'response_type code token': { response_type: 'code token' },
  'response_type id_token token': { response_type: 'id_token token' },
  'no scope': { scope: undefined },
  'empty scope': { scope: '' },
  'scope without openid': { scope: 'email profile' },
  'scope openid alone': { scope: 'openid' },
  'scope openid twice': { scope: 'openid openid' },
  'scope in capitals': { scope: 'OPENID' },
  'scope with two blanks': { scope: 'openid  email' },
  'scope with blanks around': { scope: ' openid email ' },
  'scope with a tab': { scope: 'openid\temail' },
  'scope with commas': { scope: 'openid,email' },
  'scope federated:id': { scope: 'openid federated:id' },
  'scope address': { scope: 'openid address' },
  'scope unknown': { scope: 'openid foo' },
  'cross-client': { scope: crossClient('peer') },
  'cross-client to itself': { scope: crossClient('app') },
  'cross-client without trust': { scope: crossClient('cli') },
  'cross-client to nobody': { scope: crossClient('nobody') },
  'cross-client without a name': { scope: crossClient('') },
  'no state': { state: undefined },
  'empty state': { state: '' },
  'state with every letter': { state: 'é&=#"<>\'+%\u{1f642}' },
  'state of 4,000 letters': { state: 'x'.repeat(4_000) },
  'no nonce': { nonce: undefined },
  'empty nonce': { nonce: '' },
  'nonce of 2,000 letters': { nonce: 'n'.repeat(2_000) },
  'no PKCE': { code_challenge: undefined, code_challenge_method: undefined },
  'PKCE plain': { code_challenge: verifier, code_challenge_method: 'plain' },
  'PKCE without method': { code_challenge_method: undefined },
  'PKCE method without challenge': { code_challenge: undefined },
  'PKCE unknown method': { code_challenge_method: 'S512' },
  'PKCE method in small letters': { code_challenge_method: 's256' },
  'PKCE short challenge': { code_challenge: 'short' },
  'prompt login': { prompt: 'login' },
  'prompt consent': { prompt: 'consent' },
  'prompt select_account': { prompt: 'select_account' },
  'empty prompt': { prompt: '' },
  'prompt unknown': { prompt: 'foo' },
  'prompt none': { prompt: 'none' },
  'max_age 0': { max_age: '0' },
  'max_age 600': { max_age: '600' },
  'max_age no number': { max_age: 'abc' },
  'response_mode query': { response_mode: 'query' },
  'response_mode form_post': { response_mode: 'form_post' },
  'response_mode unknown': { response_mode: 'foo' },
  'approval_prompt force': { approval_prompt: 'force' },
  'approval_prompt unknown': { approval_prompt: 'foo' },
  'access_type offline': { access_type: 'offline' },
  display: { display: 'popup' },
  ui_locales: { ui_locales: 'fr de' },
  acr_values: { acr_values: 'one two' },
  login_hint: { login_hint: 'alice@corp.test' },
  claims: { claims: '{"id_token":{"email":null}}' },
  resource: { resource: 'https://api.test/' },
  audience: { audience: 'https://api.test/' },
  request: { request: 'a.b.c' },
  request_uri: { request_uri: 'https://app.test/request' },
  'connector_id of the path': { connector_id: 'mock' },
  'empty connector_id': { connector_id: '' },
  'a parameter that nobody knows': { foo: 'bar' },
}

interface TokenCase {
  readonly fields?: Fields
  /** Basic credentials; undefined: `app` with its secret; null: none. */
  readonly who?: readonly [string, string] | null
  readonly scope?: string
}

/** What is changed of a good request with a code. */
const redemptions: Readonly<Record<string, TokenCase>> = {
  'code, Basic': {},
  'code, secret in the form': { who: null, fields: { client_id: 'app', client_secret: 'app-secret' } },
  'code, both ways with the same secret': { fields: { client_id: 'app', client_secret: 'app-secret' } },
  'code, both ways with another secret': { fields: { client_id: 'app', client_secret: 'x' } },
  'code, another client_id in the form': { fields: { client_id: 'peer' } },
  'code, no client': { who: null },
  'code, id without secret': { who: null, fields: { client_id: 'app' } },
  'code, empty secret': { who: ['app', ''] },
  'code, wrong secret': { who: ['app', 'x'] },
  'code, unknown client': { who: ['nobody', 'x'] },
  'code, no code': { fields: { code: undefined } },
  'code, no such code': { fields: { code: 'x' } },
  'code, no redirect_uri': { fields: { redirect_uri: undefined } },
  'code, another redirect_uri': { fields: { redirect_uri: `${callback}?x=1` } },
  'code, no verifier': { fields: { code_verifier: undefined } },
  'code, another verifier': { fields: { code_verifier: 'w'.repeat(43) } },
  'code, with a scope': { fields: { scope: 'openid' } },
  'code, with a resource': { fields: { resource: 'https://api.test/' } },
  'code, scope openid': { scope: 'openid' },
  'code, scope groups': { scope: 'openid groups' },
  'code, cross-client': { scope: crossClient('peer') },
  'code, federated:id': { scope: 'openid federated:id' },
  'no grant_type': { fields: { grant_type: undefined } },
  'grant_type unknown': { fields: { grant_type: 'foo' } },
  'grant_type password': { fields: { grant_type: 'password', username: 'a', password: 'b', scope: 'openid' } },
  'grant_type client_credentials': { fields: { grant_type: 'client_credentials', scope: 'openid' } },
}

let dex: Dex
let world: World

const peers = { trustedPeers: ['app'], redirectURIs: [callback] }

before(async () => {
  if (skip !== false) return
  const port = await freePort()
  const redirectURIs = [callback, `${callback}?x=1`]
  dex = await startDex({
    port,
    configuration: {
      issuer: `http://127.0.0.1:${port}/dex`,
      oauth2: { skipApprovalScreen: true },
      staticClients: [
        { id: 'app', name: 'app', secret: 'app-secret', redirectURIs },
        { id: 'peer', name: 'peer', secret: 'peer-secret', ...peers },
        { id: 'cli', name: 'cli', public: true },
      ],
      connectors: [{ type: 'mockCallback', id: 'mock', name: 'Mock' }],
    },
  })
  const mock = {
    type: 'mockCallback',
    id: 'mock',
    name: 'Mock',
    config: {},
    raw: {},
    groups: undefined,
    grantTypes: [],
  }
  world = await startBroker({
    connectors: [mock as never],
    clients: [
      client('app', { redirectURIs, secret: new Secret('app-secret') }),
      client('peer', peers),
      client('cli', { public: true, secret: undefined, redirectURIs: [] }),
    ],
  })
})

after(async () => {
  await world?.[Symbol.asyncDispose]()
  await dex?.[Symbol.asyncDispose]()
})

function address(issuer: string, more: Fields): string {
  return authorizeUrl(issuer, { code_challenge: challenge, ...more }).replace('/auth?', '/auth/mock?')
}

/** On to the connector, back with an error, or a page that says no. */
async function begun(issuer: string, more: Fields): Promise<string> {
  const answer = await fetch(address(issuer, more), { redirect: 'manual' })
  const location = answer.headers.get('location')
  if (location === null) return answer.status < 400 ? 'page' : 'refused with a page'
  const url = new URL(location, issuer)
  if (url.origin === new URL(issuer).origin) return 'on to the connector'
  // What asks for tokens in the address is answered in the fragment here.
  const told = url.hash === '' ? url.searchParams : new URLSearchParams(url.hash.slice(1))
  return `back to ${url.origin}: ${told.get('error')} ${told.get('state') ?? ''}`.trim()
}

async function codeFrom(issuer: string, scope: string): Promise<string> {
  let url = new URL(address(issuer, { scope }))
  const cookies = new Map<string, string>()
  for (let step = 0; url.origin === new URL(issuer).origin && step < 10; step += 1) {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie } })
    for (const set of answer.headers.getSetCookie()) {
      const [name = '', value = ''] = (set.split(';', 1)[0] ?? '').split(/=(.*)/s)
      cookies.set(name, value)
    }
    url = new URL(answer.headers.get('location') ?? 'about:blank', url)
  }
  return url.searchParams.get('code') ?? ''
}

/** Status, error, or the names of what comes and whom the token is for. */
async function redeemed(issuer: string, { fields = {}, who = ['app', 'app-secret'], scope }: TokenCase) {
  const code = await codeFrom(issuer, scope ?? 'openid profile email groups offline_access')
  const all: Fields = {
    ...{ grant_type: 'authorization_code', redirect_uri: callback, code_verifier: verifier, code },
    ...fields,
  }
  const given = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined)
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: who === null ? {} : { authorization: `Basic ${Buffer.from(who.join(':')).toString('base64')}` },
    body: new URLSearchParams(given),
  })
  const body = (await answer.json()) as Record<string, unknown>
  if (answer.status !== 200) return { status: answer.status, error: body['error'] }
  const { aud, azp, email, groups, federated_claims } = claimsIn(body['id_token'])
  const keys = Object.keys(body).filter((key) => key !== 'scope')
  return { status: 200, keys: keys.sort(), claims: { aud, azp, email, groups, federated_claims } }
}

test('every listed difference is a request that is made here', () => {
  const names = [...Object.keys(signIns), ...Object.keys(redemptions)]
  for (const name of differing) assert.ok(names.includes(name), name)
})

function compare(name: string, ask: (issuer: string) => Promise<unknown>): void {
  const isListed = differing.has(name)
  test(`as Dex: ${name}${isListed ? ' (differs on purpose)' : ''}`, { skip }, async () => {
    const [theirs, ours] = [await ask(dex.issuer), await ask(world.issuer)]
    if (isListed) assert.notDeepEqual(ours, theirs, 'this is listed as different, and is not any more')
    else assert.deepEqual(ours, theirs)
  })
}

for (const [name, more] of Object.entries(signIns)) compare(name, (issuer) => begun(issuer, more))
for (const [name, more] of Object.entries(redemptions)) compare(name, (issuer) => redeemed(issuer, more))

/** Pairs of what changes nothing for either: together they change nothing either. Every seventh of them. */
const harmless = Object.keys(signIns).filter((name) => !differing.has(name) && !/client|redirect_uri/.test(name))
const pairs = harmless.flatMap((one, index) => harmless.slice(index + 1).map((two) => [one, two] as const))
test('as Dex: two things changed at once', { skip }, async () => {
  for (const [one, two] of pairs.filter((_, index) => index % 7 === 0)) {
    const more = { ...signIns[one], ...signIns[two] }
    const outcome = await begun(dex.issuer, more)
    // Which of two faults is told first is nobody's business.
    const isSame = (text: string) => text.replace(/: \w+/, ': error')
    assert.equal(isSame(await begun(world.issuer, more)), isSame(outcome), `${one} and ${two}`)
  }
})
