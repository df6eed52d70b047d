/**
 * How long a replay takes, and how much memory: `node bench/replay.ts [LINES]` writes a log of that many decisions
 * (1,000,000) of 2,000 people at 40 routes into the temporary folder, and replays it under rules that changed.
 */
import { createWriteStream, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { replay } from '../src/cli/replay.ts'

const count = Number(process.argv[2] ?? 1_000_000)
const folder = mkdtempSync(join(tmpdir(), 'ostiary-replay-'))
const log = join(folder, 'decisions.log')
const config = join(folder, 'gate.yaml')

const routes = Array.from({ length: 40 }, (_, index) => ({
  from: `https://app${index}.corp.test`,
  name: `app${index}`,
  to: 'http://127.0.0.1:1',
  policy: [
    { allow: { or: [{ groups: `team${index % 10}` }, { domain: 'partner.test' }] } },
    {
      deny: {
        or: [{ email: 'user7@corp.test' }, { http_path: { starts_with: '/admin' } }, { source_ip: '10.9.0.0/16' }],
      },
    },
  ],
}))
writeFileSync(
  config,
  JSON.stringify({ insecure_server: true, authenticate_service_url: 'https://authenticate.corp.test', routes }),
)

const start = Date.UTC(2026, 0, 1)
const out = createWriteStream(log)
const head = '{"level":"info","service":"decisions","time":"'
out.write(
  `${head}${new Date(start).toISOString()}","scope":"0a0b0c0d","claims":["groups"],"headers":[],"query":[],"message":"scope"}\n`,
)
for (let number = 0; number < count; number++) {
  // A generator of its own, so that every run has the same log.
  const mixed = Math.imul(number + 1, 2_654_435_761) >>> 0
  const [person, app] = [mixed % 2000, (mixed >>> 11) % 40]
  // Half of the paths are one of a few, half are never asked for twice.
  const path = number % 2 === 0 ? `/page/${mixed % 20}` : `/item/${number}`
  const line =
    `${head}${new Date(start + number * 50).toISOString()}","request-id":"${String(number).padStart(36, '0')}","scope":"0a0b0c0d",` +
    `"method":"GET","host":"app${app}.corp.test","port":"","path":"${path}","ip":"10.${person % 12}.0.${person % 250}",` +
    `"user":{"id":"id-${person}","email":"user${person}@corp.test","email-verified":true,"signed-in":${start - 60_000},` +
    `"claims":{"groups":["team${person % 11}","all","team${person % 7}"]}},"route-id":"0123456789abcdef","route":"app${app}",` +
    `"decision":"${person % 3 === 0 ? 'allow' : 'deny'}","allow":true,"allow-why-true":["groups-ok"],"deny":false,"deny-why-false":[],"message":"decision"}\n`
  if (!out.write(line)) await new Promise((resolve) => out.once('drain', resolve))
}
out.end()
await finished(out)

let most = 0
const watch = setInterval(() => {
  most = Math.max(most, process.memoryUsage.rss())
}, 50)
const before = process.cpuUsage()
const began = performance.now()
const said: string[] = []
await replay(
  { config: [config], logs: [log], env: {} },
  { out: (more) => void said.push(more), err: (more) => void process.stderr.write(more) },
)
const seconds = (performance.now() - began) / 1000
const { user, system } = process.cpuUsage(before)
clearInterval(watch)
console.log(
  said
    .join('')
    .split('\n')
    .find((line) => line.includes('taken again')),
)
console.log(
  `${count.toLocaleString('en')} lines, ${Math.round(statSync(log).size / 1e6)} MB: ${seconds.toFixed(1)} s, ` +
    `${((user + system) / 1e6).toFixed(1)} s of processor time, ${Math.round(count / seconds / 1000)},000 lines/s, at most ${Math.round(most / 1e6)} MB resident`,
)
rmSync(folder, { recursive: true })
