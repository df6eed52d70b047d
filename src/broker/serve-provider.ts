/** The provider that requests find: made anew with each change, because the library takes keys and settings only once. */
import type { BrokerSettings } from '../config/dex/broker-settings.ts'
import type { Serving } from './front.ts'
import { makeProvider, type ProviderOptions } from './provider/provider.ts'
import type { SigningKeys } from './provider/signing-keys.ts'
import { storeAdapter } from './provider/store-adapter.ts'

export interface ServedProvider {
  /** That of this moment; a request under way keeps the one that it began with. */
  current(): Serving
  /** Takes these settings from the next request on. */
  renew(settings: BrokerSettings): void
}

export function serveProvider(
  settings: BrokerSettings,
  { keys, ...options }: Omit<ProviderOptions, 'settings' | 'jwks' | 'adapter'> & { readonly keys: SigningKeys },
): ServedProvider {
  const { store, now } = options
  let inForce = settings
  const make = (): Serving => {
    const { provider, unwrap } = makeProvider({
      ...options,
      settings: inForce,
      jwks: keys.current().keys.map((jwk) => ({ ...jwk, kid: jwk.kid ?? '' })),
      adapter: storeAdapter({ store, now, reuseInterval: inForce.expiry.refreshTokens.reuseInterval }),
    })
    const callback = provider.callback()
    return {
      provider,
      unwrap,
      answer: async (request, response) => void (await callback(request, response)),
    }
  }
  let serving = make()
  keys.onChange(() => {
    serving = make()
  })
  return {
    current: () => serving,
    renew(next) {
      inForce = next
      serving = make()
    },
  }
}
