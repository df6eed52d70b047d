/** How an `idp` command ends: 0 and mostly silent, or 1 and what is wrong, with the way out. */
import { ManagementError } from '../../broker/management/management.ts'
import { printProblems } from '../../config/print-problems.ts'
import type { Problem } from '../../config/problem.ts'
import type { Io } from '../io.ts'
import { counted, oneLine } from '../text.ts'

/** Runs a command; a refusal is printed and becomes 1. Resolves to the exit code. */
export async function orRefusal(command: () => Promise<number>, io: Io): Promise<number> {
  try {
    return await command()
  } catch (error) {
    printRefusal(error, io)
    return 1
  }
}

/** What comes from the other side must not steer the terminal. */
export function printRefusal(error: unknown, io: Io): void {
  if (!(error instanceof ManagementError)) throw error
  io.err(`${oneLine(error.message)}\n`)
  for (const line of error.details) io.err(`${line.startsWith('hint: ') ? '' : '  '}${oneLine(line)}\n`)
}

/** Prints what a file has; undefined where it holds problems, which were told with their places. */
export function orProblems<T extends { readonly kind: 'ok' }>(
  read: (T | { readonly kind: 'problems'; readonly problems: readonly Problem[] }) & {
    readonly warnings: readonly Problem[]
  },
  io: Io,
): T | undefined {
  io.err(printProblems(read.warnings))
  if (read.kind === 'ok') return read
  io.err(printProblems(read.problems))
  io.err(`${counted(read.problems.length, 'problem')}: nothing was done\n`)
  return undefined
}
