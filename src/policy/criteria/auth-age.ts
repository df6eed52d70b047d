import { type Criterion, type Operand, sessionCriterion } from '../criterion.ts'
import { shown } from '../problem.ts'

const ageOperand: Operand<number> = {
  doc: 'the longest time since the user proved who they are: `30s`, `15m`, `1h30m`, `7d`',
  compile(operand, report) {
    const most = parseAge(operand)
    if (most === undefined) report([], `cannot read auth_age: expected a duration such as 15m, got ${shown(operand)}`)
    return (age) => most !== undefined && age <= most
  },
}

const names = ['auth_time']

const base = sessionCriterion({
  name: 'auth_age',
  doc: 'How long ago the user authenticated: `auth_time` of the provider (OpenID Connect Core §2), else when they signed in here. A known user who is too late is sent to sign in again with `max_age`.',
  operand: ageOperand,
  claims: () => names,
  see:
    () =>
    ({ session, now }) => {
      if (session === undefined) return undefined
      const told = session.flatClaims.get('auth_time')?.[0]
      // A moment in the future would make any age young enough.
      const since = typeof told === 'number' ? Math.min(told * 1000, session.issuedAt) : session.issuedAt
      return Math.max(0, now - since)
    },
})

export const authAge: Criterion = {
  ...base,
  compile(input) {
    const most = parseAge(input.operand)
    const maxAge = most === undefined ? undefined : Math.floor(most / 1000)
    return { ...base.compile(input), stepUp: { acrValues: [], maxAge } }
  },
}

const units: ReadonlyMap<string, number> = new Map([
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
])

/** Milliseconds. */
function parseAge(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^([0-9]{1,6}[dhms])+$/.test(value)) return undefined
  let sum = 0
  for (const [, count, unit = ''] of value.matchAll(/([0-9]+)([dhms])/g)) sum += Number(count) * (units.get(unit) ?? 0)
  return sum
}
