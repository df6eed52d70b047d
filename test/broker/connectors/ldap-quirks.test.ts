/** Ways of directories that the vectors of a Dex do not have; what a real Dex 2.45.1 does there was looked at by hand. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { readEndpoint } from '#src/broker/connectors/ldap/endpoint.ts'
import { ldapSettings } from '#src/config/dex/connectors/ldap.ts'
import { type Directory, startDirectory } from '#test/actors/directory.ts'
import { bound, entry, result, searched, startLyingDirectory } from '#test/actors/lying-directory.ts'
import { skipWithout } from '#test/actors/program.ts'
import { changed, open, type RawConfig, vectorConfig } from './ldap-world.ts'
import { testTools } from './upstream-visit.ts'

const skip = skipWithout('slapd', 'ldapmodify')
const suffix = 'dc=corp,dc=test'
const users = `cn=users,cn=accounts,${suffix}`
const groups = `cn=groups,cn=accounts,${suffix}`
const alice = ['alice@corp.test', 'alice-pw'] as const
const inBase64 = (text: string) => Buffer.from(text).toString('base64')

const STRANGE = `uid=e\\,v\\+i\\"l\\;\\<x\\>\\\\ \\#,${users}`
const QUIRKS = `dn: uid=al,${users}
objectClass: alias
objectClass: extensibleObject
uid: al
mail: al@corp.test
aliasedObjectName: uid=alice,${users}

dn: ou=away,${users}
objectClass: referral
objectClass: extensibleObject
ou: away
ref: ldap://127.0.0.1:9/ou=away,${users}

dn: ou=away,${groups}
objectClass: referral
objectClass: extensibleObject
ou: away
ref: ldap://127.0.0.1:9/

dn:: ${inBase64(STRANGE)}
objectClass: inetOrgPerson
objectClass: posixAccount
uidNumber: 7
gidNumber: 7
homeDirectory: /
cn: Evi
sn: Evi
displayName: Evi
mail: evi@corp.test
userPassword: evi-pw

dn: cn=strange,${groups}
objectClass: groupOfNames
objectClass: posixGroup
gidNumber: 4
cn: strange
member:: ${inBase64(STRANGE)}
`

const policy = (name: string, lines: string) =>
  `dn: cn=${name},${suffix}\nobjectClass: device\nobjectClass: pwdPolicy\ncn: ${name}\npwdAttribute: userPassword\n${lines}\n`

let directory: Directory
before(async () => {
  if (skip) return
  directory = await startDirectory({
    suffix,
    globalLines: ['moduleload ppolicy', 'idletimeout 1'],
    databaseLines: ['overlay ppolicy'],
  })
  directory.add(QUIRKS)
})
after(() => directory?.[Symbol.asyncDispose]())

const config = (changes: RawConfig = {}, place = directory) =>
  changed(vectorConfig('ldap', `127.0.0.1:${place.port}`), changes)

test('an alias is an entry of its own, without a password: nobody signs in by it, as with Dex', { skip }, async () => {
  await using ldap = open(config())
  assert.equal(await ldap.signIn('al@corp.test', 'alice-pw'), undefined)
  assert.equal((await ldap.signIn(...alice))?.preferredUsername, 'alice')
})

test('references below the bases are not followed, and stand in nobody’s way, as with Dex', { skip }, async () => {
  await using ldap = open(config())
  assert.deepEqual((await ldap.signIn(...alice))?.groups.includes('devops'), true)
  assert.equal(await ldap.signIn('nobody@corp.test', 'x'), undefined)
})

test('a base that is a reference is told as such', { skip }, async () => {
  for (const section of ['userSearch', 'groupSearch']) {
    await using ldap = open(config({ [section]: { baseDN: `ou=away,${users}` } }))
    await assert.rejects(ldap.signIn(...alice), {
      code: 'CONNECTOR_MISCONFIGURED',
      message: /the directory answered 10, what is looked for lies on another server/,
    })
  }
})

test('a name with everything escaped that can be is found, bound, and in its groups, as with Dex', {
  skip,
}, async () => {
  await using ldap = open(config())
  const evi = await ldap.signIn('evi@corp.test', 'evi-pw')
  assert.deepEqual([evi?.userId, evi?.preferredUsername, evi?.groups], ['7', 'e,v+i"l;<x>\\ #', ['strange']])
})

test('of several addresses the first is told, and each may be typed, as with Dex', { skip }, async () => {
  directory.modify(`dn: uid=bob,${users}\nchangetype: modify\nadd: mail\nmail: b2@corp.test\nmail: a1@corp.test\n`)
  await using ldap = open(config())
  for (const typed of ['bob@corp.test', 'b2@corp.test', 'A1@CORP.TEST'])
    assert.equal((await ldap.signIn(typed, 'bob-pw'))?.email, 'bob@corp.test', typed)
})

test('a connection that the directory has cut for being idle is made anew', { skip }, async () => {
  await using ldap = open(config())
  assert.ok(await ldap.signIn(...alice))
  await pause(2_500)
  assert.ok(await ldap.signIn(...alice))
})

test('an expired password is told to whoever knows it; one in its days of grace, or to be changed, signs in as with Dex', {
  skip,
}, async () => {
  directory.add(
    [
      policy('old', 'pwdMaxAge: 1'),
      policy('grace', 'pwdMaxAge: 1\npwdGraceAuthnLimit: 5'),
      policy('change', 'pwdMustChange: TRUE'),
    ].join('\n'),
  )
  const give = (name: string, of: string, more = '') =>
    directory.modify(
      `dn: uid=${name},${users}\nchangetype: modify\nreplace: userPassword\nuserPassword: ${name}-pw\n-\nreplace: pwdPolicySubentry\npwdPolicySubentry: cn=${of},${suffix}\n${more}`,
    )
  give('alice', 'old')
  give('bob', 'grace')
  give('carol', 'change', '-\nreplace: pwdReset\npwdReset: TRUE\n')
  await pause(2_100)
  await using ldap = open(config({ userSearch: { username: 'uid' } }))
  await assert.rejects(ldap.signIn('alice', 'alice-pw'), { code: 'ACCOUNT_DISABLED', message: /password has expired/ })
  assert.equal(await ldap.signIn('alice', 'wrong'), undefined)
  assert.ok(await ldap.signIn('bob', 'bob-pw'))
  assert.ok(await ldap.signIn('carol', 'carol-pw'))
})

test('a directory that allows no pages is asked without them, as Dex does', { skip }, async () => {
  await using strict = await startDirectory({ suffix, databaseLines: ['sizelimit size.prtotal=disabled'] })
  await using ldap = open(config({}, strict))
  for (let times = 0; times < 2; times++) assert.deepEqual((await ldap.signIn(...alice))?.groups, ['devops', 'by-uid'])
  strict.add(`dn: uid=twin,${users}\nobjectClass: inetOrgPerson\nuid: twin\ncn: T\nsn: T\nmail: ${alice[0]}\n`)
  await assert.rejects(ldap.signIn(...alice), { code: 'ACCOUNT_AMBIGUOUS' })
})

test('a directory that wants somebody bound is no outage: as nobody one learns to give bindDN', { skip }, async () => {
  await using strict = await startDirectory({ suffix, globalLines: ['require authc'] })
  await using ldap = open(config({ bindDN: '', bindPW: '' }, strict))
  await assert.rejects(ldap.signIn(...alice), { code: 'CONNECTOR_MISCONFIGURED', message: /authentication required/ })
})

const PAGES = '1.2.840.113556.1.4.319'
const PERSON = { uid: ['ada'], mail: ['ada@corp.test'], uidNumber: ['1'], displayName: ['Ada'] }

test('a directory that refuses the word for pages is asked without it, on each connection once', async () => {
  await using lying = await startLyingDirectory(({ id, what, octets }, socket) => {
    if (what === 'bind') socket.write(bound(id))
    else if (octets.includes(PAGES)) socket.write(searched(id, 12))
    else socket.write(Buffer.concat([entry(id, `uid=ada,${users}`, PERSON), searched(id)]))
  })
  const settings = { host: lying.host, groupSearch: { baseDN: '' } }
  await using ldap = open(changed(vectorConfig('ldap', ''), settings))
  for (let times = 0; times < 3; times++) assert.equal((await ldap.signIn('ada@corp.test', 'x'))?.userId, '1')
  assert.equal(lying.asked.filter(({ octets }) => octets.includes(PAGES)).length, 1)
})

test('Active Directory asked as nobody is told from one that is away', async () => {
  const text =
    '000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be completed on the connection., data 0, v4563'
  await using lying = await startLyingDirectory(({ id, what }, socket) => {
    socket.write(what === 'bind' ? bound(id) : result(id, { tag: 0x65, code: 1, text }))
  })
  await using ldap = open(changed(vectorConfig('ldap', ''), { host: lying.host, bindDN: '', bindPW: '' }))
  await assert.rejects(ldap.signIn(...alice), { code: 'CONNECTOR_MISCONFIGURED', message: /successful bind/ })
})

test('a host without a port gets that of the way it is spoken to', () => {
  const ways: readonly (readonly [RawConfig, number])[] = [
    [{}, 636],
    [{ startTLS: true }, 389],
    [{ insecureNoSSL: true }, 389],
    [{ startTLS: true, insecureNoSSL: true }, 389],
    [{ insecureSkipVerify: true }, 636],
  ]
  for (const [changes, port] of ways)
    for (const [host, name] of [
      ['ldap.corp.test', `ldap.corp.test:${port}`],
      ['ldap.corp.test:1636', 'ldap.corp.test:1636'],
      ['10.0.0.1', `10.0.0.1:${port}`],
      ['::1', `[::1]:${port}`],
      ['[fd00::1]', `[fd00::1]:${port}`],
      ['[fd00::1]:3269', '[fd00::1]:3269'],
    ]) {
      const settings = ldapSettings.parse(
        changed(vectorConfig('ldap', host ?? ''), { insecureNoSSL: false, ...changes }),
      )
      assert.equal(readEndpoint(settings, testTools()).name, name, JSON.stringify(changes))
    }
})
