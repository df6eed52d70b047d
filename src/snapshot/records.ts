/** What is kept of each decision beside the usual log: the decision log, counts, and what a policy on trial would have said. */
import type { Settings } from '../config/schema.ts'
import type { Visit } from '../listener/visit.ts'
import { openDecisionLog } from '../observe/decision-log.ts'
import type { Log } from '../observe/log.ts'
import { Traffic, type TrafficCounts } from '../observe/traffic.ts'
import type { Policy } from '../policy/policy.ts'
import { type CompiledRoute, factsOf } from './compile-route.ts'
import type { Kept } from './kept.ts'
import { openShadow } from './shadow.ts'
import type { AuthorizedVisit, Route } from './snapshot.ts'

export interface Records {
  readonly traffic: TrafficCounts
  /** Never throws. */
  decided(visit: Visit, check: AuthorizedVisit): void
  answered(status: number): void
}

/** Opens the records of one configuration. Throws where the file of the decision log cannot be had; then nothing changes. */
export function openRecords(
  settings: Settings,
  { routes, log, kept }: { routes: readonly CompiledRoute[]; log: Log; kept: Kept },
): Records {
  const now = Date.now()
  kept.decisionFile.onError = (error) => log.event('error', 'decision log not rotated', { error })
  kept.decisionFile.use(settings.decision_log, now)
  const decisions = settings.decision_log && openDecisionLog(kept.decisionFile, scopeOf(routes), now)
  const traffic = new Traffic(kept.traffic)
  const shadows = new Map(
    routes.flatMap((route) => {
      if (route.shadow === undefined) return []
      const count = kept.shadows.for(route.id, route.settings.shadow_policy)
      return [[route as Route, openShadow({ policy: route.shadow, route, count, log })]]
    }),
  )
  return {
    traffic,
    decided(visit, check) {
      const { route, session, decision, now: moment } = check
      traffic.decision(decision.kind, moment)
      decisions?.write(visit, check)
      shadows.get(route)?.(visit, factsOf(visit, session, moment), decision)
    },
    answered: (status) => traffic.answer(status, Date.now()),
  }
}

/** All policies of a route: the live one, and the one that is tried beside it. */
export function policiesOf({ policy, shadow }: CompiledRoute): readonly Policy[] {
  return shadow ? [policy, shadow] : [policy]
}

/** What all policies look at, so that every line tells enough for each of them. */
function scopeOf(routes: readonly CompiledRoute[]) {
  const needs = routes.flatMap(policiesOf).map((policy) => policy.needs)
  return {
    claims: new Set(needs.flatMap(({ claims }) => [...claims])),
    headers: new Set(needs.flatMap(({ headers }) => [...headers])),
    query: new Set(needs.flatMap(({ query }) => [...query])),
  }
}
