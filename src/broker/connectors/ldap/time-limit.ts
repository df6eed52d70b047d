/** Waiting for a directory: never longer than the limit, and not for somebody who has left. */

/** The directory did not answer in time, or whoever asked has left. */
export class GaveUp extends Error {
  constructor(message: string, options?: { cause: unknown }) {
    super(message, options)
    this.name = 'GaveUp'
  }
}

export interface Patience {
  readonly signal: AbortSignal
  /** Milliseconds. */
  readonly limit: number
}

/**
 * The outcome of `work`, or GaveUp. `giveUp` ends what is under way; it is called once, before the rejection.
 * @throws GaveUp
 */
export async function within<T>(work: Promise<T>, options: Patience & { readonly giveUp: () => void }): Promise<T> {
  const { signal, limit, giveUp } = options
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = (reason: GaveUp) => {
    giveUp()
    reject(reason)
  }
  const onTimeout = () => stop(new GaveUp(`there was no answer in ${limit} ms`))
  const onAbort = () => stop(new GaveUp('nobody waits for the answer any more', { cause: signal.reason }))
  const timer = setTimeout(onTimeout, limit)
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, work])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}
