/** Conversations with a lying provider, from our side of the relying party. */
import { randomBytes } from 'node:crypto'
import { clientAuthentication } from '#src/crypto/client-authentication.ts'
import { providerProfile } from '#src/identity/presets.ts'
import { type AttemptSecrets, type Identity, openRelyingParty, type RelyingParty } from '#src/identity/relying-party.ts'
import type { LyingIdp } from '#test/actors/lying-idp.ts'

export const redirectUri = 'https://authenticate.corp.test/oauth2/callback'

export function partyOf(
  { issuer }: { issuer: string },
  { clock, fetch }: { clock?: () => number; fetch?: typeof globalThis.fetch } = {},
): RelyingParty {
  return openRelyingParty({
    profile: providerProfile({ provider: 'oidc', url: issuer }),
    clientId: 'pom',
    authentication: (supported) => clientAuthentication({ reveal: () => 'client secret/ü' }, supported),
    redirectUri,
    ...(clock && { clock }),
    ...(fetch && { fetch: (url, options) => fetch(url, options) }),
  })
}

export function newSecrets(): AttemptSecrets {
  const random = () => randomBytes(24).toString('base64url')
  return { state: random(), nonce: random(), verifier: random() + random() }
}

/** A whole sign-in; `bend` changes the provider's answer on its way through the browser. */
export async function signIn(
  party: RelyingParty,
  idp: LyingIdp,
  bend: (answer: URLSearchParams) => void = () => {},
): Promise<Identity> {
  const secrets = newSecrets()
  const answer = idp.authorize(await party.signInUrl(secrets))
  bend(answer)
  return party.redeem(answer, secrets)
}
