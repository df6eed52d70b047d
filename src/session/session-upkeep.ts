/**
 * Sessions whose provider can be asked again: what it said since the cookie was sealed is laid over the cookie, and a
 * sign-in that it takes back ends. Refresh tokens are kept here and nowhere else, in memory.
 *
 * Nothing is asked by a timer of its own: a request of the session, or a connection that it holds open, finds that it is
 * time. One question at a time for each refresh token, because a rotating one is good for one.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Grant, Refresh } from '../identity/refresh.ts'
import type { Log } from '../observe/log.ts'
import { type GrantLine, GrantLines, type Provider, personOf, type Tended } from './grant-line.ts'
import { makeSession } from './payload.ts'
import type { RevokedSessions } from './revoked-sessions.ts'
import type { Claims, Session } from './session.ts'
import { Slots } from './slots.ts'
import { askAt, freshUntil, holdsUntil, isOver, pauseAfter } from './upkeep-times.ts'

/** What the configuration in force lends. */
export interface UpkeepTools {
  readonly provider: Provider
  /** `session_refresh_interval`, milliseconds. */
  readonly interval: number
  /** A session as its cookies would give it back. */
  readonly shape: (session: Session) => Session
  readonly log: Pick<Log, 'event'>
}

/** The upkeep as one configuration sees it. */
export interface Upkeep {
  /** Looks after a session from now on, where the provider gave a refresh token; gives it back as cookies have to bear it. */
  begin(session: Session, told: { readonly claims: Claims; readonly grant: Grant | undefined }, now: number): Session
  /**
   * The session as it is now: at once, but where the provider's word has run out and it has to be asked first. Nobody
   * where it cannot be asked, or does not let the user go on. Never rejects.
   */
  current(session: Session, now: number): Session | undefined | Promise<Session | undefined>
  /**
   * Whether somebody who can be sent to the provider should be: its word is no longer fresh, and what it could be asked
   * with is not here (a restart has lost it, or another instance has it).
   */
  isDue(session: Session, now: number): boolean
  /** Whether the session is nobody's only because the provider is away. */
  isCutOff(id: string, now: number): boolean
}

export interface UpkeepOptions {
  readonly revoked: RevokedSessions
  /** Sessions looked after. */
  readonly limit?: number
  /** Questions to the provider at once. */
  readonly atOnce?: number
  /** Milliseconds that a request waits for the answer which it cannot do without. */
  readonly patience?: number
  readonly clock?: () => number
  /** From 0 to 1. */
  readonly random?: () => number
}

export class SessionUpkeep {
  readonly #options: Required<UpkeepOptions>
  readonly #sessions = new Map<string, Tended>()
  readonly #lines = new GrantLines()
  readonly #slots: Slots
  readonly #listeners = new Set<(id: string) => void>()

  constructor(options: UpkeepOptions) {
    this.#options = { limit: 10_000, atOnce: 32, patience: 5_000, clock: Date.now, random: Math.random, ...options }
    this.#slots = new Slots(this.#options.atOnce)
    options.revoked.onRevoked((id) => this.#signedOut(id))
  }

  get size(): number {
    return this.#sessions.size
  }

  /** Calls `listener` with the id of each session of which something else holds from now on. */
  onChanged(listener: (id: string) => void): void {
    this.#listeners.add(listener)
  }

  /** As the configuration with these tools sees it; what is under way goes on with the tools that began it. */
  under(tools: UpkeepTools): Upkeep {
    return {
      begin: (session, told, now) => this.#begin(session, { ...told, tools, now }),
      current: (session, now) => {
        const tended = this.#sessions.get(session.id)
        if (tended === undefined)
          return isOver(session.freshUntil, { interval: tools.interval, now }) ? undefined : session
        return now < tended.line.lookAt ? (tended.fresher ?? session) : this.#attend(tended, { session, tools, now })
      },
      isDue: ({ id, freshUntil: fresh }, now) => fresh !== undefined && fresh <= now && !this.#sessions.has(id),
      isCutOff: (id, now) => {
        const line = this.#sessions.get(id)?.line
        return line?.isAway === true && line.holdsUntil <= now
      },
    }
  }

  #begin(
    session: Session,
    { claims, grant, tools, now }: { claims: Claims; grant: Grant | undefined; tools: UpkeepTools; now: number },
  ): Session {
    if (!grant) return session
    this.#makeRoom(now)
    const { provider } = tools
    const sessions = new Set<Tended>()
    const times = this.#timesOf(grant, { tools, now })
    const { refreshToken } = grant
    const person = personOf(provider, claims)
    const state = { isOver: false, flight: undefined }
    const line: GrantLine = { person, sessions, provider, refreshToken, claims, ...state, ...times }
    const marked = { ...session, freshUntil: line.freshUntil }
    const tended: Tended = { own: tools.shape(marked), fresher: undefined, differs: false, line }
    sessions.add(tended)
    this.#lines.add(line)
    this.#sessions.set(session.id, tended)
    return marked
  }

  #timesOf(grant: Grant, { tools, now }: { tools: UpkeepTools; now: number }) {
    const endsAt = holdsUntil(grant.endsAt, now)
    const life = { now, endsAt, interval: tools.interval }
    const next = askAt({ ...life, random: this.#options.random() })
    return { holdsUntil: endsAt, freshUntil: freshUntil(life), askAt: next, lookAt: next, failures: 0, isAway: false }
  }

  #attend(
    { line, fresher }: Tended,
    { session, tools, now }: { session: Session; tools: UpkeepTools; now: number },
  ): Session | undefined | Promise<Session | undefined> {
    const flight = this.#ask(line, { tools, now })
    if (now < line.holdsUntil) return fresher ?? session
    return flight && within(flight, this.#options.patience).then(() => this.#held(session, now))
  }

  /** After the waiting: gone is who was signed out meanwhile, too. */
  #held(session: Session, now: number): Session | undefined {
    const tended = this.#sessions.get(session.id)
    return tended && now < tended.line.holdsUntil ? (tended.fresher ?? session) : undefined
  }

  /** Asks the provider, unless it is being asked already, or the pause after a failure is not over. */
  #ask(line: GrantLine, { tools, now }: { tools: UpkeepTools; now: number }): Promise<void> | undefined {
    if (line.flight || now < line.askAt) return line.flight
    // The client's secret may have changed since the sign-in.
    if (tools.provider.id === line.provider.id) line.provider = tools.provider
    line.askAt = now + pauseAfter(line.failures + 1, this.#options.random())
    line.flight = this.#slots
      .run(() => line.provider.refresh(line))
      .then((answer) => this.#take(line, { answer, tools }))
      .catch((error: unknown) => {
        line.flight = undefined
        tools.log.event('error', 'session refresh failed', { service, error })
      })
    return line.flight
  }

  #take(line: GrantLine, { answer, tools }: { answer: Refresh; tools: UpkeepTools }): void {
    const now = this.#options.clock()
    // Whoever is told below finds what holds now, and nothing to wait for.
    line.flight = undefined
    switch (answer.kind) {
      case 'fresh':
        line.refreshToken = answer.grant.refreshToken
        line.claims = answer.claims
        Object.assign(line, this.#timesOf(answer.grant, { tools, now }))
        if (line.sessions.size === 0) this.#giveBack(line)
        for (const tended of line.sessions) this.#lay(tended, tools)
        return
      case 'refused':
        this.#refused(line, { answer, tools, now })
        return
      case 'failed':
        line.refreshToken = answer.refreshToken
        if (line.sessions.size === 0) this.#giveBack(line)
        this.#failed(line, { answer, tools, now })
    }
  }

  /** Lays what the provider says now over the session, if it is something else. */
  #lay(tended: Tended, { shape, log }: UpkeepTools): void {
    const { own, line } = tended
    const { id, userId, issuedAt, expiresAt } = own
    const claims = asSignedIn(own.claims, line.claims)
    const next = shape(makeSession({ id, userId, claims, issuedAt, expiresAt, freshUntil: line.freshUntil }))
    const changed = !isDeepStrictEqual((tended.fresher ?? own).claims, next.claims)
    log.event('info', 'session refreshed', { service, 'session-id': id, changed })
    tended.fresher = next
    if (!changed) return
    // Also where it is as at the sign-in again: a cookie that was sealed meanwhile says otherwise.
    tended.differs = true
    this.#tell(id)
  }

  #refused(
    line: GrantLine,
    { answer, tools, now }: { answer: Refresh & { kind: 'refused' }; tools: UpkeepTools; now: number },
  ): void {
    // A provider with one token for each user (Dex) has put the latest sign-in's in this one's place, and does not know
    // this one. Others say that they do not grant it, and mean this very sign-in: no other stands in for it.
    const newer = answer.isUnknown ? this.#lines.newerThan(line) : undefined
    line.isOver = true
    this.#lines.delete(line)
    for (const tended of [...line.sessions]) {
      const { id } = tended.own
      if (newer) {
        line.sessions.delete(tended)
        newer.sessions.add(tended)
        tended.line = newer
        this.#lay(tended, tools)
      } else {
        tools.log.event('info', 'session refresh refused, session ended', {
          service,
          'session-id': id,
          why: answer.why,
        })
        this.#options.revoked.revoke(tended.own, now)
      }
    }
  }

  #failed(
    line: GrantLine,
    { answer, tools, now }: { answer: Refresh & { kind: 'failed' }; tools: UpkeepTools; now: number },
  ): void {
    line.failures++
    line.isAway = answer.isAway
    const hasEnded = line.holdsUntil <= now
    // Nobody is cut off without a last try, and whoever is finds the provider within seconds when it is back.
    const next = now + pauseAfter(hasEnded ? 1 : line.failures, this.#options.random())
    line.askAt = hasEnded ? next : Math.min(next, line.holdsUntil)
    line.lookAt = Math.min(line.askAt, line.holdsUntil)
    for (const { own } of line.sessions) {
      const fields = { service, 'session-id': own.id, failures: line.failures, ended: hasEnded, error: answer.error }
      tools.log.event('warn', 'session refresh failed', fields)
      if (hasEnded) this.#tell(own.id)
    }
  }

  #signedOut(id: string): void {
    const line = this.#forget(id)
    // While it is being asked, the token may be used up: the next one is given back when it comes.
    if (line?.sessions.size === 0 && !line.isOver && !line.flight) this.#giveBack(line)
  }

  /** Returns the line that the session was on. */
  #forget(id: string): GrantLine | undefined {
    const tended = this.#sessions.get(id)
    if (!tended) return undefined
    this.#sessions.delete(id)
    tended.line.sessions.delete(tended)
    if (tended.line.sessions.size === 0) this.#lines.delete(tended.line)
    return tended.line
  }

  /** Of a line without sessions. Not while the person has another one: some providers (Google) end all grants of the user with one. */
  #giveBack(line: GrantLine): void {
    if (!this.#lines.hasPerson(line.person)) void this.#slots.run(() => line.provider.revoke(line.refreshToken))
  }

  /**
   * The oldest leave. Those whose cookie says what holds go on with it; where it says more than what holds, the session
   * ends, because it would come to life again.
   */
  #makeRoom(now: number): void {
    for (const [id, { own, differs, line }] of this.#sessions) {
      const hasExpired = own.expiresAt <= now
      if (!hasExpired && this.#sessions.size < this.#options.limit) break
      if (!hasExpired && (differs || line.holdsUntil <= now)) this.#options.revoked.revoke(own, now)
      else this.#forget(id)
    }
  }

  #tell(id: string): void {
    for (const listener of this.#listeners) listener(id)
  }
}

const service = 'identity'

/** How somebody signed in is a fact of the sign-in: a refresh is none, and another session's says nothing about this one. */
const ofSignIn = ['acr', 'amr', 'auth_time']

function asSignedIn(own: Claims, told: Claims): Claims {
  const kept = ofSignIn.filter((name) => own[name] !== undefined).map((name) => [name, own[name]] as const)
  const rest = Object.entries(told).filter(([name]) => !ofSignIn.includes(name))
  return Object.fromEntries([...rest, ...kept])
}

async function within(work: Promise<void>, limit: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limit)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}
