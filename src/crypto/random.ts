/** Unguessable values, and comparisons that take as long for a near miss as for a far one. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** Source of `octets` random octets; an argument wherever something unguessable is made, so that tests can know it. */
export type RandomSource = (octets: number) => Uint8Array

export const systemRandom: RandomSource = (octets) => randomBytes(octets)

/** `octets` random octets as base64url text. */
export function randomText(octets: number, random: RandomSource = systemRandom): string {
  return Buffer.from(random(octets)).toString('base64url')
}

/** SHA-256 of `text` as base64url (43 characters). */
export function digestText(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

/** Whether two texts are equal, in a time that tells nothing about where they differ. */
export function isSameText(one: string, other: string): boolean {
  return timingSafeEqual(createHash('sha256').update(one).digest(), createHash('sha256').update(other).digest())
}
