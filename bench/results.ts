/** Prints what was measured as a page: ratios first, since the absolute numbers say more about the machine. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'

export interface Measured {
  readonly perSecond: number
  /** Time on the core for one request. */
  readonly cpuMicroseconds: number
}

export interface Conditions {
  readonly rounds: number
  readonly seconds: number
  readonly connections: number
  readonly client: string
  readonly absent: readonly string[]
}

/** `all`: name to one measurement a round; the first is what the others are compared with. */
export function printResults(all: ReadonlyMap<string, readonly Measured[]>, conditions: Conditions): string {
  const [base = []] = [...all.values()]
  const rows = [...all].map(([name, measured]) => {
    const ratios = measured.map(({ perSecond }, round) => perSecond / (base[round]?.perSecond ?? Number.NaN))
    const cost = measured.map(
      ({ cpuMicroseconds }, round) => (base[round]?.cpuMicroseconds ?? Number.NaN) / cpuMicroseconds,
    )
    const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`
    const rate = Math.round(median(measured.map(({ perSecond }) => perSecond))).toLocaleString('en')
    const time = median(measured.map(({ cpuMicroseconds }) => cpuMicroseconds)).toFixed(1)
    return `| ${name} | **${median(ratios).toFixed(2)}** | ${spread} | ${median(cost).toFixed(2)} | ${rate} | ${time} |`
  })
  const { rounds, seconds, connections, client, absent } = conditions
  return `# Results

Made by \`npm run bench\`. One core for the proxy, another for the application (100 octets) and the client; ${connections}
connections, ${rounds} rounds of ${seconds} s each, in alternating order. Each ratio compares a proxy with the bare
undici pass-through **of the same round**; the table shows the median. Ostiary, Apache and
oauth2-proxy serve a signed-in user with three groups, one of which is required; they write an access log and tell the
application who it is, Ostiary with a signed assertion, too.

| proxy | ratio to bare | of all rounds | ratio of CPU time | requests/s | CPU µs a request |
|---|---|---|---|---|---|
${rows.join('\n')}

The ratio of CPU time is steadier than that of requests on a machine that has other things to do. nginx is as fast as
the client can ask.${absent.length > 0 ? ` Not measured, since not installed: ${absent.join(', ')}.` : ''}

- Date: ${new Date().toISOString().slice(0, 10)}
- Machine: ${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}
- Versions: ${versions().join(', ')}; client ${client}
`
}

function versions(): string[] {
  const packages = ['undici', 'http-proxy'].map((name) => {
    const text = readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')
    const { name: real, version } = JSON.parse(text) as { name: string; version: string }
    return `${real} ${version}`
  })
  return [
    `Node ${process.versions.node}`,
    ...packages,
    ...firstLine('nginx', ['-v']),
    ...firstLine('apache2', ['-v']),
    ...firstLine('dpkg-query', ['-W', '-f', 'mod_auth_openidc $' + '{Version}', 'libapache2-mod-auth-openidc']),
  ]
}

function firstLine(command: string, args: readonly string[]): string[] {
  const { stdout = '', stderr = '', status } = spawnSync(command, args, { encoding: 'utf8' })
  const line = (stdout || stderr).split('\n')[0]?.replace(/^(?:nginx|Server) version: /i, '')
  return status === 0 && line ? [line] : []
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const high = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? high : (high + (sorted[middle - 1] ?? Number.NaN)) / 2
}
