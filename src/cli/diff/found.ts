/** What a comparison has found, as its printers take it. */
import type { Comparison } from '../../trial/compare/difference.ts'
import type { ReplayResult } from '../../trial/compare/replay.ts'

export interface Found {
  readonly before: string
  readonly after: string
  readonly comparison: Comparison
  /** Undefined where no log was given. */
  readonly replay: ReplayResult | undefined
}
