/** What an application hears while the source behind a connector is away: come again, and not that its token is bad. */
import type { ProviderErrors } from './oidc-library.ts'

/** 503 with the word of RFC 6749 §4.1.2.1, which has none for the token endpoint. */
export function sourceAway({ CustomOIDCProviderError }: ProviderErrors, description: string): Error {
  const error = new CustomOIDCProviderError('temporarily_unavailable', description)
  return Object.assign(error, { status: 503, statusCode: 503, expose: true })
}
