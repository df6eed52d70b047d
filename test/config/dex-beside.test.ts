import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { BrokerSettings } from '#src/config/dex/broker-settings.ts'
import {
  accepts,
  findProgram,
  freePort,
  handOver,
  skipWithout,
  startProgram,
  temporaryFolder,
} from '#test/actors/program.ts'
import { Verdicts } from '#test/conformance/verdicts.ts'
import { readVectors } from '#test/vectors/read-vectors.ts'
import { brokerOf, DEX, loadBroker, onlyConnector } from './dex-loading.ts'

interface ConfigCase {
  readonly id: string
  readonly text: string
  readonly env?: Readonly<Record<string, string>>
  /** What its log says of the configuration (what is as by default left out), or that it did not start. */
  readonly dex: 'refused' | Meaning
}

type Meaning = Readonly<Record<string, unknown>>

const cases = readVectors<ConfigCase>('dex/config.jsonl')

/** What a real Dex tells of a configuration when it starts. */
function meaningOf(settings: BrokerSettings): Meaning {
  const { staticClients, connectors, enablePasswordDB, expiry } = settings
  const { refreshTokens } = expiry
  const told = {
    clients: [staticClients.map(({ name }) => name), []],
    connectors: [connectors.map(({ id }) => id), []],
    local: [enablePasswordDB, true],
    idTokens: [expiry.idTokens, 86_400_000],
    authRequests: [expiry.authRequests, 86_400_000],
    deviceRequests: [expiry.deviceRequests, 300_000],
    signingKeys: [expiry.signingKeys, 21_600_000],
    rotates: [!refreshTokens.disableRotation, true],
    reuse: [refreshTokens.reuseInterval, 0],
    unused: [refreshTokens.validIfNotUsedFor, 0],
    absolute: [refreshTokens.absoluteLifetime, 0],
  }
  const odd = Object.entries(told).filter(([, [value, usual]]) => JSON.stringify(value) !== JSON.stringify(usual))
  return Object.fromEntries(odd.map(([key, [value]]) => [key, value]))
}

test('a configuration is taken or refused as by a real Dex, and means the same, except where the list says so', async (context) => {
  const verdicts = new Verdicts(['dex-config'])
  for (const { id, text, env = {}, dex } of cases) {
    const read = await loadBroker(text, { env })
    const seen = read.kind === 'ok' ? meaningOf(read.settings) : 'refused'
    verdicts.compare(id, { about: text.slice(-80), seen, expected: dex })
  }
  verdicts.end(context, { prefix: '', atLeast: 1000 })
})

/** What the variables of `expansions.jsonl` held when a real Dex 2.45.1 put them in. */
const VARIABLES = {
  ...{ USERNAME: 'joe', PASS: 'p$USERNAME', EMPTY: '', QUOTED: 'a"b\\', NEWLINE: 'a\nb', TAB: 'x\ty', UNI: 'é😀' },
  ...{ FOO_1: 'one', _X: 'ux', A: 'a', B: '${A}', '1': 'num', 'a.b': 'dotted', TRUE: 'true', NUM: '12' },
}

test('variables in connectors are put in as a real Dex puts them in', async () => {
  for (const { text, dex } of readVectors<{ text: string; dex: string }>('dex/expansions.jsonl')) {
    const config = JSON.stringify({ username: 'a', password: `x${text}` })
    const entry = `connectors: [{type: mockPassword, id: m, name: M, config: ${config}}]\n`
    const settings = await brokerOf(`${DEX}${entry}`, { env: VARIABLES })
    assert.equal(onlyConnector(settings, 'mockPassword').config.password.reveal(), `x${dex}`, text)
  }
})

test('what is kept of Dex about configurations is what Dex does', { skip: skipWithout('dex') }, async () => {
  const command = findProgram('dex') ?? 'dex'
  for (const { id, text, env = {}, dex } of cases.filter((_, index) => index % 40 === 7)) {
    using folder = temporaryFolder('dex')
    const [file, port] = [join(folder.path, 'dex.yaml'), await freePort()]
    writeFileSync(file, text.replace('{http: "127.0.0.1:0"', `{http: "127.0.0.1:${port}"`))
    handOver(file)
    const args = ['serve', file]
    const isReady = () => accepts('127.0.0.1', port)
    const starting = startProgram({ name: 'Dex', command, args, cwd: folder.path, env, isReady })
    if (dex === 'refused') await assert.rejects(starting, /ended while starting/, id)
    else await (await starting).stop()
  }
})
