/**
 * A policy on trial: decided beside the live one on the same facts, and never acted upon. What it would decide otherwise
 * is counted, and logged so that no stream of requests can fill the log with it.
 */
import type { Visit } from '../listener/visit.ts'
import type { Log } from '../observe/log.ts'
import type { Decision } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { Policy } from '../policy/policy.ts'

/** How often a shadow was asked since it was first in force, and how often it disagreed. */
export interface ShadowCount {
  compared: number
  disagreed: number
  /** Times that it could not decide. */
  failed: number
}

interface Telling extends ShadowCount {
  /** Start of the minute in which `told` lines were written. */
  minute: number
  told: number
  untold: number
  lastSum: number
}

/** Lines of disagreement per route and minute; the rest is only counted. */
const mostPerMinute = 10
const MINUTE = 60_000
/** How often it is told that a shadow is there and how it does, though nobody disagrees. */
const sumEvery = 3_600_000
const mostShadows = 10_000

/** Counts that outlive reloads, for as long as route and shadow stay the same. */
export class ShadowCounts {
  readonly #counts = new Map<string, Telling>()

  for(routeId: string, policy: unknown): Telling {
    const key = `${routeId} ${JSON.stringify(policy)}`
    const known = this.#counts.get(key)
    if (known) return known
    if (this.#counts.size >= mostShadows) this.#counts.clear()
    const fresh = { compared: 0, disagreed: 0, failed: 0, minute: 0, told: 0, untold: 0, lastSum: 0 }
    this.#counts.set(key, fresh)
    return fresh
  }
}

export interface ShadowOptions {
  readonly policy: Policy
  readonly route: { readonly name: string; readonly id: string }
  readonly count: Telling
  readonly log: Pick<Log, 'event'>
}

/** Compares the live decision with the shadow's; never throws. */
export type Shadow = (visit: Visit, facts: Facts, live: Decision) => void

export function openShadow({ policy, route, count, log }: ShadowOptions): Shadow {
  const names = { service: 'policy', route: route.name, 'route-id': route.id }

  /** True for the first few lines of a minute. */
  function mayTell(now: number): boolean {
    if (now - count.minute >= MINUTE) {
      count.minute = now
      count.told = 0
    }
    if (count.told >= mostPerMinute) {
      count.untold++
      return false
    }
    count.told++
    return true
  }

  function tell(message: string, visit: Visit, fields: Readonly<Record<string, unknown>>): void {
    const { id, method, authority: host, path } = visit
    const suppressed = count.untold === 0 ? {} : { suppressed: count.untold }
    count.untold = 0
    const { compared, disagreed } = count
    log.event('warn', message, {
      ...names,
      ...{ 'request-id': id, method, host, path },
      ...fields,
      ...{ compared, disagreed, ...suppressed },
    })
  }

  function compare(visit: Visit, facts: Facts, live: Decision): void {
    const shadow = policy.decide(facts)
    count.compared++
    if (kindOf(shadow) !== kindOf(live)) {
      count.disagreed++
      const { userId: user, email } = facts.session ?? {}
      if (mayTell(facts.now))
        tell('shadow policy disagrees', visit, { user, email, live: printed(live), shadow: printed(shadow) })
    }
    if (facts.now - count.lastSum < sumEvery) return
    count.lastSum = facts.now
    const { compared, disagreed, failed } = count
    log.event('info', 'shadow policy compared', { ...names, compared, disagreed, failed })
  }

  return (visit, facts, live) => {
    try {
      compare(visit, facts, live)
    } catch (error) {
      // A rule on trial must not cost a request; what is wrong with it is told like a disagreement.
      count.failed++
      if (mayTell(facts.now)) tell('shadow policy failed', visit, { error })
    }
  }
}

/** Signing in once more, and a missing certificate, are other answers than their kind. */
function kindOf(decision: Decision): string {
  switch (decision.kind) {
    case 'allow':
      return 'allow'
    case 'sign-in':
      return decision.again ? 'sign-in again' : 'sign-in'
    case 'deny':
      return decision.answer ?? 'deny'
  }
}

function printed(decision: Decision): Readonly<Record<string, unknown>> {
  const { allow, deny } = decision
  return {
    decision: kindOf(decision),
    allow: allow.value,
    'allow-why': allow.reasons,
    deny: deny.value,
    'deny-why': deny.reasons,
  }
}
