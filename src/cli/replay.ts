/** `ostiary replay`: what would have been decided otherwise, had this configuration been in force when the log was written. */
import { printReplay } from './diff/print-comparison.ts'
import type { Io } from './io.ts'
import { readTrial, type TrialReading } from './read-trial.ts'
import { replayLogs } from './replay-log.ts'
import { paintFor } from './text.ts'

export interface ReplayCommandOptions extends TrialReading {
  readonly logs: readonly string[]
  readonly config: readonly string[]
  readonly failOn?: readonly ('loss' | 'gain')[]
  readonly json?: boolean
}

/** Resolves to the exit code: 1 where there is a change of a kind in `failOn`, 2 where nothing could be replayed. */
export async function replay(options: ReplayCommandOptions, io: Io): Promise<number> {
  const { logs, config, failOn = [], json = false, cwd } = options
  if (logs.length === 0) {
    io.err('cannot replay: no log was named\nhint: ostiary replay --config FILE --log decisions.log\n')
    return 2
  }
  const next = await readTrial(config, options, io)
  if (!next) return 2
  const result = await replayLogs(logs, { after: next.trial, cwd }, io)
  if (!result) return 2
  io.out(json ? `${JSON.stringify(result, undefined, 2)}\n` : printReplay(result, paintFor(io.colours)))
  return result.kinds.some((kind) => failOn.some((one) => one === kind)) ? 1 : 0
}
