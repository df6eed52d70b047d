/** A broker's configuration by itself (`ostiary broker --config FILE`): what `readConfiguration` is for the proxy's. */
import type { Environment } from '../environment.ts'
import { FileReader, type ReadFile } from '../file-reader.ts'
import { Findings, type Problem } from '../problem.ts'
import { freeze } from '../settle.ts'
import type { BrokerSettings } from './broker-settings.ts'
import { readBrokerFile } from './read-broker.ts'

export interface BrokerConfigurationOptions {
  readonly file: string
  readonly env: Environment
  readonly cwd?: string
  readonly readFile?: ReadFile
  readonly lenient?: boolean
}

export type BrokerConfiguration = (
  | { readonly kind: 'ok'; readonly settings: BrokerSettings }
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] }
) & {
  readonly warnings: readonly Problem[]
  /** Every file that was read or looked for, absolute. */
  readonly watched: readonly string[]
  readonly fingerprints: ReadonlyMap<string, string>
}

/** Reads and checks everything; never throws for what the file holds. */
export async function readBrokerConfiguration(options: BrokerConfigurationOptions): Promise<BrokerConfiguration> {
  const findings = new Findings()
  const cwd = options.cwd ?? process.cwd()
  const files = new FileReader({ cwd, readFile: options.readFile })
  const broker = await readBrokerFile(options.file, {
    ...{ files, findings, environment: options.env, cwd, lenient: options.lenient ?? false },
  })
  const read = { warnings: findings.warnings, watched: files.watched, fingerprints: files.fingerprints }
  const problems = findings.errors
  if (problems.length > 0 || broker === undefined) return { kind: 'problems', problems, ...read }
  return { kind: 'ok', settings: freeze(broker.settings), ...read }
}
