/** Names and passwords from the form to the connector: bounded, and slowed down where somebody guesses. */
import type { Connector, UpstreamIdentity, WantedScopes } from '../connectors/connector.ts'
import { networkOf } from '../guesses/network.ts'
import { PacedGuard } from '../guesses/paced-guard.ts'
import { Turns } from './turns.ts'

export type CheckedPassword =
  | { readonly kind: 'right'; readonly identity: UpstreamIdentity }
  | { readonly kind: 'wrong' }
  /** `waitMs`: not before. */
  | { readonly kind: 'wait'; readonly waitMs: number }
  | { readonly kind: 'busy' }

/** Longer names are nobody's (RFC 5321 §4.5.3.1.3 for addresses), longer passwords are an attack on the hash. */
export const longestLogin = 254
const longestPassword = 1024
/** Checks at once of one connector; each holds a connection to a directory or a place in the queue before the hashing threads. */
const checksAtOnce = 64
const checkLimit = 20_000
const mostHomes = 20_000
const mostWaiting = 256
/** Milliseconds that somebody waits for others. */
const longestLine = 20_000

export class PasswordChecks {
  readonly #now: () => number
  readonly #accounts = new PacedGuard({
    ...{ free: 5, firstWaitMs: 2_000, longestWaitMs: 900_000 },
    ...{ forgetAfterMs: 3_600_000, keys: 20_000 },
  })
  readonly #addresses = new PacedGuard({
    ...{ free: 30, firstWaitMs: 1_000, longestWaitMs: 300_000 },
    ...{ forgetAfterMs: 3_600_000, keys: 20_000 },
  })
  /** From which network each account was last signed in to. */
  readonly #homes = new Map<string, string>()
  /** By connector: one that is slow holds up its own people only. */
  readonly #running = new Turns({ each: checksAtOnce, all: Number.POSITIVE_INFINITY })
  /** Behind others of the same account or address. */
  readonly #waiting = new Turns({ each: mostWaiting, all: mostWaiting })

  constructor(now: () => number) {
    this.#now = now
  }

  /** @throws ProxyError of the connector; nothing is counted then, as the password was not judged */
  async check(
    credentials: { readonly login: string; readonly password: string; readonly address: string },
    { connectorId, connector, scopes }: { connectorId: string; connector: Connector; scopes: WantedScopes },
  ): Promise<CheckedPassword> {
    const { password } = credentials
    const login = credentials.login.trim()
    if (connector.kind !== 'password' || login === '' || password === '') return { kind: 'wrong' }
    if (login.length > longestLogin || password.length > longestPassword || /\u0000/.test(login + password))
      return { kind: 'wrong' }
    const name = JSON.stringify([connectorId, nameOf(login)])
    const network = networkOf(credentials.address)
    // Counted apart where its owner signs in: who guesses elsewhere, for ever, does not lock the owner out.
    const account = this.#homes.get(name) === network ? `${name} at ${network}` : name
    const held = await this.#begin(account, network)
    if (held) return held
    let isWrong = false
    try {
      using turn = this.#running.take(connectorId)
      if (!turn) return { kind: 'busy' }
      const identity = await connector.signIn({ login, password }, { scopes, signal: AbortSignal.timeout(checkLimit) })
      isWrong = identity === undefined
      if (!identity) return { kind: 'wrong' }
      this.#accounts.forget(account)
      this.#settle(name, network)
      return { kind: 'right', identity }
    } finally {
      const end = { isWrong, now: this.#now() }
      this.#accounts.end(account, end)
      this.#addresses.end(network, end)
    }
  }

  /** Waits for those before, as long as it is not yet known whether they are guesses; undefined: a try has begun. */
  async #begin(account: string, network: string): Promise<CheckedPassword | undefined> {
    const since = performance.now()
    using place = this.#waiting.take('')
    for (;;) {
      const now = this.#now()
      const waitMs = Math.max(this.#accounts.waitOf(account, now), this.#addresses.waitOf(network, now))
      if (waitMs > 0) return { kind: 'wait', waitMs }
      const ended = !this.#accounts.hasRoom(account, now)
        ? this.#accounts.nextEnd(account)
        : !this.#addresses.hasRoom(network, now)
          ? this.#addresses.nextEnd(network)
          : undefined
      if (!ended) {
        this.#accounts.begin(account)
        this.#addresses.begin(network)
        return undefined
      }
      if (!place || performance.now() - since > longestLine) return { kind: 'busy' }
      await ended
    }
  }

  #settle(name: string, network: string): void {
    this.#homes.delete(name)
    this.#homes.set(name, network)
    const [oldest] = this.#homes.keys()
    if (this.#homes.size > mostHomes && oldest !== undefined) this.#homes.delete(oldest)
  }
}

/**
 * What a directory may take for the same name: some ignore case, accents, invisible characters and doubled spaces
 * (RFC 4518 §2), and each spelling would be a fresh set of guesses.
 */
function nameOf(login: string): string {
  const bare = login.normalize('NFKD').replace(/[\p{M}\p{Cf}\p{Cc}\p{Default_Ignorable_Code_Point}]/gu, '')
  return bare.toLowerCase().replace(/\s+/gu, ' ').trim()
}
