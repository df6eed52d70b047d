/** Addresses that one of our hosts signs for another: whole, for five minutes. */
import { createHmac } from 'node:crypto'
import type { KeyRing } from './key-ring.ts'
import { isSameText } from './random.ts'

/** How long a signed address is good, and how far clocks may differ: milliseconds. */
export const signedUrlLife = 5 * 60_000
export const clockLeeway = 60_000

export type UrlVerdict = 'good' | 'forged' | 'expired'

export interface UrlSigner {
  /**
   * Adds `pomerium_issued`, `pomerium_expiry` (seconds since the epoch) and `pomerium_signature` to an absolute
   * address without fragment. The signature is the last parameter and covers every octet before it.
   */
  sign(url: string, now: number): string
  /** Whether the address, octet for octet, is one that we signed, and in time. */
  verify(url: string, now: number): UrlVerdict
}

const signaturePart = /^(.*[?&]pomerium_issued=(\d{1,12})&pomerium_expiry=(\d{1,12}))&pomerium_signature=([\w-]{43})$/s

export function urlSigner(ring: KeyRing): UrlSigner {
  const [newest, ...older] = ring.keysFor('signed url')
  const signatureOf = (text: string, key: Buffer) => createHmac('sha256', key).update(text).digest('base64url')
  return {
    sign(url, now) {
      if (url.includes('#')) throw new TypeError('cannot sign address: it has a fragment')
      const issued = Math.floor(now / 1000)
      const stamps = `pomerium_issued=${issued}&pomerium_expiry=${issued + signedUrlLife / 1000}`
      const text = `${url}${url.includes('?') ? '&' : '?'}${stamps}`
      return `${text}&pomerium_signature=${signatureOf(text, newest.octets)}`
    },

    verify(url, now) {
      const [, text, issued, expiry, signature] = signaturePart.exec(url) ?? []
      if (text === undefined || signature === undefined) return 'forged'
      const isOurs = [newest, ...older].some(({ octets }) => isSameText(signatureOf(text, octets), signature))
      if (!isOurs) return 'forged'
      const isEarly = Number(issued) * 1000 > now + clockLeeway
      const isLate = Number(expiry) * 1000 <= now - clockLeeway
      return isEarly || isLate ? 'expired' : 'good'
    },
  }
}
