/** Declares `ostiary idp create-connector` and its like, and `ostiary idp test`. */
import { type Command, Option } from 'commander'
import type { WriteFlags } from '../../idp/connectors.ts'
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

const force = () => new Option('--force', 'do not try whether the connector works').default(false)
const dryRun = () => new Option('--dry-run', 'check and try everything, and write nothing').default(false)
const diff = () => new Option('--diff', 'print what changes').default(false)

export function addConnectorCommands(idp: Command, io: Io): void {
  command(idp, 'create-connector', 'create connectors from a file: one, a list, a Dex configuration, a Secret')
    .addOption(configFile())
    .addOption(force())
    .addOption(dryRun())
    .addOption(diff())
    .addOption(secretsOption())
    .addOption(lenientOption())
    .addOption(verboseOption())
    .action(async (flags: Flags<WriteFlags & { config?: string }>) => {
      const { createConnectors } = await import('../../idp/connectors.ts')
      await run(flags, io, async (target) => createConnectors(await given(flags.config), { target, flags, io }))
    })

  command(idp, 'get-connector', 'print a connector; secrets are masked')
    .argument('<id>')
    .addOption(outputOption())
    .addOption(secretsOption())
    .action(async (id: string, flags: Flags<Output & { showSecrets: boolean }>) => {
      const { getConnector } = await import('../../idp/connectors.ts')
      const { output: format = 'yaml', showSecrets } = flags
      await run(flags, io, (target) => getConnector(id, { target, format, showSecrets, io }))
    })

  command(idp, 'list-connector', 'list the connectors')
    .addOption(outputOption())
    .action(async (flags: Flags<Output>) => {
      const { listConnectors } = await import('../../idp/connectors.ts')
      await run(flags, io, (target) => listConnectors({ target, format: flags.output, io }))
    })

  command(idp, 'update-connector', 'update connectors; what the file leaves out stays, config is replaced whole')
    .argument('[id]', 'only this one of the file')
    .addOption(configFile())
    .option('--version <version>', 'the new version: the old one and one more (of a Dex: as get-connector prints it)')
    .addOption(force())
    .addOption(dryRun())
    .addOption(diff())
    .addOption(secretsOption())
    .addOption(lenientOption())
    .addOption(verboseOption())
    .action(async (id: string | undefined, flags: Flags<WriteFlags & { config?: string }>) => {
      const { updateConnectors } = await import('../../idp/connectors.ts')
      const { config, version } = flags
      const mayBeAll = id !== undefined && version !== undefined && config === undefined
      await run(flags, io, async (target) => {
        const text = mayBeAll && process.stdin.isTTY ? undefined : await given(config)
        const isAll = mayBeAll && (text?.text ?? '').trim() === ''
        return await updateConnectors({ id, given: isAll ? undefined : text }, { target, flags, io })
      })
    })

  command(idp, 'delete-connector', 'delete a connector')
    .argument('<id>')
    .addOption(verboseOption())
    .action(async (id: string, flags: Flags<{ verbose: boolean }>) => {
      const { deleteConnector } = await import('../../idp/connectors.ts')
      await run(flags, io, (target) => deleteConnector(id, { target, flags, io }))
    })

  command(idp, 'test', 'walk through a connector, and tell what each step finds')
    .argument('<id>')
    .option('--user <name>', 'look this user up, with groups, claims and the routes that they open')
    .option('--json', 'one JSON object a step', false)
    .action(async (id: string, flags: Flags<{ user?: string; json: boolean }>) => {
      const { testConnector } = await import('../../idp/test-connector.ts')
      const ending = new AbortController()
      process.once('SIGINT', () => ending.abort())
      const { user, json } = flags
      await run(flags, io, (target) => testConnector(id, { target, flags: { user, json, signal: ending.signal }, io }))
    })
}
