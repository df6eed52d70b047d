/**
 * Guessing at the secrets of clients (RFC 6749 §2.3.1 wants every such endpoint protected): after some wrong ones each
 * further try waits ever longer. Where a client has shown its right secret it is counted apart, so that whoever guesses
 * elsewhere, for ever, does not keep it out.
 */
import { networkOf } from './sign-in/password-check.ts'
import { SignInGuard } from './sign-in/sign-in-guard.ts'

/** A secret that was shown: who it is said to be of, and who shows it. */
export interface ShownSecret {
  /** Undefined where it is nobody's, as it was sent. */
  readonly client: string | undefined
  readonly address: string
}

/** `free`: to be looked at; `end` has to be told how that ended. */
export type Admission =
  | { readonly kind: 'wait'; readonly waitMs: number }
  | { readonly kind: 'free'; end(answer: 'right' | 'wrong' | 'unknown'): void }

const hour = 3_600_000
const keys = 20_000
const mostClients = 10_000
/** Of one client: instances of an application, and where they moved from. */
const mostHomes = 32

export class ClientGuesses {
  readonly #now: () => number
  readonly #atHome = new SignInGuard({
    ...{ free: 20, firstWaitMs: 1_000, longestWaitMs: 300_000, forgetAfterMs: hour, keys },
  })
  readonly #networks = new SignInGuard({
    ...{ free: 30, firstWaitMs: 1_000, longestWaitMs: 300_000, forgetAfterMs: hour, keys },
  })
  /** From everywhere else. Waits stay short: an application that has moved must get in. */
  readonly #strangers = new SignInGuard({
    ...{ free: 100, firstWaitMs: 1_000, longestWaitMs: 30_000, forgetAfterMs: hour, keys },
  })
  /** From where each client has shown its right secret. */
  readonly #homes = new Map<string, readonly string[]>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** Counts before anybody looks, so that many at once gain nothing. */
  admit({ client, address }: ShownSecret): Admission {
    const now = this.#now()
    const network = networkOf(address)
    const counts = this.#countsOf(client, network)
    const waitMs = Math.max(...counts.map(({ guard, key }) => guard.waitOf(key, now)))
    if (waitMs > 0) return { kind: 'wait', waitMs }
    for (const { guard, key } of counts) guard.count(key, now)
    return {
      kind: 'free',
      end: (answer) => {
        if (answer === 'wrong') return
        for (const { guard, key } of counts) guard.takeBack(key)
        if (answer === 'unknown' || client === undefined) return
        this.#atHome.forget(atHome(client, network))
        this.#settle(client, network)
      },
    }
  }

  #countsOf(client: string | undefined, network: string) {
    if (client !== undefined && this.#homes.get(client)?.includes(network))
      return [{ guard: this.#atHome, key: atHome(client, network) }]
    const here = { guard: this.#networks, key: network }
    return client === undefined ? [here] : [here, { guard: this.#strangers, key: client }]
  }

  #settle(client: string, network: string): void {
    const others = this.#homes.get(client)?.filter((home) => home !== network) ?? []
    this.#homes.delete(client)
    this.#homes.set(client, [...others, network].slice(-mostHomes))
    const [oldest] = this.#homes.keys()
    if (this.#homes.size > mostClients && oldest !== undefined) this.#homes.delete(oldest)
  }
}

function atHome(client: string, network: string): string {
  return JSON.stringify([client, network])
}
