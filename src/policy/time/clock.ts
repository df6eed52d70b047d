/** The wall clock of a time zone. */

export interface LocalTime {
  /** 0 for Sunday. */
  readonly weekday: number
  /** Seconds since midnight, 0 to 86399. */
  readonly second: number
}

const quarter = 15 * 60_000

/**
 * A clock for an IANA zone, or undefined where there is no such zone.
 * Zones change their offset at whole quarters of an hour only, so the offset is worked out once in each (Intl is slow).
 */
export function openClock(zone: string): ((now: number) => LocalTime) | undefined {
  if (zone === 'UTC') return (now) => localTime(now)
  const format = formatFor(zone)
  if (!format) return undefined
  let known = Number.NaN
  let offset = 0
  return (now) => {
    const start = Math.floor(now / quarter) * quarter
    if (start !== known) {
      offset = offsetAt(format, start)
      known = start
    }
    return localTime(now + offset)
  }
}

function localTime(shifted: number): LocalTime {
  const date = new Date(shifted)
  return {
    weekday: date.getUTCDay(),
    second: date.getUTCHours() * 3600 + date.getUTCMinutes() * 60 + date.getUTCSeconds(),
  }
}

function formatFor(zone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    // Intl tells an unknown zone only by throwing.
    return undefined
  }
}

function offsetAt(format: Intl.DateTimeFormat, moment: number): number {
  const parts = new Map(format.formatToParts(moment).map(({ type, value }) => [type, Number(value)]))
  const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0
  const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
  return local - moment
}
