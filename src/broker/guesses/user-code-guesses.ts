/**
 * Guessing at the codes that devices show (RFC 8628 §5.1): whoever finds one connects a device of somebody else to an
 * account of his own. After some wrong codes each further one from that network has to wait, ever longer.
 */
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Audit } from '../audit.ts'
import { type BrokerPages, pageHeaders } from '../views.ts'
import { GuessGuard } from './guess-guard.ts'
import { networkOf } from './network.ts'

interface GuessOptions {
  readonly pages: BrokerPages
  readonly audit: Audit
  readonly now: () => number
}

/** Names of the library's errors: the code is none, is over, or was used. */
const wrongCodes: ReadonlySet<string> = new Set(['NotFoundError', 'ExpiredError', 'AlreadyUsedError'])

export class UserCodeGuesses {
  readonly #options: GuessOptions
  readonly #networks = new GuessGuard({
    ...{ free: 20, firstWaitMs: 1_000, longestWaitMs: 300_000 },
    ...{ forgetAfterMs: 3_600_000, keys: 20_000 },
  })
  readonly #wrong = new WeakSet<object>()

  constructor(options: GuessOptions) {
    this.#options = options
  }

  /** Told what the library found wrong with what somebody sent. */
  note(context: KoaContextWithOIDC, { name }: Error): void {
    const { audit } = this.#options
    const who = { address: context.ip, ...clientOf(context) }
    if (name === 'AbortedError') audit({ act: 'device approval', outcome: 'refused', ...who })
    if (!wrongCodes.has(name)) return
    this.#wrong.add(context.req)
    audit({ act: 'user code', outcome: 'refused', address: context.ip })
  }

  /** Around the request that enters a code. Counted before anybody looks, so that many at once gain nothing. */
  async around(context: KoaContextWithOIDC, next: () => Promise<unknown>): Promise<void> {
    const { audit, pages, now } = this.#options
    const network = networkOf(context.ip)
    const waitMs = this.#networks.waitOf(network, now())
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1000)
      audit({ act: 'user code', outcome: 'held-up', address: context.ip })
      context.set({ ...pageHeaders(pages, []), 'retry-after': String(seconds) })
      context.status = 429
      context.body = pages.render({
        kind: 'problem',
        heading: 'Too many wrong codes',
        text: `From where you are, codes were entered that no device shows. Wait ${seconds === 1 ? 'a second' : `${seconds} seconds`} and try again.`,
      })
      return
    }
    this.#networks.count(network, now())
    await next()
    if (!this.#wrong.has(context.req)) this.#networks.takeBack(network)
  }
}

function clientOf({ oidc }: KoaContextWithOIDC): { readonly client?: string } {
  const id = oidc.entities.DeviceCode?.clientId
  return id === undefined ? {} : { client: id }
}
