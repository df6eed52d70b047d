/** Options that several commands share, declared once. */
import { Option } from 'commander'

/** Adds each value to those before it, so that an option may be given several times. */
export function gather(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value]
}

export function configOption(): Option {
  return new Option(
    '-c, --config <file>',
    'configuration file, YAML or JSON; may be given several times, the later one wins',
  )
    .argParser<string[]>(gather)
    .default([] as string[], 'environment only')
}

export function lenientOption(): Option {
  return new Option('--lenient', 'take unknown keys for warnings').default(false)
}

/** What `configOption` and `lenientOption` give an action. */
export interface ConfigOptions {
  readonly config: string[]
  readonly lenient: boolean
}
