/** When the provider is asked again about a session: pure, so that jitter and clock are arguments. */

/** What is left of the token's life is at least this, where there is so much of it: room for several tries. */
const reserve = 60_000
/** A token that lives for seconds, or a clock that disagrees, must not make each request ask. */
const shortestLife = 10_000
const shortestPause = 5_000
const longestPause = 60_000

export interface Life {
  readonly now: number
  readonly endsAt: number
  /** `session_refresh_interval`; 0: only the token's life counts. */
  readonly interval: number
  /** From 0 to 1: people who signed in together do not come back together. */
  readonly random: number
}

/** At 80 % of the life, a minute before its end, or after the interval, whichever is first; up to a tenth earlier. */
export function askAt({ now, endsAt, interval, random }: Life): number {
  const life = Math.max(endsAt - now, 0)
  const wait = Math.min(life * 0.8, Math.max(life - reserve, shortestPause), interval > 0 ? interval : life)
  return now + Math.max(wait * (1 - random / 10), shortestPause * 0.9)
}

/** Until when the provider's word holds: its own time, and never less than moments from now. */
export function holdsUntil(endsAt: number, now: number): number {
  return Math.max(endsAt, now + shortestLife)
}

/** How long to wait after the `failures`th failure in a row: 5 s, 10 s … a minute, a fifth more or less. */
export function pauseAfter(failures: number, random: number): number {
  const pause = Math.min(shortestPause * 2 ** Math.min(failures - 1, 10), longestPause)
  return pause * (0.8 + random * 0.4)
}
