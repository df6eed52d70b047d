/** Declares `ostiary idp create-client` and its like. */
import type { Command } from 'commander'
import type { Io } from '../../io.ts'
import { lenientOption } from '../options.ts'
import {
  command,
  configFile,
  type Flags,
  given,
  type Output,
  outputOption,
  run,
  secretsOption,
  verboseOption,
} from './command.ts'

export function addClientCommands(idp: Command, io: Io): void {
  command(idp, 'create-client', 'create applications that sign people in here; prints the secret once')
    .addOption(configFile())
    .addOption(lenientOption())
    .action(async (flags: Flags<{ config?: string; lenient: boolean }>) => {
      const { createClients } = await import('../../idp/clients.ts')
      const { config, lenient } = flags
      await run(flags, io, async (target) => createClients(await given(config), { target, io, lenient }))
    })

  command(idp, 'get-client', 'print an application; its secret only where it is asked for')
    .argument('<id>')
    .addOption(outputOption())
    .addOption(secretsOption())
    .action(async (id: string, flags: Flags<Output & { showSecrets: boolean }>) => {
      const { getClient } = await import('../../idp/clients.ts')
      const { output: format = 'yaml', showSecrets } = flags
      await run(flags, io, (target) => getClient(id, { target, format, showSecrets, io }))
    })

  command(idp, 'list-client', 'list the ids of the applications')
    .addOption(outputOption())
    .action(async (flags: Flags<Output>) => {
      const { listClients } = await import('../../idp/clients.ts')
      await run(flags, io, (target) => listClients({ target, io, format: flags.output }))
    })

  command(idp, 'update-client', 'update applications; what the file leaves out stays')
    .argument('[id]')
    .addOption(configFile())
    .addOption(lenientOption())
    .addOption(verboseOption())
    .action(async (id: string | undefined, flags: Flags<{ config?: string; lenient: boolean; verbose: boolean }>) => {
      const { updateClients } = await import('../../idp/clients.ts')
      const { config, lenient, verbose } = flags
      await run(flags, io, async (target) =>
        updateClients({ id, given: await given(config) }, { target, verbose, io, lenient }),
      )
    })

  command(idp, 'delete-client', 'delete an application')
    .argument('<id>')
    .addOption(verboseOption())
    .action(async (id: string, flags: Flags<{ verbose: boolean }>) => {
      const { deleteClient } = await import('../../idp/clients.ts')
      await run(flags, io, (target) => deleteClient(id, { target, verbose: flags.verbose, io }))
    })
}
