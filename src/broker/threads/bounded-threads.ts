/**
 * Work that would hold up everybody, done in threads of its own: one job at a time in each, a bounded queue before them,
 * a limit of time for each job. A thread is started when all others are at work, and keeps no process alive while it has
 * no job.
 */
import { Worker } from 'node:worker_threads'

export interface BoundedThreadsOptions {
  readonly name: string
  /** The file that each thread runs; see `threadFile`. */
  readonly file: URL
  /** Threads at most. */
  readonly threads: number
  /** Jobs that wait; more are turned away. */
  readonly waiting: number
  /** Milliseconds for one job: then its thread is ended, and the next job starts another one. */
  readonly timeLimit: number
  /** What a job is rejected with that was not done. */
  failure(reason: string, cause?: unknown): Error
}

/** What a thread is sent, and what it has to send back. */
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

/** A thread, and what it is at. */
interface Bench<Order, Answer> {
  readonly thread: Worker
  job: Job<Order, Answer> | undefined
  overdue: NodeJS.Timeout | undefined
}

/** A file beside `from`: `.ts` in a clone, where Node strips types, `.js` as it is built and installed. */
export function threadFile(name: string, from: string): URL {
  return new URL(`${name}${from.endsWith('.ts') ? '.ts' : '.js'}`, from)
}

export class BoundedThreads<Order, Answer> {
  readonly #options: BoundedThreadsOptions
  readonly #queue: Job<Order, Answer>[] = []
  readonly #benches = new Set<Bench<Order, Answer>>()
  #jobs = 0
  #isClosed = false

  constructor(options: BoundedThreadsOptions) {
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
    await Promise.all([...this.#benches].map(({ thread }) => thread.terminate()))
  }

  #next(): void {
    if (this.#queue.length === 0) return
    const bench = [...this.#benches].find(({ job }) => job === undefined) ?? this.#start()
    const job = bench && this.#queue.shift()
    if (!job) return
    const { thread } = bench
    bench.job = job
    thread.ref()
    bench.overdue = setTimeout(() => void thread.terminate(), this.#options.timeLimit)
    thread.postMessage({ job: job.job, order: job.order } satisfies ThreadOrder<Order>)
  }

  /** Undefined where there are as many as there may be. */
  #start(): Bench<Order, Answer> | undefined {
    const { file, name, threads, failure } = this.#options
    if (this.#benches.size >= threads) return undefined
    // Neither the environment nor options such as --input-type and --inspect are for it.
    const thread = new Worker(file, { name, env: {}, execArgv: [] })
    const bench: Bench<Order, Answer> = { thread, job: undefined, overdue: undefined }
    this.#benches.add(bench)
    let cause: unknown
    thread.on('message', ({ job, answer }: ThreadAnswer<Answer>) => {
      if (bench.job?.job === job) this.#finish(bench, (done) => done.resolve(answer))
    })
    thread.once('error', (error) => {
      cause = error
    })
    thread.once('exit', () => {
      this.#benches.delete(bench)
      this.#finish(bench, (left) => left.reject(failure('its thread ended', cause)))
    })
    return bench
  }

  #finish(bench: Bench<Order, Answer>, settle: (job: Job<Order, Answer>) => void): void {
    clearTimeout(bench.overdue)
    const { job } = bench
    bench.job = undefined
    bench.thread.unref()
    if (job) settle(job)
    this.#next()
  }
}
