/** Compares passwords with bcrypt hashes in a thread of its own, one at a time, with a bounded queue before it. */
import { Worker } from 'node:worker_threads'
import {
  type BcryptHash,
  bcryptCosts,
  bcryptOctets,
  nobodysBcryptHash,
  parseBcryptHash,
} from '../../crypto/bcrypt-hash.ts'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { ComparisonAnswer, ComparisonOrder } from './password-thread.ts'

export interface PasswordCheckerLimits {
  /** Comparisons that wait; more are turned away. */
  readonly waiting: number
  /** Milliseconds for one comparison: then the thread is ended and another one started. */
  readonly timeLimit: number
}

interface Job {
  readonly order: ComparisonOrder
  readonly settle: (answer: readonly boolean[] | ProxyError) => void
}

/** The file beside this one: `.ts` in a clone, where Node strips types, `.js` as it is built and installed. */
const threadFile = new URL(
  import.meta.url.endsWith('.ts') ? './password-thread.ts' : './password-thread.js',
  import.meta.url,
)

/** At a cost of 10 the last of the queue waits for some seconds. */
const defaultLimits: PasswordCheckerLimits = { waiting: 64, timeLimit: 60_000 }

export class PasswordChecker {
  readonly #limits: PasswordCheckerLimits
  readonly #queue: Job[] = []
  #thread: Worker | undefined
  #inWork: Job | undefined
  #overdue: NodeJS.Timeout | undefined
  #jobs = 0
  #rounds = 0
  #isClosed = false

  constructor(limits: Partial<PasswordCheckerLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits }
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
    const [first = false] = await this.#compare(fits ? password : '', workFor(known, costliest), signal)
    return first && fits && known !== undefined
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const job of this.#queue.splice(0)) job.settle(stopped('the broker is being closed'))
    await this.#thread?.terminate()
  }

  async #compare(password: string, hashes: readonly string[], signal: AbortSignal): Promise<readonly boolean[]> {
    if (this.#isClosed) throw stopped('the broker is being closed')
    if (signal.aborted) throw stopped('called off', signal.reason)
    if (this.#queue.length >= this.#limits.waiting) throw stopped(`${this.#limits.waiting} others wait`)
    const { promise, resolve } = Promise.withResolvers<readonly boolean[] | ProxyError>()
    const job: Job = { order: { job: ++this.#jobs, password, hashes }, settle: resolve }
    const callOff = () => {
      const place = this.#queue.indexOf(job)
      if (place >= 0) this.#queue.splice(place, 1)
      resolve(stopped('called off', signal.reason))
    }
    signal.addEventListener('abort', callOff, { once: true })
    this.#queue.push(job)
    this.#next()
    try {
      const answer = await promise
      if (answer instanceof ProxyError) throw answer
      return answer
    } finally {
      signal.removeEventListener('abort', callOff)
    }
  }

  #next(): void {
    if (this.#inWork) return
    const job = this.#queue.shift()
    if (!job) {
      this.#thread?.unref()
      return
    }
    this.#inWork = job
    this.#thread ??= this.#start()
    this.#thread.ref()
    for (const hash of job.order.hashes) this.#rounds += 2 ** (parseBcryptHash(hash)?.cost ?? 0)
    this.#overdue = setTimeout(() => void this.#thread?.terminate(), this.#limits.timeLimit)
    this.#thread.postMessage(job.order)
  }

  #start(): Worker {
    // Neither the environment nor options such as --input-type and --inspect are for it.
    const thread = new Worker(threadFile, { name: 'passwords', env: {}, execArgv: [] })
    let cause: unknown
    thread.on('message', ({ job, areRight }: ComparisonAnswer) => {
      if (this.#inWork?.order.job === job) this.#finish(areRight)
    })
    thread.once('error', (error) => {
      cause = error
    })
    thread.once('exit', () => {
      this.#thread = undefined
      this.#finish(stopped('its thread ended', cause))
    })
    return thread
  }

  #finish(answer: readonly boolean[] | ProxyError): void {
    clearTimeout(this.#overdue)
    const job = this.#inWork
    this.#inWork = undefined
    job?.settle(answer)
    this.#next()
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
