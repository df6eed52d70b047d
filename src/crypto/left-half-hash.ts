/** What binds an ID token to what is issued beside it (OpenID Connect Core §3.1.3.6: `at_hash`). */
import { createHash } from 'node:crypto'

/** Left half of the hash of `value`, by the algorithm that signed `idToken`; base64url. */
export function leftHalfHash(idToken: string, value: string): string {
  const { alg } = JSON.parse(Buffer.from(idToken.split('.', 1)[0] ?? '', 'base64url').toString()) as { alg: string }
  const hash = alg.endsWith('384') ? 'sha384' : alg.endsWith('512') || alg.startsWith('Ed') ? 'sha512' : 'sha256'
  const digest = createHash(hash).update(value).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}
