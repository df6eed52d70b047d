/** Short proofs that a form came from a page of ours: an HMAC over what it is for, who it is for, and until when. */
import { createHmac } from 'node:crypto'
import type { KeyRing } from './key-ring.ts'
import { isSameText } from './random.ts'

export interface TokenMaker {
  /** A token for `subject`, good until `expiresAt` (milliseconds since the epoch). */
  make(subject: string, expiresAt: number): string
  isGood(token: string, subject: string, now: number): boolean
}

/** @param purpose separates tokens of one kind of form from those of another. */
export function tokenMaker(ring: KeyRing, purpose: string): TokenMaker {
  const [newest, ...older] = ring.keysFor(`token ${purpose}`)
  const macOf = (key: Buffer, subject: string, until: string) =>
    createHmac('sha256', key)
      .update(JSON.stringify([subject, until]))
      .digest('base64url')
  return {
    make(subject, expiresAt) {
      const until = String(Math.floor(expiresAt))
      return `${until}.${macOf(newest.octets, subject, until)}`
    },
    isGood(token, subject, now) {
      const [, until, mac] = /^(\d{1,16})\.([\w-]{43})$/.exec(token) ?? []
      if (until === undefined || mac === undefined || Number(until) <= now) return false
      return [newest, ...older].some(({ octets }) => isSameText(macOf(octets, subject, until), mac))
    },
  }
}
