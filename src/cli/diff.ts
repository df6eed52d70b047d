/** `ostiary diff`: who gains and who loses what between two configurations. */
import { compareTrials } from '../trial/compare/compare.ts'
import type { DifferenceKind } from '../trial/compare/difference.ts'
import { comparisonJson } from './diff/comparison-json.ts'
import type { Found } from './diff/found.ts'
import { printComparison } from './diff/print-comparison.ts'
import { printMarkdown } from './diff/print-markdown.ts'
import type { Io } from './io.ts'
import { readTrial, type TrialReading } from './read-trial.ts'
import { replayLogs } from './replay-log.ts'
import { paintFor } from './text.ts'

export interface DiffOptions extends TrialReading {
  readonly before: string
  readonly after: string
  /** Decision logs: the people and requests in them are compared as well. */
  readonly logs?: readonly string[]
  /** Files of cases instead of those beside the two configurations. */
  readonly cases?: readonly string[] | undefined
  readonly failOn?: readonly ('loss' | 'gain')[]
  readonly format?: 'text' | 'json' | 'markdown'
  /** Milliseconds since the epoch: the moment for which rules on time are compared. */
  readonly now: number
}

/** Resolves to the exit code: 1 where there is a difference of a kind in `failOn`, 2 where nothing could be compared. */
export async function diff(options: DiffOptions, io: Io): Promise<number> {
  const { before, after, logs = [], failOn = [], format = 'text', now, cwd } = options
  const [old, next] = [await readTrial([before], options, io), await readTrial([after], options, io)]
  if (!old || !next) return 2
  const comparison = compareTrials(old.trial, next.trial, {
    questions: [...old.cases, ...next.cases],
    records: [old.settings.records, next.settings.records],
    now,
  })
  const replay =
    logs.length === 0 ? undefined : await replayLogs(logs, { before: old.trial, after: next.trial, cwd }, io)
  if (logs.length > 0 && !replay) return 2
  const found: Found = { before, after, comparison, replay }
  io.out(print(found, format, io))
  const kinds = kindsOf(found)
  return failOn.some((kind) => kinds.has(kind)) ? 1 : 0
}

function print(found: Found, format: 'text' | 'json' | 'markdown', io: Io): string {
  switch (format) {
    case 'text':
      return printComparison(found, paintFor(io.colours))
    case 'json':
      return `${JSON.stringify(comparisonJson(found), undefined, 2)}\n`
    case 'markdown':
      return printMarkdown(found)
  }
}

function kindsOf({ comparison, replay }: Found): ReadonlySet<DifferenceKind> {
  const differences = comparison.routes.flatMap(({ differences }) => differences)
  return new Set([...differences.map(({ kind }) => kind), ...(replay?.kinds ?? [])])
}
