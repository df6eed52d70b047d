/**
 * A broker whose store may not be there yet: the proxy starts without it, whoever comes to sign in is told when to come
 * again, and it is opened as soon as that can be.
 */
import type { Front } from '../../broker/front.ts'
import { sendError } from '../../broker/programs.ts'
import { sendProblem } from '../../broker/sign-in/send.ts'
import { isPassingFailure } from '../../broker/store/passing-failure.ts'
import type { BrokerPages } from '../../broker/views.ts'
import type { BrokerSettings } from '../../config/dex/broker-settings.ts'
import { ProxyError } from '../../errors/proxy-error.ts'
import { preferredType } from '../../wire/accept.ts'

export interface OpenedBroker extends AsyncDisposable {
  /** What serves its requests from now on. */
  readonly front: Front
  reload(settings: BrokerSettings): Promise<void>
}

export interface OpeningOptions {
  readonly settings: BrokerSettings
  open(settings: BrokerSettings): Promise<OpenedBroker>
  readonly pages: BrokerPages
  warn(message: string, error: unknown): void
}

/** Milliseconds between two tries: doubled each time. */
const firstPause = 1_000
const longestPause = 15_000

export class OpeningBroker implements AsyncDisposable {
  readonly #options: OpeningOptions
  #settings: BrokerSettings
  #opened: OpenedBroker | undefined
  #timer: NodeJS.Timeout | undefined
  /** Until the first try has ended, whatever came of it. */
  readonly #beginning = Promise.withResolvers<void>()
  #trying: Promise<void> | undefined
  #isClosed = false

  constructor(options: OpeningOptions) {
    this.#options = options
    this.#settings = options.settings
  }

  /** Serves a request, or says that nobody can yet. Whoever comes while it starts waits for that. */
  readonly front: Front = async (request, response, caller) => {
    await this.#beginning.promise
    if (this.#opened) return await this.#opened.front(request, response, caller)
    const accepted = preferredType(request.headers.accept, ['application/json', 'text/html'])
    // What is left of the request is not read.
    response.setHeader('connection', 'close')
    if (accepted === 'application/json')
      sendError(response, {
        status: 503,
        error: 'temporarily_unavailable',
        description: 'the sign-in service cannot reach its store',
        headers: { 'retry-after': '5' },
      })
    else sendProblem({ response, ...caller }, this.#options.pages, away())
  }

  /** Rejects where it cannot be opened; where only its store is away and `waits` is set, it goes on trying. */
  async open({ waits }: { readonly waits: boolean }): Promise<void> {
    try {
      this.#opened = await this.#options.open(this.#settings)
    } catch (error) {
      const isPassing = this.#settings.storage.type === 'postgres' && isPassingFailure(error)
      if (!waits || !isPassing) throw error
      this.#wait(error, firstPause)
    } finally {
      this.#beginning.resolve()
    }
  }

  async reload(settings: BrokerSettings): Promise<void> {
    this.#settings = settings
    await this.#opened?.reload(settings)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#trying
    await this.#opened?.[Symbol.asyncDispose]()
  }

  #wait(error: unknown, pause: number): void {
    this.#options.warn('the broker waits for its store', error)
    this.#timer = setTimeout(() => {
      this.#trying = this.#try(pause)
    }, pause)
  }

  async #try(pause: number): Promise<void> {
    const settings = this.#settings
    try {
      this.#opened = await this.#options.open(settings)
    } catch (error) {
      if (!this.#isClosed) this.#wait(error, Math.min(pause * 2, longestPause))
      return
    }
    if (this.#settings === settings) return
    const takeUp = this.#opened.reload(this.#settings)
    await takeUp.catch((error) => this.#options.warn('the broker cannot take what has changed meanwhile', error))
  }
}

function away(): ProxyError {
  return new ProxyError('BROKER_STORE_FAILED', 'cannot serve: the store is not there yet')
}
