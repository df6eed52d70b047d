import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sourceFiles, withoutComments } from './source-files.ts'

const files = sourceFiles('src/**/*.ts')

/** Who may look inside of a Secret beside crypto/, and why. */
const revealers: Readonly<Record<string, string>> = {
  'src/identity/refresh.ts': 'a refresh token is sent to the provider that gave it',
  'src/config/pem-types.ts': 'a key given as text is checked to be one',
  'src/broker/connectors/code-grant/token-endpoint.ts': 'the token endpoint of GitHub or GitLab gets our client secret',
  'src/broker/provider/client-book.ts': 'the OpenID provider of this process compares the secrets of clients',
  'src/broker/management/local-clients.ts': 'whoever manages clients may ask for the secret of one by name',
  'src/broker/doors.ts': 'the key of the certificate goes to the TLS server',
  'src/broker/store/postgres-store.ts': 'the password and the key of TLS go to the database',
  'src/broker/connectors/ldap/service-password.ts': 'a bind sends the password to the directory (RFC 4513 §5.1.3)',
}

function offenders(isOffence: (file: (typeof files)[number]) => boolean): string[] {
  return files.filter(isOffence).map(({ path }) => path)
}

test('no file of src/ has more than 300 lines', () => {
  const long = files
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > 300)
  assert.deepEqual(long, [])
})

test('nothing is left to be done', () => {
  assert.deepEqual(
    offenders(({ text }) => /\b(?:TODO|FIXME|XXX|HACK)\b/.test(text)),
    [],
  )
})

test('secrets are looked at in crypto/ and in few named places', () => {
  const found = offenders(
    ({ path, text }) => !path.startsWith('src/crypto/') && withoutComments(text).includes('.reveal('),
  )
  assert.deepEqual(
    found.filter((path) => !Object.hasOwn(revealers, path)),
    [],
  )
  assert.deepEqual(
    Object.keys(revealers).filter((path) => !found.includes(path)),
    [],
    'a named place does not look any more: take it off the list',
  )
})

test('only the command line speaks to a terminal', () => {
  assert.deepEqual(
    offenders(({ path, text }) => !path.startsWith('src/cli/') && /\bconsole\.\w+\(/.test(withoutComments(text))),
    [],
  )
})

test('no default exports, no barrels, no enums, no namespaces', () => {
  assert.deepEqual(
    offenders(
      ({ path, text }) =>
        /^export (?:default\b|\* |(?:const )?enum\b|namespace\b)/m.test(text) || path.endsWith('/index.ts'),
    ),
    [],
  )
})

test('every file says first what it is for; a criterion says it in its `doc`', () => {
  assert.deepEqual(
    offenders(({ path, text }) => !path.startsWith('src/policy/criteria/') && !/^(?:#!.*\n)?\/\*\*/.test(text)),
    [],
  )
})

test('files are named in kebab-case', () => {
  assert.deepEqual(
    offenders(({ path }) => !/^src(?:\/[a-z][a-z0-9]*(?:-[a-z0-9]+)*)+\.ts$/.test(path)),
    [],
  )
})

test('patterns from configuration never reach the engine that can be made to backtrack', () => {
  const found = offenders(({ text }) =>
    /new RegExp\((?!['"`])/.test(withoutComments(text).replace(/new RegExp\(\s*`[^`]*`/g, '')),
  )
  assert.deepEqual(found, [])
})
