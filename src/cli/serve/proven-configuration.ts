/** `--require-tests`: a configuration whose cases fail, or that has none, counts as one with problems. */
import type { Problem } from '../../config/problem.ts'
import { type Configuration, type ConfigurationOptions, readConfiguration } from '../../config/read-configuration.ts'
import { casesBeside, readCases } from '../../trial/read-cases.ts'
import { runCases } from '../../trial/run-cases.ts'

/** Reads the configuration and its cases, and decides them. Cases are watched like the configuration itself. */
export async function readProven(options: ConfigurationOptions): Promise<Configuration> {
  const configuration = await readConfiguration(options)
  if (configuration.kind === 'problems') return configuration
  const read = await readCases({ configuration: options.files, tests: configuration.tests, cwd: options.cwd })
  const beside = options.files.map(casesBeside)
  const proven = { ...configuration, watched: [...configuration.watched, ...beside] }
  const problems = read.problems.length > 0 ? read.problems : failuresOf(configuration, read.cases)
  if (problems.length > 0) return { ...proven, kind: 'problems', problems }
  return read.cases.length > 0 ? proven : { ...proven, kind: 'problems', problems: [noCases(beside)] }
}

function failuresOf(
  { settings }: Extract<Configuration, { kind: 'ok' }>,
  cases: Parameters<typeof runCases>[1],
): Problem[] {
  return runCases(settings, cases).failures.map(({ case: { name, place }, differences }) => ({
    ...problem(`case "${name}" fails: ${differences.join(', ')}`),
    ...place,
  }))
}

function noCases(files: readonly string[]): Problem {
  return {
    ...problem('there are no cases, and --require-tests wants them'),
    hint: `write them into ${files.join(' or ')}, or under tests:`,
  }
}

function problem(message: string): Problem {
  return {
    severity: 'error',
    kind: 'policy',
    origin: 'file',
    file: 'cases',
    line: 0,
    column: 0,
    path: '',
    message,
    expected: undefined,
    found: undefined,
    hint: undefined,
    excerpt: undefined,
  }
}
