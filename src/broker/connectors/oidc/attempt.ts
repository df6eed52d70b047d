/** The secrets of one sign-in at a source: they stay with the browser that began it. */
import { calculatePKCECodeChallenge, randomNonce, randomPKCECodeVerifier } from 'openid-client'
import { ProxyError } from '../../../errors/proxy-error.ts'

export interface Attempt {
  readonly nonce: string
  readonly verifier: string
}

export type ChallengeMethod = 'S256' | 'plain'

export function newAttempt(): Attempt {
  return { nonce: randomNonce(), verifier: randomPKCECodeVerifier() }
}

/** @throws ProxyError CONNECTOR_ANSWER_INVALID */
export function readAttempt(secrets: string): Attempt {
  try {
    const { nonce, verifier } = JSON.parse(secrets) as Partial<Record<string, unknown>>
    if (typeof nonce === 'string' && nonce !== '' && typeof verifier === 'string' && verifier !== '')
      return { nonce, verifier }
  } catch {
    // Told below.
  }
  throw new ProxyError('CONNECTOR_ANSWER_INVALID', 'cannot finish the sign-in: its secrets are not ours')
}

/**
 * The method of RFC 7636 to use: as configured, else the best that the source knows. S256 where it does not say, since
 * a source ignores what it does not know (RFC 6749 §3.1), and a downgrade would be an attacker's to bring about.
 */
export function challengeMethod(
  configured: ChallengeMethod | undefined,
  supported: readonly string[] | undefined,
): ChallengeMethod {
  if (configured !== undefined) return configured
  return supported?.includes('plain') && !supported.includes('S256') ? 'plain' : 'S256'
}

export async function challengeParameters(verifier: string, method: ChallengeMethod): Promise<Record<string, string>> {
  const challenge = method === 'plain' ? verifier : await calculatePKCECodeChallenge(verifier)
  return { code_challenge: challenge, code_challenge_method: method }
}
