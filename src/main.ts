/** The process edge: arguments, signals, exit code. The only file that does something when it is loaded. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Command, Option } from 'commander'
import { check } from './cli/check.ts'
import { checkPolicy } from './cli/check-policy.ts'
import type { Io } from './cli/io.ts'
import { RefusedToStart, type Running, serve } from './cli/serve.ts'

const io: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
}

const program = new Command('ostiary')
  .description('An identity-aware reverse proxy: single sign-on and policy in front of internal services.')
  .version(version(), '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .showHelpAfterError('hint: ostiary --help')

const configOption = () =>
  new Option('-c, --config <file>', 'configuration file, YAML or JSON; may be given several times, the later one wins')
    .argParser<string[]>((file, before) => [...(before ?? []), file])
    .default([] as string[], 'environment only')
const lenientOption = () => new Option('--lenient', 'take unknown keys for warnings').default(false)

program
  .command('serve')
  .description('run the proxy')
  .addOption(configOption())
  .addOption(lenientOption())
  .action(async ({ config, lenient }: { config: string[]; lenient: boolean }) => {
    const running = await orRefused(serve({ files: config, env: process.env, lenient }, io))
    if (running) endWithSignals(running)
  })

program
  .command('check')
  .description('check a configuration and print its routes as they will be matched')
  .addOption(configOption())
  .addOption(lenientOption())
  .option('--strict', 'take warnings for errors', false)
  .action(async ({ config, lenient, strict }: { config: string[]; lenient: boolean; strict: boolean }) => {
    process.exitCode = await check({ config, env: process.env, lenient, strict, checkPolicy }, io)
  })

program
  .command('demo')
  .description('run everything a newcomer needs on this machine: a provider with users, two applications, the proxy')
  .option('--port <port>', 'port of the proxy', (text) => portOf(text), 8443)
  .addOption(configOption())
  .action(async ({ port, config }: { port: number; config: string[] }) => {
    // Only here: the provider is no part of a proxy that serves.
    const { demo } = await import('./cli/demo.ts')
    const ending = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort())
    const certificates = fileURLToPath(new URL('../certs', import.meta.url))
    const options = { port, files: config, certificates, signal: ending.signal, now: Date.now, ...io }
    process.exitCode = (await orRefused(demo(options, (started) => serve(started, io)))) ?? 1
  })

await program.parseAsync()

/** Waits for `starting`; a refusal is printed, and the process will end with 1. */
async function orRefused<T>(starting: Promise<T>): Promise<T | undefined> {
  try {
    return await starting
  } catch (error) {
    if (!(error instanceof RefusedToStart)) throw error
    io.err(error.message)
    process.exitCode = 1
    return undefined
  }
}

/** SIGTERM and SIGINT drain, a second one hastens; SIGHUP reloads. */
function endWithSignals(running: Running): void {
  process.on('SIGHUP', () => void running.reload())
  let asked = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      const isFirst = !asked
      asked = true
      void running.close().then(() => {
        if (isFirst) process.exit(0)
      })
    })
  }
}

function portOf(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_534) {
    io.err(`cannot use port: expected a number from 1 to 65534, got ${text}\n`)
    process.exit(1)
  }
  return port
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return (manifest as { version: string }).version
}
