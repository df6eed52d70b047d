/** `node bench/broker-beside.ts`: whether a request with a session costs more where a broker is inside of the process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startIdp } from '#test/actors/idp.ts'
import { sendLoad } from './load.ts'
import { groups, redirectUris, type Subject, startApplication, startOstiary } from './subjects.ts'

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 10)
const seconds = Number(process.env['BENCH_SECONDS'] ?? 3)
const folder = mkdtempSync(join(tmpdir(), 'ostiary-bench-beside-'))
await using stack = new AsyncDisposableStack()
stack.defer(() => rmSync(folder, { recursive: true, force: true }))

const user = { sub: 'u-ada', email: 'ada@bench.test', name: 'Ada Example', groups }
const idp = stack.use(await startIdp({ users: [user], redirectUris: redirectUris(1), autoLogin: 'u-ada' }))
const application = stack.use(await startApplication(folder, 1))
const around = { upstream: application.url, issuer: idp.issuer, folder, core: 0, apachePort: 1 }
const broker = {
  ...{ issuer: 'https://id.bench.test', storage: { type: 'memory' }, admin: { socket: '' } },
  connectors: [{ type: 'mockCallback', id: 'mock', name: 'Mock' }],
}
const alone = stack.use(await startOstiary(around, { name: 'alone' }))
// What two processes of the same program differ by.
const again = stack.use(await startOstiary(around, { name: 'again' }))
const beside = stack.use(await startOstiary(around, { name: 'beside', more: { broker } }))

interface Cost {
  readonly rate: number
  /** Seconds of a processor. */
  readonly cpu: number
}

async function measure(subject: Subject): Promise<Cost> {
  const before = subject.cpuSeconds()
  const load = { port: subject.port, path: '/page?x=1', headers: subject.headers, connections: 64, seconds, core: 1 }
  const { requests, errors } = await sendLoad(load)
  if (errors > 0 || requests === 0) throw new Error(`cannot measure: ${errors} of ${requests} failed`)
  return { rate: requests / seconds, cpu: (subject.cpuSeconds() - before) / requests }
}

for (const subject of [alone, again, beside]) await measure(subject)
// A broker that has worked: what its first request switches on stays on.
await sendLoad({
  ...{ port: beside.port, path: '/auth?client_id=x', headers: { Host: 'id.bench.test' } },
  ...{ connections: 4, seconds: 1, core: 1 },
})
const ratios = { beside: [] as Cost[], again: [] as Cost[] }
for (let round = 0; round < rounds; round++) {
  const order = round % 2 === 0 ? [alone, again, beside] : [beside, again, alone]
  const found = new Map<Subject, Cost>()
  for (const subject of order) found.set(subject, await measure(subject))
  const one = found.get(alone)
  for (const [name, subject] of [['beside', beside] as const, ['again', again] as const]) {
    const other = found.get(subject)
    if (one && other) ratios[name].push({ rate: other.rate / one.rate, cpu: other.cpu / one.cpu })
  }
}
const names = { rate: 'requests a second', cpu: 'processor time of a request' }
const rows = (['rate', 'cpu'] as const).map((what) => {
  const cells = [ratios.beside, ratios.again].map((costs) => {
    const sorted = costs.map((cost) => cost[what]).toSorted((a, b) => a - b)
    const at = (share: number) => (sorted[Math.round((sorted.length - 1) * share)] ?? 0).toFixed(3)
    return `**${at(0.5)}** (${at(0)} to ${at(1)})`
  })
  return `| ${names[what]} | ${cells.join(' | ')} |`
})
process.stdout.write(`${rows.join('\n')}\n`)
writeFileSync(
  new URL('./RESULTS-broker-beside.md', import.meta.url),
  `# What a request with a session costs, with the broker inside

Written by \`node bench/broker-beside.ts\`: the same proxy with a broker inside and without one, ${rounds} rounds of ${seconds} s by
turns, 64 connections, each process on a core of its own. The session is of another provider in all. 1 is the same. The
last column is what two of these processes without a broker differ by.

| | inside / without | without / without |
|---|---|---|
${rows.join('\n')}
`,
)
