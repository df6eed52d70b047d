/** Declares `ostiary broker`. */
import { type Command, Option } from 'commander'
import type { Io } from '../io.ts'
import { lenientOption } from './options.ts'
import { endWithSignals, orRefused, surviveErrors } from './serve.ts'

interface BrokerFlags {
  readonly config: string
  readonly lenient: boolean
  readonly logLevel: string
}

export function addBroker(program: Command, io: Io): void {
  program
    .command('broker')
    .description('run the identity broker alone, as an OpenID provider for any application')
    .addOption(new Option('-c, --config <file>', "Dex's config.yaml, or the values of its chart").makeOptionMandatory())
    .addOption(lenientOption())
    .addOption(
      new Option('--log-level <level>', 'what is written to standard output')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .action(async ({ config, lenient, logLevel }: BrokerFlags) => {
      const { runBroker } = await import('../broker.ts')
      const running = await orRefused(runBroker({ file: config, env: process.env, lenient, logLevel }, io), io)
      if (!running) return
      process.on('SIGHUP', () => void running.reload())
      endWithSignals(running)
      surviveErrors(running)
    })
}
