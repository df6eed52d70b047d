/** Declares the commands that prove a policy before it goes live: test, explain. */
import { open } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { type ExplainOptions, explain } from '../explain.ts'
import type { Io } from '../io.ts'
import { test } from '../test.ts'
import { type ConfigOptions, configOption, gather, lenientOption } from './options.ts'

/** An option that may be given several times. */
const several = (flags: string, text: string) => new Option(flags, text).argParser<string[]>(gather)

export function addTest(program: Command, io: Io): void {
  program
    .command('test')
    .description('decide the cases beside a configuration (NAME.cases.yaml) and tell which fail, and why')
    .argument('[files...]', 'configurations, each with its cases beside it')
    .addOption(configOption())
    .addOption(several('--cases <file>', 'cases to use instead of those beside the configuration'))
    .option('--junit <file>', 'write the results as JUnit XML, too')
    .addOption(lenientOption())
    .action(async (files: string[], options: ConfigOptions & { cases?: string[]; junit?: string }) => {
      process.exitCode = await test({ ...options, files, env: process.env }, io)
    })
}

interface ExplainFlags extends ConfigOptions, Omit<ExplainOptions, 'config' | 'lenient' | 'batch' | 'log'> {
  readonly batch?: string
  readonly log?: string
}

export function addExplain(program: Command, io: Io): void {
  program
    .command('explain')
    .description('tell what is decided for a person and a request, by which lines, and what would change it')
    .argument('[method]', 'GET, POST …')
    .argument('[url]', 'the address asked for')
    .addOption(configOption())
    .addOption(lenientOption())
    .option('--as <email>', 'who asks; without it, nobody is signed in')
    .option('--user <subject>', "the provider's subject of who asks")
    .addOption(several('--groups <list>', 'groups of who asks, with commas between'))
    .addOption(several('--group <name>', 'one group, commas and all'))
    .addOption(several('--claim <name=value>', 'a claim of who asks; the same name twice makes a list'))
    .option('--unverified', 'the e-mail address is not verified')
    .option('--signed-in-at <time>', 'when who asks signed in')
    .option('--at <time>', 'when the request arrives (default: now)')
    .option('--from <address>', 'where the request comes from')
    .addOption(several('--header <name: value>', 'a header of the request'))
    .option('--json', 'one JSON object')
    .option('--batch <file>', 'one JSON question a line in (- for standard input), one JSON decision a line out')
    .option('--request <id>', 'explain a request of the log again')
    .option('--log <file>', 'the log that holds it (- for standard input)')
    .action(async (method: string | undefined, url: string | undefined, flags: ExplainFlags) => {
      const { batch, log, ...options } = flags
      await using opened = new AsyncDisposableStack()
      const input = async (file: string | undefined) => {
        if (file === undefined || file === '-') return file && process.stdin
        return opened.use(await open(file)).createReadStream()
      }
      try {
        const streams = { batch: await input(batch), log: await input(log) }
        process.exitCode = await explain({ ...options, method, url, env: process.env, now: Date.now(), ...streams }, io)
      } catch (error) {
        if (!(error instanceof Error && 'syscall' in error)) throw error
        io.err(`cannot explain: ${error.message}\n`)
        process.exitCode = 1
      }
    })
}
