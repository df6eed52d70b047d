/** `ostiary check`: is this configuration right, and what would it serve? */
import { whoMay } from '../config/access.ts'
import { readBrokerConfiguration } from '../config/dex/read-broker-configuration.ts'
import { withoutUser } from '../config/node.ts'
import { printProblems } from '../config/print-problems.ts'
import type { Problem } from '../config/problem.ts'
import { type Configuration, type ConfigurationOptions, readConfiguration } from '../config/read-configuration.ts'
import { hostRuleOf, pathRuleOf } from '../config/route-draft.ts'
import type { RouteSettings, Settings } from '../config/schema.ts'
import { lintPolicies, withoutRepeats } from '../lint/lint-policies.ts'
import { isBesideThePoint, readOffline } from '../trial/read-offline.ts'
import { connectorDoubts } from './check/connector-doubts.ts'
import { printBroker } from './check/print-broker.ts'
import type { Io } from './io.ts'

export interface CheckOptions extends Omit<ConfigurationOptions, 'files'> {
  readonly config: readonly string[]
  /** Warnings count as errors. */
  readonly strict?: boolean
  /** Only what is decided: secrets and certificates of the machine where the proxy runs may be missing. */
  readonly offline?: boolean
}

/** Prints all problems, or what would be served, and the warnings. Resolves to the exit code: 0 or 1. */
export async function check(options: CheckOptions, io: Io): Promise<number> {
  const { config, strict = false, offline = false, ...rest } = options
  const { brokerFile: file, env, cwd, readFile, lenient } = options
  if (file !== undefined && config.length === 0 && !proxyNames.some((name) => env[name] !== undefined)) {
    const alone = await readBrokerConfiguration({
      ...{ file, env },
      ...(cwd !== undefined && { cwd }),
      ...(readFile && { readFile }),
      ...(lenient !== undefined && { lenient }),
    })
    const { warnings } = alone
    if (alone.kind === 'problems') return tellProblems(alone.problems, warnings, io)
    const doubts = [...warnings, ...(await connectorDoubts(alone.settings, warnings))]
    return tellServed(printBroker(alone.settings), { warnings: doubts, strict }, io)
  }
  const configuration = await (offline ? readOffline : readConfiguration)({ ...rest, files: config })
  const warnings = warningsOf(configuration).filter((warning) => !offline || !isBesideThePoint(warning))
  if (configuration.kind === 'problems') return tellProblems(configuration.problems, warnings, io)
  const { settings } = configuration
  const broker = settings.broker ? printBroker(settings.broker) : ''
  const doubts = settings.broker && !offline ? await connectorDoubts(settings.broker, warnings) : []
  return tellServed(`${printRoutes(settings)}${broker}`, { warnings: [...warnings, ...doubts], strict }, io)
}

/** Where none of these is set and no file is named, nobody speaks of a proxy. */
const proxyNames = ['ROUTES', 'POLICY', 'AUTHENTICATE_SERVICE_URL']

function tellProblems(problems: readonly Problem[], warnings: readonly Problem[], io: Io): number {
  io.err(printProblems(warnings))
  io.err(printProblems(problems))
  const doubts = warnings.length > 0 ? `, ${counted(warnings.length, 'warning')}` : ''
  io.err(`${counted(problems.length, 'problem')}${doubts}: nothing would start\n`)
  return 1
}

function tellServed(
  text: string,
  { warnings, strict }: { readonly warnings: readonly Problem[]; readonly strict: boolean },
  io: Io,
): number {
  io.err(printProblems(warnings))
  io.out(text)
  if (warnings.length === 0) return 0
  io.err(`${counted(warnings.length, 'warning')}${strict ? ', and --strict takes them for errors' : ''}\n`)
  return strict ? 1 : 0
}

/** What the reader doubts, and what the rules look like but do not do; the same thing once. */
function warningsOf(configuration: Configuration): readonly Problem[] {
  if (configuration.kind === 'problems') return configuration.warnings
  return withoutRepeats([...configuration.warnings, ...lintPolicies(configuration.settings)])
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** The routes in the order they are tried: hosts without `*` first, each in the order of the file. */
function printRoutes(settings: Settings): string {
  const { routes } = settings
  if (routes.length === 0) return 'no routes\n'
  const isWild = ({ from }: RouteSettings) => from.includes('*')
  const ordered = [...routes.filter((route) => !isWild(route)), ...routes.filter(isWild)]
  const rows = ordered.map((route, index) => {
    const { kind, text } = pathRuleOf(route)
    const rule = kind === 'prefix' ? `${text}*` : kind === 'path' ? text : `~ ${text}`
    const to = (route.to ?? [])
      .map(({ url, weight }) => (weight > 0 ? `${withoutUser(url)} (${weight})` : withoutUser(url)))
      .join(', ')
    const name = route.name === undefined || route.name === '' ? '' : ` "${route.name}"`
    return [`${index + 1}`, shownHost(route.from), rule, `-> ${to}`, `${whoMay(route)}${name}`]
  })
  const widths = [0, 1, 2, 3].map((column) => Math.min(60, Math.max(...rows.map((row) => row[column]?.length ?? 0))))
  const lines = rows.map((row) =>
    `  ${row.map((cell, column) => (column === 0 ? cell.padStart(widths[0] ?? 0) : cell.padEnd(widths[column] ?? 0))).join('  ')}`.trimEnd(),
  )
  return `${counted(routes.length, 'route')}, in the order they are tried:\n${lines.join('\n')}\n`.replace(
    /[\u0000-\u0009\u000b-\u001f\u007f]/g,
    '?',
  )
}

/** As written, since people look for that; the port only where it is insisted on. */
function shownHost(from: string): string {
  const written = /^https?:\/\/(\[[^\]]*\]|[^:/]*)/i.exec(from)?.[1] ?? from
  const { port } = hostRuleOf(from)
  return port === '' ? written : `${written}:${port}`
}
