/** The `ldap` connector at a real directory, beyond what the vectors ask. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { type Directory, startDirectory } from '#test/actors/directory.ts'
import { skipWithout } from '#test/actors/program.ts'
import { changed, open, type RawConfig, vectorConfig } from './ldap-world.ts'

const skip = skipWithout('slapd', 'ldapmodify')
const USERS = 'cn=users,cn=accounts,dc=corp,dc=test'
const GROUPS = 'cn=groups,cn=accounts,dc=corp,dc=test'
const POLICY = 'cn=policy,cn=etc,dc=corp,dc=test'

let directory: Directory

/** Names that have to be escaped in a DN, in a filter, or in both. */
const ODD = `dn: cn=Doe\\, Jane \\+ (R&D) \\\\ Núñez\\#1,${USERS}
changetype: add
objectClass: inetOrgPerson
objectClass: posixAccount
cn: Doe, Jane + (R&D) \\ Núñez#1
sn: Doe
uid: jane*(doe)
displayName: Jane Doe
mail: jane@corp.test
uidNumber: 1860200100
gidNumber: 1
homeDirectory: /
userPassword: jane-pw

dn: cn=Lab\\, East,${GROUPS}
changetype: add
objectClass: groupOfNames
cn: Lab, East
member: cn=Doe\\, Jane \\+ (R&D) \\\\ Núñez\\#1,${USERS}

`

/** A ring of ten groups, and a group beside the others that memberOf must not let in. */
const RING = Array.from(
  { length: 10 },
  (_, index) =>
    `dn: cn=ring-${index},${GROUPS}\nchangetype: add\nobjectClass: groupOfNames\ncn: ring-${index}\nmember: cn=ring-${(index + 1) % 10},${GROUPS}\n\n`,
).join('')

const ROLE = `dn: cn=admin-role,cn=etc,dc=corp,dc=test
changetype: add
objectClass: groupOfNames
cn: admin-role
member: uid=bob,${USERS}

`

before(async () => {
  if (skip) return
  directory = await startDirectory({
    suffix: 'dc=corp,dc=test',
    globalLines: ['moduleload ppolicy'],
    databaseLines: ['overlay ppolicy', `ppolicy_default "${POLICY}"`, 'ppolicy_use_lockout'],
  })
  directory.modify(ODD + RING + ROLE)
  directory.modify(`dn: cn=ring-0,${GROUPS}\nchangetype: modify\nadd: member\nmember: uid=bob,${USERS}\n`)
})
after(() => directory?.[Symbol.asyncDispose]())

const opened = (name: string, changes: RawConfig = {}) =>
  open(changed(vectorConfig(name, `127.0.0.1:${directory.port}`), changes))

const code =
  (wanted: string, message = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof ProxyError, String(error))
    assert.equal(error.code, wanted, error.message)
    assert.match(error.message, message)
    return true
  }

test('several attributes may hold the name that is typed', { skip }, async () => {
  await using ldap = opened('byuid', { userSearch: { username: ['uid', 'mail'] } })
  for (const login of ['alice', 'alice@corp.test'])
    assert.equal((await ldap.signIn(login, 'alice-pw'))?.userId, '1860200001')
})

test('one name that two people have in different attributes lets nobody in', { skip }, async () => {
  await using ldap = opened('byuid', { userSearch: { username: ['uid', 'gidNumber'] } })
  directory.modify(`dn: uid=twin1,${USERS}\nchangetype: modify\nreplace: gidNumber\ngidNumber: 77\n`)
  directory.modify(
    `dn: uid=77,${USERS}\nchangetype: add\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\ncn: x\nsn: x\nuidNumber: 8\ngidNumber: 9\nhomeDirectory: /\nuserPassword: 77-pw\n`,
  )
  await assert.rejects(ldap.signIn('77', '77-pw'), code('ACCOUNT_AMBIGUOUS'))
})

test('names that have to be escaped are found, bound, and in their groups', { skip }, async () => {
  for (const name of ['byuid', 'recursive', 'dnid']) {
    await using ldap = opened(name, { groupSearch: { filter: '' } })
    const jane = await ldap.signIn('jane*(doe)', 'jane-pw')
    assert.equal(jane?.email, 'jane@corp.test')
    assert.deepEqual(jane?.groups, ['Lab, East'])
    assert.deepEqual((await ldap.refresh(jane)).groups, ['Lab, East'])
    assert.equal(await ldap.signIn('jane*', 'jane-pw'), undefined)
  }
})

test('a filter of the administrator may hold escapes and letters outside of ASCII', { skip }, async () => {
  for (const filter of ['(sn=Núñez)', '(sn=N\\c3\\ba\\c3\\b1ez)', '(cn=Carol \\28Ops\\29*)']) {
    await using ldap = opened('byuid', { userSearch: { filter } })
    assert.equal((await ldap.signIn('carol', 'carol-pw'))?.name, 'Carol (Ops) Núñez', filter)
    assert.equal(await ldap.signIn('alice', 'alice-pw'), undefined)
  }
})

test('groups that hold each other in a ring are each told once', { skip }, async () => {
  await using ldap = opened('recursive')
  const bob = await ldap.signIn('bob', 'bob-pw')
  const ring = bob?.groups.filter((name) => name.startsWith('ring-')).sort()
  assert.deepEqual(
    ring,
    Array.from({ length: 10 }, (_, index) => `ring-${index}`),
  )
})

test('more or deeper groups than allowed fail the sign-in: a list with gaps would decide wrongly', {
  skip,
}, async () => {
  await using few = opened('recursive', { groupSearch: { maxGroups: 5 } })
  await assert.rejects(few.signIn('bob', 'bob-pw'), code('CONNECTOR_MISCONFIGURED', /at most 5 groups/))
  await using flat = opened('recursive', { groupSearch: { maxDepth: 3 } })
  await assert.rejects(flat.signIn('bob', 'bob-pw'), code('CONNECTOR_MISCONFIGURED', /at most 3 deep/))
  await using one = opened('nofilter', { groupSearch: { maxGroups: 1 } })
  await assert.rejects(one.signIn('alice@corp.test', 'alice-pw'), code('CONNECTOR_MISCONFIGURED', /at most 1 groups/))
})

test('a directory that stops at its own limit is not taken for one that has told all', { skip }, async () => {
  await using small = await startDirectory({ suffix: 'dc=corp,dc=test', databaseLines: ['sizelimit 2'] })
  await using ldap = open(vectorConfig('nofilter', `127.0.0.1:${small.port}`))
  await assert.rejects(ldap.signIn('alice@corp.test', 'alice-pw'), code('CONNECTOR_MISCONFIGURED', /answered 4/))
})

test('hundreds of groups come in pages', { skip }, async () => {
  await using big = await startDirectory({
    suffix: 'dc=corp,dc=test',
    databaseLines: ['sizelimit size.soft=5000 size.hard=5000'],
  })
  const many = Array.from(
    { length: 1200 },
    (_, index) =>
      `dn: cn=many-${index},${GROUPS}\nchangetype: add\nobjectClass: groupOfNames\ncn: many-${index}\nmember: uid=bob,${USERS}\n\n`,
  )
  big.modify(many.join(''))
  await using ldap = open(
    changed(vectorConfig('nofilter', `127.0.0.1:${big.port}`), { groupSearch: { maxGroups: 2000 } }),
  )
  const bob = await ldap.signIn('bob@corp.test', 'bob-pw')
  assert.equal(bob?.groups.filter((name) => name.startsWith('many-')).length, 1200)
})

test('memberOf may stand for the search; only what lies below the suffix counts', { skip }, async () => {
  const groupSearch = { userAttr: '', groupAttr: '', filter: '', memberOfAttr: 'memberOf' }
  await using ldap = opened('byuid', { groupSearch })
  const bob = await ldap.signIn('bob', 'bob-pw')
  assert.deepEqual([...(bob?.groups ?? [])].sort(), ['finance', 'ipausers', 'ring-0'])
  await using all = opened('byuid', { groupSearch: { ...groupSearch, memberOfSuffix: 'dc=corp,dc=test' } })
  assert.ok((await all.signIn('bob', 'bob-pw'))?.groups.includes('admin-role'))
  await using filtered = opened('byuid', { groupSearch: { ...groupSearch, filter: '(objectClass=posixGroup)' } })
  assert.deepEqual((await filtered.signIn('bob', 'bob-pw'))?.groups, ['finance'])
  await using byName = opened('byuid', { groupSearch: { ...groupSearch, nameAttr: 'DN' } })
  assert.ok((await byName.signIn('bob', 'bob-pw'))?.groups.includes(`cn=finance,${GROUPS}`))
})

test('where there is no place for groups there are none, and the operator is told', { skip }, async () => {
  await using ldap = opened('byuid', { groupSearch: { baseDN: 'cn=nowhere,dc=corp,dc=test' } })
  assert.deepEqual((await ldap.signIn('alice', 'alice-pw'))?.groups, [])
  assert.match(ldap.warnings.join('\n'), /no entry "cn=nowhere,dc=corp,dc=test"/)
})

test('a disabled account is told so, and only to whoever knows the password', { skip }, async () => {
  await using ldap = opened('byuid')
  const lock = (value: string) =>
    directory.modify(`dn: uid=carol,${USERS}\nchangetype: modify\nreplace: nsAccountLock\nnsAccountLock: ${value}\n`)
  lock('TRUE')
  await assert.rejects(ldap.signIn('carol', 'carol-pw'), code('ACCOUNT_DISABLED', /nsAccountLock/))
  assert.equal(await ldap.signIn('carol', 'wrong'), undefined)
  lock('FALSE')
  assert.ok(await ldap.signIn('carol', 'carol-pw'))
})

test('an account that the directory locked after too many wrong passwords is told so', { skip }, async () => {
  directory.modify(
    `dn: ${POLICY}\nchangetype: add\nobjectClass: device\nobjectClass: pwdPolicy\ncn: policy\npwdAttribute: userPassword\npwdLockout: TRUE\npwdMaxFailure: 3\npwdLockoutDuration: 0\n`,
  )
  await using ldap = opened('byuid')
  for (let round = 0; round < 3; round++) assert.equal(await ldap.signIn('multi', 'wrong'), undefined)
  await assert.rejects(ldap.signIn('multi', 'multi-pw'), code('ACCOUNT_DISABLED', /locked/))
})

test('an entry that lacks something is told by the name of the attribute', { skip }, async () => {
  await using ldap = opened('byuid', { userSearch: { preferredUsernameAttr: 'employeeNumber' } })
  await assert.rejects(
    ldap.signIn('alice', 'alice-pw'),
    code('ACCOUNT_INCOMPLETE', /needs employeeNumber \(preferredUsernameAttr\)/),
  )
  await using withoutMail = opened('byuid')
  await assert.rejects(withoutMail.signIn('dora', 'dora-pw'), code('ACCOUNT_WITHOUT_EMAIL', /needs mail \(emailAttr\)/))
})

test('the check tells what is wrong: a place, a password, a name, a server that is away', { skip }, async () => {
  const check = async (config: RawConfig) => {
    await using ldap = open(config)
    await ldap.connector.check(AbortSignal.timeout(5000))
  }
  const config = vectorConfig('ldap', `127.0.0.1:${directory.port}`)
  await check(config)
  await check(vectorConfig('anon', `127.0.0.1:${directory.port}`))
  const nowhere = changed(config, { userSearch: { baseDN: 'cn=nowhere,dc=corp,dc=test' } })
  await assert.rejects(check(nowhere), code('CONNECTOR_MISCONFIGURED', /cannot search "cn=nowhere,.*answered 32/))
  await assert.rejects(
    check({ ...config, bindPW: 'no' }),
    code('CONNECTOR_MISCONFIGURED', /cannot bind as uid=dex.*answered 49/),
  )
  await assert.rejects(check({ ...config, host: 'nobody.invalid' }), code('CONNECTOR_UNREACHABLE', /nobody\.invalid/))
  await assert.rejects(check({ ...config, host: '127.0.0.1:1' }), code('CONNECTOR_UNREACHABLE', /ECONNREFUSED/))
})

test('the form asks for what the settings call it', { skip }, async () => {
  await using ldap = opened('ldap')
  assert.equal(ldap.connector.prompt, 'Email')
  await using plain = opened('ldap', { usernamePrompt: '' })
  assert.equal(plain.connector.prompt, 'Username')
  assert.equal(plain.connector.freshness, 'each refresh')
})
