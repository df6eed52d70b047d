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
const firstWaitMs = 1_000
const keys = 20_000
const mostClients = 10_000
/** Of one key, while nothing speaks against it: an application refreshes for all of its people at once. */
const mostAtOnce = 1_000
/** Of one client: instances of an application, and where they moved from. */
const mostHomes = 32

export class ClientGuesses {
  readonly #now: () => number
  /** Waits stay short: whoever shares the client's address must not keep it out for long. */
  readonly #atHome = new Guarded({ free: 30, longestWaitMs: 5_000 })
  readonly #networks = new Guarded({ free: 30, longestWaitMs: 60_000 })
  /** From everywhere else. Waits stay short: an application that has moved must get in. */
  readonly #strangers = new Guarded({ free: 100, longestWaitMs: 30_000 })
  /** From where each client has shown its right secret. */
  readonly #homes = new Map<string, readonly string[]>()

  constructor(now: () => number) {
    this.#now = now
  }

  admit({ client, address }: ShownSecret): Admission {
    const now = this.#now()
    const network = networkOf(address)
    const counts = this.#countsOf(client, network)
    const waitMs = Math.max(...counts.map(({ guard, key }) => guard.waitOf(key, now)))
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

/**
 * Tries that are under way count as wrong where there were wrong ones before, so that many at once gain nothing; an
 * application against which nothing speaks may come as often at once as it has to.
 */
class Guarded {
  readonly #free: number
  readonly #guard: SignInGuard
  readonly #underWay = new Map<string, number>()

  constructor({ free, longestWaitMs }: { readonly free: number; readonly longestWaitMs: number }) {
    this.#free = free
    this.#guard = new SignInGuard({ free, firstWaitMs, longestWaitMs, forgetAfterMs: hour, keys })
  }

  waitOf(key: string, now: number): number {
    const failures = this.#guard.failuresOf(key, now)
    const most = failures === 0 ? mostAtOnce : Math.max(1, this.#free - failures)
    return (this.#underWay.get(key) ?? 0) < most ? this.#guard.waitOf(key, now) : firstWaitMs
  }

  begin(key: string): void {
    this.#underWay.set(key, (this.#underWay.get(key) ?? 0) + 1)
  }

  end(key: string, { isWrong, now }: { readonly isWrong: boolean; readonly now: number }): void {
    const left = (this.#underWay.get(key) ?? 1) - 1
    if (left > 0) this.#underWay.set(key, left)
    else this.#underWay.delete(key)
    if (isWrong) this.#guard.count(key, now)
  }

  forget(key: string): void {
    this.#guard.forget(key)
  }
}

function atHome(client: string, network: string): string {
  return JSON.stringify([client, network])
}
