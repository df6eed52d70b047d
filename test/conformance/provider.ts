/** The provider of the sign-in vectors: the client `client`, a person `u-ann`, paths as theirs. */
import { type LyingIdp, startLyingIdp } from '#test/actors/lying-idp.ts'

/** Starts it; without `endSession` it offers no sign-out, without `pkce` it says nothing of PKCE. */
export async function startProvider({ pkce = true, endSession = true } = {}): Promise<LyingIdp> {
  const idp = await startLyingIdp()
  idp.person = { sub: 'u-ann', email: 'ann@acme.test', name: 'Ann Example' }
  idp.lie = {
    claims: { aud: 'client' },
    metadata: {
      authorization_endpoint: `${idp.issuer}/auth`,
      end_session_endpoint: endSession ? `${idp.issuer}/logout` : undefined,
      ...(pkce && { code_challenge_methods_supported: ['S256'] }),
    },
  }
  return idp
}
