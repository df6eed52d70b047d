/** Compares passwords with bcrypt hashes in threads of their own, with a bounded queue before them. */
import { availableParallelism } from 'node:os'
import {
  type BcryptHash,
  bcryptCosts,
  bcryptOctets,
  nobodysBcryptHash,
  parseBcryptHash,
} from '../../crypto/bcrypt-hash.ts'
import { ProxyError } from '../../errors/proxy-error.ts'
import { BoundedThreads, threadFile } from '../threads/bounded-threads.ts'
import type { Comparison } from './password-thread.ts'

export interface PasswordCheckerLimits {
  /** Comparisons at once. */
  readonly threads: number
  /** Comparisons that wait; more are turned away. */
  readonly waiting: number
  /** Milliseconds for one comparison: then its thread is ended. */
  readonly timeLimit: number
}

const mostThreads = 4

/** At a cost of 10 the last of the queue waits for some seconds. */
function defaultLimits(): PasswordCheckerLimits {
  return { threads: Math.min(mostThreads, availableParallelism()), waiting: 64, timeLimit: 60_000 }
}

export class PasswordChecker {
  readonly #threads: BoundedThreads<Comparison, readonly boolean[]>
  #rounds = 0

  constructor(limits: Partial<PasswordCheckerLimits> = {}) {
    const file = threadFile('./password-thread', import.meta.url)
    this.#threads = new BoundedThreads({ name: 'passwords', file, failure: stopped, ...defaultLimits(), ...limits })
  }

  /** How many bcrypt rounds were ordered so far: the work that a check took, whatever its answer. */
  get rounds(): number {
    return this.#rounds
  }

  /**
   * Whether the password opens the hash. Without a hash, or with a password that bcrypt would cut (over 72 octets) or end
   * early (at a NUL), it never does. The work is that of `costliest` in all cases: 2^c + 2^c + 2^(c+1) … = 2^costliest
   * rounds, so that the time says neither whether there is an account nor which hash it has.
   * @throws ProxyError CONNECTOR_UNREACHABLE when too many wait, when it is called off, and when the thread dies
   */
  async isRight(
    password: string,
    { hash, costliest, signal }: { hash: string | undefined; costliest: number; signal: AbortSignal },
  ): Promise<boolean> {
    const fits = password !== '' && Buffer.byteLength(password) <= bcryptOctets && !password.includes('\0')
    const known = hash === undefined ? undefined : parseBcryptHash(hash)
    const hashes = workFor(known, costliest)
    for (const one of hashes) this.#rounds += 2 ** (parseBcryptHash(one)?.cost ?? 0)
    const [first = false] = await this.#threads.ask({ password: fits ? password : '', hashes }, signal)
    return first && fits && known !== undefined
  }

  async close(): Promise<void> {
    await this.#threads.close()
  }
}

/** What to compare with: the account's own hash first (or nobody's), then as much as is missing to the costliest. */
function workFor(known: BcryptHash | undefined, costliest: number): readonly string[] {
  const most = Math.min(bcryptCosts.most, Math.max(bcryptCosts.least, costliest))
  if (!known) return [nobodysBcryptHash(most)]
  const padding = Array.from({ length: Math.max(0, most - known.cost) }, (_, step) =>
    nobodysBcryptHash(known.cost + step),
  )
  return [known.text, ...padding]
}

function stopped(reason: string, cause?: unknown): ProxyError {
  return new ProxyError('CONNECTOR_UNREACHABLE', `cannot compare a password: ${reason}`, {
    headers: ['retry-after', '5'],
    ...(cause !== undefined && { cause }),
  })
}
