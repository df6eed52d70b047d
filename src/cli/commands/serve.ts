/** Declares `ostiary serve`, and what signals do to it. */
import type { Command } from 'commander'
import { type Milliseconds, milliseconds } from '../../wire/units.ts'
import type { Io } from '../io.ts'
import { RefusedToStart, type Running } from '../serve/run.ts'
import { serve } from '../serve.ts'
import { type ConfigOptions, configOption, lenientOption } from './options.ts'

interface ServeFlags {
  readonly requireTests: boolean
  readonly broker?: string
}

export function addServe(program: Command, io: Io): void {
  program
    .command('serve')
    .description('run the proxy')
    .addOption(configOption())
    .addOption(lenientOption())
    .option('--broker <file>', "run an identity broker inside, from Dex's configuration or the values of its chart")
    .option('--require-tests', 'refuse a configuration whose cases fail, at the start and at each reload', false)
    .action(async ({ config, lenient, requireTests, broker }: ConfigOptions & ServeFlags) => {
      let running: Running | undefined
      // From the first moment: where nobody listens, SIGHUP ends a process.
      process.on('SIGHUP', () => void running?.reload())
      running = await orRefused(
        serve({ files: config, env: process.env, lenient, requireTests, brokerFile: broker }, io),
        io,
      )
      if (!running) return
      endWithSignals(running)
      surviveErrors(running)
    })
}

/** What runs until it is told to end. */
interface Endable {
  close(grace?: Milliseconds): Promise<void>
  report(message: string, error: unknown): void
}

/** Milliseconds for requests under way, after an error that nobody has caught. */
const lastGrace = milliseconds(5_000)

/**
 * An error that nobody has caught. A rejected promise is one request's, whose time limits still hold: it is written down
 * and everybody else goes on. An exception may have left anything half done (Node: "not safe to resume"): what is under
 * way may finish, for a moment, and the process ends with 1, to be started anew by whoever watches over it.
 */
export function surviveErrors(running: Endable): void {
  process.on('unhandledRejection', (error) => running.report('a promise was rejected and nobody waited for it', error))
  process.on('uncaughtException', (error) => {
    // Of our own streams only standard error can fail so: its reader has gone, and there is nobody to tell.
    if ('code' in error && error.code === 'EPIPE') return
    running.report('an exception that nobody has caught: the process ends', error)
    process.exitCode = 1
    void running.close(lastGrace).finally(() => process.exit(1))
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

/** SIGTERM and SIGINT drain, a second one hastens. */
export function endWithSignals(running: Pick<Endable, 'close'>): void {
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
