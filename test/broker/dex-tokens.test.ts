/** Every fact that is known of a real Dex's sign-in requests and tokens, with a directory behind our broker. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parse } from 'yaml'
import { readRunTimeConnector } from '#src/cli/broker/read-connector.ts'
import type { ConnectorSettings } from '#src/config/dex/connectors/connector-settings.ts'
import type { Page } from '#test/actors/browser.ts'
import { type Directory, startDirectory } from '#test/actors/directory.ts'
import { skipWithout } from '#test/actors/program.ts'
import { vectorConfig } from '#test/broker/connectors/ldap-world.ts'
import {
  authorizeUrl,
  claimsIn,
  client,
  headerIn,
  post,
  redeem,
  refresh,
  signIn,
  startBroker,
  type TokenAnswer,
  type World,
} from '#test/broker/world.ts'

interface Line {
  readonly what: string
  readonly [fact: string]: unknown
}

const folder = join(import.meta.dirname, '../vectors')
const lines = readFileSync(join(folder, 'dex/token.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Line)
const listed = parse(readFileSync(join(folder, 'differences/dex-tokens.yaml'), 'utf8')) as readonly {
  readonly ids: readonly string[]
}[]
const differing = new Set(listed.flatMap(({ ids }) => ids))
const skip = skipWithout('slapd', 'ldapmodify')

let directory: Directory
let world: World
const observed = new Map<string, unknown>()

before(async () => {
  if (skip !== false) return
  directory = await startDirectory({ suffix: 'dc=corp,dc=test' })
  world = await startBroker({
    connectors: [connector(`${directory.host}:${directory.plainPort}`)],
    clients: [client('app', { name: 'app' }), client('other')],
  })
  await observeAll()
})

after(async () => {
  await world?.[Symbol.asyncDispose]()
  await directory?.[Symbol.asyncDispose]()
})

function connector(host: string): ConnectorSettings {
  const config = vectorConfig('ldap', host) as never
  const read = readRunTimeConnector({ id: 'ldap', type: 'ldap', name: 'LDAP', config })
  assert.equal(read.kind, 'connector', JSON.stringify(read))
  return (read as { settings: ConnectorSettings }).settings
}

test('every line of token.jsonl has its counterpart here, and every listed difference is a line', () => {
  const names = lines.map(({ what }) => what)
  for (const name of differing) assert.ok(names.includes(name), name)
})

for (const line of lines) {
  test(`as Dex: ${line.what}${differing.has(line.what) ? ' (differs on purpose)' : ''}`, { skip }, () => {
    assert.ok(observed.has(line.what), 'nobody has looked')
    const expected = meaningOf(line)
    const actual = observed.get(line.what)
    if (differing.has(line.what))
      assert.notDeepEqual(actual, expected, 'this is listed as different, and is not any more')
    else assert.deepEqual(actual, expected)
  })
}

/** What of a line counts: statuses, error codes, claims, names; not the wording, nor random values. */
function meaningOf({ what: _, page, location, header, body, ...rest }: Line): unknown {
  const meaning: Record<string, unknown> = { ...rest }
  if (typeof location === 'string') Object.assign(meaning, locationMeaning(location))
  if (header !== undefined) meaning['alg'] = (header as { alg: string }).alg
  if (typeof body === 'string' && body.startsWith('{')) Object.assign(meaning, bodyMeaning(JSON.parse(body)))
  else if (typeof body === 'object' && body !== null)
    Object.assign(meaning, bodyMeaning(body as Record<string, unknown>))
  return meaning
}

function bodyMeaning(body: Record<string, unknown>): Record<string, unknown> {
  if ('error' in body) return { error: body['error'] }
  if ('issuer' in body) return { discovery: shortDiscovery(body) }
  if ('access_token' in body)
    return {
      keys: Object.keys(body)
        .filter((key) => key !== 'scope')
        .sort(),
    }
  return { claims: anonymous(body) }
}

/** The error that the application gets, or that somebody has to sign in. */
function locationMeaning(location: string): Record<string, unknown> {
  const url = new URL(location, 'http://here')
  // Implicit answers travel in the fragment; the library keeps to that also where it refuses them.
  const error = url.searchParams.get('error') ?? new URLSearchParams(url.hash.slice(1)).get('error')
  return error === null ? { leads: 'to the sign-in', status: 'redirect' } : { leads: 'back', error, status: 'redirect' }
}

function anonymous(claims: Record<string, unknown>): Record<string, unknown> {
  const { iat: _, exp: __, jti: ___, at_hash: ____, ...rest } = claims
  return Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [
      name,
      value === world?.issuer ? 'ISSUER' : name === 'aud' && value === 'app' ? 'pom' : value,
    ]),
  )
}

/** Addresses below the issuer, and what Dex offers: more than that is no difference. */
function shortDiscovery(body: Record<string, unknown>): Record<string, unknown> {
  const base = String(body['issuer'])
  const dex = lines.find(({ what }) => what === 'discovery')?.['body'] as Record<string, unknown>
  return Object.fromEntries(
    Object.entries(dex).map(([key, theirs]) => {
      const ours = body[key]
      if (!Array.isArray(theirs)) return [key, String(ours).replace(base, 'ISSUER')]
      return [key, Array.isArray(ours) ? theirs.filter((item) => ours.includes(item)) : ours]
    }),
  )
}

const names = (token: unknown) => Object.keys(claimsIn(token)).sort()
const tokenMeaning = ({ status, body }: TokenAnswer) => ({ status, ...bodyMeaning(body as Record<string, unknown>) })

async function enter(more: Readonly<Record<string, string | undefined>> = {}): Promise<Page> {
  return await signIn(world.browser(), authorizeUrl(world.issuer, more), {
    login: 'alice@corp.test',
    password: 'alice-pw',
  })
}

/** Where the browser is sent first, without following. */
async function firstStep(more: Readonly<Record<string, string | undefined>>): Promise<unknown> {
  const answer = await fetch(authorizeUrl(world.issuer, { nonce: 'n', state: 's', ...more }), { redirect: 'manual' })
  const location = answer.headers.get('location')
  return location === null ? { status: answer.status } : locationMeaning(location)
}

async function observeAll(): Promise<void> {
  const see = (what: string, value: unknown) => void observed.set(what, value)
  await observeExchange(see)
  await observeRequests(see)
  await observeRefreshes(see)
  const discovery = await fetch(`${world.issuer}/.well-known/openid-configuration`)
  see('discovery', bodyMeaning((await discovery.json()) as Record<string, unknown>))
}

type See = (what: string, value: unknown) => void

async function observeExchange(see: See): Promise<void> {
  const page = await enter()
  const tokens = await redeem(world, page)
  see('code exchange', tokenMeaning(tokens))
  see('ID token claims names', { names: names(tokens.body['id_token']), alg: headerIn(tokens.body['id_token'])['alg'] })
  see('access token claims names', { names: names(tokens.body['access_token']) })
  see('code used twice', tokenMeaning(await redeem(world, page)))
  see(
    'wrong redirect_uri',
    tokenMeaning(await redeem(world, await enter(), { redirect_uri: 'https://app.test/other' })),
  )
  const bad = { id: 'app', secret: 'wrong' }
  see('wrong client secret', tokenMeaning(await redeem(world, await enter(), {}, bad)))
  see('unknown client', tokenMeaning(await redeem(world, await enter(), {}, { id: 'nobody', secret: 'x' })))
  const other = { id: 'other', secret: 'other-secret' }
  see("another client's code", tokenMeaning(await redeem(world, await enter(), {}, other)))
  const plain = await enter({ code_challenge: undefined, code_challenge_method: undefined })
  see('code_verifier without challenge', tokenMeaning(await redeem(world, plain)))
  see('unknown grant', tokenMeaning(await post(`${world.issuer}/token`, { grant_type: 'urn:odd' })))
}

async function observeRequests(see: See): Promise<void> {
  see('authorize: unknown scope', await firstStep({ scope: 'openid bogus' }))
  see('authorize: no openid', await firstStep({ scope: 'email' }))
  see('authorize: unknown client', await firstStep({ client_id: 'nobody' }))
  see('authorize: unregistered redirect_uri', await firstStep({ redirect_uri: 'https://evil.test/cb' }))
  see('authorize: response_type token', await firstStep({ response_type: 'token' }))
  see('authorize: prompt none', await firstStep({ prompt: 'none' }))
  see('authorize: comma separated scopes', await firstStep({ scope: 'openid,email' }))
  see('authorize: no state', await firstStep({ state: undefined }))
  see('authorize: PKCE method bogus', await firstStep({ code_challenge_method: 'bogus' }))
  see('authorize: request object', await firstStep({ request: 'a.b.c' }))
  const garbage = await fetch(`${world.issuer}/userinfo`, { headers: { authorization: 'Bearer garbage' } })
  see('userinfo garbage', { status: garbage.status, ...bodyMeaning((await garbage.json()) as Record<string, unknown>) })
}

async function observeRefreshes(see: See): Promise<void> {
  const first = await redeem(world, await enter({ nonce: 'n-a' }))
  const second = await redeem(world, await enter({ nonce: 'n-b' }))
  const early = await refresh(world, first.body['refresh_token'])
  see('refresh with the token of the earlier of two logins of one user', tokenMeaning(early))
  const later = await refresh(world, second.body['refresh_token'])
  see('refresh with the later', tokenMeaning(later))
  const [before, now] = [claimsIn(second.body['id_token']), claimsIn(later.body['id_token'])]
  see('refreshed ID token', {
    same_sub: before['sub'] === now['sub'],
    nonce: now['nonce'],
    rotated: later.body['refresh_token'] !== second.body['refresh_token'],
    names: names(later.body['id_token']),
  })
  see('refresh with the token just replaced', tokenMeaning(await refresh(world, second.body['refresh_token'])))
  see('refresh with the rotated one after that reuse', tokenMeaning(await refresh(world, later.body['refresh_token'])))
  see('refresh with garbage', tokenMeaning(await refresh(world, 'garbage')))
  const fresh = await redeem(world, await enter({ nonce: 'n-1' }))
  const other = { id: 'other', secret: 'other-secret' }
  see("another client's refresh token", tokenMeaning(await refresh(world, fresh.body['refresh_token'], {}, other)))
  const narrow = await refresh(world, fresh.body['refresh_token'], { scope: 'openid email' })
  see('refresh narrowed to openid email', tokenMeaning(narrow))
  see('claims after narrowing', { claims: anonymous(claimsIn(narrow.body['id_token'])) })
  const bare = await redeem(world, await enter({ nonce: 'n-1', scope: 'openid email' }))
  see('without groups, profile, offline_access', {
    keys: Object.keys(bare.body)
      .filter((key) => key !== 'scope')
      .sort(),
    claims: anonymous(claimsIn(bare.body['id_token'])),
  })
  const whole = await redeem(world, await enter({ nonce: 'n-b' }))
  const info = await fetch(`${world.issuer}/userinfo`, {
    headers: { authorization: `Bearer ${whole.body['access_token']}` },
  })
  see('userinfo', { status: info.status, claims: anonymous((await info.json()) as Record<string, unknown>) })
  await observeChanges(see)
}

async function observeChanges(see: See): Promise<void> {
  const people = 'cn=users,cn=accounts,dc=corp,dc=test'
  const change = (dn: string, ...rest: readonly string[]) =>
    directory.modify([`dn: ${dn}`, 'changetype: modify', ...rest, ''].join('\n'))
  let token = (await redeem(world, await enter())).body['refresh_token']
  const again = async () => {
    const answer = await refresh(world, token)
    token = answer.body['refresh_token'] ?? token
    return answer
  }
  const devops = 'cn=devops,cn=groups,cn=accounts,dc=corp,dc=test'
  change(devops, 'delete: member', `member: uid=alice,${people}`)
  const left = await again()
  see('refresh after leaving group devops', { status: left.status, groups: claimsIn(left.body['id_token'])['groups'] })
  change(`uid=alice,${people}`, 'replace: userPassword', 'userPassword: another')
  see('refresh after the password changed', { status: (await again()).status, ok: true })
  change(`uid=alice,${people}`, 'replace: mail', 'mail: alice.new@corp.test')
  const mailed = await again()
  see('refresh after the mail changed', { status: mailed.status, email: claimsIn(mailed.body['id_token'])['email'] })
  const rename = (from: string, to: string) =>
    directory.modify(
      [`dn: uid=${from},${people}`, 'changetype: modrdn', `newrdn: uid=${to}`, 'deleteoldrdn: 1', ''].join('\n'),
    )
  rename('alice', 'alicia')
  see('refresh after the entry was renamed', tokenMeaning(await again()))
  rename('alicia', 'alice')
  see('the same refresh token once the name is back', { status: (await again()).status })
}
