/** Every sign-in that a real Dex answered over a directory, asked of our connector over the same directory. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { type Directory, startDirectory } from '#test/actors/directory.ts'
import { freePort, skipWithout } from '#test/actors/program.ts'
import { differingIds, readVectors } from '#test/vectors/read-vectors.ts'
import { claimsOf, type Opened, open, vectorConfig, vectorNames } from './ldap-world.ts'

interface Line {
  readonly connector: string
  readonly login: string
  readonly password: 'right' | 'wrong' | 'empty'
  readonly result: 'signed-in' | 'wrong-credentials' | 'failed'
  readonly claims?: Readonly<Record<string, unknown>>
}

const skip = skipWithout('slapd', 'ldapmodify')
const lines = readVectors<Line>('dex/ldap.jsonl')
const differing = differingIds('dex-ldap')
const seen = new Set<string>()
let directory: Directory
const opened = new Map<string, Opened>()

before(async () => {
  if (skip) return
  directory = await startDirectory({ suffix: 'dc=corp,dc=test' })
  const silent = `127.0.0.1:${await freePort()}`
  for (const name of vectorNames) {
    const host = name === 'down' ? silent : `127.0.0.1:${directory.port}`
    opened.set(name, open(vectorConfig(name, host), { id: name }))
  }
})

after(async () => {
  for (const one of opened.values()) await one[Symbol.asyncDispose]()
  await directory?.[Symbol.asyncDispose]()
})

/** The directory gives each of its people a password after the name; twins share one. */
function passwordFor({ login, password }: Line): string {
  if (password === 'empty') return ''
  const name = login.split('@')[0]?.toLowerCase().replace(/\d$/, '').replace(/\..*$/, '')
  return password === 'right' ? `${name}-pw` : `not-${name}-pw`
}

async function outcome(line: Line): Promise<Pick<Line, 'result' | 'claims'>> {
  try {
    const identity = await opened.get(line.connector)?.signIn(line.login, passwordFor(line))
    if (identity === undefined) return { result: 'wrong-credentials' }
    return { result: 'signed-in', claims: claimsOf(identity, line.connector) }
  } catch (error) {
    assert.ok(error instanceof ProxyError, String(error))
    assert.equal(error.code, expectedCode(line), error.message)
    return { result: 'failed' }
  }
}

/** Dex answers all of these with the same page; the person should read what is the matter. */
function expectedCode({ connector, login }: Line): string {
  if (connector === 'down') return 'CONNECTOR_UNREACHABLE'
  if (connector === 'badbind') return 'CONNECTOR_MISCONFIGURED'
  // Whoever is not bound may not read mail there.
  if (connector === 'anonuid' || login === 'dora') return 'ACCOUNT_WITHOUT_EMAIL'
  return 'ACCOUNT_AMBIGUOUS'
}

for (const line of lines) {
  const { connector, login, password, result, claims } = line
  const id = `${connector}/${login}/${password}`
  seen.add(id)
  test(`${connector}: ${login} with the ${password} password: ${result}`, { skip }, async () => {
    const expected = { result, ...(claims && { claims }) }
    const actual = await outcome(line)
    if (differing.has(id)) assert.notDeepEqual(actual, expected, 'this is listed as different, and is not any more')
    else assert.deepEqual(actual, expected)
  })
}

test('every listed difference is a line of the vectors', () => {
  assert.deepEqual(
    [...differing].filter((id) => !seen.has(id) && !/^(?:refresh|more)\//.test(id)),
    [],
  )
})
