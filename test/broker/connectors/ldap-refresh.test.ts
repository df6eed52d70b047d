/** What a refresh finds out: groups, mail and account state as they are now, of the same entry and of no other. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { UpstreamIdentity } from '#src/broker/connectors/connector.ts'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { type Directory, startDirectory } from '#test/actors/directory.ts'
import { skipWithout } from '#test/actors/program.ts'
import { differingIds, readVectors } from '#test/vectors/read-vectors.ts'
import { changed, type Opened, open, vectorConfig } from './ldap-world.ts'

const skip = skipWithout('slapd', 'ldapmodify')
const ALICE = 'uid=alice,cn=users,cn=accounts,dc=corp,dc=test'
const BOB = 'uid=bob,cn=users,cn=accounts,dc=corp,dc=test'
const GROUPS = 'cn=groups,cn=accounts,dc=corp,dc=test'

let directory: Directory
let ldap: Opened

beforeEach(async () => {
  if (skip) return
  directory = await startDirectory({ suffix: 'dc=corp,dc=test' })
  ldap = open(vectorConfig('ldap', `127.0.0.1:${directory.port}`))
})

afterEach(async () => {
  await ldap?.[Symbol.asyncDispose]()
  await directory?.[Symbol.asyncDispose]()
})

async function alice(): Promise<UpstreamIdentity> {
  const identity = await ldap.signIn('alice@corp.test', 'alice-pw')
  assert.ok(identity)
  return identity
}

const replace = (dn: string, attribute: string, value: string) =>
  directory.modify(`dn: ${dn}\nchangetype: modify\nreplace: ${attribute}\n${attribute}: ${value}\n`)

const code = (wanted: string) => (error: unknown) => {
  assert.ok(error instanceof ProxyError, String(error))
  assert.equal(error.code, wanted, error.message)
  return true
}

interface Fact {
  readonly what: string
  readonly status?: number
  readonly groups?: readonly string[]
  readonly email?: string
}

const facts = readVectors<Fact>('dex/token.jsonl')

function fact(what: string): Fact {
  const found = facts.find((candidate) => candidate.what === `refresh after ${what}`)
  assert.ok(found, `no line of token.jsonl is about a refresh after ${what}`)
  return found
}

test('whoever leaves a group has lost it after the next refresh, as with Dex', { skip }, async () => {
  const identity = await alice()
  assert.deepEqual(identity.groups, ['devops', 'by-uid'])
  directory.modify(`dn: cn=devops,${GROUPS}\nchangetype: modify\ndelete: member\nmember: ${ALICE}\n`)
  assert.deepEqual((await ldap.refresh(identity)).groups, fact('leaving group devops').groups)
})

test('another password does not end a session, as with Dex', { skip }, async () => {
  const identity = await alice()
  replace(ALICE, 'userPassword', 'another')
  assert.equal((await ldap.refresh(identity)).userId, identity.userId)
  assert.equal(fact('the password changed').status, 200)
})

test('another mail address is told, although it was the name that was typed, as with Dex', { skip }, async () => {
  const identity = await alice()
  const { email = '' } = fact('the mail changed')
  replace(ALICE, 'mail', email)
  assert.equal((await ldap.refresh(identity)).email, email)
})

test('a renamed entry is found again by its id, which Dex does not do', { skip }, async () => {
  const identity = await alice()
  directory.modify(`dn: ${ALICE}\nchangetype: modrdn\nnewrdn: uid=alicia\ndeleteoldrdn: 1\n`)
  assert.equal(fact('the entry was renamed').status, 500)
  assert.ok(differingIds('dex-ldap').has('refresh/renamed'))
  const after = await ldap.refresh(identity)
  assert.equal(after.preferredUsername, 'alicia')
  assert.equal(after.userId, identity.userId)
  // And the next one, with what this one gave.
  assert.equal((await ldap.refresh(after)).preferredUsername, 'alicia')
})

test('another entry that got the old id is not the same person', { skip }, async () => {
  const identity = await alice()
  directory.modify(`dn: ${ALICE}\nchangetype: delete\n`)
  replace(BOB, 'uidNumber', identity.userId)
  await assert.rejects(ldap.refresh(identity), code('ACCOUNT_GONE'))
})

test('an entry made anew under the same name and id is not the same person either', { skip }, async () => {
  const identity = await alice()
  directory.modify(`dn: ${BOB}\nchangetype: delete\n`)
  directory.modify(`dn: ${ALICE}\nchangetype: delete\n`)
  directory.modify(
    `dn: ${ALICE}\nchangetype: add\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\ncn: Another\nsn: One\ndisplayName: Another\nmail: alice@corp.test\nuidNumber: ${identity.userId}\ngidNumber: 1\nhomeDirectory: /\n`,
  )
  await assert.rejects(ldap.refresh(identity), code('ACCOUNT_GONE'))
})

test('whoever is deleted, or no longer passes the filter, is out', { skip }, async () => {
  const identity = await alice()
  const config = changed(vectorConfig('ldap', `127.0.0.1:${directory.port}`), {
    userSearch: { filter: '(!(loginShell=/bin/false))' },
  })
  await using filtered = open(config)
  assert.equal((await filtered.refresh(identity)).userId, identity.userId)
  replace(ALICE, 'loginShell', '/bin/false')
  await assert.rejects(filtered.refresh(identity), code('ACCOUNT_GONE'))
  directory.modify(`dn: ${ALICE}\nchangetype: delete\n`)
  await assert.rejects(ldap.refresh(identity), code('ACCOUNT_GONE'))
})

test('a disabled account is out at the next refresh, and may come back', { skip }, async () => {
  const identity = await alice()
  replace(ALICE, 'nsAccountLock', 'TRUE')
  await assert.rejects(ldap.refresh(identity), code('ACCOUNT_DISABLED'))
  replace(ALICE, 'nsAccountLock', 'FALSE')
  assert.equal((await ldap.refresh(identity)).userId, identity.userId)
})

test('an entry that lost its mail address is told by that', { skip }, async () => {
  const identity = await alice()
  directory.modify(`dn: ${ALICE}\nchangetype: modify\ndelete: mail\n`)
  await assert.rejects(ldap.refresh(identity), (error) => {
    assert.match(String(error), /uid=alice,.* needs mail \(emailAttr\)/)
    return code('ACCOUNT_WITHOUT_EMAIL')(error)
  })
})

test('a directory that is away says nothing about anybody, and connections are made anew when it is back', {
  skip,
}, async () => {
  const identity = await alice()
  await directory.stop()
  await assert.rejects(ldap.refresh(identity), code('CONNECTOR_UNREACHABLE'))
  await directory.restart()
  assert.equal((await ldap.refresh(identity)).userId, identity.userId)
  // Now a connection is kept; it breaks without our asking.
  await directory.restart()
  assert.equal((await ldap.refresh(identity)).userId, identity.userId)
})

test('with idAttr DN the entry is found by its name, and only by it', { skip }, async () => {
  await using byName = open(vectorConfig('dnid', `127.0.0.1:${directory.port}`))
  const identity = await byName.signIn('alice', 'alice-pw')
  assert.ok(identity)
  assert.equal((await byName.refresh(identity)).userId, ALICE)
  directory.modify(`dn: ${ALICE}\nchangetype: modrdn\nnewrdn: uid=alicia\ndeleteoldrdn: 1\n`)
  await assert.rejects(byName.refresh(identity), code('ACCOUNT_GONE'))
})

test('an entry that does not lie below the base any more is out', { skip }, async () => {
  const config = vectorConfig('dnid', `127.0.0.1:${directory.port}`)
  await using byName = open(config)
  const identity = await byName.signIn('alice', 'alice-pw')
  assert.ok(identity)
  await using elsewhere = open(changed(config, { userSearch: { baseDN: 'cn=etc,dc=corp,dc=test' } }))
  await assert.rejects(elsewhere.refresh(identity), code('ACCOUNT_GONE'))
})

test('an entry that has the old id among others, but goes by another now, is somebody else', { skip }, async () => {
  const config = changed(vectorConfig('byuid', `127.0.0.1:${directory.port}`), { userSearch: { idAttr: 'mail' } })
  await using byMail = open(config)
  const identity = await byMail.signIn('multi', 'multi-pw')
  assert.equal(identity?.userId, 'multi.first@corp.test')
  const entry = 'dn: uid=multi,cn=users,cn=accounts,dc=corp,dc=test\nchangetype: modify\nreplace: mail\n'
  directory.modify(`${entry}mail: multi.second@corp.test\nmail: multi.first@corp.test\n`)
  await assert.rejects(byMail.refresh(identity), code('ACCOUNT_GONE'))
})

test('an identity without memory of its entry, or with that of somebody else, is not refreshed', { skip }, async () => {
  const identity = await alice()
  const { connectorData, ...without } = identity
  await assert.rejects(ldap.refresh(without), code('ACCOUNT_GONE'))
  await assert.rejects(ldap.refresh({ ...identity, connectorData: '{"login":1}' }), code('ACCOUNT_GONE'))
  const bob = await ldap.signIn('bob@corp.test', 'bob-pw')
  assert.ok(connectorData && bob)
  await assert.rejects(ldap.refresh({ ...bob, connectorData }), code('ACCOUNT_GONE'))
})

test('groups are read only where the application asked for them', { skip }, async () => {
  const options = { scopes: { groups: false, offlineAccess: true }, signal: AbortSignal.timeout(10_000) }
  const identity = await ldap.connector.signIn({ login: 'alice@corp.test', password: 'alice-pw' }, options)
  assert.deepEqual(identity?.groups, [])
  assert.deepEqual((await ldap.refresh(await alice())).groups, ['devops', 'by-uid'])
})
