/** Whether a configuration may go live where its cases must hold: for `serve --require-tests` and reloads. */
import { printProblems } from '../config/print-problems.ts'
import type { Settings } from '../config/schema.ts'
import { type CasesOptions, casesBeside, readCases } from './read-cases.ts'
import { runCases } from './run-cases.ts'

/**
 * What keeps the configuration from going live, as lines for people; '' where all its cases hold.
 * None at all is a failure, too: whoever demands tests would not notice that the file of cases is gone.
 */
export async function failedCases(settings: Settings, options: CasesOptions): Promise<string> {
  const { cases, problems } = await readCases(options)
  if (problems.length > 0) return printProblems(problems)
  if (cases.length === 0) return `there are no cases in ${options.configuration.map(casesBeside).join(' or ')}\n`
  return runCases(settings, cases)
    .failures.map(({ case: { name, place }, differences }) => {
      return `${place.file}:${place.line}:${place.column}: ${name}: ${differences.join('; ')}\n`
    })
    .join('')
}
