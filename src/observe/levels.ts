/** The words of `log_level`, and the pino levels they stand for. */

/** Every word that Pomerium takes. */
export const logLevels = [
  'trace',
  'debug',
  'info',
  'warn',
  'warning',
  'error',
  'critical',
  'fatal',
  'panic',
  'off',
  'none',
  'disabled',
] as const

type LogLevel = (typeof logLevels)[number]

/** A level that a line can have. */
export type LineLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'

const words: Readonly<Record<LogLevel, LineLevel | 'silent'>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  critical: 'fatal',
  fatal: 'fatal',
  panic: 'fatal',
  off: 'silent',
  none: 'silent',
  disabled: 'silent',
}

/** pino's name of a level; letters' case makes no difference, and a word nobody knows is `info`. */
export function pinoLevel(word: string): LineLevel | 'silent' {
  return isLogLevel(word.toLowerCase()) ? words[word.toLowerCase() as LogLevel] : 'info'
}

function isLogLevel(word: string): word is LogLevel {
  return (logLevels as readonly string[]).includes(word)
}

const heights = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: Number.POSITIVE_INFINITY }

/** Whether a line of `level` is written where the least level is `least`. */
export function isWritten(level: LineLevel, least: LineLevel | 'silent'): boolean {
  return heights[level] >= heights[least]
}
