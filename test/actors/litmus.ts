/** Debian's litmus, the WebDAV conformance suite: run against an address, with its verdicts as values. */
import { spawn } from 'node:child_process'
import { type Courier, type CourierOptions, startCourier } from './courier.ts'
import { findProgram, temporaryFolder } from './program.ts'

type Verdict = 'pass' | 'fail' | 'skip'

export interface LitmusResult {
  /** `suite/number name` and its verdict, in the order run. */
  readonly verdicts: ReadonlyMap<string, Verdict>
  /** Every warning, as `suite: text`. */
  readonly warnings: readonly string[]
  /** What litmus wrote, for a failing test to show. */
  readonly output: string
}

const SUITES = ['basic', 'copymove', 'props', 'locks', 'http'] as const
const FINISHED_WITHIN_MS = 120_000

/**
 * Runs all five suites against `url` (a WebDAV collection), every request carried by a courier.
 * Throws when litmus cannot be run to its end.
 */
export async function runLitmus(url: string, options: CourierOptions): Promise<LitmusResult> {
  await using courier: Courier = await startCourier(options)
  const command = findProgram('litmus')
  if (!command) throw new Error('cannot run litmus: no such program')
  using folder = temporaryFolder('litmus')
  const output = await new Promise<string>((resolve, reject) => {
    const child = spawn(command, ['--keep-going', `--proxy=${courier.url}`, url], {
      // It writes logs into the folder it runs in.
      cwd: folder.path,
      env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', TESTS: SUITES.join(' ') },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: FINISHED_WITHIN_MS,
    })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
    child.once('error', reject)
    child.once('exit', (_, signal) =>
      signal ? reject(new Error(`litmus was ended by ${signal}: ${text}`)) : resolve(text),
    )
  })
  return parseLitmus(output)
}

/** Reads what litmus writes. Each test is written twice after a carriage return: as begun, and with its verdict. */
export function parseLitmus(output: string): LitmusResult {
  const verdicts = new Map<string, Verdict>()
  const warnings: string[] = []
  let suite = ''
  for (const piece of output.split(/\r|(?=^-> running `)/m)) {
    const running = /^-> running `(\w+)':/.exec(piece)
    if (running?.[1]) suite = running[1]
    for (const [, text] of piece.matchAll(/WARNING: (.+)/g)) warnings.push(`${suite}: ${text}`)
    const test = /^ ?(\d+)\. (\w+)\.* (?:[\s\S]*^ +\.+ )?(pass|FAIL|SKIPPED|XFAIL)/m.exec(piece)
    if (test) verdicts.set(`${suite}/${test[1]} ${test[2]}`, verdictOf(test[3] ?? ''))
  }
  return { verdicts, warnings, output }
}

function verdictOf(word: string): Verdict {
  if (word === 'pass') return 'pass'
  return word === 'SKIPPED' ? 'skip' : 'fail'
}
