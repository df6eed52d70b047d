/** The log of one configuration: JSON lines with `time`, `level`, `service` and `message`, as Pomerium writes them. */
import pino from 'pino'
import { catalog } from '../errors/catalog.ts'
import { ProxyError } from '../errors/proxy-error.ts'
import type { Visit } from '../listener/visit.ts'
import type { Outcome } from '../respond/answer.ts'
import { compileAccessLine } from './access-line.ts'
import { type AuthorizeCheck, compileAuthorizeLine } from './authorize-line.ts'
import { escapeControls, timeText } from './json-text.ts'
import { isWritten, type LineLevel, pinoLevel } from './levels.ts'
import { printError } from './print-error.ts'
import { redacted, redactedPaths } from './redaction.ts'

export interface LogOptions {
  /** Takes whole lines, their line ends included: a LogSink, or a test's list. */
  readonly sink: { write(line: string): void }
  /** A word of `log_level`. */
  readonly level: string
  readonly accessFields?: readonly string[] | undefined
  readonly authorizeFields?: readonly string[] | undefined
  /** Milliseconds since the epoch. */
  readonly clock?: () => number
}

/** What an event tells beside its message; names in Pomerium's spelling (`kebab-case`). `error` may be anything thrown. */
type EventFields = Readonly<Record<string, unknown>> & { readonly service?: string; readonly error?: unknown }

export interface Log {
  /** One line per request, when it has ended. `/ping` and `/healthz` are at level debug. */
  access(visit: Visit, outcome: Outcome): void
  /** One line per decision. */
  authorize(visit: Visit, check: AuthorizeCheck): void
  /** What was thrown while serving `visit`, at the level of its row, with its causes. */
  failure(visit: Visit | undefined, error: unknown): void
  /** Anything else worth telling. */
  event(level: LineLevel, message: string, fields?: EventFields): void
}

/** Compiles the printers of one configuration; many logs may share a sink, so a reload opens a new log. */
export function openLog(options: LogOptions): Log {
  const { sink, accessFields, authorizeFields, clock = Date.now } = options
  const least = pinoLevel(options.level)
  const logger = eventLogger(sink, least, clock)
  const printAccess = compileAccessLine(accessFields)
  const printAuthorize = compileAuthorizeLine(authorizeFields)
  const writes = { debug: isWritten('debug', least), info: isWritten('info', least) }

  // Both lines of a request are put together by hand: pino's own call costs several times as much.
  const head = (level: 'debug' | 'info', service: string, now: number) =>
    `{"level":"${level}","service":"${service}","time":"${timeText(now)}"`

  function event(level: LineLevel, message: string, fields: EventFields = {}): void {
    const { error, service = 'ostiary', ...more } = fields
    logger[level]({ service, ...more, ...(error === undefined ? {} : { error: printError(error) }) }, message)
  }

  return {
    access(visit, outcome) {
      const level = visit.path === '/ping' || visit.path === '/healthz' ? 'debug' : 'info'
      if (!writes[level]) return
      const now = clock()
      sink.write(`${head(level, 'envoy', now)}${printAccess({ visit, outcome, now })},"message":"http-request"}\n`)
    },
    authorize(visit, check) {
      if (!writes.info) return
      sink.write(`${head('info', 'authorize', clock())}${printAuthorize(visit, check)},"message":"authorize check"}\n`)
    },
    failure(visit, error) {
      const code = error instanceof ProxyError ? error.code : 'INTERNAL'
      const where = visit && { 'request-id': visit.id, host: visit.authority, path: visit.path }
      event(catalog[code].level, 'request failed', { service: 'proxy', code, ...where, error })
    },
    event,
  }
}

function eventLogger(sink: LogOptions['sink'], least: LineLevel | 'silent', clock: () => number): pino.Logger {
  // JSON lets them stand as they are, and hostile text comes here, too: the host of a refused request, for one.
  const escaping = { write: (line: string) => sink.write(escapeControls(line)) }
  return pino(
    {
      level: least,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${timeText(clock())}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: [...redactedPaths], censor: redacted },
    },
    escaping,
  )
}
