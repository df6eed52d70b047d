/** The configured secrets as a ring: the first one seals and signs, the others still open what they once made. */
import { hkdfSync, randomBytes } from 'node:crypto'

/** What holds a secret: `Secret`, seen from here. Only this folder reveals it. */
export interface Revealable {
  reveal(): string
}

/** One secret's key for one purpose. */
export interface DerivedKey {
  /** Number of the secret, the same wherever and whenever the same secret is configured. */
  readonly id: number
  readonly octets: Buffer
}

export interface KeyRing {
  /** The keys for `purpose`, 32 octets each, newest secret first. Two purposes never share a key. */
  keysFor(purpose: string): readonly [DerivedKey, ...DerivedKey[]]
}

/** How many secrets a ring takes; each one costs a try when something foreign is opened. */
const maximumSecrets = 8

/**
 * Makes a ring of `shared_secret` or `cookie_secret` values, each base64 of 32 octets. Keys are derived from them by
 * HKDF-SHA256 (RFC 5869) with the purpose as `info`, so a value made for one purpose opens for no other.
 *
 * @param salt names the setting, so that two settings with an equal value still have nothing in common.
 * @throws when there is no secret, too many, or one that is not 32 octets
 */
export function keyRing(secrets: readonly Revealable[], salt: string): KeyRing {
  if (secrets.length > maximumSecrets) throw new TypeError(`cannot make keys: more than ${maximumSecrets} secrets`)
  const [first, ...others] = secrets.map((secret) => decodeSecret(secret.reveal()))
  if (!first) throw new TypeError('cannot make keys: no secret')
  const material = [first, ...others].map((octets) => ({
    octets,
    id: hkdf(octets, salt, 'key id').readUInt32BE() >>> 1,
  }))
  return {
    keysFor(purpose) {
      const derive = ({ octets, id }: DerivedKey) => ({ id, octets: hkdf(octets, salt, `ostiary 1 ${purpose}`) })
      const [newest, ...older] = material
      if (!newest) throw new TypeError('cannot make keys: no secret')
      return [derive(newest), ...older.map(derive)]
    },
  }
}

/** A secret for this process only, for where none is configured: sessions end when it ends. */
export function randomSecret(): Revealable {
  const text = randomBytes(32).toString('base64')
  return { reveal: () => text }
}

/** The 32 octets of a secret: base64 in either alphabet, with or without padding. */
function decodeSecret(text: string): Buffer {
  const octets = /^[A-Za-z0-9+/_-]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0)
  if (octets.length !== 32) throw new TypeError(`cannot use secret: must be base64 of 32 octets, got ${octets.length}`)
  return octets
}

function hkdf(octets: Buffer, salt: string, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', octets, salt, info, 32))
}
