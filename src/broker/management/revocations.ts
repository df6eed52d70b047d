/**
 * Whose sessions were ended by management, and when: kept in the store, so that the proxy beside another instance, or the
 * one that is started next, ends theirs too. The proxy's own sessions lie in cookies, which nobody can call back.
 */
import type { Store } from '../store/store.ts'
import { allOf } from './records.ts'

export interface RevocationOptions {
  readonly store: Store
  readonly now: () => number
  /** Ends all sessions of the subject that began until `at`. */
  tell(subject: string, at: number): void
}

const kind = 'Revocation'
/** Milliseconds: `cookie_expire` takes no more. */
const longestSession = 8784 * 3_600_000

export class Revocations {
  readonly #options: RevocationOptions
  /** The moments that were told. */
  #told: ReadonlyMap<string, number> = new Map()

  constructor(options: RevocationOptions) {
    this.#options = options
  }

  /** Told first: where the store fails, at least this instance knows. */
  async add(subject: string): Promise<void> {
    const { store, now, tell } = this.#options
    const at = now()
    tell(subject, at)
    await store.put({ kind, id: subject, value: { at }, expiresAt: at + longestSession, indexes: { subject } })
  }

  /** Tells what was added since the last look, here or elsewhere; to be called now and then. */
  async look(): Promise<void> {
    const { store, tell } = this.#options
    const records = await allOf(store, kind)
    const found = new Map(records.map(({ id, value }) => [id, Number(value['at'])]))
    for (const [subject, at] of [...found].toSorted(([, one], [, other]) => one - other))
      if (this.#told.get(subject) !== at) tell(subject, at)
    this.#told = found
  }
}
