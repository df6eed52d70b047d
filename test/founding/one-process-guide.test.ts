import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { check } from '#src/cli/check.ts'
import { testCerts } from '#test/actors/certs.ts'

const guide = readFileSync(new URL('../../docs/nextcloud-behind-freeipa.md', import.meta.url), 'utf8')
const folder = '/etc/ostiary'
const proxySecrets = {
  SHARED_SECRET: Buffer.alloc(32, 7).toString('base64'),
  COOKIE_SECRET: Buffer.alloc(32, 8).toString('base64'),
}
const files = new Map(
  [...guide.matchAll(/^```yaml\n# (\S+)\n(.*?)^```$/gms)].map(([, name = '', text = '']) => [
    `${folder}/${name}`,
    text,
  ]),
)
files.set('/etc/ipa/ca.crt', (await testCerts()).ca)

async function checked(change: (name: string, text: string) => string = (_, text) => text) {
  const out: string[] = []
  const err: string[] = []
  const io = { out: (more: string) => void out.push(more), err: (more: string) => void err.push(more) }
  const code = await check(
    {
      ...{ config: ['pomerium-helm-values.yaml'], brokerFile: 'dex-helm-values.yaml' },
      ...{ cwd: folder, env: { BIND_PW: 'bind password', ...proxySecrets } },
      readFile: async (path) => {
        const text = files.get(path)
        if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
        return change(path, text)
      },
    },
    io,
  )
  return { code, out: out.join(''), err: err.join('') }
}

test('the two files of the guide are checked, and say what the guide says they do', async () => {
  const { code, out, err } = await checked()
  const printed = /^\$ ostiary check .*\n((?:.*\n)*?)```$/m.exec(guide)?.[1]
  assert.equal(`${out}${err.trimEnd().split('\n').at(-1)}\n`, printed, err)
  assert.equal(code, 0)
})

test('a secret that differs between the two, and an address that is not registered, are told with file and line', async () => {
  const secret = await checked((_, text) => text.replace('clientSecret: pomerium', 'clientSecret: other'))
  assert.equal(secret.code, 1)
  assert.match(secret.err, /^(?:pomerium|dex)-helm-values\.yaml:\d+:\d+: .*secret/im)
  assert.doesNotMatch(secret.err, /\bother\b/)
  const address = await checked((_, text) => text.replace('/oauth2/callback', '/callback'))
  assert.equal(address.code, 1)
  assert.match(address.err, /^pomerium-helm-values\.yaml:2:15: .* has not registered \(dex-helm-values\.yaml:6\)$/m)
})
