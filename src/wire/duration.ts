/** Spans of time as Go writes them (`30s`, `1h30m`, `1.5h`, `500ms`), which is how configurations say them. */
import { type Milliseconds, milliseconds } from './units.ts'

/** Milliseconds in each unit. Go takes both micro signs: U+00B5 and U+03BC. */
const units: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['\u00b5s', 1e-3],
  ['\u03bcs', 1e-3],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
])

/** Go holds a duration in 64 bits of nanoseconds; what does not fit is refused there, too. */
const LIMIT = 2 ** 63 / 1e6

const PIECE = /(\d+(?:\.\d*)?|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/y

/**
 * Reads a Go duration: an optional sign, then numbers with units; `0` alone needs none.
 * Throws a RangeError whose message says what is wrong with the text (without repeating it).
 */
export function parseDuration(text: string): Milliseconds {
  const sign = text.startsWith('-') ? -1 : 1
  const body = /^[+-]/.test(text) ? text.slice(1) : text
  if (body === '0') return milliseconds(0)
  if (/^\d+(\.\d*)?$/.test(body)) throw new RangeError('a number without a unit')
  if (body === '') throw new RangeError('no number')
  let total = 0
  PIECE.lastIndex = 0
  while (PIECE.lastIndex < body.length) {
    const piece = PIECE.exec(body)
    const size = piece === null ? undefined : units.get(piece[2] ?? '')
    if (piece === null || size === undefined) throw new RangeError('not numbers with units (ns, us, ms, s, m, h)')
    total += Number(piece[1]) * size
  }
  if (total > LIMIT) throw new RangeError('longer than 292 years')
  return milliseconds(sign * total)
}

/** Prints a span as Go does: `1h30m0s`, `500ms`, `0s`. */
export function printDuration(span: number): string {
  if (span === 0) return '0s'
  const sign = span < 0 ? '-' : ''
  const size = Math.abs(span)
  if (size < 1e-3) return `${sign}${trim(size * 1e6)}ns`
  if (size < 1) return `${sign}${trim(size * 1e3)}\u00b5s`
  if (size < 1000) return `${sign}${trim(size)}ms`
  const hours = Math.floor(size / 3_600_000)
  const minutes = Math.floor((size % 3_600_000) / 60_000)
  const seconds = `${trim((size % 60_000) / 1000)}s`
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`
}

/** At most nine decimals, so that the sums of binary fractions do not show. */
function trim(value: number): string {
  return String(Number(value.toFixed(9)))
}
