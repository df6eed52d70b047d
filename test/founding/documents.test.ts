/** The how-to shows configurations: each must load as it is printed, and say what the text says it says. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readConfiguration } from '#src/config/read-configuration.ts'
import { compileRoutes } from '#src/route/route-table.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/nextcloud-behind-dex.md'), 'utf8')
const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text]) => text ?? '')
const block = (start: string) => {
  const found = blocks.find((text) => text.startsWith(start))
  assert.ok(found, `no block begins with ${start}`)
  return found
}

async function load(text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'ostiary-documents-'))
  try {
    writeFileSync(join(folder, 'client-secret'), 'pomerium')
    const file = join(folder, 'config.yaml')
    writeFileSync(file, text.replace('/etc/ostiary', folder).replaceAll('YOURDOMAIN', 'corp'))
    const read = await readConfiguration({ files: [file], env: {} })
    assert.equal(read.kind, 'ok', JSON.stringify(read.kind === 'problems' && read.problems))
    if (read.kind !== 'ok') throw new Error('unreachable')
    return read
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const own = block('address: :80')

test('the Helm values and the plain form of the how-to say the same', async () => {
  const values = (await load(block('config:\n'))).settings
  const plain = (await load(own)).settings
  for (const key of [
    'address',
    'insecure_server',
    'authenticate_service_url',
    'idp_provider_url',
    'idp_scopes',
  ] as const)
    assert.deepEqual(plain[key], values[key], key)
  assert.deepEqual(plain.routes[0]?.allowed_groups, values.routes[0]?.allowed_groups)
})

test('the variables of the ingress section are settings', async () => {
  const { settings, warnings } = await load(block('config:\n') + block('extraEnv:\n'))
  assert.equal(settings.xff_num_trusted_hops, 1)
  assert.equal(settings.timeout_read, 0)
  assert.deepEqual(
    warnings.map(({ path }) => path),
    ['shared_secret, cookie_secret'],
  )
})

test('the public routes of the how-to open what sync clients need and nothing else', async () => {
  const { settings } = await load(
    `${own.replace(/^routes:[\s\S]*/m, '')}${block('routes:\n')}    allowed_groups: [devops]\n`,
  )
  const table = compileRoutes(
    settings.routes.map(({ from, regex, allow_public_unauthenticated_access: value }) => ({
      from,
      ...(regex !== undefined && { regex }),
      value,
    })),
  )
  const isPublic = (path: string) => table.find('hello.corp.dev', '', path)
  for (const path of [
    '/remote.php/dav/files/alice/a%20b.txt',
    '/remote.php/webdav/',
    '/ocs/v2.php/cloud/user',
    '/status.php',
    '/index.php/login/v2',
    '/index.php/login/v2/poll',
    '/.well-known/caldav',
  ])
    assert.equal(isPublic(path), true, path)
  for (const path of [
    '/',
    '/index.php/login/v2/flow/abc',
    '/remote.php/davx',
    '/remote.php',
    '/status.php/x',
    '/index.php/apps/files',
  ])
    assert.equal(isPublic(path), false, path)
})
