/** The README's first example: what it prints is what comes out. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeCertificate } from '#test/actors/certificate.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const section =
  /^## Nextcloud behind FreeIPA$(.*?)^## /ms.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1] ?? ''
const [whole = '', provider = ''] = [...section.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => text)
const printed = /^```console\n(.*?)^```$/ms.exec(section)?.[1] ?? ''
const refusal = /^An edit that is wrong.*?^```\n(.*?)^```$/ms.exec(section)?.[1] ?? ''

test('the first example of the README loads, and its commands print what stands there', async () => {
  await using folder = await exampleFolder()
  writeFileSync(join(folder.path, 'ostiary.yaml'), whole)
  const commands = [...printed.matchAll(/^\$ npx ostiary (.*)\n((?:(?!\$ ).*\n)*)/gm)]
  assert.equal(commands.length, 2)
  for (const [, command = '', output = ''] of commands) {
    const { stdout, stderr } = folder.run(command.split(' '))
    assert.deepEqual({ stdout: stdout.replaceAll(`${folder.path}/`, ''), stderr }, { stdout: output, stderr: '' })
  }
})

test('the edit that the README calls wrong is refused in its words', async () => {
  await using folder = await exampleFolder()
  writeFileSync(join(folder.path, 'ostiary.yaml'), whole.replace('allowed_groups', 'allowed_group'))
  const { stderr, stdout } = folder.run(['check', '--config', 'ostiary.yaml'])
  assert.equal(`${stdout}${stderr}`, refusal)
})

test('another provider may stand in the place of the broker', async () => {
  await using folder = await exampleFolder()
  const other = whole.replace(/^broker:.*?(?=^routes:)/ms, `${provider}\n`)
  assert.notEqual(other, whole)
  writeFileSync(join(folder.path, 'ostiary.yaml'), other)
  const { status, stdout, stderr } = folder.run(['check', '--config', 'ostiary.yaml'])
  assert.equal(status, 0, stderr)
  assert.match(stdout, /cloud\.corp\.test .* groups devops/)
})

/** Beside the configuration: the certificate and the secrets that it names. */
async function exampleFolder() {
  const path = mkdtempSync(join(tmpdir(), 'ostiary-readme-'))
  const names = ['authenticate', 'cloud', 'dex'].map((name) => `${name}.corp.test`)
  const { ca } = await makeCertificate(path, names)
  const random = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')
  const files = { 'ipa-ca.crt': ca, 'bind-password': 'x', 'client-secret': 'x' }
  for (const [name, text] of Object.entries({ ...files, 'shared-secret': random(), 'cookie-secret': random() }))
    writeFileSync(join(path, name), text)
  return {
    path,
    run: (words: readonly string[]) =>
      spawnSync(process.execPath, [join(root, 'src/main.ts'), ...words], {
        ...{ cwd: path, encoding: 'utf8', timeout: 20_000, env: { NO_COLOR: '1' } },
      }),
    [Symbol.asyncDispose]: async () => rmSync(path, { recursive: true, force: true }),
  }
}
