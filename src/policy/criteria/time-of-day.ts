import { type Operand, requestCriterion } from '../criterion.ts'
import { shown } from '../problem.ts'
import { isMap } from '../rules.ts'
import { openClock } from '../time/clock.ts'

const timeOperand: Operand<number> = {
  doc: 'a map of `timezone` (IANA name, needed), `after` (that time and later) and `before` (earlier than that time): `15:04`, `15:04:05`, `3PM`, `3:04 PM`; where `after` is later than `before` the span goes over midnight',
  compile(operand, report) {
    if (!isMap(operand)) {
      report([], `cannot read time of day: expected a map of timezone, after and before, got ${shown(operand)}`)
      return () => false
    }
    for (const key of Object.keys(operand)) {
      if (!keys.has(key))
        report([key], `cannot read time of day: expected one of ${[...keys].join(', ')}, got ${shown(key)}`)
    }
    const zone = operand['timezone']
    const clock = typeof zone === 'string' ? openClock(zone) : undefined
    if (!clock) report(['timezone'], `cannot read time of day: expected an IANA time zone, got ${shown(zone)}`)
    const bound = (key: 'after' | 'before', open: number) => {
      if (operand[key] === undefined) return open
      const second = parseTime(operand[key])
      if (second === undefined)
        report([key], `cannot read time of day: expected a time such as 15:04 or 3:04 PM, got ${shown(operand[key])}`)
      return second
    }
    const after = bound('after', 0)
    const before = bound('before', 86_400)
    if (operand['after'] === undefined && operand['before'] === undefined) {
      report([], 'cannot read time of day: expected after, before, or both')
    }
    if (!clock || after === undefined || before === undefined) return () => false
    if (after > before) return (now) => inside(clock(now).second, after, 86_400) || inside(clock(now).second, 0, before)
    return (now) => inside(clock(now).second, after, before)
  },
}

export const timeOfDay = requestCriterion({
  name: 'time_of_day',
  doc: 'The request falls into a span of the day.',
  operand: timeOperand,
  see:
    () =>
    ({ now }) =>
      now,
})

const keys = new Set(['timezone', 'after', 'before'])

function inside(second: number, from: number, to: number): boolean {
  return second >= from && second < to
}

const syntax = /^([0-9]{1,2})(?::([0-5][0-9]))?(?::([0-5][0-9]))?\s*([ap]m)?$/i

/** Seconds since midnight. */
function parseTime(value: unknown): number | undefined {
  const [text, hours = '', minutes, seconds = '0', half] =
    syntax.exec(typeof value === 'string' ? value.trim() : '') ?? []
  if (text === undefined || (minutes === undefined && half === undefined)) return undefined
  const written = Number(hours)
  if (half === undefined ? written > 23 : written < 1 || written > 12) return undefined
  const hour = half === undefined ? written : (written % 12) + (half.toLowerCase() === 'pm' ? 12 : 0)
  return hour * 3600 + Number(minutes ?? 0) * 60 + Number(seconds)
}
