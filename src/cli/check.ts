/** `ostiary check`: is this configuration right, and what would it serve? */
import { whoMay } from '../config/access.ts'
import { withoutUser } from '../config/node.ts'
import { printProblems } from '../config/print-problems.ts'
import type { Problem } from '../config/problem.ts'
import { type Configuration, type ConfigurationOptions, readConfiguration } from '../config/read-configuration.ts'
import { hostRuleOf, pathRuleOf } from '../config/route-draft.ts'
import type { RouteSettings, Settings } from '../config/schema.ts'
import { lintPolicies, withoutRepeats } from '../lint/lint-policies.ts'
import { isBesideThePoint, readOffline } from '../trial/read-offline.ts'
import type { Io } from './io.ts'

export interface CheckOptions extends Omit<ConfigurationOptions, 'files'> {
  readonly config: readonly string[]
  /** Warnings count as errors. */
  readonly strict?: boolean
  /** Only what is decided: secrets and certificates of the machine where the proxy runs may be missing. */
  readonly offline?: boolean
}

/** Prints all problems, or the routes as they will be matched, and the warnings. Resolves to the exit code: 0 or 1. */
export async function check(options: CheckOptions, io: Io): Promise<number> {
  const { config, strict = false, offline = false, ...rest } = options
  const configuration = await (offline ? readOffline : readConfiguration)({ ...rest, files: config })
  const found = warningsOf(configuration).filter((warning) => !offline || !isBesideThePoint(warning))
  io.err(printProblems(found))
  const warnings = found.length
  if (configuration.kind === 'problems') {
    io.err(printProblems(configuration.problems))
    io.err(
      `${counted(configuration.problems.length, 'problem')}${warnings > 0 ? `, ${counted(warnings, 'warning')}` : ''}: nothing would start\n`,
    )
    return 1
  }
  io.out(printRoutes(configuration.settings))
  if (warnings === 0) return 0
  io.err(`${counted(warnings, 'warning')}${strict ? ', and --strict takes them for errors' : ''}\n`)
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
