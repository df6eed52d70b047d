/** Signs and reads the broker's own JSON Web Tokens (RFC 7515 compact form) with one algorithm, chosen beforehand. */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify, type webcrypto } from 'node:crypto'

export type JwtAlgorithm = 'RS256' | 'ES256'

export interface JwtKey {
  readonly kid: string
  readonly algorithm: JwtAlgorithm
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export function jwtKey(jwk: object & { readonly kid: string }, algorithm: JwtAlgorithm): JwtKey {
  const privateKey = createPrivateKey({ key: jwk as webcrypto.JsonWebKey, format: 'jwk' })
  return { kid: jwk.kid, algorithm, privateKey, publicKey: createPublicKey(privateKey) }
}

/** `type` is the header's `typ`: what the token is for (RFC 8725 §3.11). */
export function signJwt(claims: Readonly<Record<string, unknown>>, key: JwtKey, type: string): string {
  const head = encode({ alg: key.algorithm, typ: type, kid: key.kid })
  const body = encode(claims)
  const signature = sign('sha256', Buffer.from(`${head}.${body}`), { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
  return `${head}.${body}.${signature.toString('base64url')}`
}

/** The claims of a token that one of `keys` has signed for `type`; undefined for anything else. Judges no times. */
export function readJwt(text: string, keys: readonly JwtKey[], type: string): Record<string, unknown> | undefined {
  const [head, body, signature, ...more] = text.split('.')
  if (head === undefined || body === undefined || signature === undefined || more.length > 0) return undefined
  const header = decode(head)
  const key = keys.find(({ kid }) => kid === header?.['kid'])
  if (!key || header?.['alg'] !== key.algorithm || header['typ'] !== type) return undefined
  const octets = Buffer.from(signature, 'base64url')
  // One token has one spelling: Node reads padding and stray letters as well.
  if (octets.toString('base64url') !== signature) return undefined
  const isOurs = verify(
    'sha256',
    Buffer.from(`${head}.${body}`),
    { key: key.publicKey, dsaEncoding: 'ieee-p1363' },
    octets,
  )
  return isOurs ? decode(body) : undefined
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

function decode(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
