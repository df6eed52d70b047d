/**
 * Takes logged decisions again under another configuration. Memory stays the same however long the log is; equal
 * requests of the same person are decided once, unless a rule looks at the clock.
 */
import { type LoggedDecision, type LoggedScope, parseLine, timelessPart } from '../../observe/decision-log-read.ts'
import type { Trial, TrialOutcome } from '../trial.ts'
import type { TrialRoute } from '../trial-route.ts'
import { type DifferenceKind, kindOf } from './difference.ts'
import { factsOfLogged, loggedName, missingOf } from './logged.ts'

/** Requests of one person to one route that would be decided otherwise. */
export interface ReplayChange {
  readonly kind: DifferenceKind
  /** Its name in the log. */
  readonly route: string
  /** Its name in the new configuration; undefined where no route takes the request there. */
  readonly routeAfter: string | undefined
  readonly who: string
  readonly before: TrialOutcome
  readonly after: TrialOutcome
  count: number
  /** Of the first of them. */
  readonly requestId: string
}

export interface ReplayResult {
  readonly decisions: number
  /** In the order in which they first came. */
  readonly changes: readonly ReplayChange[]
  /** Requests of changes that are in none of `changes`, because there are too many kinds of them. */
  readonly others: number
  /** Kinds of all changes, those that are not listed among them. */
  readonly kinds: readonly DifferenceKind[]
  /** Decisions that were not taken again, since the new rules look at something that was not written down. */
  readonly inexact: readonly { readonly route: string; readonly missing: readonly string[]; readonly count: number }[]
  /** Lines that are none of a decision log. */
  readonly unreadable: number
}

export interface ReplayOptions {
  readonly after: Trial
  /** Decides what was before; by default the log says it. */
  readonly before?: Trial | undefined
}

const mostChanges = 10_000
const mostScopes = 1_000
const mostRemembered = 50_000

/** What became of a line; `again` where the same line at another moment could become something else. */
interface Judged {
  readonly change: { count: number } | undefined
  readonly again: boolean
}

export class Replay {
  readonly #options: ReplayOptions
  readonly #scopes = new Map<string, LoggedScope>()
  readonly #changes = new Map<string, ReplayChange>()
  readonly #inexact = new Map<string, { route: string; missing: readonly string[]; count: number }>()
  readonly #remembered = new Map<string, Judged>()
  readonly #missing = new Map<TrialRoute, Map<string, readonly string[]>>()
  readonly #others = { count: 0 }
  readonly #kinds = new Set<DifferenceKind>()
  #decisions = 0
  #unreadable = 0

  constructor(options: ReplayOptions) {
    this.#options = options
  }

  /** Takes one line of a log. */
  add(line: string): void {
    const key = timelessPart(line)
    const known = this.#remembered.get(key)
    if (known) {
      this.#decisions++
      if (known.change) known.change.count++
      return
    }
    if (line.trim() === '') return
    const read = parseLine(line)
    switch (read.kind) {
      case 'unreadable':
        this.#unreadable++
        return
      case 'scope':
        if (this.#scopes.size >= mostScopes) this.#scopes.clear()
        this.#scopes.set(read.scope.id, read.scope)
        return
      case 'decision': {
        this.#decisions++
        const judged = this.#judge(read.decision)
        if (judged.change) judged.change.count++
        if (!judged.again) this.#remember(key, judged)
      }
    }
  }

  result(): ReplayResult {
    return {
      decisions: this.#decisions,
      changes: [...this.#changes.values()],
      others: this.#others.count,
      kinds: [...this.#kinds],
      inexact: [...this.#inexact.values()],
      unreadable: this.#unreadable,
    }
  }

  #remember(key: string, judged: Judged): void {
    if (this.#remembered.size >= mostRemembered) this.#remembered.clear()
    // A copy: a piece of a longer text would keep all of that text in memory.
    this.#remembered.set(Buffer.from(key).toString(), judged)
  }

  #judge(logged: LoggedDecision): Judged {
    const { after: next, before: old } = this.#options
    const newRoute = this.#find(next, logged)
    const oldRoute = old && this.#find(old, logged)
    const missing = [...this.#missingFor(newRoute, logged.scope), ...this.#missingFor(oldRoute, logged.scope)]
    if (missing.length > 0) return { change: this.#inexactOf(logged, missing), again: false }
    const facts = factsOfLogged(logged)
    const decide = (trial: Trial, route: TrialRoute | undefined): TrialOutcome =>
      trial.isOwnPage(logged) ? 'own-page' : (route?.policy.decide(facts).kind ?? 'no-route')
    const after = decide(next, newRoute)
    const before = old ? decide(old, oldRoute) : logged.decision
    const again = newRoute?.policy.needs.time === true || oldRoute?.policy.needs.time === true
    // The log's own answer may rest on the clock by rules that are no longer there; it is part of what is compared.
    return { change: before === after ? undefined : this.#changeOf(logged, { before, after, newRoute }), again }
  }

  #find(trial: Trial, { host, port, path }: LoggedDecision): TrialRoute | undefined {
    return trial.find(host, port, path)
  }

  #missingFor(route: TrialRoute | undefined, scope: string): readonly string[] {
    if (route === undefined) return []
    let known = this.#missing.get(route)
    if (!known) {
      known = new Map()
      this.#missing.set(route, known)
    }
    const missing = known.get(scope) ?? missingOf(route.policy.needs, this.#scopes.get(scope))
    if (this.#scopes.has(scope)) known.set(scope, missing)
    return missing
  }

  #inexactOf({ route }: LoggedDecision, missing: readonly string[]): { count: number } {
    const key = `${route}\n${missing.join()}`
    const known = this.#inexact.get(key)
    if (known) return known
    if (this.#inexact.size >= mostChanges) return this.#others
    const fresh = { route, missing, count: 0 }
    this.#inexact.set(key, fresh)
    return fresh
  }

  #changeOf(
    { route, user, requestId }: LoggedDecision,
    { before, after, newRoute }: { before: TrialOutcome; after: TrialOutcome; newRoute: TrialRoute | undefined },
  ): { count: number } {
    const kind = kindOf(before, after)
    this.#kinds.add(kind)
    const who = loggedName(user)
    const key = [route, newRoute?.name ?? '', who, before, after].join('\n')
    const known = this.#changes.get(key)
    if (known) return known
    if (this.#changes.size >= mostChanges) return this.#others
    const fresh = { kind, route, routeAfter: newRoute?.name, who, before, after, count: 0, requestId }
    this.#changes.set(key, fresh)
    return fresh
  }
}
