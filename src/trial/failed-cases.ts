/** Whether a configuration may go live where its cases must hold: for `serve --require-tests` and reloads. */
import type { Problem } from '../config/problem.ts'
import type { Settings } from '../config/schema.ts'
import type { CaseResult } from './case-result.ts'
import { type Case, type CasesOptions, casesBeside, readCases } from './read-cases.ts'
import { runCases } from './run-cases.ts'

/**
 * What keeps the configuration from going live; nothing where all its cases hold.
 * None at all is a failure, too: whoever demands tests would not notice that the file of cases is gone.
 */
export async function failedCases(settings: Settings, options: CasesOptions): Promise<readonly Problem[]> {
  const { cases, problems } = await readCases(options)
  if (problems.length > 0) return problems
  if (cases.length === 0) return [missing(options.configuration.map(casesBeside))]
  return runCases(settings, cases).failures.map(failure)
}

function failure({ case: { name, place }, differences }: CaseResult): Problem {
  return problem(place, `the case "${name}" fails: ${differences.join('; ')}`)
}

function missing(files: readonly string[]): Problem {
  const place = { origin: 'file', file: files[0] ?? 'tests', line: 0, column: 0 } as const
  const hint = `write them into ${files.join(' or ')}, or under tests:`
  return { ...problem(place, 'there are no cases, and they are required'), hint }
}

function problem(place: Case['place'], message: string): Problem {
  const nothing = { expected: undefined, found: undefined, hint: undefined, excerpt: undefined }
  return { severity: 'error', kind: 'policy', path: '', message, ...place, ...nothing }
}
