/** Runs decision logs through a replay, file after file. */
import { resolve } from 'node:path'
import { readLines } from '../observe/decision-log-read.ts'
import { Replay, type ReplayOptions, type ReplayResult } from '../trial/compare/replay.ts'
import type { Io } from './io.ts'

/** Undefined where a file cannot be read; that was reported. */
export async function replayLogs(
  files: readonly string[],
  { cwd = process.cwd(), ...options }: ReplayOptions & { readonly cwd?: string | undefined },
  io: Pick<Io, 'err'>,
): Promise<ReplayResult | undefined> {
  const replay = new Replay(options)
  for (const file of files) {
    try {
      for await (const lines of readLines(resolve(cwd, file))) for (const line of lines) replay.add(line)
    } catch (error) {
      io.err(`cannot read log: ${error instanceof Error ? error.message : String(error)}\n`)
      return undefined
    }
  }
  return replay.result()
}
