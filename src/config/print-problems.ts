/** Problems as people read them: place, path, what is wrong, the line itself with a caret, and the way out. */
import type { Excerpt } from './place.ts'
import type { Problem } from './problem.ts'

/**
 * `gate.yaml:12:5: routes[1].alowed_groups: unknown key, did you mean "allowed_groups"?`, then the line, then a hint.
 * Warnings say so. The text ends with a line break, or is empty where there are no problems.
 */
export function printProblems(problems: readonly Problem[]): string {
  return problems.map((problem) => `${printProblem(problem)}\n`).join('')
}

function printProblem(problem: Problem): string {
  const { file, origin, line, column, path, severity, message, excerpt, hint } = problem
  const place = line > 0 ? `${file}:${line}:${column}` : file
  const where = [origin === 'env' ? `environment ${place}`.trimEnd() : place, path]
    .filter((text) => text !== '')
    .join(': ')
  const lines = [`${where}: ${severity === 'warning' ? 'warning: ' : ''}${message}`]
  if (excerpt !== undefined && excerpt.text.trim() !== '') lines.push(...printExcerpt(excerpt, line))
  if (hint !== undefined) lines.push(`  hint: ${hint}`)
  return lines.join('\n').replace(/[\u0000-\u0009\u000b-\u001f\u007f]/g, '?')
}

function printExcerpt({ text, column, length }: Excerpt, line: number): string[] {
  const number = String(line)
  const caret = '^'.repeat(Math.min(length, Math.max(1, text.length - column + 1)))
  return [`  ${number} | ${text}`, `  ${' '.repeat(number.length)} | ${' '.repeat(column - 1)}${caret}`]
}
