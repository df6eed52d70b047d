/** How the directory's certificate is checked, and ours shown: LDAPS and StartTLS. And what `idp test` says of it all. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { DiagnosticStep } from '#src/broker/connectors/connector.ts'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { type Certificate, makeCertificate } from '#test/actors/certificate.ts'
import { type Directory, startDirectory } from '#test/actors/directory.ts'
import { type Folder, handOver, skipWithout, temporaryFolder } from '#test/actors/program.ts'
import { changed, open, type RawConfig, vectorConfig } from './ldap-world.ts'

const skip = skipWithout('slapd', 'ldapmodify')
const ALICE = ['alice@corp.test', 'alice-pw'] as const

let folder: Folder
let certificate: Certificate
let directory: Directory
let authorityFile: string

before(async () => {
  if (skip) return
  folder = temporaryFolder('ldap-tls')
  certificate = await makeCertificate(folder.path, ['localhost', '127.0.0.1'])
  authorityFile = join(folder.path, 'ca.crt')
  writeFileSync(authorityFile, certificate.ca)
  handOver(authorityFile)
  directory = await startDirectory({ suffix: 'dc=corp,dc=test', certificate })
})
after(async () => {
  await directory?.[Symbol.asyncDispose]()
  folder?.[Symbol.dispose]()
})

type Way = 'ldaps' | 'StartTLS'
const WAYS: readonly Way[] = ['ldaps', 'StartTLS']

function config(way: Way, changes: RawConfig = {}): RawConfig {
  const host = `localhost:${way === 'ldaps' ? directory.port : directory.plainPort}`
  const rootCAData = Buffer.from(certificate.ca).toString('base64')
  return changed(vectorConfig('ldap', host), {
    insecureNoSSL: false,
    startTLS: way === 'StartTLS',
    rootCAData,
    ...changes,
  })
}

const unreachable = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ProxyError, String(error))
  assert.equal(error.code, 'CONNECTOR_UNREACHABLE')
  assert.match(error.message, message)
  return true
}

const misconfigured = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ProxyError, String(error))
  assert.equal(error.code, 'CONNECTOR_MISCONFIGURED')
  assert.match(error.message, message)
  return true
}

for (const way of WAYS) {
  test(`${way}: an authority given as text or as file is trusted`, { skip }, async () => {
    await using byText = open(config(way))
    assert.ok(await byText.signIn(...ALICE))
    await using byFile = open(config(way, { rootCAData: null, rootCA: authorityFile }))
    const identity = await byFile.signIn(...ALICE)
    assert.deepEqual(identity?.groups, ['devops', 'by-uid'])
    assert.ok(await byFile.refresh(identity))
  })

  test(`${way}: without the authority the certificate is refused, and nothing is asked`, { skip }, async () => {
    await using ldap = open(config(way, { rootCAData: null }))
    await assert.rejects(
      ldap.signIn(...ALICE),
      unreachable(/of no authority that is trusted here \(\w+\); name its authority in rootCA/),
    )
    await using other = open(config(way, { rootCAData: Buffer.from((await otherAuthority()).ca).toString('base64') }))
    await assert.rejects(other.signIn(...ALICE), unreachable(/certificate/))
  })

  test(`${way}: a certificate for another name is refused`, { skip }, async () => {
    using place = temporaryFolder('ldap-other-name')
    const wrong = await makeCertificate(place.path, ['directory.corp.test'])
    await using lying = await startDirectory({ suffix: 'dc=corp,dc=test', certificate: wrong })
    const rootCAData = Buffer.from(wrong.ca).toString('base64')
    for (const name of ['localhost', '127.0.0.1']) {
      const host = `${name}:${way === 'ldaps' ? lying.port : lying.plainPort}`
      await using ldap = open(config(way, { host, rootCAData }))
      await assert.rejects(ldap.signIn(...ALICE), unreachable(/does not match certificate's altnames/))
      await using lenient = open(config(way, { host, rootCAData: null, insecureSkipVerify: true }))
      assert.ok(await lenient.signIn(...ALICE))
    }
  })

  test(`${way}: a certificate of ours is shown where the directory asks for one`, { skip }, async () => {
    await using strict = await startDirectory({
      suffix: 'dc=corp,dc=test',
      certificate,
      clientAuthorityFile: authorityFile,
    })
    const host = `localhost:${way === 'ldaps' ? strict.port : strict.plainPort}`
    const shown = { host, clientCert: certificate.certificateFile, clientKey: certificate.keyFile }
    await using ldap = open(config(way, shown))
    assert.ok(await ldap.signIn(...ALICE))
    await using without = open(config(way, { host }))
    await assert.rejects(without.signIn(...ALICE), unreachable(/./))
  })

  test(`${way}: files that are not there or hold no certificate are told by their key`, { skip }, async () => {
    await using missing = open(config(way, { rootCAData: null, rootCA: '/nowhere/ca.crt' }))
    await assert.rejects(
      missing.signIn(...ALICE),
      misconfigured(/rootCA is a file, got one that cannot be read: "\/nowhere\/ca\.crt"/),
    )
    await using empty = open(config(way, { rootCAData: Buffer.from('no certificate').toString('base64') }))
    await assert.rejects(empty.signIn(...ALICE), misconfigured(/rootCAData holds certificates in PEM, got none/))
  })

  test(`${way}: the walk tells the chain, also of a certificate that is refused`, { skip }, async () => {
    const steps = await walk(config(way))
    const tls = steps.find(({ name }) => name === 'TLS')
    assert.equal(tls?.outcome, 'ok')
    assert.match(tls?.found ?? '', way === 'ldaps' ? /speaks TLSv1\.3, and the certificate is good/ : /after StartTLS/)
    assert.match(
      tls?.details?.[0] ?? '',
      /Ostiary development.*localhost.*issued by Ostiary development authority.*until \d{4}-/,
    )
    const refused = await walk(config(way, { rootCAData: null }))
    assert.equal(refused.at(-1)?.name, 'TLS')
    assert.equal(refused.at(-1)?.outcome, 'failed')
    assert.match(refused.at(-1)?.details?.[0] ?? '', /issued by Ostiary development authority/)
    const lenient = await walk(config(way, { rootCAData: null, insecureSkipVerify: true }))
    assert.equal(lenient.find(({ name }) => name === 'TLS')?.outcome, 'doubtful')
  })
}

test('TLS is not begun with a port that does not speak it', { skip }, async () => {
  await using plain = await startDirectory({ suffix: 'dc=corp,dc=test' })
  for (const way of WAYS) {
    await using ldap = open(config(way, { host: `localhost:${plain.plainPort}`, connectTimeout: '2s' }))
    await assert.rejects(ldap.signIn(...ALICE), (error) => error instanceof ProxyError)
  }
})

let made: Promise<Certificate> | undefined
function otherAuthority(): Promise<Certificate> {
  const place = temporaryFolder('ldap-other')
  made ??= makeCertificate(place.path, ['localhost']).finally(() => place[Symbol.dispose]())
  return made
}

async function walk(raw: RawConfig, user?: string): Promise<readonly DiagnosticStep[]> {
  await using ldap = open(raw)
  return await Array.fromAsync(ldap.connector.diagnose({ user, signal: AbortSignal.timeout(10_000) }))
}

const outline = (steps: readonly DiagnosticStep[]) => steps.map(({ name, outcome }) => `${name}: ${outcome}`)

test('the walk goes to the identity of a user, and tells what it found on the way', { skip }, async () => {
  const steps = await walk(config('ldaps'), 'alice@corp.test')
  assert.deepEqual(outline(steps), [
    'name resolution: ok',
    'TLS: ok',
    'bind: ok',
    'search base: ok',
    'user search: ok',
    'account state: ok',
    'attributes: ok',
    'groups: ok',
    'identity: ok',
  ])
  const details = (name: string) => steps.find((step) => step.name === name)?.details?.join('\n') ?? ''
  assert.match(details('user search'), /^\(mail=alice@corp\.test\)$/m)
  assert.match(details('attributes'), /^idAttr uidNumber: 1860200001$/m)
  assert.ok(
    details('groups').includes(
      'DN in member: (&(|(objectClass=posixGroup)(objectClass=group))(member=uid=alice,cn=users,cn=accounts,dc=corp,dc=test))',
    ),
  )
  const identity = steps.at(-1)?.identity
  assert.equal(identity?.userId, '1860200001')
  assert.deepEqual(identity?.groups, ['devops', 'by-uid'])
  await using ldap = open(config('ldaps'))
  assert.deepEqual(identity, await ldap.signIn(...ALICE))
})

test('the walk ends at the first step that fails, and says why', { skip }, async () => {
  const cases: readonly [RawConfig, string | undefined, string, RegExp][] = [
    [{}, undefined, 'search base: ok', /is there/],
    [{ host: 'nobody.invalid' }, 'x', 'name resolution: failed', /nobody\.invalid/],
    [{ host: '127.0.0.1:1' }, 'x', 'TLS: failed', /nobody listens there \(ECONNREFUSED\)$/],
    [{ rootCAData: null }, 'x', 'TLS: failed', /of no authority that is trusted here \(\w+\); name its authority in/],
    [{ host: `localhost:${directory.plainPort}` }, 'x', 'TLS: failed', /an answer to TLS, as a port for ldap does$/],
    [{ startTLS: true }, 'x', 'TLS: failed', /an answer to ExtendedRequest, as a port for ldaps does to/],
    [{ insecureNoSSL: true }, 'x', 'bind: failed', /an answer to BindRequest, as a port for ldaps does to/],
    [{ bindPW: 'wrong' }, 'x', 'bind: failed', /cannot bind as uid=dex.* answered 49, name or password is wrong$/],
    [
      { userSearch: { baseDN: 'cn=people,dc=corp,dc=test' } },
      'x',
      'search base: failed',
      /cannot search "cn=people,.* answered 32, there is no such entry, or who is bound may not see it$/,
    ],
    [{ userSearch: { baseDN: 'people' } }, 'x', 'search base: failed', /34, this is no name of an entry: invalid DN$/],
    [{}, 'nobody@corp.test', 'user search: failed', /^no entry fits this filter$/],
    [{}, 'twin@corp.test', 'user search: failed', /one entry fits, got more/],
    [{ userSearch: { username: 'uid' } }, 'dora', 'attributes: failed', /missing: mail/],
    [{ groupSearch: { maxGroups: 1 } }, 'alice@corp.test', 'groups: failed', /at most 1 groups/],
    [{ groupSearch: { baseDN: '' } }, 'alice@corp.test', 'identity: ok', /alice@corp\.test/],
  ]
  for (const [changes, user, last, found] of cases) {
    const steps = await walk(changed(config('ldaps'), changes), user)
    assert.equal(outline(steps).at(-1), last)
    assert.match(steps.at(-1)?.found ?? '', found)
    assert.ok(steps.slice(0, -1).every(({ outcome }) => outcome !== 'failed'))
  }
})

test('the walk of an anonymous connection in clear is doubtful where it should be', { skip }, async () => {
  const steps = await walk(vectorConfig('anonuid', `127.0.0.1:${directory.plainPort}`), 'alice')
  assert.deepEqual(outline(steps), [
    'name resolution: skipped',
    'connection: doubtful',
    'bind: doubtful',
    'search base: ok',
    'user search: ok',
    'account state: ok',
    'attributes: failed',
  ])
})
