/** What the log tells of something thrown: names, messages and causes, and nothing that libraries hang on their errors. */
import { ProxyError } from '../errors/proxy-error.ts'
import { scrub } from './redaction.ts'

export interface PrintedError {
  readonly type: string
  readonly message: string
  readonly code?: string
  /** Only of what nobody foresaw. */
  readonly stack?: string
  readonly cause?: PrintedError
}

/** Causes below this depth, and circles, are left out. */
const deepest = 5
const longestMessage = 2000

/**
 * Prints an error for the log. Libraries attach responses, tokens and whole requests to their errors, so only type,
 * message, code and cause are read, and what looks like a credential in them is left out.
 */
export function printError(error: unknown, depth = 0): PrintedError {
  if (!(error instanceof Error)) return { type: typeof error, message: short(describe(error)) }
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}
  const foreseen = error instanceof ProxyError || depth > 0
  const cause = error.cause === undefined || depth >= deepest ? {} : { cause: printError(error.cause, depth + 1) }
  return {
    type: error.name,
    message: short(error.message),
    ...code,
    ...(foreseen || error.stack === undefined ? {} : { stack: scrub(error.stack) }),
    ...cause,
  }
}

function short(text: string): string {
  return scrub(text.length > longestMessage ? `${text.slice(0, longestMessage)}…` : text)
}

/** A thrown text as it is; of a thrown object nothing but its kind, since anything may be in it. */
function describe(value: unknown): string {
  return typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : String(value)
}
