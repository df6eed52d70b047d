/** Declares `ostiary serve`, and what signals do to it. */
import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { RefusedToStart, type Running, serve } from '../serve.ts'
import { type ConfigOptions, configOption, lenientOption } from './options.ts'

export function addServe(program: Command, io: Io): void {
  program
    .command('serve')
    .description('run the proxy')
    .addOption(configOption())
    .addOption(lenientOption())
    .option('--require-tests', 'refuse a configuration whose cases fail, at the start and at each reload', false)
    .action(async ({ config, lenient, requireTests }: ConfigOptions & { requireTests: boolean }) => {
      const starting = serve({ files: config, env: process.env, lenient, requireTests }, io)
      const running = await orRefused(starting, io)
      if (running) endWithSignals(running)
    })
}

/** Waits for `starting`; a refusal is printed, and the process will end with 1. */
export async function orRefused<T>(starting: Promise<T>, io: Io): Promise<T | undefined> {
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
  let isEnding = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      const isFirst = !isEnding
      isEnding = true
      void running.close().then(() => {
        if (isFirst) process.exit(0)
      })
    })
  }
}
