/** The keys of the assertion that upstreams read (`X-Pomerium-Jwt-Assertion`): they sign here and are published. */
import { createECDH, createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign } from 'node:crypto'
import type { KeyRing, Revealable } from './key-ring.ts'

export interface AssertionKeys {
  /** Signs claims as a compact JWS (RFC 7515 §7.1) with the first key. A P-256 signature takes some 30 µs. */
  signAssertion(claims: Readonly<Record<string, unknown>>): string
  /** The JSON Web Key Set of all keys (RFC 7517 §5), as JSON text; public parts only. */
  readonly jwks: string
}

interface AssertionKey {
  readonly alg: 'ES256' | 'RS256'
  readonly kid: string
  readonly privateKey: KeyObject
  readonly jwk: Readonly<Record<string, unknown>>
}

/**
 * @param signingKey `signing_key`: PEM, raw or base64; several private keys may stand one after the other: the first
 *   signs, all are published, so that keys change by putting the new one in front. EC keys on P-256 and RSA keys from
 *   2048 bits are taken. Without it a P-256 key is derived from the ring's newest secret, always the same one.
 * @throws naming what is wrong with the key, never its text
 */
export function assertionKeys({ signingKey, ring }: { signingKey?: Revealable; ring: KeyRing }): AssertionKeys {
  const privateKeys = signingKey
    ? parsePem(signingKey.reveal())
    : ring.keysFor('assertion').map(({ octets }) => derivedKey(octets))
  const keys = privateKeys.map(describeKey)
  const [first] = keys
  if (!first) throw new TypeError('cannot use signing_key: it holds no private key')
  const header = encodeJson({ alg: first.alg, kid: first.kid, typ: 'JWT' })
  return {
    signAssertion(claims) {
      const text = `${header}.${encodeJson(claims)}`
      // JWS wants r and s side by side (RFC 7518 §3.4); the option means nothing to RSA.
      const signature = sign('sha256', Buffer.from(text), { key: first.privateKey, dsaEncoding: 'ieee-p1363' })
      return `${text}.${signature.toString('base64url')}`
    },
    jwks: JSON.stringify({ keys: uniqueKeys(keys).map(({ jwk }) => jwk) }),
  }
}

function uniqueKeys(keys: readonly AssertionKey[]): AssertionKey[] {
  return [...new Map(keys.map((key) => [key.kid, key])).values()]
}

/** The private keys of a PEM text. `EC PARAMETERS`, which openssl writes before a key, and certificates are passed over. */
function parsePem(text: string): KeyObject[] {
  const pem = text.includes('-----BEGIN') ? text : Buffer.from(text, 'base64').toString('latin1')
  const blocks = pem.match(/-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----[\s\S]*?-----END \1PRIVATE KEY-----/g) ?? []
  if (blocks.length === 0) throw new TypeError('cannot use signing_key: it is no PEM with a private key')
  return blocks.map((block, index) => {
    try {
      return createPrivateKey(block)
    } catch {
      // The cause could quote the key.
      throw new TypeError(`cannot use signing_key: private key ${index + 1} cannot be read`)
    }
  })
}

function describeKey(privateKey: KeyObject): AssertionKey {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = privateKey
  const jwk = createPublicKey(privateKey).export({ format: 'jwk' })
  if (type === 'ec' && details?.namedCurve === 'prime256v1') {
    const { crv, kty, x, y } = jwk
    return complete({ privateKey, alg: 'ES256', required: { crv, kty, x, y } })
  }
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= 2048) {
    const { e, kty, n } = jwk
    return complete({ privateKey, alg: 'RS256', required: { e, kty, n } })
  }
  const got = type === 'rsa' ? `RSA of ${details?.modulusLength} bits` : `${type} ${details?.namedCurve ?? ''}`.trim()
  throw new TypeError(`cannot use signing_key: must be EC P-256 or RSA of 2048 bits or more, got ${got}`)
}

/** `required` in the order of RFC 7638 §3.2, whose SHA-256 in hex is the key id, as Pomerium's is. */
function complete({
  privateKey,
  alg,
  required,
}: Pick<AssertionKey, 'privateKey' | 'alg'> & { required: object }): AssertionKey {
  const kid = createHash('sha256').update(JSON.stringify(required)).digest('hex')
  return { privateKey, alg, kid, jwk: { use: 'sig', alg, kid, ...required } }
}

/** A P-256 key that only depends on `seed` (FIPS 186-5 A.2.1: 16 octets more than the order, reduced). */
function derivedKey(seed: Buffer): KeyObject {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const wide = BigInt(`0x${Buffer.from(hkdfSync('sha256', seed, '', 'assertion key P-256', 48)).toString('hex')}`)
  const scalar = (wide % (order - 1n)) + 1n
  const d = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex')
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(d)
  const point = ecdh.getPublicKey()
  const part = (from: number) => point.subarray(from, from + 32).toString('base64url')
  const jwk = { kty: 'EC', crv: 'P-256', d: d.toString('base64url'), x: part(1), y: part(33) }
  return createPrivateKey({ format: 'jwk', key: jwk })
}

function encodeJson(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
