/** Tells whether two secrets are equal without showing either. */
import { createHash } from 'node:crypto'
import type { Revealable } from './key-ring.ts'

export function secretDigest(secret: Revealable): string {
  return createHash('sha256').update('digest ').update(secret.reveal()).digest('base64url')
}
