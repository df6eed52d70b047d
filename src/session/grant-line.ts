/** One refresh token with its successors, and the sessions that live on it; the lines of one person know each other. */
import type { Secret } from '../crypto/secret.ts'
import type { RelyingParty } from '../identity/relying-party.ts'
import type { Claims, Session } from './session.ts'

export type Provider = Pick<RelyingParty, 'id' | 'refresh' | 'revoke'>

/** A session that is looked after. */
export interface Tended {
  /** As it was at the sign-in. */
  readonly own: Session
  /** What the provider said since then; undefined until it has been asked. */
  fresher: Session | undefined
  /** That was once something else than at the sign-in. */
  differs: boolean
  line: GrantLine
}

export interface GrantLine {
  readonly person: string
  readonly sessions: Set<Tended>
  provider: Provider
  refreshToken: Secret
  /** As the provider told them last, whole. */
  claims: Claims
  /** Milliseconds since the epoch: until when that holds, and not a moment longer. */
  holdsUntil: number
  /** Until when others may take it as it is: what the cookies bear. */
  freshUntil: number
  /** From when on the provider may be asked, and from when on a request has to look here. */
  askAt: number
  lookAt: number
  /** In a row. */
  failures: number
  /** The last time nobody was there to answer. */
  isAway: boolean
  /** The provider has taken it back. */
  isOver: boolean
  /** The question under way. */
  flight: Promise<void> | undefined
}

/** The user of one provider, whatever session. */
export function personOf(provider: Provider, claims: Claims): string {
  return `${provider.id} ${String(claims['sub'])}`
}

/** All lines, by person, in the order of their sign-ins. Bounded by the sessions on them. */
export class GrantLines {
  readonly #persons = new Map<string, Set<GrantLine>>()

  add(line: GrantLine): void {
    const lines = this.#persons.get(line.person)
    if (lines) lines.add(line)
    else this.#persons.set(line.person, new Set([line]))
  }

  delete(line: GrantLine): void {
    const lines = this.#persons.get(line.person)
    lines?.delete(line)
    if (lines?.size === 0) this.#persons.delete(line.person)
  }

  /** The line of the person's latest sign-in, where that is another one. */
  newerThan(line: GrantLine): GrantLine | undefined {
    const newest = [...(this.#persons.get(line.person) ?? [])].at(-1)
    return newest === line ? undefined : newest
  }

  hasPerson(person: string): boolean {
    return this.#persons.has(person)
  }
}
