/** `node bench/broker-beside.ts`: whether a request with a session costs more where a broker is inside of the process. */
import { mkdtempSync, rmSync } from 'node:fs'
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
const beside = stack.use(await startOstiary(around, { name: 'beside', more: { broker } }))

async function measure(subject: Subject): Promise<{ rate: number; cpu: number }> {
  const before = subject.cpuSeconds()
  const load = { port: subject.port, path: '/page?x=1', headers: subject.headers, connections: 64, seconds, core: 1 }
  const { requests, errors } = await sendLoad(load)
  if (errors > 0 || requests === 0) throw new Error(`cannot measure: ${errors} of ${requests} failed`)
  return { rate: requests / seconds, cpu: (subject.cpuSeconds() - before) / requests }
}

for (const subject of [alone, beside]) await measure(subject)
// A broker that has worked: what its first request switches on stays on.
await sendLoad({
  ...{ port: beside.port, path: '/auth?client_id=x', headers: { Host: 'id.bench.test' } },
  ...{ connections: 4, seconds: 1, core: 1 },
})
const ratios: { rate: number; cpu: number }[] = []
for (let round = 0; round < rounds; round++) {
  const order = round % 2 === 0 ? [alone, beside] : [beside, alone]
  const found = new Map<Subject, { rate: number; cpu: number }>()
  for (const subject of order) found.set(subject, await measure(subject))
  const [one, other] = [found.get(alone), found.get(beside)]
  if (one && other) ratios.push({ rate: other.rate / one.rate, cpu: other.cpu / one.cpu })
}
const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)
for (const what of ['rate', 'cpu'] as const) {
  const sorted = middle(ratios.map((ratio) => ratio[what]))
  const at = (share: number) => (sorted[Math.round((sorted.length - 1) * share)] ?? 0).toFixed(3)
  process.stdout.write(`${what}, broker inside / without: ${at(0.5)} (${at(0)} to ${at(1)}, ${rounds} rounds)\n`)
}
