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

/** Until when what the provider says at `now` counts as fresh for whoever cannot ask it. */
export function freshUntil({ now, endsAt, interval }: Omit<Life, 'random'>): number {
  return Math.max(interval > 0 ? now + interval : endsAt, now + shortestLife)
}

/**
 * Whether a session that nobody here can ask about has ended. For whatever cannot be sent to the provider it goes on for
 * another interval: an application's own requests, forms that are being filled in, WebSockets.
 */
export function isOver(fresh: number | undefined, { interval, now }: { interval: number; now: number }): boolean {
  return fresh !== undefined && fresh + interval <= now
}

/** How long to wait after the `failures`th failure in a row: 5 s, 10 s … a minute, a fifth more or less. */
export function pauseAfter(failures: number, random: number): number {
  const pause = Math.min(shortestPause * 2 ** Math.min(failures - 1, 10), longestPause)
  return pause * (0.8 + random * 0.4)
}
