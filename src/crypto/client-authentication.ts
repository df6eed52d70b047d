/** How we prove to the provider's token endpoint that we are the client. */
import { type ClientAuth, ClientSecretBasic, ClientSecretPost, None } from 'openid-client'
import type { Revealable } from './key-ring.ts'

/**
 * @param supported `token_endpoint_auth_methods_supported`; where the provider is silent it takes Basic
 *   (RFC 8414 §2), which is also the better of the two (RFC 6749 §2.3.1).
 */
export function clientAuthentication(
  secret: Revealable | undefined,
  supported: readonly string[] | undefined,
): ClientAuth {
  const text = secret?.reveal() ?? ''
  if (text === '') return None()
  const takesOnlyPost = supported?.includes('client_secret_post') && !supported.includes('client_secret_basic')
  return takesOnlyPost ? ClientSecretPost(text) : ClientSecretBasic(text)
}
