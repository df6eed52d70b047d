/** Keys of the `ldap` connector, one changed at a time, as a real Dex answered over the same directory. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { ZodError } from 'zod'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { type Directory, startDirectory } from '#test/actors/directory.ts'
import { skipWithout } from '#test/actors/program.ts'
import { differingIds, readVectors } from '#test/vectors/read-vectors.ts'
import { changed, claimsOf, type Opened, open, type RawConfig } from './ldap-world.ts'

interface Line {
  readonly connector: string
  readonly login: string
  readonly password: string
  readonly result: 'signed-in' | 'wrong-credentials' | 'failed'
  readonly userId?: string
  readonly claims?: Readonly<Record<string, unknown>>
}

const skip = skipWithout('slapd', 'ldapmodify')
const lines = readVectors<Line>('dex/ldap-more.jsonl')
const vector = (name: string) => readFileSync(new URL(`../../vectors/dex/${name}`, import.meta.url), 'utf8')
const changes: Readonly<Record<string, RawConfig>> = JSON.parse(vector('more-connectors.json'))
const differing = new Set([...differingIds('dex-ldap')].filter((id) => id.startsWith('more/')))
const idOf = ({ connector, login, password }: Line) => `more/${connector}/${login}/${password}`

let directory: Directory
const opened = new Map<string, Opened>()

before(async () => {
  if (skip) return
  directory = await startDirectory({ suffix: 'dc=corp,dc=test' })
  directory.add(vector('more-people.ldif'))
})

after(async () => {
  for (const one of opened.values()) await one[Symbol.asyncDispose]()
  await directory?.[Symbol.asyncDispose]()
})

function connectorOf(name: string): Opened {
  const known = opened.get(name)
  if (known) return known
  const base: RawConfig = { ...changes['base'], host: `127.0.0.1:${directory.port}` }
  const one = open(name === 'base' ? base : changed(base, changes[name] ?? {}), { id: name })
  opened.set(name, one)
  return one
}

async function outcome({ connector, login, password }: Line): Promise<Pick<Line, 'result' | 'userId' | 'claims'>> {
  try {
    const identity = await connectorOf(connector).signIn(login, password)
    if (identity === undefined) return { result: 'wrong-credentials' }
    const { sub: _, ...claims } = claimsOf(identity, connector)
    return { result: 'signed-in', userId: identity.userId, claims }
  } catch (error) {
    // Whatever is wrong has a name: with the settings, or in the catalogue of errors.
    assert.ok(error instanceof ProxyError || error instanceof ZodError, String(error))
    return { result: 'failed' }
  }
}

for (const line of lines) {
  const { connector, login, password, ...expected } = line
  test(`${connector}: ${login} with ${password}: ${line.result}`, { skip }, async () => {
    const actual = await outcome(line)
    if (differing.has(idOf(line)))
      assert.notDeepEqual(actual, expected, 'this is listed as different, and is not any more')
    else assert.deepEqual(actual, expected)
  })
}

test('every listed difference is a line of these', () => {
  const known = new Set(lines.map(idOf))
  assert.deepEqual(
    [...differing].filter((id) => !known.has(id)),
    [],
  )
})
