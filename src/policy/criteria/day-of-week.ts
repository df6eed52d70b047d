import { type Operand, requestCriterion } from '../criterion.ts'
import { type Report, shown } from '../problem.ts'
import { isMap } from '../rules.ts'
import { openClock } from '../time/clock.ts'

const dayOperand: Operand<number> = {
  doc: '`*`, or days and ranges joined by commas (`mon-fri`, `tue,thu`, `saturday`), in UTC; or a map of `days` and `timezone`',
  compile(operand, report) {
    if (!isMap(operand)) return onDays(operand, { zone: 'UTC', report, at: [] })
    for (const key of Object.keys(operand)) {
      if (key !== 'days' && key !== 'timezone')
        report([key], `cannot read day of week: expected days or timezone, got ${shown(key)}`)
    }
    return onDays(operand['days'], { zone: operand['timezone'], report, at: ['days'] })
  },
}

export const dayOfWeek = requestCriterion({
  name: 'day_of_week',
  doc: 'The request falls on one of these days.',
  operand: dayOperand,
  see:
    () =>
    ({ now }) =>
      now,
})

const names = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']

interface DayReading {
  readonly zone: unknown
  readonly report: Report
  readonly at: readonly string[]
}

function onDays(value: unknown, { zone, report, at }: DayReading): (now: number) => boolean {
  const clock = typeof zone === 'string' ? openClock(zone) : undefined
  if (!clock) report(['timezone'], `cannot read day of week: expected an IANA time zone, got ${shown(zone)}`)
  const days = parseDays(value)
  if (!days) report(at, `cannot read day of week: expected * or days such as mon-fri, got ${shown(value)}`)
  return clock && days ? (now) => days.has(clock(now).weekday) : () => false
}

function parseDays(value: unknown): ReadonlySet<number> | undefined {
  if (typeof value !== 'string') return undefined
  if (value.trim() === '*') return new Set(names.keys())
  const days = new Set<number>()
  for (const piece of value.toLowerCase().split(',')) {
    const [first, last, more] = piece.split('-').map((name) => dayNumber(name.trim()))
    if (first === undefined || first === -1 || last === -1 || more !== undefined) return undefined
    const span = ((last ?? first) - first + 7) % 7
    for (let step = 0; step <= span; step++) days.add((first + step) % 7)
  }
  return days
}

function dayNumber(name: string): number {
  return names.findIndex((day) => day === name || (name.length === 3 && day.startsWith(name)))
}
