import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readSourceFile } from '#src/cli/broker/read-source-file.ts'
import { skipWithout, temporaryFolder } from '#test/actors/program.ts'

test('a file that a connector names is read, by a link as well; what has no end or is none is not', {
  skip: skipWithout('mkfifo'),
}, async () => {
  using folder = temporaryFolder('source-file')
  const at = (name: string) => join(folder.path, name)
  writeFileSync(at('ca.pem'), 'PEM')
  symlinkSync(at('ca.pem'), at('link'))
  assert.deepEqual([await readSourceFile(at('ca.pem')), await readSourceFile(at('link'))], ['PEM', 'PEM'])
  writeFileSync(at('large'), 'x'.repeat(1024 * 1024 + 1))
  spawnSync('mkfifo', [at('pipe')])
  await assert.rejects(readSourceFile(at('large')), { code: 'EFBIG' })
  for (const path of [at('pipe'), '/dev/zero', folder.path])
    await assert.rejects(readSourceFile(path), { code: 'EINVAL' })
  await assert.rejects(readSourceFile(at('gone')), { code: 'ENOENT' })
})
