/** Declares `ostiary idp …`: connectors and applications of the broker, or of a Dex, in Pachyderm's words. */
import { type Command, Option } from 'commander'
import type { WriteFlags } from '../idp/connectors.ts'
import type { Format } from '../idp/show.ts'
import type { Target, TargetFlags } from '../idp/target.ts'
import type { WhoFlags } from '../idp/tokens.ts'
import type { Io } from '../io.ts'

interface Output {
  readonly output?: Format
}

const outputOption = () => new Option('-o, --output <format>', 'print this format').choices(['yaml', 'json'])
const verboseOption = () => new Option('-v, --verbose', 'say what was done').default(false)
const secretsOption = () => new Option('--show-secrets', 'print secrets in clear').default(false)
const configFile = () => new Option('--config <file>', 'YAML or JSON; - is standard input, and so is none')
const lenient = () => new Option('--lenient', 'take unknown keys for warnings').default(false)
const force = () => new Option('--force', 'do not try whether the connector works').default(false)
const dryRun = () => new Option('--dry-run', 'check and try everything, and write nothing').default(false)
const diff = () => new Option('--diff', 'print what changes').default(false)

export function addIdp(program: Command, io: Io): void {
  // Otherwise `--version 3` of update-connector would be taken for the program's own.
  program.enablePositionalOptions()
  const idp = program
    .command('idp')
    .description('manage the connectors and applications of the broker, or of a Dex')
    .showHelpAfterError('hint: ostiary idp --help')
  addConnectorCommands(idp, io)
  addClientCommands(idp, io)
  addOtherCommands(idp, io)
}

/** A command with the options that say whom it manages. */
function command(idp: Command, usage: string, description: string): Command {
  return idp
    .command(usage)
    .description(description)
    .addOption(new Option('--socket <path>', 'administration socket of the broker on this machine').conflicts('dex'))
    .option('--dex <host:port>', 'a Dex, by its gRPC API')
    .option('--dex-ca <file>', 'authority of its certificate; without it, those of the system')
    .option('--dex-cert <file>', 'our certificate')
    .option('--dex-key <file>', 'key of our certificate')
    .option('--dex-insecure', 'in clear, without certificates')
}

/** Loaded on first use: what serves needs none of this. */
async function run(flags: TargetFlags, io: Io, act: (target: Target) => Promise<number>): Promise<void> {
  const [{ openTarget }, { orRefusal }, { readText }] = await Promise.all([
    import('../idp/target.ts'),
    import('../idp/outcome.ts'),
    import('../idp/read-text.ts'),
  ])
  process.exitCode = await orRefusal(async () => {
    await using target = await openTarget(flags, { env: process.env, readText }, io)
    return await act(target)
  }, io)
}

async function given(file: string | undefined) {
  const { givenText } = await import('../idp/read-text.ts')
  return await givenText(file, process.stdin)
}

type Flags<T> = TargetFlags & T

function addConnectorCommands(idp: Command, io: Io): void {
  command(idp, 'create-connector', 'create connectors from a file: one, a list, a Dex configuration, a Secret')
    .addOption(configFile())
    .addOption(force())
    .addOption(dryRun())
    .addOption(diff())
    .addOption(secretsOption())
    .addOption(lenient())
    .addOption(verboseOption())
    .action(async (flags: Flags<WriteFlags & { config?: string }>) => {
      const { createConnectors } = await import('../idp/connectors.ts')
      await run(flags, io, async (target) => createConnectors(await given(flags.config), { target, flags, io }))
    })

  command(idp, 'get-connector', 'print a connector; secrets are masked')
    .argument('<id>')
    .addOption(outputOption())
    .addOption(secretsOption())
    .action(async (id: string, flags: Flags<Output & { showSecrets: boolean }>) => {
      const { getConnector } = await import('../idp/connectors.ts')
      const { output: format = 'yaml', showSecrets } = flags
      await run(flags, io, (target) => getConnector(id, { target, format, showSecrets, io }))
    })

  command(idp, 'list-connector', 'list the connectors')
    .addOption(outputOption())
    .action(async (flags: Flags<Output>) => {
      const { listConnectors } = await import('../idp/connectors.ts')
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
    .addOption(lenient())
    .addOption(verboseOption())
    .action(async (id: string | undefined, flags: Flags<WriteFlags & { config?: string }>) => {
      const { updateConnectors } = await import('../idp/connectors.ts')
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
      const { deleteConnector } = await import('../idp/connectors.ts')
      await run(flags, io, (target) => deleteConnector(id, { target, flags, io }))
    })

  command(idp, 'test', 'walk through a connector, and tell what each step finds')
    .argument('<id>')
    .option('--user <name>', 'look this user up, with groups, claims and the routes that they open')
    .option('--json', 'one JSON object a step', false)
    .action(async (id: string, flags: Flags<{ user?: string; json: boolean }>) => {
      const { testConnector } = await import('../idp/test-connector.ts')
      const ending = new AbortController()
      process.once('SIGINT', () => ending.abort())
      const { user, json } = flags
      await run(flags, io, (target) => testConnector(id, { target, flags: { user, json, signal: ending.signal }, io }))
    })
}

function addClientCommands(idp: Command, io: Io): void {
  command(idp, 'create-client', 'create applications that sign people in here; prints the secret once')
    .addOption(configFile())
    .action(async (flags: Flags<{ config?: string }>) => {
      const { createClients } = await import('../idp/clients.ts')
      await run(flags, io, async (target) => createClients(await given(flags.config), { target, io }))
    })

  command(idp, 'get-client', 'print an application, without its secret')
    .argument('<id>')
    .addOption(outputOption())
    .action(async (id: string, flags: Flags<Output>) => {
      const { getClient } = await import('../idp/clients.ts')
      await run(flags, io, (target) => getClient(id, { target, format: flags.output ?? 'yaml', io }))
    })

  command(idp, 'list-client', 'list the ids of the applications').action(async (flags: TargetFlags) => {
    const { listClients } = await import('../idp/clients.ts')
    await run(flags, io, (target) => listClients({ target, io }))
  })

  command(idp, 'update-client', 'update applications; what the file leaves out stays')
    .argument('[id]')
    .addOption(configFile())
    .addOption(verboseOption())
    .action(async (id: string | undefined, flags: Flags<{ config?: string; verbose: boolean }>) => {
      const { updateClients } = await import('../idp/clients.ts')
      const { config, verbose } = flags
      await run(flags, io, async (target) => updateClients({ id, given: await given(config) }, { target, verbose, io }))
    })

  command(idp, 'delete-client', 'delete an application')
    .argument('<id>')
    .addOption(verboseOption())
    .action(async (id: string, flags: Flags<{ verbose: boolean }>) => {
      const { deleteClient } = await import('../idp/clients.ts')
      await run(flags, io, (target) => deleteClient(id, { target, verbose: flags.verbose, io }))
    })
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
        io.out(documentText({ server, api, ...(await management.discovery()) }, flags.output ?? 'yaml'))
        return 0
      })
    })

  command(idp, 'set-config', 'tells where issuer and lifetimes are set').action(() => {
    io.err('cannot set the configuration here: issuer and lifetimes come from the file of the broker\n')
    io.err('hint: change `issuer` and `expiry` there; the lifetimes follow at the next start\n')
    process.exitCode = 1
  })
}
