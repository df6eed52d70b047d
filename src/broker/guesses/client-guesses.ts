/**
 * Guessing at the secrets of clients (RFC 6749 §2.3.1 wants every such endpoint protected): after some wrong ones each
 * further try waits ever longer. Where a client has shown its right secret it is counted apart, so that whoever guesses
 * elsewhere, for ever, does not keep it out.
 */
import { networkOf } from './network.ts'
import { PacedGuard } from './paced-guard.ts'

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

const firstWaitMs = 1_000
const mostClients = 10_000
/** While nothing speaks against a key, many at once: an application refreshes for all of its people. */
const limits = { firstWaitMs, forgetAfterMs: 3_600_000, keys: 20_000, atOnce: 1_000 }
/** Of one client: instances of an application, and where they moved from. */
const mostHomes = 32

export class ClientGuesses {
  readonly #now: () => number
  /** Waits stay short: whoever shares the client's address must not keep it out for long. */
  readonly #atHome = new PacedGuard({ ...limits, free: 30, longestWaitMs: 5_000 })
  readonly #networks = new PacedGuard({ ...limits, free: 30, longestWaitMs: 60_000 })
  /** From everywhere else. Waits stay short: an application that has moved must get in. */
  readonly #strangers = new PacedGuard({ ...limits, free: 100, longestWaitMs: 30_000 })
  /** From where each client has shown its right secret. */
  readonly #homes = new Map<string, readonly string[]>()

  constructor(now: () => number) {
    this.#now = now
  }

  admit({ client, address }: ShownSecret): Admission {
    const now = this.#now()
    const network = networkOf(address)
    const counts = this.#countsOf(client, network)
    const waitMs = Math.max(
      ...counts.map(({ guard, key }) => (guard.hasRoom(key, now) ? guard.waitOf(key, now) : firstWaitMs)),
    )
    if (waitMs > 0) return { kind: 'wait', waitMs }
    for (const { guard, key } of counts) guard.begin(key)
    return {
      kind: 'free',
      end: (answer) => {
        for (const { guard, key } of counts) guard.end(key, { isWrong: answer === 'wrong', now: this.#now() })
        if (answer !== 'right' || client === undefined) return
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
