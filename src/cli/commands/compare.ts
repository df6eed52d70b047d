/** Declares the commands that compare configurations, people and the past: diff, replay, matrix. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type DiffOptions, diff } from '../diff.ts'
import type { Io } from '../io.ts'
import { replay } from '../replay.ts'
import { type ConfigOptions, configOption, gather, lenientOption } from './options.ts'

const failOnOption = () =>
  new Option('--fail-on <kind>', 'exit 1 when somebody loses, or gains; may be given twice')
    .choices(['loss', 'gain'])
    .argParser<string[]>((value, before) => {
      if (value !== 'loss' && value !== 'gain') throw new InvalidArgumentError('loss or gain.')
      return gather(value, before)
    })

const logOption = (text: string) => new Option('--log <file>', text).argParser<string[]>(gather)

interface DiffFlags {
  readonly log?: string[]
  readonly cases?: string[]
  readonly failOn?: ('loss' | 'gain')[]
  readonly json?: boolean
  readonly markdown?: boolean
  readonly lenient: boolean
}

export function addDiff(program: Command, io: Io): void {
  program
    .command('diff')
    .description('tell who gains and who loses what between two configurations')
    .argument('<old>', 'the configuration as it was')
    .argument('<new>', 'the configuration as it would be')
    .addOption(logOption('decision log whose people and requests are compared, too; may be given several times'))
    .addOption(
      new Option(
        '--cases <file>',
        'people and requests by name, instead of those in the cases beside the two',
      ).argParser<string[]>(gather),
    )
    .addOption(failOnOption())
    .addOption(new Option('--json', 'one JSON object').conflicts('markdown'))
    .option('--markdown', 'Markdown for a pull request')
    .addOption(lenientOption())
    .action(async (before: string, after: string, flags: DiffFlags) => {
      const { log = [], json, markdown, ...rest } = flags
      const format: DiffOptions['format'] = json ? 'json' : markdown ? 'markdown' : 'text'
      const options = { ...rest, before, after, logs: log, format, env: process.env, now: Date.now() }
      process.exitCode = await diff(options, io)
    })
}

interface ReplayFlags extends ConfigOptions {
  readonly log?: string[]
  readonly failOn?: ('loss' | 'gain')[]
  readonly json?: boolean
}

export function addReplay(program: Command, io: Io): void {
  program
    .command('replay')
    .description('take the decisions of a log again and tell what this configuration would decide otherwise')
    .addOption(logOption('decision log; may be given several times').makeOptionMandatory())
    .addOption(configOption())
    .addOption(failOnOption())
    .option('--json', 'one JSON object')
    .addOption(lenientOption())
    .action(async ({ log = [], ...rest }: ReplayFlags) => {
      process.exitCode = await replay({ ...rest, logs: log, env: process.env }, io)
    })
}
