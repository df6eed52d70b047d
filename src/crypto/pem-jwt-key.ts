/** A private key out of a file of somebody else's making (a service account), to sign assertions with (RFC 7523 §2.1). */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { JwtKey } from './sign-jwt.ts'

/** @throws TypeError where the text is no RSA key of 2,048 bits or more */
export function pemJwtKey(pem: string, kid: string): JwtKey {
  const privateKey = createPrivateKey(pem)
  const length = privateKey.asymmetricKeyDetails?.modulusLength ?? 0
  if (privateKey.asymmetricKeyType !== 'rsa' || length < 2048) throw new TypeError('no RSA key of 2,048 bits or more')
  return { kid, algorithm: 'RS256', privateKey, publicKey: createPublicKey(privateKey) }
}
