/**
 * `node bench/broker.ts`: what the broker costs. Sign-ins, tokens and refreshes a second of a broker in a process of its
 * own, with users of its file and with a directory; memory with 100,000 refresh tokens. Writes RESULTS-broker.md.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Person } from './broker-visitor.ts'
import { actsAt, makeBrokerWorld, median, perSecond, personOfDirectory, personOfFile } from './broker-world.ts'

const seconds = Number(process.env['BENCH_SECONDS'] ?? 5)
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3)
const visitors = 8
const storeProgram = fileURLToPath(new URL('./broker-memory.ts', import.meta.url))
await using world = makeBrokerWorld()
const memoryStorage = { type: 'memory' }

async function measure(issuer: string, person: (who: number) => Person): Promise<readonly number[]> {
  const { signIn, known, refresh } = await actsAt(issuer, person, visitors)
  const rates: number[] = []
  for (const act of [signIn, known, refresh]) {
    const ofRounds: number[] = []
    for (let round = 0; round < rounds; round++) ofRounds.push(await perSecond(act, { visitors, seconds }))
    rates.push(median(ofRounds))
  }
  return rates
}

const rows: string[] = []
const add = (name: string, rates: readonly number[]) => {
  rows.push(`| ${name} | ${rates.map((rate) => rate.toFixed(0)).join(' | ')} |`)
  process.stdout.write(`${rows.at(-1)}\n`)
}
add('users of the file, memory', await measure(await world.start(memoryStorage), personOfFile))
const sqlite = { type: 'sqlite3', config: { file: join(world.folder, 'broker.db') } }
add('users of the file, sqlite3', await measure(await world.start(sqlite), personOfFile))
const connector = await world.directory()
if (connector) {
  const issuer = await world.start(memoryStorage, { connectors: [connector] })
  add('LDAP directory, memory', await measure(issuer, personOfDirectory))
}

const memory = ['memory', 'sqlite3'].map((kind) => {
  const program = spawnSync(process.execPath, ['--expose-gc', storeProgram, kind], {
    encoding: 'utf8',
    timeout: 120_000,
  })
  if (program.status !== 0) throw new Error(program.stderr)
  process.stdout.write(program.stdout)
  return program.stdout.trim()
})

writeFileSync(
  new URL('./RESULTS-broker.md', import.meta.url),
  `# What the broker costs

Written by \`node bench/broker.ts\`: ${rounds} rounds of ${seconds} s, ${visitors} visitors at once, the broker in a process of its own, visitors
and directory on the same two cores. Median of the rounds, a second. A sign-in is the whole way from the request over the
form to the code; "known" is request and tokens of a browser that the broker remembers; tokens are two RS256 signatures.

| | sign-ins | known | refreshes |
|---|---|---|---|
${rows.join('\n')}

Users of the file cost a bcrypt comparison (cost 10) each, in a thread for each core: that is what bounds them.

## 100,000 refresh tokens

| store | memory | on disk | written a second | read a second |
|---|---|---|---|---|
${memory.join('\n')}
`,
)
