import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startDirectory } from '#test/actors/directory.ts'
import { skipWithout } from '#test/actors/program.ts'
import { openDesk } from './idp-desk.ts'
import { typeLine } from './idp-process.ts'

const guide = readFileSync(join(import.meta.dirname, '../../docs/managing-connectors.md'), 'utf8')

/** A line of `…` stands for any lines, another `…` for the rest of a word or line. */
function agrees(printed: string, wanted: string): boolean {
  const pattern = wanted
    .replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
    .replace(/^…\n/gm, '(?:.*\n)*')
    .replaceAll('…', '.*')
  return new RegExp(`^${pattern}$`).test(printed)
}

test('the guide to connectors is true: every file, every command, everything printed', {
  skip: skipWithout('slapd', 'ldapmodify', 'curl'),
  timeout: 120_000,
}, async (t) => {
  await using directory = await startDirectory({ suffix: 'dc=corp,dc=test' })
  await using desk = await openDesk({
    routesOpenTo: ({ claims }) => [
      {
        route: 'nextcloud.corp.test',
        isOpen: JSON.stringify(claims['groups']).includes('devops'),
        why: 'the group devops',
      },
      { route: 'ledger.corp.test', isOpen: false, why: 'no rule lets them in' },
    ],
  })
  // Alice has signed in to the wiki, at a broker.
  await desk.world.store.put({
    kind: 'RefreshToken',
    id: 'token',
    value: { iiat: Date.UTC(2026, 0, 15, 8) / 1_000, iat: Date.UTC(2026, 0, 15, 9) / 1_000 },
    indexes: { subject: 'CgoxODYwMjAwMDAxEgRsZGFw', client: 'wiki', grant: 'g' },
  })
  const cwd = desk.world.folder
  const [here, there] = [`127.0.0.1:${directory.plainPort}`, '127.0.0.1:389']
  let commands = 0
  for (const [, language, text = ''] of guide.matchAll(/^```(\w+)\n(.*?)^```$/gms)) {
    const name = /^# (\S+\.yaml)\n/.exec(text)?.[1]
    if (language === 'yaml' && name) writeFileSync(join(cwd, name), text.replaceAll(there, here))
    if (language !== 'console') continue
    for (const [, line = '', wanted = ''] of text.matchAll(/^\$ (.*)\n((?:(?!\$ ).*\n)*)/gm)) {
      commands++
      await t.test(line, async () => {
        const printed = await typeLine(line, { cwd })
        const told = printed.replaceAll(here, there)
        if (!agrees(told, wanted)) assert.equal(told, wanted)
      })
    }
  }
  assert.ok(commands > 35, `${commands} commands`)
})
