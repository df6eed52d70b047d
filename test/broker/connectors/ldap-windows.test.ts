/** Active Directory's own ways, by something that answers as it does: ids of octets, words in messages, lists in parts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { bound, entry, result, searched, startLyingDirectory } from '#test/actors/lying-directory.ts'
import { changed, open, type RawConfig, vectorConfig } from './ldap-world.ts'

const ADA = 'CN=Ada,CN=Users,DC=corp,DC=test'
const GUID = Buffer.from('00ff10c3a9800141b2d3e4f5a6b7c8d9', 'hex')
const PERSON = {
  objectGUID: [GUID],
  sAMAccountName: ['ada'],
  mail: ['ada@corp.test'],
  displayName: ['Ada'],
  userAccountControl: ['512'],
}

interface Person {
  readonly [attribute: string]: readonly (string | Buffer)[]
}

/** `says`: the message of the refused bind of a user. */
function activeDirectory(person: Person, says?: string) {
  return startLyingDirectory(({ id, what, dn, octets }, socket) => {
    if (what === 'bind' && dn === ADA && says !== undefined)
      socket.write(result(id, { tag: 0x61, code: 49, text: says }))
    else if (what === 'bind') socket.write(bound(id))
    else if (octets.includes('1.2.840.113556.1.4.1941'))
      socket.write(Buffer.concat([entry(id, 'CN=Ops,DC=corp,DC=test', { cn: ['Ops'] }), searched(id)]))
    // The id comes as the octets that it is, or the name as it was typed.
    else if (octets.includes(GUID) || octets.includes('ada'))
      socket.write(Buffer.concat([entry(id, ADA, person), searched(id)]))
    else socket.write(searched(id))
  })
}

const config = (host: string, changes: RawConfig = {}): RawConfig =>
  changed(
    changed(vectorConfig('ldap', host), {
      userSearch: {
        baseDN: 'CN=Users,DC=corp,DC=test',
        username: 'sAMAccountName',
        idAttr: 'objectGUID',
        preferredUsernameAttr: 'sAMAccountName',
      },
      groupSearch: { userAttr: 'DN', groupAttr: 'member:1.2.840.113556.1.4.1941:', filter: '(objectClass=group)' },
    }),
    changes,
  )

test('an id of octets is told in hexadecimal digits, and found again by its octets', async () => {
  await using directory = await activeDirectory(PERSON)
  await using ldap = open(config(directory.host))
  const ada = await ldap.signIn('ada', 'x')
  assert.equal(ada?.userId, GUID.toString('hex'))
  assert.deepEqual(ada?.groups, ['Ops'])
  assert.equal((await ldap.refresh(ada)).userId, ada.userId)
})

for (const [data, outcome] of [
  ['52e', undefined],
  ['525', undefined],
  ['775', 'ACCOUNT_DISABLED'],
  ['533', 'ACCOUNT_DISABLED'],
  ['773', 'ACCOUNT_DISABLED'],
] as const)
  test(`a bind refused with data ${data} is ${outcome ?? 'a wrong password'}`, async () => {
    const says = `80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data ${data}, v2580`
    await using directory = await activeDirectory(PERSON, says)
    await using ldap = open(config(directory.host))
    if (outcome === undefined) assert.equal(await ldap.signIn('ada', 'x'), undefined)
    else await assert.rejects(ldap.signIn('ada', 'x'), (error) => error instanceof ProxyError && error.code === outcome)
  })

test('whoever was disabled since is out at the refresh', async () => {
  await using before = await activeDirectory(PERSON)
  await using ldap = open(config(before.host))
  const ada = await ldap.signIn('ada', 'x')
  assert.ok(ada)
  await using after = await activeDirectory({ ...PERSON, userAccountControl: ['514'] })
  await using later = open(config(after.host))
  await assert.rejects(later.refresh(ada), (error) => error instanceof ProxyError && error.code === 'ACCOUNT_DISABLED')
})

test('memberOf that comes in parts fails the sign-in, as half of a list decides wrongly', async () => {
  await using directory = await activeDirectory({ ...PERSON, 'memberOf;range=0-1499': ['CN=A,DC=corp,DC=test'] })
  const groupSearch = { userAttr: '', groupAttr: '', memberOfAttr: 'memberOf', filter: '' }
  await using ldap = open(config(directory.host, { groupSearch }))
  await assert.rejects(ldap.signIn('ada', 'x'), /are not all of them/)
})
