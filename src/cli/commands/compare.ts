/** Declares the commands that compare configurations, people and the past: diff, replay, matrix. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type DiffOptions, diff } from '../diff.ts'
import type { Io } from '../io.ts'
import { matrix } from '../matrix.ts'
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

interface MatrixFlags {
  readonly subjects?: string
  readonly log?: string[]
  readonly csv?: boolean
  readonly json?: boolean
  readonly html?: string
  readonly lenient: boolean
}

export function addMatrix(program: Command, io: Io): void {
  program
    .command('matrix')
    .description('review who may use what: people by routes, each with the rule that lets them in')
    .argument('<config...>', 'the configuration')
    .option('--subjects <file>', 'people: a YAML or JSON list of email, groups, claims (or cases)')
    .addOption(logOption('decision log: everybody who is in it; may be given several times'))
    .addOption(new Option('--csv', 'CSV for a spreadsheet').conflicts(['json', 'html']))
    .addOption(new Option('--json', 'one JSON object').conflicts(['html']))
    .option('--html <file>', 'write one page of HTML that needs nothing else')
    .addOption(lenientOption())
    .action(async (config: string[], flags: MatrixFlags) => {
      const { log = [], csv, json, ...rest } = flags
      const format = csv ? 'csv' : json ? 'json' : 'text'
      process.exitCode = await matrix({ ...rest, config, logs: log, format, env: process.env, now: Date.now() }, io)
    })
}
