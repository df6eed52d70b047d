import type { Comparison } from '../../trial/compare/difference.ts'
import type { ReplayResult } from '../../trial/compare/replay.ts'

/** What was found, for whoever prints it. */
export interface Found {
  readonly before: string
  readonly after: string
  readonly comparison: Comparison
  /** Undefined where no log was given. */
  readonly replay: ReplayResult | undefined
}
