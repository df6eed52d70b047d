/** The seal of every cookie and hand-over: unreadable, unforgeable, and open only for the purpose and audience it was made for. */
import { sealData, unsealData } from 'iron-session'
import type { DerivedKey, KeyRing } from './key-ring.ts'
import { pack, unpack } from './pack.ts'

/** Where a sealed value opens: for another purpose or another audience (a host, mostly) it is noise. */
export interface SealScope {
  readonly purpose: string
  readonly audience: string
}

export interface SealOptions extends SealScope {
  /** Milliseconds since the epoch; from then on the value does not open. */
  readonly expiresAt: number
}

export interface UnsealOptions extends SealScope {
  /** Milliseconds since the epoch. */
  readonly now: number
}

export interface Sealer {
  /** Seals a JSON value. The text holds only characters that cookies and URLs carry as they are. */
  seal(value: unknown, options: SealOptions): Promise<string>
  /** The sealed value, or undefined for whatever did not come from `seal` with this scope, or has expired. Never rejects. */
  unseal(text: string, options: UnsealOptions): Promise<unknown>
}

/** Longer texts are not looked at: the longest honest one is a session in four cookies. */
const maximumLength = 16 * 1024

/**
 * iron-webcrypto's own form, strictly: it reads `~2x` as `~2`, and the last character of the digest in four ways (two of
 * its bits say nothing, RFC 4648 §3.5). One value should have one spelling.
 */
const sealedSyntax =
  /^Fe26\.2\*(\d{1,10})\*[0-9a-f]{64}\*[\w-]{22}\*[\w-]+\*\*[0-9a-f]{64}\*[\w-]{42}[AEIMQUYcgkosw048]~2$/

/**
 * Makes the sealer of a ring. Each password is derived from (secret, purpose, audience), so a value for one host or
 * purpose fails the integrity check of every other before it is decrypted. Expiry lies within the seal and is ours:
 * iron-session forgives 60 s and looks at the clock itself.
 */
export function sealer(ring: KeyRing): Sealer {
  const keysFor = ({ purpose, audience }: SealScope) => ring.keysFor(`seal ${JSON.stringify([purpose, audience])}`)
  return {
    async seal(value, { expiresAt, ...scope }) {
      const [newest] = keysFor(scope)
      return sealData({ v: await pack(value), x: expiresAt }, { password: passwords([newest]), ttl: 0 })
    },

    async unseal(text, { now, ...scope }) {
      if (text.length > maximumLength) return undefined
      const [, keyId] = sealedSyntax.exec(text) ?? []
      if (keyId === undefined) return undefined
      const key = keysFor(scope).find(({ id }) => String(id) === keyId)
      if (!key) return undefined
      try {
        // On a bad seal iron-session answers {} or throws, by the kind of damage.
        const { v, x } = await unsealData<{ v?: unknown; x?: unknown }>(text, { password: passwords([key]), ttl: 0 })
        if (typeof v !== 'string' || typeof x !== 'number' || x <= now) return undefined
        return await unpack(v)
      } catch {
        return undefined
      }
    },
  }
}

function passwords(keys: readonly DerivedKey[]): Record<string, string> {
  return Object.fromEntries(keys.map(({ id, octets }) => [id, octets.toString('base64url')]))
}
