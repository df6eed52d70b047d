/** Declares `ostiary demo`. */
import { fileURLToPath } from 'node:url'
import { type Command, InvalidArgumentError } from 'commander'
import type { Io } from '../io.ts'
import { serve } from '../serve.ts'
import { configOption } from './options.ts'
import { orRefused } from './serve.ts'

export function addDemo(program: Command, io: Io): void {
  program
    .command('demo')
    .description('run everything a newcomer needs on this machine: a provider with users, two applications, the proxy')
    .option('--port <port>', 'port of the proxy', portOf, 8443)
    .addOption(configOption())
    .action(async ({ port, config }: { port: number; config: string[] }) => {
      // Only here: the provider is no part of a proxy that serves.
      const { demo } = await import('../demo.ts')
      const ending = new AbortController()
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort())
      const certificates = fileURLToPath(new URL('../../../certs', import.meta.url))
      const options = { port, files: config, certificates, signal: ending.signal, now: Date.now, ...io }
      const running = demo(options, (started) => serve(started, io))
      process.exitCode = (await orRefused(running, io)) ?? 1
    })
}

function portOf(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_534) throw new InvalidArgumentError('a number from 1 to 65534.')
  return port
}
