/**
 * `node bench/broker-and-dex.ts`: our broker and a Dex on PATH with the same configuration, each in a process of its own,
 * by turns. Ratios of paired rounds; more than 1 is in our favour. Writes RESULTS-broker-and-dex.md.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { findProgram } from '#test/actors/program.ts'
import type { Person } from './broker-visitor.ts'
import {
  type Acts,
  actsAt,
  makeBrokerWorld,
  median,
  perSecond,
  personOfDirectory,
  personOfFile,
} from './broker-world.ts'

const seconds = Number(process.env['BENCH_SECONDS'] ?? 3)
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5)
const dexProgram = findProgram('dex')
if (!dexProgram) throw new Error('cannot measure: there is no dex on PATH')
await using world = makeBrokerWorld()
const storage = { type: 'memory' }

interface Case {
  readonly name: string
  readonly connectors: readonly object[]
  person(who: number): Person
  /** As many as there are people: Dex keeps one refresh token for each. */
  readonly visitors: number
}

const connector = await world.directory()
const cases: readonly Case[] = [
  { name: 'users of the file', connectors: [], person: personOfFile, visitors: 8 },
  ...(connector ? [{ name: 'LDAP directory', connectors: [connector], person: personOfDirectory, visitors: 3 }] : []),
]
const acts = [
  ['sign-ins', 'signIn'],
  ['known', 'known'],
  ['refreshes', 'refresh'],
] as const

const rows: string[] = []
for (const { name, connectors, person, visitors } of cases) {
  const open = async (dex: boolean) => actsAt(await world.start(storage, { connectors, dex }), person, visitors)
  const [ours, theirs] = [await open(false), await open(true)]
  for (const [what, act] of acts) {
    const rate = (whose: Acts) => perSecond(whose[act], { visitors, seconds })
    const found: { ours: number; theirs: number }[] = []
    for (let round = 0; round < rounds; round++) {
      const first = round % 2 === 0 ? await rate(ours) : undefined
      const second = await rate(theirs)
      found.push({ ours: first ?? (await rate(ours)), theirs: second })
    }
    const ratios = found.map((one) => one.ours / one.theirs).toSorted((a, b) => a - b)
    const cells = [median(ratios).toFixed(2), `${ratios[0]?.toFixed(2)} to ${ratios.at(-1)?.toFixed(2)}`]
    const rates = [median(found.map((one) => one.ours)), median(found.map((one) => one.theirs))].map((n) =>
      n.toFixed(0),
    )
    rows.push(`| ${name}, ${what} | **${cells[0]}** | ${cells[1]} | ${rates.join(' | ')} |`)
    process.stdout.write(`${rows.at(-1)}\n`)
  }
}

const version = spawnSync(dexProgram, ['version'], { encoding: 'utf8' }).stdout.trim().split('\n').join(', ')
writeFileSync(
  new URL('./RESULTS-broker-and-dex.md', import.meta.url),
  `# The broker and a Dex

Written by \`node bench/broker-and-dex.ts\`: the same configuration, storage in memory, ${rounds} rounds of ${seconds} s by turns, 8 visitors
at once (3 with a directory), everything on the same two cores. More than 1 is in our favour. "Known" is request and tokens of a browser that
has signed in; Dex remembers no browser, and asks for the password again.

| | ours / Dex | of all rounds | ours a second | Dex a second |
|---|---|---|---|---|
${rows.join('\n')}

${version}
`,
)
