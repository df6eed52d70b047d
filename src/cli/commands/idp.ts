/** Declares `ostiary idp …`: connectors, applications and people of the broker, or of a Dex, in Pachyderm's words. */
import type { Command } from 'commander'
import type { WhoFlags } from '../idp/tokens.ts'
import type { Io } from '../io.ts'
import { addClientCommands } from './idp/clients.ts'
import { command, configFile, type Flags, type Output, outputOption, run } from './idp/command.ts'
import { addConnectorCommands } from './idp/connectors.ts'
import { addPasswordCommands } from './idp/passwords.ts'

export function addIdp(program: Command, io: Io): void {
  // Otherwise `--version 3` of update-connector would be taken for the program's own.
  program.enablePositionalOptions()
  const idp = program
    .command('idp')
    .description('manage the connectors, applications and users of the broker, or of a Dex')
    .showHelpAfterError('hint: ostiary idp --help')
  addConnectorCommands(idp, io)
  addClientCommands(idp, io)
  addPasswordCommands(idp, io)
  addOtherCommands(idp, io)
}

function addOtherCommands(idp: Command, io: Io): void {
  const whose = (made: Command) =>
    made
      .argument('[subject]', 'the `sub` of their tokens')
      .option('--connector <id>', 'instead of the subject: the connector they sign in by, and')
      .option('--user-id <id>', 'their id there')

  whose(command(idp, 'list-refresh', "list somebody's refresh tokens"))
    .addOption(outputOption())
    .action(async (subject: string | undefined, flags: Flags<Output & WhoFlags>) => {
      const { listRefresh } = await import('../idp/tokens.ts')
      await run(flags, io, (target) => listRefresh(subject, { target, who: flags, format: flags.output, io }))
    })

  whose(command(idp, 'revoke', "end somebody's refresh tokens, and their sessions at the broker"))
    .option('--client <id>', 'only those of this application; sessions stay')
    .action(async (subject: string | undefined, flags: Flags<WhoFlags & { client?: string }>) => {
      const { revoke } = await import('../idp/tokens.ts')
      await run(flags, io, (target) => revoke(subject, { target, who: flags, client: flags.client, io }))
    })

  command(idp, 'get-config', 'print the version of the broker and what it announces')
    .addOption(outputOption())
    .action(async (flags: Flags<Output>) => {
      const { documentText } = await import('../idp/show.ts')
      await run(flags, io, async ({ management }) => {
        const { server, api } = await management.version()
        const { issuer = '', ...announced } = await management.discovery()
        const config = { server, api, issuer, ...(await management.lifetimes()), ...announced }
        io.out(documentText(config, flags.output ?? 'yaml'))
        return 0
      })
    })

  command(idp, 'set-config', 'tells where issuer and lifetimes are set')
    .addOption(configFile())
    .action(() => {
      io.err('cannot set the configuration here: issuer and lifetimes come from the file of the broker\n')
      io.err('hint: change `issuer` and `expiry` there; the lifetimes follow at the next start\n')
      process.exitCode = 1
    })
}
