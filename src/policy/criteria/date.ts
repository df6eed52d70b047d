import { type Operand, requestCriterion } from '../criterion.ts'
import { shown } from '../problem.ts'
import { isMap } from '../rules.ts'

const dateOperand: Operand<number> = {
  doc: 'a map of `after` (that moment and later) and `before` (earlier than that moment): ISO 8601, `2026-01-31` or `2026-01-31T09:00:00+01:00`; UTC where no offset is given',
  compile(operand, report) {
    if (!isMap(operand) || Object.keys(operand).length === 0) {
      report([], `cannot read date: expected a map of after and before, got ${shown(operand)}`)
      return () => false
    }
    const bounds = { after: Number.NEGATIVE_INFINITY, before: Number.POSITIVE_INFINITY }
    for (const [key, value] of Object.entries(operand)) {
      if (key !== 'after' && key !== 'before')
        report([key], `cannot read date: expected after or before, got ${shown(key)}`)
      else bounds[key] = parseMoment(value)
      if (Number.isNaN(bounds.after) || Number.isNaN(bounds.before)) {
        report([key], `cannot read date: expected an ISO 8601 date or time, got ${shown(value)}`)
        return () => false
      }
    }
    return (now) => now >= bounds.after && now < bounds.before
  },
}

export const date = requestCriterion({
  name: 'date',
  doc: 'The moment of the request lies in a span of dates.',
  operand: dateOperand,
  see:
    () =>
    ({ now }) =>
      now,
})

const syntax =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2}(?:\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$/

/** Milliseconds since the epoch, or NaN. */
function parseMoment(value: unknown): number {
  const [, year = '', month = '', day = '', minutes = '00:00', seconds = ':00', offset = 'Z'] =
    syntax.exec(typeof value === 'string' ? value : '') ?? []
  // Date.parse takes the 31st of February for the 3rd of March.
  const lastDay = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()
  if (year === '' || Number(day) > lastDay) return Number.NaN
  return Date.parse(`${year}-${month}-${day}T${minutes}${seconds}${offset}`)
}
