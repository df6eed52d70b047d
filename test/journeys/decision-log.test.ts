import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { replay } from '#src/cli/replay.ts'
import { parseLine } from '#src/observe/decision-log-read.ts'
import { temporaryFolder } from '#test/actors/program.ts'
import type { Config } from '#test/actors/proxy.ts'
import { people, startWorld } from './world.ts'

/** What a replay of `log` under `config` prints. */
async function replayed(log: string, folder: string, config: Config): Promise<string> {
  writeFileSync(join(folder, 'next.json'), JSON.stringify({ ...config, insecure_server: true }))
  const said: string[] = []
  const io = { out: (text: string) => void said.push(text), err: (text: string) => void said.push(text) }
  await replay({ config: [join(folder, 'next.json')], logs: [log], env: {} }, io)
  return said.join('')
}

test('what a running proxy writes down is decided again the same, and tells what another policy would change', async () => {
  using folder = temporaryFolder('decisions')
  const log = join(folder.path, 'decisions.log')
  const world = await startWorld({ settings: { decision_log: { path: log } } })
  const cookies: string[] = []
  try {
    const alice = await world.signedIn('alice', 'hello')
    const bob = await world.signedIn('bob', 'any')
    await alice.open(world.url('hello', '/deep/page?token=hunter2'))
    const denied = await bob.open(world.url('hello', '/deep/page'))
    assert.equal(denied.status, 403)
    await world.browser().open(world.url('pub'))
    for (const browser of [alice, bob])
      cookies.push(...browser.cookies.header(new URL(world.url('any')), 'same-site').split('; '))
  } finally {
    await world[Symbol.asyncDispose]()
  }

  assert.equal(statSync(log).mode & 0o777, 0o600)
  const text = readFileSync(log, 'utf8')
  for (const cookie of cookies) assert.ok(!text.includes(cookie.split('=')[1] ?? '?'), 'a cookie was written down')
  assert.doesNotMatch(text, /hunter2|eyJ|Fe26|client_secret|user-agent|"cookie"/i)
  const [head, ...lines] = text.trimEnd().split('\n').map(parseLine)
  assert.equal(head?.kind, 'scope')
  const decisions = lines.flatMap((line) => (line.kind === 'decision' ? [line.decision] : []))
  assert.equal(decisions.length, lines.length)
  const told = decisions.map(({ route, user, decision }) => `${route} ${user?.email ?? 'nobody'} ${decision}`)
  for (const one of ['hello nobody sign-in', `hello ${people.alice.email} allow`, `hello ${people.bob.email} deny`])
    assert.ok(told.includes(one), `${one} is not among ${told.join(', ')}`)

  assert.match(await replayed(log, folder.path, world.config), /taken again: nothing would change\n$/)
  const text_ = JSON.stringify(world.config).replace('"allowed_groups":["devops"]', '"allowed_groups":["finance"]')
  const changed = await replayed(log, folder.path, JSON.parse(text_))
  assert.match(changed, /- loses {2}alice@corp\.test {2}allow → deny/)
  assert.match(changed, /\+ gains {2}bob@corp\.test {4}deny → allow/)
})

test('a reload can begin, move and end the log, and no line is lost', async () => {
  using folder = temporaryFolder('decisions')
  const [one, two] = [join(folder.path, 'one.log'), join(folder.path, 'two.log')]
  const world = await startWorld()
  const inForce = () => world.proxy.log().filter(({ message }) => message === 'configuration in force').length
  const reload = async (settings: Config) => {
    const before = inForce()
    world.proxy.write({ ...world.config, ...settings })
    await world.proxy.logged(() => inForce() > before, 'a configuration in force')
  }
  const ask = (path: string) => world.browser().open(world.url('pub', path))
  try {
    await ask('/before')
    await reload({ decision_log: { path: one } })
    await ask('/one')
    await reload({ decision_log: { path: two } })
    await ask('/two')
    await reload({})
    await ask('/after')
  } finally {
    await world[Symbol.asyncDispose]()
  }
  const paths = (file: string) =>
    readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map(parseLine)
      .flatMap((line) => (line.kind === 'decision' ? [line.decision.path] : []))
  assert.deepEqual([paths(one), paths(two)], [['/one'], ['/two']])
})

test('a log that cannot be written refuses the start, and a reload to it', async () => {
  using folder = temporaryFolder('decisions')
  const path = join(folder.path, 'no', 'such', 'folder.log')
  await assert.rejects(startWorld({ settings: { decision_log: { path } } }), /ENOENT.*folder\.log/)
  await using world = await startWorld()
  world.proxy.write({ ...world.config, decision_log: { path } })
  await world.proxy.logged(({ message }) => String(message).startsWith('configuration refused'), 'a refusal')
  assert.equal((await world.browser().open(world.url('pub'))).status, 200)
})
