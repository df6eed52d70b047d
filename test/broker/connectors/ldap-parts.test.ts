/** The pure parts of the `ldap` connector: names, filters, account state, messages, and settings that do not go together. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { InvalidCredentialsError, UnwillingToPerformError } from 'ldapts'
import { whyDisabled } from '#src/broker/connectors/ldap/account-state.ts'
import { isSound, messageLength } from '#src/broker/connectors/ldap/ber.ts'
import { firstValue, isBelow, sameDn } from '#src/broker/connectors/ldap/dn.ts'
import { readEntry } from '#src/broker/connectors/ldap/entry.ts'
import { passwordVerdict } from '#src/broker/connectors/ldap/failures.ts'
import { all, equals, parseFilter } from '#src/broker/connectors/ldap/filters.ts'
import { ldapSettings } from '#src/config/dex/connectors/ldap.ts'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { bound, entry, searched } from '#test/actors/lying-directory.ts'
import { changed, open, type RawConfig, vectorConfig } from './ldap-world.ts'

const BASE = 'cn=users,cn=accounts,dc=corp,dc=test'

test('two spellings of a name are the same, and two names are not', () => {
  const same = [
    'uid=alice,cn=users,dc=corp,dc=test',
    'UID=alice, CN=Users , DC=corp,dc=TEST',
    'uid=\\61lice,cn=users,dc=corp,dc=test',
    'uid="alice",cn=users;dc=corp,dc=test',
  ]
  for (const dn of same) assert.equal(sameDn(dn), sameDn(same[0] ?? ''), dn)
  assert.equal(sameDn('cn=Núñez\\, Carol,dc=x'), sameDn('cn=N\\c3\\ba\\c3\\b1ez\\2c Carol,dc=x'))
  assert.equal(sameDn('cn=a+uid=b,dc=x'), sameDn('uid=b+cn=a,dc=x'))
  assert.notEqual(sameDn('cn=a,dc=x'), sameDn('cn=a\\,dc=x'))
  assert.notEqual(sameDn('cn=a,dc=x'), sameDn('uid=a,dc=x'))
  // Values of types that we do not know may differ by case.
  assert.notEqual(sameDn('krbPrincipalName=A,dc=x'), sameDn('krbPrincipalName=a,dc=x'))
})

test('an entry lies below another by whole steps, not by the look of the text', () => {
  assert.ok(isBelow(`uid=alice,${BASE}`, BASE))
  assert.ok(isBelow(`uid=alice,${BASE.toUpperCase()}`, BASE))
  assert.ok(isBelow(BASE, BASE))
  assert.ok(isBelow(BASE, ''))
  assert.ok(!isBelow('cn=admins,cn=roles,dc=corp,dc=test', 'cn=groups,dc=corp,dc=test'))
  assert.ok(!isBelow(`uid=x,notcn=users,cn=accounts,dc=corp,dc=test`, BASE))
  assert.ok(!isBelow(`uid=x\\,${BASE}`, BASE))
  assert.ok(!isBelow(`cn="x,${BASE}"`, BASE))
  assert.ok(!isBelow('no name', BASE))
})

test('the name of a group is read off its DN only where it is all of the first step', () => {
  assert.equal(firstValue('cn=Dev\\, Ops,cn=groups', 'CN'), 'Dev, Ops')
  assert.equal(firstValue('ipaUniqueID=1,cn=groups', 'cn'), undefined)
  assert.equal(firstValue('cn=a+gid=1,cn=groups', 'cn'), undefined)
})

test('any text is a name or none, and never a crash', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      assert.equal(typeof sameDn(text), 'string')
      assert.equal(isBelow(text, BASE), isBelow(text, BASE.replaceAll(',', ' , ')))
    }),
  )
})

test('a value in a filter is that value, whatever is in it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (value) => {
      const filter = equals('uid', value).toString()
      const inside = filter.slice('(uid='.length, -1)
      assert.doesNotMatch(inside, /[()*\0]/)
      assert.equal(
        inside.replace(/\\([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
        value,
      )
    }),
  )
})

test('filters are put together as Dex does', () => {
  const own = parseFilter('(objectClass=person)', 'userSearch.filter')
  assert.equal(all(own, equals('mail', 'a@x')).toString(), '(&(objectClass=person)(mail=a@x))')
  assert.equal(all(undefined, equals('mail', 'a@x')).toString(), '(mail=a@x)')
  assert.equal(parseFilter('  ', 'x'), undefined)
  const nested = '(&(|(objectClass=posixGroup)(objectClass=group))(!(nsAccountLock=TRUE))(cn=a*b*c)(gidNumber>=5))'
  assert.equal(parseFilter(nested, 'x')?.toString(), nested)
  const windows = '(&(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))'
  assert.equal(parseFilter(windows, 'x')?.toString(), windows)
  assert.equal(equals('member:1.2.840.113556.1.4.1941:', 'cn=a').toString(), '(member:1.2.840.113556.1.4.1941:=cn=a)')
  assert.equal(parseFilter('(sn=N\\c3\\ba\\c3\\b1ez \\28x\\29)', 'x')?.toString(), '(sn=Núñez \\28x\\29)')
})

test('several filters in a row must all match, and those of RFC 4526 match everything and nothing', () => {
  assert.equal(parseFilter('(uid=a)(!(uid=b))', 'x')?.toString(), '(&(uid=a)(!(uid=b)))')
  assert.equal(parseFilter('(&)', 'x')?.toString(), '(objectClass=*)')
  assert.equal(parseFilter('(&(uid=a)(|))', 'x')?.toString(), '(&(uid=a)(!(objectClass=*)))')
})

test('a filter that is none is refused when the connector opens', () => {
  for (const filter of [
    '(uid=alice',
    'uid=alice)',
    '(uid=a)uid=b',
    '(uid=a)(uid=b',
    '(uid=a))(uid=b)',
    '((uid=a))',
    '(uid~a)',
    '(uid=\\zz)',
    '(uid=\\ff)',
    '('.repeat(5000),
  ])
    assert.throws(
      () => parseFilter(filter, 'userSearch.filter'),
      misconfigured(/cannot read the filter userSearch\.filter/),
      filter,
    )
})

const misconfigured = (problem: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ProxyError, String(error))
  assert.equal(error.code, 'CONNECTOR_MISCONFIGURED')
  assert.match(error.message, problem)
  return true
}

const NOW = Date.parse('2026-11-25T12:00:00Z')
const STATES: readonly (readonly [Readonly<Record<string, string>>, boolean])[] = [
  [{}, false],
  [{ nsAccountLock: 'TRUE' }, true],
  [{ NSACCOUNTLOCK: 'true' }, true],
  [{ nsAccountLock: 'FALSE' }, false],
  [{ loginDisabled: 'TRUE' }, true],
  [{ userAccountControl: '512' }, false],
  [{ userAccountControl: '514' }, true],
  [{ userAccountControl: '66050' }, true],
  [{ userAccountControl: 'odd' }, false],
  [{ accountExpires: '0' }, false],
  [{ accountExpires: '9223372036854775807' }, false],
  [{ accountExpires: '133000000000000000' }, true],
  [{ accountExpires: '144000000000000000' }, false],
  [{ krbPrincipalExpiration: '20260101000000Z' }, true],
  [{ krbPrincipalExpiration: '20270101000000Z' }, false],
  [{ krbPrincipalExpiration: 'odd' }, false],
  [{ pwdAccountLockedTime: '000001010000Z' }, true],
  [{ pwdAccountLockedTime: '20261125110000Z' }, false],
]

for (const [attributes, isOut] of STATES)
  test(`an account with ${JSON.stringify(attributes)} is ${isOut ? 'out' : 'in'}`, () => {
    const why = whyDisabled(readEntry({ ...attributes, dn: 'uid=a,dc=x' }), NOW)
    assert.equal(why !== undefined, isOut, String(why))
  })

test('what a directory says to a bind is told apart: wrong, disabled, or not about the password', () => {
  const windows = (data: string) =>
    passwordVerdict(
      new InvalidCredentialsError(
        `80090308: LdapErr: DSID-0C090400, comment: AcceptSecurityContext error, data ${data}, v1db1`,
      ),
      undefined,
    )?.kind
  assert.equal(windows('52e'), 'wrong')
  assert.equal(windows('525'), 'wrong')
  for (const data of ['530', '531', '532', '533', '701', '773', '775']) assert.equal(windows(data), 'disabled', data)
  const invalid = new InvalidCredentialsError('')
  assert.equal(passwordVerdict(invalid, undefined)?.kind, 'wrong')
  assert.equal(passwordVerdict(invalid, { error: 1 })?.kind, 'disabled')
  assert.equal(passwordVerdict(invalid, { error: 0 })?.kind, 'disabled')
  assert.equal(passwordVerdict(new UnwillingToPerformError('Account inactivated'), undefined)?.kind, 'disabled')
  assert.equal(passwordVerdict(new Error('socket'), undefined), undefined)
})

test('an entry is read by names in any case, and a list with gaps is no list', () => {
  const read = readEntry({ dn: 'uid=a,dc=x', Mail: 'a@x', uid: ['a', ''], cn: [], photo: Buffer.from([0xff, 1]) })
  assert.deepEqual(read.values('mAiL'), ['a@x'])
  assert.deepEqual(read.values('UID'), ['a'])
  assert.equal(read.first('cn'), undefined)
  assert.equal(read.first('dn'), 'uid=a,dc=x')
  assert.equal(read.first('photo'), 'ff01')
  assert.throws(() => readEntry({ dn: 'uid=a,dc=x', 'memberOf;range=0-1499': ['cn=a'] }), /not all of them/)
})

test('messages are whole and sound, or told to be not', () => {
  const whole = entry(2, 'uid=a,dc=x', { cn: ['a'], mail: [] })
  assert.equal(messageLength(whole, 1000), whole.length)
  assert.equal(messageLength(whole.subarray(0, 1), 1000), undefined)
  assert.throws(() => messageLength(whole, 10), /more than 10 octets/)
  for (const message of [whole, bound(1), searched(7)]) assert.ok(isSound(message))
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), (place, octet) => {
      const bent = Buffer.from(whole)
      bent[place] = octet
      try {
        assert.equal(typeof isSound(bent), 'boolean')
      } catch (error) {
        assert.ok(error instanceof RangeError)
      }
    }),
  )
})

const plain = vectorConfig('ldap', 'ldap.corp.test')
const REFUSED: Readonly<Record<string, [RawConfig, RegExp]>> = {
  'a URL as host': [{ host: 'ldaps://ldap.corp.test' }, /host is a name .* got a URL/],
  'a host that is none': [{ host: 'ldap corp' }, /host is a name/],
  'a port that is none': [{ host: 'ldap:70000' }, /host is a name/],
  'a name without password': [{ bindPW: null }, /bindDN needs bindPW, got none, or one that is empty/],
  'a password without name': [{ bindDN: '' }, /bindPW needs bindDN, got none, or one that is empty/],
  'a bindDN that is the name of a mechanism': [{ bindDN: 'EXTERNAL' }, /bindDN is the name of an entry/],
  'a certificate without key': [{ clientCert: '/x' }, /clientCert and clientKey go together/],
  'no e-mail': [{ userSearch: { emailAttr: '' } }, /emailAttr or emailSuffix/],
  'a suffix to nothing': [{ userSearch: { emailSuffix: 'x', nameAttr: '' } }, /got no nameAttr/],
  'no base': [{ userSearch: { baseDN: '' } }, /userSearch\.baseDN/],
  'an attribute that is a filter': [
    { userSearch: { username: 'uid=*)(uid' } },
    /userSearch\.username.*names an attribute/,
  ],
  'an attribute with a space': [{ userSearch: { emailAttr: 'mail ' } }, /userSearch\.emailAttr.*names an attribute/],
  'a bad filter of users': [{ userSearch: { filter: '(uid' } }, /userSearch\.filter/],
  'a bad filter of groups': [{ groupSearch: { filter: '(cn' } }, /groupSearch\.filter/],
  'groups without names': [{ groupSearch: { nameAttr: '' } }, /groupSearch needs nameAttr/],
  'half a matcher': [{ groupSearch: { userAttr: '' } }, /userMatchers\.userAttr.*names an attribute/],
  'both ways to groups': [
    { groupSearch: { memberOfAttr: 'memberOf', userMatchers: [{ userAttr: 'DN', groupAttr: 'member' }] } },
    /got both/,
  ],
}

for (const [name, [changes, problem]] of Object.entries(REFUSED))
  test(`settings with ${name} are refused when the connector opens`, () => {
    assert.throws(() => open(changed(plain, changes)), misconfigured(problem))
  })

test('what is dangerous is said when the connector opens', async () => {
  await using clear = open(plain)
  assert.match(clear.warnings.join('\n'), /insecureNoSSL.*passwords travel in clear/)
  await using any = open({ ...plain, insecureNoSSL: false, insecureSkipVerify: true })
  assert.match(any.warnings.join('\n'), /insecureSkipVerify/)
})

test('all keys of Dex are read, in any case, and Kerberos is refused by name', () => {
  const all = {
    HOST: 'ldap',
    insecureNoSSL: false,
    insecureSkipVerify: true,
    startTLS: true,
    rootCA: '/ca',
    rootCAData: 'QQ==',
    clientCert: '/c',
    clientKey: '/k',
    bindDN: 'cn=x',
    bindPW: 'y',
    usernameprompt: 'Name',
    userSearch: {
      baseDN: 'dc=x',
      filter: '',
      username: ['uid', 'mail'],
      scope: 'one',
      idAttr: 'uid',
      emailAttr: 'mail',
      nameAttr: 'cn',
      preferredUsernameAttr: 'uid',
      emailSuffix: 'x',
    },
    groupSearch: {
      baseDN: 'dc=x',
      filter: '',
      scope: 'sub',
      userMatchers: [{ userAttr: 'DN', groupAttr: 'member', recursionGroupAttr: 'member' }],
      userAttr: 'DN',
      groupAttr: 'member',
      recursionGroupAttr: 'member',
      nameAttr: 'cn',
    },
  }
  const settings = ldapSettings.parse(all)
  assert.deepEqual(settings.userSearch.username, ['uid', 'mail'])
  assert.equal(settings.usernamePrompt, 'Name')
  assert.equal(settings.timeout, 10_000)
  const refused = ldapSettings.safeParse({ ...all, kerberos: { enabled: true } })
  assert.match(JSON.stringify(refused.error?.issues), /Kerberos/)
})
