/** A configuration as a trial, for the commands that compare: read, checked, or its problems printed. */
import type { Environment } from '../config/environment.ts'
import type { ReadFile } from '../config/file-reader.ts'
import { printProblems } from '../config/print-problems.ts'
import type { Settings } from '../config/schema.ts'
import { type Case, readCases } from '../trial/read-cases.ts'
import { readOffline } from '../trial/read-offline.ts'
import { openTrial, type Trial } from '../trial/trial.ts'
import type { Io } from './io.ts'
import { counted } from './text.ts'

export interface TrialReading {
  readonly env: Environment
  readonly cwd?: string | undefined
  readonly readFile?: ReadFile | undefined
  readonly lenient?: boolean | undefined
}

export interface ReadTrial {
  readonly trial: Trial
  readonly settings: Settings
  readonly cases: readonly Case[]
}

/** Undefined where the configuration, or its cases, cannot be read; that was reported. */
export async function readTrial(
  files: readonly string[],
  { cases: named, ...reading }: TrialReading & { readonly cases?: readonly string[] | undefined },
  io: Pick<Io, 'err'>,
): Promise<ReadTrial | undefined> {
  const { env, cwd, readFile, lenient } = reading
  const place = { ...(cwd === undefined ? {} : { cwd }), ...(readFile ? { readFile } : {}) }
  const configuration = await readOffline({ files, env, ...place, ...(lenient ? { lenient } : {}) })
  const refuse = (problems: Parameters<typeof printProblems>[0], where: string) => {
    io.err(printProblems(problems))
    io.err(`${files.join(', ')}: ${counted(problems.length, 'problem')}${where}\n`)
    return undefined
  }
  if (configuration.kind === 'problems') return refuse(configuration.problems, '')
  const read = await readCases({ configuration: files, files: named, tests: configuration.tests, ...place })
  if (read.problems.length > 0) return refuse(read.problems, ' in its cases')
  return { trial: openTrial(configuration.settings), settings: configuration.settings, cases: read.cases }
}
