/** `ostiary idp test ID [--user NAME]`: the walk through a connection, each step as it comes. */
import type { DiagnosticStep } from '../../broker/connectors/connector.ts'
import type { Io } from '../io.ts'
import { oneLine, type Paint, paintFor } from '../text.ts'
import type { Target } from './target.ts'

export interface TestFlags {
  readonly user: string | undefined
  readonly json: boolean
  readonly signal: AbortSignal
}

/** Resolves to the exit code: 1 where a step failed. */
export async function testConnector(
  id: string,
  { target, flags, io }: { readonly target: Target; readonly flags: TestFlags; readonly io: Io },
): Promise<number> {
  const { user, signal, json } = flags
  const paint = paintFor(io.colours)
  let hasFailed = false
  for await (const step of target.management.testConnector(id, { user, signal })) {
    hasFailed ||= step.outcome === 'failed'
    io.out(json ? `${JSON.stringify(step)}\n` : stepText(step, paint))
  }
  return hasFailed ? 1 : 0
}

function stepText({ name, outcome, found, details = [] }: DiagnosticStep, paint: Paint): string {
  const lines = [`${marks(paint)[outcome](outcome.padEnd(8))}  ${paint.strong(oneLine(name))}: ${oneLine(found)}`]
  return [...lines, ...details.map((line) => `            ${oneLine(line)}`)].map((line) => `${line}\n`).join('')
}

function marks({ good, bad, dim, strong }: Paint): Readonly<Record<DiagnosticStep['outcome'], Paint['good']>> {
  return { ok: good, failed: bad, skipped: dim, doubtful: strong }
}
