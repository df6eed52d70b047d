/** What people and applications hear while the store is away: come again (503), and not that something is broken. */
import type { KoaContextWithOIDC, default as Provider } from 'oidc-provider'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { BrokerPages, BrokerView } from '../views.ts'

interface StoreAwayOptions {
  readonly pages: BrokerPages
  report(message: string, error: unknown): void
}

const code = 'BROKER_STORE_FAILED'

function isStoreAway(error: unknown): boolean {
  return error instanceof ProxyError && error.code === code
}

/** The page in the place of the library's, which knows of servers that fail and of none that come back. */
export function storeAwayView(error: unknown, pages: BrokerPages): BrokerView | undefined {
  if (!isStoreAway(error)) return undefined
  const { text, advice } = pages.failure(code)
  return { kind: 'problem', heading: 'This sign-in cannot go on', text, advice }
}

/** Before other middleware, whose failures are of the same kind. */
export function answerStoreAway(provider: Provider, { report }: StoreAwayOptions): void {
  provider.use(async (context, next) => {
    try {
      await next()
    } catch (error) {
      if (!isStoreAway(error)) throw error
      report('the broker failed at a request', error)
      context.body = {}
      comeAgain(context as KoaContextWithOIDC)
    }
  })
  // The library has answered already, or will do so with the page above.
  provider.on('server_error', (context, error) => {
    if (isStoreAway(error)) comeAgain(context)
  })
}

/** RFC 9110 §15.6.4; the word is that of RFC 6749 §4.1.2.1, which has none for the token endpoint. */
function comeAgain(context: KoaContextWithOIDC): void {
  const isPage = typeof context.body === 'string'
  if (!isPage)
    context.body = {
      error: 'temporarily_unavailable',
      error_description: 'the sign-in service cannot reach its store, try again',
    }
  context.status = 503
  context.set('retry-after', '5')
}
