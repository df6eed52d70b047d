/**
 * Whether an account may be used, as far as its entry tells. The password check tells it too, but a refresh has no
 * password; a session must not outlive the account.
 */
import type { DirectoryEntry } from './entry.ts'

interface Sign {
  readonly attribute: string
  /** Why the account is out; undefined where this value says nothing against it. */
  readonly verdict: (value: string, now: number) => string | undefined
}

const isTrue = (why: string) => (value: string) => (value.toUpperCase() === 'TRUE' ? why : undefined)

/** Windows counts tenths of microseconds since 1601. */
const WINDOWS_EPOCH_MS = 11_644_473_600_000
const NEVER = 2n ** 63n - 1n

const signs: readonly Sign[] = [
  { attribute: 'nsAccountLock', verdict: isTrue('the account is inactivated') },
  { attribute: 'loginDisabled', verdict: isTrue('the account is disabled') },
  {
    // MS-ADTS §2.2.16, ADS_UF_ACCOUNT_DISABLE
    attribute: 'userAccountControl',
    verdict: (value) => (/^\d+$/.test(value) && (BigInt(value) & 2n) !== 0n ? 'the account is disabled' : undefined),
  },
  {
    attribute: 'accountExpires',
    verdict: (value, now) => {
      if (!/^\d{1,20}$/.test(value) || BigInt(value) === 0n || BigInt(value) >= NEVER) return undefined
      return Number(BigInt(value) / 10_000n) - WINDOWS_EPOCH_MS <= now ? 'the account has expired' : undefined
    },
  },
  {
    attribute: 'krbPrincipalExpiration',
    verdict: (value, now) => {
      const moment = generalizedTime(value)
      return moment !== undefined && moment <= now ? 'the account has expired' : undefined
    },
  },
  {
    // draft-behera-ldap-password-policy §5.3.3: this value means until an administrator unlocks it.
    attribute: 'pwdAccountLockedTime',
    verdict: (value) => (value === '000001010000Z' ? 'the account is locked' : undefined),
  },
]

/** What has to be asked for, as servers send some of it only then. */
export const stateAttributes: readonly string[] = signs.map(({ attribute }) => attribute)

/** Why the account may not be used; undefined where it may. */
export function whyDisabled(entry: DirectoryEntry, now: number): string | undefined {
  for (const { attribute, verdict } of signs)
    for (const value of entry.values(attribute)) {
      const why = verdict(value, now)
      if (why !== undefined) return `${why} (${attribute})`
    }
  return undefined
}

/** RFC 4517 §3.3.13, in the form that servers write: `20260131120000Z`. */
function generalizedTime(text: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:[.,]\d+)?Z$/.exec(text)
  if (parts === null) return undefined
  const [, year, month, day, hour, minute, second = '00'] = parts
  const moment = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(moment) ? undefined : moment
}
