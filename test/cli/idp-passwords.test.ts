import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { findProgram, skipWithout } from '#test/actors/program.ts'
import { certificates, serveGrpc, startManagedDex } from '#test/broker/management/grpc-world.ts'
import { openDesk } from './idp-desk.ts'
import { typeIdp } from './idp-process.ts'

const hash = '$2y$10$RKNzy4lSrOK00nzT9OC6puHILMbxBcaaLM3ZwiC3AmUDJFEgevqri'

test('a user is made from a line of standard input, listed, verified, changed and deleted', async () => {
  await using desk = await openDesk()
  const [cwd, env] = [desk.world.folder, { OSTIARY_ADMIN_SOCKET: desk.socket }]
  const idp = (line: string, input = '') => typeIdp(line.split(' '), { cwd, env, input })
  assert.match(
    await idp('create-password carol@corp.test --group devops --group finance', 'carol-pw\n'),
    // The connector `local` is not served in this test.
    /^User id: "[0-9a-f-]{36}"\nwarning: nobody can sign in by a password.*\nhint: set enablePasswordDB: true.*\n$/,
  )
  assert.equal(await idp('list-password'), 'carol@corp.test - carol\n')
  const listed = await idp('list-password -o json')
  assert.match(listed, /"groups": \[\n {6}"devops",\n {6}"finance"/)
  assert.doesNotMatch(listed, /\$2[aby]\$/)
  assert.equal(await idp('verify-password CAROL@corp.test', 'carol-pw\n'), 'right\n')
  assert.equal(await idp('verify-password carol@corp.test', 'carol-px'), 'wrong: this is not the password\n[exit 1]\n')
  assert.equal(await idp('update-password carol@corp.test -v', 'other-pw'), 'updated user carol@corp.test\n')
  assert.equal(await idp('verify-password carol@corp.test', 'other-pw'), 'right\n')
  // Other options alone leave the password as it is, and do not wait for one.
  assert.equal(await idp('update-password carol@corp.test --username Carol'), '')
  assert.equal(await idp('verify-password carol@corp.test', 'other-pw'), 'right\n')
  assert.equal(await idp('update-password carol@corp.test --hash', hash), '')
  assert.equal(await idp('verify-password carol@corp.test', 'alice-pw'), 'right\n')
  assert.match(
    await idp('create-password carol@corp.test', 'x'),
    /^cannot create user "carol@corp\.test": the address is taken\n\[exit 1\]\n$/,
  )
  assert.equal(await idp('delete-password carol@corp.test -v'), 'deleted user carol@corp.test\n')
  assert.match(await idp('delete-password carol@corp.test'), /: there is none\n\[exit 1\]\n$/)
})

test('what bcrypt would not keep whole is no password, and what is no hash is no hash', async () => {
  await using desk = await openDesk()
  const [cwd, env] = [desk.world.folder, { OSTIARY_ADMIN_SOCKET: desk.socket }]
  const create = (input: string, ...more: string[]) =>
    typeIdp(['create-password', 'carol@corp.test', ...more], { cwd, env, input })
  const refused = await Promise.all([
    create(''),
    create('\n'),
    create('a\nb\n'),
    create('a\0b'),
    create('\u00e4'.repeat(37)),
    create('plain', '--hash'),
    create(hash.replace('$10$', '$04$'), '--hash'),
  ])
  for (const text of refused) {
    assert.match(text, /^cannot (?:use|read).*\nhint: .*\n\[exit 1\]\n$/)
    assert.doesNotMatch(text, /plain|RKNzy|\u00e4/)
  }
  assert.deepEqual(await desk.world.management.listPasswords(), [])
})

test('a password is typed twice and never shown', { skip: skipWithout('script'), timeout: 30_000 }, async () => {
  await using desk = await openDesk()
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  const terminal = async (...typed: string[]) => {
    const line = `'${process.execPath}' '${main}' idp create-password dora@corp.test --user-id 4 --verbose`
    const env = { ...process.env, OSTIARY_ADMIN_SOCKET: desk.socket }
    const child = spawn(findProgram('script') ?? '', ['-qec', line, '/dev/null'], { cwd: desk.world.folder, env })
    let shown = ''
    let asked = 0
    child.stdout.on('data', (piece: Buffer) => {
      shown += piece.toString()
      while (asked < Math.min(typed.length, (shown.match(/(?:Password|Once more): /g) ?? []).length))
        child.stdin.write(`${typed[asked++]}\r`)
    })
    child.stdin.on('error', () => {})
    await new Promise((resolve) => child.once('close', resolve))
    return shown.replaceAll('\r', '')
  }
  assert.match(await terminal('dora-pw', 'dora-px'), /cannot use this password: it was not the same twice/)
  assert.match(await terminal('\u0003'), /cannot read a password: it was broken off/)
  const shown = await terminal('dora-px\u007fw', 'dora-pw')
  assert.match(shown, /^Password: \nOnce more: \ncreated user dora@corp\.test\n/)
  assert.doesNotMatch(shown, /dora-p/)
  assert.equal(await desk.world.management.verifyPassword('dora@corp.test', 'dora-pw'), true)
  // Pasted, both at once.
  assert.match(await terminal('dora-pw\rdora-pw'), /^Password: \nOnce more: \ncannot create user.*taken\n$/)
})

async function throughDex(address: string, cwd: string): Promise<void> {
  const { ca, client } = await certificates()
  for (const [name, text] of Object.entries({ ca, cert: client.cert, key: client.key.reveal() }))
    writeFileSync(join(cwd, name), text, { mode: 0o600 })
  const target = `--dex ${address} --dex-ca ca --dex-cert cert --dex-key key`
  const idp = (line: string, input = '') => typeIdp(`${line} ${target}`.split(' '), { cwd, input })
  assert.equal(await idp('create-password erin@corp.test --user-id 5 --username Erin', 'erin-pw'), '')
  assert.match(await idp('list-password'), /^erin@corp\.test - Erin$/m)
  assert.equal(await idp('verify-password erin@corp.test', 'erin-pw'), 'right\n')
  assert.equal(await idp('update-password erin@corp.test', 'new-pw'), '')
  assert.match(await idp('verify-password erin@corp.test', 'erin-pw'), /^wrong/)
  assert.match(
    await idp('create-password fred@corp.test --group devops', 'x'),
    /^cannot keep groups of a user: Dex's API takes them not\n {2}write the user into staticPasswords.*\n\[exit 1\]\n$/,
  )
  assert.equal(await idp('delete-password erin@corp.test'), '')
  assert.match(await idp('delete-password erin@corp.test'), /there is none\n\[exit 1\]/)
}

test('users of a real Dex are managed by the same commands', { skip: skipWithout('dex') }, async () => {
  await using dex = await startManagedDex()
  await using desk = await openDesk()
  await throughDex(dex.address, desk.world.folder)
})

test('users of our own broker are managed over gRPC by the same commands', async () => {
  await using desk = await openDesk()
  await using served = await serveGrpc(desk.world)
  await throughDex(served.address, desk.world.folder)
})
