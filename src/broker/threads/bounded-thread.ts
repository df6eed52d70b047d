/**
 * Work that would hold up everybody, done in a thread of its own: one job at a time, a bounded queue before it, a limit
 * of time for each. The thread is started by the first job, and keeps no process alive while it has none.
 */
import { Worker } from 'node:worker_threads'

export interface BoundedThreadOptions {
  readonly name: string
  /** The file that the thread runs; see `threadFile`. */
  readonly file: URL
  /** Jobs that wait; more are turned away. */
  readonly waiting: number
  /** Milliseconds for one job: then the thread is ended and another one started. */
  readonly timeLimit: number
  /** What a job is rejected with that was not done. */
  failure(reason: string, cause?: unknown): Error
}

/** What the thread is sent, and what it has to send back. */
export interface ThreadOrder<Order> {
  readonly job: number
  readonly order: Order
}

export interface ThreadAnswer<Answer> {
  readonly job: number
  readonly answer: Answer
}

interface Job<Order, Answer> extends ThreadOrder<Order> {
  resolve(answer: Answer): void
  reject(error: Error): void
}

/** A file beside `from`: `.ts` in a clone, where Node strips types, `.js` as it is built and installed. */
export function threadFile(name: string, from: string): URL {
  return new URL(`${name}${from.endsWith('.ts') ? '.ts' : '.js'}`, from)
}

export class BoundedThread<Order, Answer> {
  readonly #options: BoundedThreadOptions
  readonly #queue: Job<Order, Answer>[] = []
  #thread: Worker | undefined
  #inWork: Job<Order, Answer> | undefined
  #overdue: NodeJS.Timeout | undefined
  #jobs = 0
  #isClosed = false

  constructor(options: BoundedThreadOptions) {
    this.#options = options
  }

  /** Whoever calls it off is waited for no longer; what is under way is done to its end all the same. */
  async ask(order: Order, signal: AbortSignal): Promise<Answer> {
    const { failure, waiting } = this.#options
    if (this.#isClosed) throw failure('the broker is being closed')
    if (signal.aborted) throw failure('called off', signal.reason)
    if (this.#queue.length >= waiting) throw failure(`${waiting} others wait`)
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const job: Job<Order, Answer> = { job: ++this.#jobs, order, resolve, reject }
    const callOff = () => {
      const place = this.#queue.indexOf(job)
      if (place >= 0) this.#queue.splice(place, 1)
      reject(failure('called off', signal.reason))
    }
    signal.addEventListener('abort', callOff, { once: true })
    this.#queue.push(job)
    this.#next()
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', callOff)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const job of this.#queue.splice(0)) job.reject(this.#options.failure('the broker is being closed'))
    await this.#thread?.terminate()
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
    this.#overdue = setTimeout(() => void this.#thread?.terminate(), this.#options.timeLimit)
    this.#thread.postMessage({ job: job.job, order: job.order } satisfies ThreadOrder<Order>)
  }

  #start(): Worker {
    const { file, name } = this.#options
    // Neither the environment nor options such as --input-type and --inspect are for it.
    const thread = new Worker(file, { name, env: {}, execArgv: [] })
    let cause: unknown
    thread.on('message', ({ job, answer }: ThreadAnswer<Answer>) => {
      if (this.#inWork?.job === job) this.#finish((done) => done.resolve(answer))
    })
    thread.once('error', (error) => {
      cause = error
    })
    thread.once('exit', () => {
      this.#thread = undefined
      this.#finish((left) => left.reject(this.#options.failure('its thread ended', cause)))
    })
    return thread
  }

  #finish(settle: (job: Job<Order, Answer>) => void): void {
    clearTimeout(this.#overdue)
    const job = this.#inWork
    this.#inWork = undefined
    if (job) settle(job)
    this.#next()
  }
}
