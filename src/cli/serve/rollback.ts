/**
 * Watches what a configuration does once it is in force, and goes back to the last good one when it keeps out people, or
 * fails requests, that were served before. Files that were taken back are not taken again until they change.
 */
import type { Settings } from '../../config/schema.ts'
import type { Log } from '../../observe/log.ts'
import type { TrafficCounts } from '../../observe/traffic.ts'

type Limits = NonNullable<Settings['config_rollback']>

export interface RollbackOptions {
  /** What was decided and answered in the last `window` milliseconds, by whatever was in force. */
  last(window: number, now: number): TrafficCounts
  /** Puts these settings in force again; throws where they cannot be. */
  restore(settings: Settings): void
  log(): Pick<Log, 'event'>
  now(): number
}

/** A configuration that was just put in force. */
export interface NewInForce {
  readonly before: Settings
  readonly after: Settings
  readonly traffic: TrafficCounts
  /** What each file held. */
  readonly fingerprints: ReadonlyMap<string, string>
}

interface Watch {
  readonly good: Settings
  readonly baseline: TrafficCounts
  readonly limits: Limits
  readonly traffic: TrafficCounts
  readonly until: number
  readonly files: string
  readonly timer: NodeJS.Timeout
}

export class Rollback {
  readonly #options: RollbackOptions
  #watch: Watch | undefined
  /** The files that were taken back. */
  #refused: string | undefined

  constructor(options: RollbackOptions) {
    this.#options = options
  }

  /** True for files that are word for word those that were taken back; that is told. */
  isRefused(fingerprints: ReadonlyMap<string, string>): boolean {
    const isSame = this.#refused === printFiles(fingerprints)
    if (isSame)
      this.#options.log().event('error', 'configuration refused: it was rolled back and has not changed since', {
        service: 'config',
      })
    else this.#refused = undefined
    return isSame
  }

  /** Watches it for a window, where either configuration asks for it; the older one's word counts first. */
  begin({ before, after, traffic, fingerprints }: NewInForce): void {
    const now = this.#options.now()
    const running = this.#watch
    this.stop()
    // What came in before the last one was found good does not become the good one.
    const good = running?.good ?? before
    const limits = good.config_rollback ?? after.config_rollback
    if (limits === undefined) return
    const baseline = running?.baseline ?? this.#options.last(limits.window, now)
    const timer = setInterval(() => this.#look(), Math.max(50, Math.min(1000, limits.window / 10))).unref()
    const until = now + limits.window
    this.#watch = { good, baseline, limits, traffic, until, timer, files: printFiles(fingerprints) }
  }

  stop(): void {
    clearInterval(this.#watch?.timer)
    this.#watch = undefined
  }

  #look(): void {
    const watch = this.#watch
    if (watch === undefined) return
    const { good, baseline, limits, traffic, until, files } = watch
    const jumps = jumpsOf(baseline, traffic, limits)
    const fields = { service: 'config', ...printShares('before', baseline), ...printShares('after', traffic) }
    if (jumps.length === 0) {
      if (this.#options.now() < until) return
      this.stop()
      this.#options.log().event('info', 'configuration kept', fields)
      return
    }
    this.stop()
    this.#refused = files
    try {
      this.#options.restore(good)
      this.#options.log().event('error', `configuration rolled back: ${jumps.join(' and ')} jumped`, fields)
    } catch (error) {
      this.#options.log().event('error', 'configuration could not be rolled back', { ...fields, error })
    }
  }
}

/** What is much more than before; nothing is concluded from few requests. */
function jumpsOf(before: TrafficCounts, after: TrafficCounts, limits: Limits): readonly string[] {
  const { deny_rate_increase: most, minimum_requests: least } = limits
  const isMore = (part: 'denied' | 'failed', whole: 'decided' | 'answered') =>
    before[whole] >= least && after[whole] >= least && after[part] / after[whole] - before[part] / before[whole] > most
  return [...(isMore('denied', 'decided') ? ['denials'] : []), ...(isMore('failed', 'answered') ? ['failures'] : [])]
}

function printShares(when: 'before' | 'after', { decided, denied, answered, failed }: TrafficCounts) {
  const share = (part: number, whole: number) => (whole === 0 ? 0 : Math.round((part / whole) * 1000) / 1000)
  return {
    [`denied-${when}`]: share(denied, decided),
    [`decided-${when}`]: decided,
    [`failed-${when}`]: share(failed, answered),
    [`answered-${when}`]: answered,
  }
}

function printFiles(fingerprints: ReadonlyMap<string, string>): string {
  return JSON.stringify([...fingerprints].sort(([a], [b]) => (a < b ? -1 : 1)))
}
