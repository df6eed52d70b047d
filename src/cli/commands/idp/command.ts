/** What the `idp` commands share: whom they manage, how they end, and options of the same name. */
import { type Command, Option } from 'commander'
import type { Format } from '../../idp/show.ts'
import type { Target, TargetFlags } from '../../idp/target.ts'
import type { Io } from '../../io.ts'

export interface Output {
  readonly output?: Format
}

export type Flags<T> = TargetFlags & T

export const outputOption = () => new Option('-o, --output <format>', 'print this format').choices(['yaml', 'json'])
export const verboseOption = () => new Option('-v, --verbose', 'say what was done').default(false)
export const secretsOption = () => new Option('--show-secrets', 'print secrets in clear').default(false)
export const configFile = () => new Option('-c, --config <file>', 'YAML or JSON; - is standard input, and so is none')

/** A command with the options that say whom it manages. */
export function command(idp: Command, usage: string, description: string): Command {
  return idp
    .command(usage)
    .description(description)
    .showHelpAfterError(`hint: ostiary idp ${usage} --help`)
    .addOption(
      new Option('--socket <path>', 'administration socket of the broker, where it is not found by itself').conflicts(
        'dex',
      ),
    )
    .option('--dex <host:port>', 'a Dex, by its gRPC API')
    .option('--dex-ca <file>', 'authority of its certificate; without it, those of the system')
    .option('--dex-cert <file>', 'our certificate')
    .option('--dex-key <file>', 'key of our certificate')
    .option('--dex-insecure', 'in clear, without certificates')
}

/** Loaded on first use: what serves needs none of this. */
export async function run(flags: TargetFlags, io: Io, act: (target: Target) => Promise<number>): Promise<void> {
  const [{ openTarget }, { orRefusal }, { readText }] = await Promise.all([
    import('../../idp/target.ts'),
    import('../../idp/outcome.ts'),
    import('../../idp/read-text.ts'),
  ])
  process.exitCode = await orRefusal(async () => {
    await using target = await openTarget(flags, { env: process.env, cwd: process.cwd(), readText }, io)
    return await act(target)
  }, io)
}

export async function given(file: string | undefined) {
  const { givenText } = await import('../../idp/read-text.ts')
  return await givenText(file, process.stdin)
}
