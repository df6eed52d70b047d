/**
 * `npm run bench`: measures proxies in turn on one core, with the application and the client on another, and writes
 * RESULTS.md. Each round measures all of them one after the other, in alternating order; what counts is the ratio to
 * the bare pass-through of the same round, and of those the median. Nothing here is a test: it fails for no speed.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { startIdp } from '#test/actors/idp.ts'
import { findProgram, freePort } from '#test/actors/program.ts'
import { loadProgram, sendLoad } from './load.ts'
import { type Measured, printResults } from './results.ts'
import {
  groups,
  redirectUris,
  type Subject,
  type Surroundings,
  startApache,
  startApplication,
  startBare,
  startHttpProxy,
  startNginx,
  startOauth2Proxy,
  startOstiary,
} from './subjects.ts'

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 7)
const seconds = Number(process.env['BENCH_SECONDS'] ?? 4)
const connections = 64
/** The subject has this core for itself. */
const core = 0
const otherCore = 1

if (!findProgram('taskset') || availableParallelism() < 2) {
  throw new Error('cannot measure: it needs two cores and the program taskset')
}

const folder = mkdtempSync(join(tmpdir(), 'ostiary-bench-'))
await using stack = new AsyncDisposableStack()
stack.defer(() => rmSync(folder, { recursive: true, force: true }))

const apachePort = await freePort()
const idp = stack.use(
  await startIdp({
    users: [{ sub: 'u-ada', email: 'ada@bench.test', name: 'Ada Example', groups }],
    redirectUris: redirectUris(apachePort),
    autoLogin: 'u-ada',
  }),
)
const application = stack.use(await startApplication(folder, otherCore))
const around: Surroundings = { upstream: application.url, issuer: idp.issuer, folder, core, apachePort }

const subjects: Subject[] = []
const absent: string[] = []
for (const [name, start] of Object.entries({
  bare: startBare,
  Ostiary: (place: Surroundings) => startOstiary(place),
  'http-proxy': startHttpProxy,
  nginx: startNginx,
  'Apache with mod_auth_openidc': startApache,
  'oauth2-proxy': startOauth2Proxy,
})) {
  const subject = await start(around)
  if (subject) subjects.push(stack.use(subject))
  else absent.push(name)
}

async function measure(subject: Subject, duration: number): Promise<Measured> {
  const before = subject.cpuSeconds()
  const { requests, errors } = await sendLoad({
    port: subject.port,
    path: '/page?x=1',
    headers: { accept: 'text/html', 'accept-language': 'en', 'user-agent': 'Mozilla/5.0 (bench)', ...subject.headers },
    connections,
    seconds: duration,
    core: otherCore,
  })
  // Apache ends a kept connection now and then when all its workers are busy; more than that is a wrong measurement.
  if (errors > requests / 100 || requests === 0)
    throw new Error(`cannot measure ${subject.name}: ${errors} of ${requests} failed`)
  return { perSecond: requests / duration, cpuMicroseconds: ((subject.cpuSeconds() - before) / requests) * 1e6 }
}

for (const subject of subjects) await measure(subject, 3) // warm
const all = new Map<string, Measured[]>(subjects.map(({ name }) => [name, []]))
for (let round = 0; round < rounds; round++) {
  const order = round % 2 === 0 ? subjects : subjects.toReversed()
  for (const subject of order) {
    const measured = await measure(subject, seconds)
    all.get(subject.name)?.push(measured)
    process.stdout.write(`${round + 1}/${rounds} ${subject.name}: ${Math.round(measured.perSecond)}/s\n`)
  }
}

const text = printResults(all, { rounds, seconds, connections, client: loadProgram, absent })
writeFileSync(new URL('RESULTS.md', import.meta.url), text)
process.stdout.write(`\n${text}`)
