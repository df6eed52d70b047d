/** A process of its own that keeps 100,000 refresh tokens as the broker does, and prints a row of what that takes. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storeAdapter } from '../src/broker/provider/store-adapter.ts'
import { openStore } from '../src/broker/store/open-store.ts'

const count = 100_000
const kind = process.argv[2] ?? 'memory'
const folder = mkdtempSync(join(tmpdir(), 'ostiary-bench-store-'))
const storage =
  kind === 'memory' ? ({ type: 'memory' } as const) : ({ type: 'sqlite3', file: join(folder, 'db') } as const)
{
  await using store = await openStore(storage, { secrets: [], now: Date.now, limit: count * 2 })
  const adapter = new (storeAdapter({ store, now: Date.now }))('RefreshToken')
  const resident = () => {
    globalThis.gc?.()
    return process.memoryUsage().rss
  }
  const before = resident()
  const begin = performance.now()
  for (let at = 0; at < count; at += 100) {
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        adapter.upsert(`token-${at + index}-${'x'.repeat(30)}`, payload(at + index), 86_400),
      ),
    )
  }
  const written = count / ((performance.now() - begin) / 1000)
  const after = resident()
  const reading = performance.now()
  for (let at = 0; at < 10_000; at++) await adapter.find(`token-${(at * 7919) % count}-${'x'.repeat(30)}`)
  const read = 10_000 / ((performance.now() - reading) / 1000)
  const disk = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  const mib = (octets: number) => `${Math.round(octets / 1024 / 1024)} MiB`
  process.stdout.write(
    `| ${kind} | ${mib(after - before)} | ${mib(disk)} | ${Math.round(written)} | ${Math.round(read)} |\n`,
  )
}
rmSync(folder, { recursive: true, force: true })

function payload(at: number) {
  const now = Math.floor(Date.now() / 1000)
  return {
    ...{ iat: now, exp: now + 86_400, iiat: now, kind: 'RefreshToken', accountId: `CgoxODYwMjAw${at % 5000}EgRsZGFw` },
    ...{ authTime: now, clientId: 'pom', grantId: `grant-${at}`, gty: 'authorization_code', nonce: 'n'.repeat(22) },
    ...{
      scope: 'openid profile email groups offline_access',
      sessionUid: `session-${at % 20_000}`,
      sid: 's'.repeat(22),
    },
  }
}
