/** The process edge: arguments, signals, exit code. The only file that does something when it is loaded. */
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { Command } from 'commander'
import { addBroker } from './cli/commands/broker.ts'
import { addCheck } from './cli/commands/check.ts'
import { addDiff, addMatrix, addReplay } from './cli/commands/compare.ts'
import { addDemo } from './cli/commands/demo.ts'
import { addIdp } from './cli/commands/idp.ts'
import { addExplain, addTest } from './cli/commands/policy-tools.ts'
import { addServe } from './cli/commands/serve.ts'
import type { Io } from './cli/io.ts'

const io: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  colours: process.stdout.isTTY === true && !process.env['NO_COLOR'],
}

const program = new Command('ostiary')
  .description('An identity-aware reverse proxy: single sign-on and policy in front of internal services.')
  .version(version(), '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .showHelpAfterError('hint: ostiary --help')

// In the order of a working day.
for (const add of [addServe, addCheck, addTest, addExplain, addDiff, addMatrix, addReplay, addBroker, addIdp, addDemo])
  add(program, io)

// Whoever reads the output may have seen enough (`| head`): that is no failure to tell of. What serves goes on.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  if (!['serve', 'broker', 'demo'].includes(program.args[0] ?? '')) process.exit(128 + constants.signals.SIGPIPE)
})

await program.parseAsync()

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return (manifest as { version: string }).version
}
