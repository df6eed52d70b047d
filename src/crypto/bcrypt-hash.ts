/** bcrypt's text form, as Dex takes it: `$2a$`, `$2b$` and `$2y$`, plain or in base64. */

export interface BcryptHash {
  /** `$2b$10$…`, 60 characters. */
  readonly text: string
  /** Binary logarithm of the rounds. */
  readonly cost: number
}

/** Dex's bounds: below, guessing is cheap; above, one sign-in keeps a core busy for minutes. */
export const bcryptCosts = { least: 10, most: 16 } as const

/** bcrypt reads this many octets of a password and drops the rest without a word. */
export const bcryptOctets = 72

const syntax = /^\$2[aby]\$(\d{2})\$[./A-Za-z0-9]{53}$/

/** The hash, or undefined for what is none or whose cost is out of bounds. */
export function parseBcryptHash(written: string): BcryptHash | undefined {
  const text = syntax.test(written) ? written : Buffer.from(written, 'base64').toString('latin1').trimEnd()
  const cost = Number(syntax.exec(text)?.[1])
  return cost >= bcryptCosts.least && cost <= bcryptCosts.most ? { text, cost } : undefined
}

/** A well-formed hash of this cost that no password opens: to spend the time that a comparison takes. */
export function nobodysBcryptHash(cost: number): string {
  return `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(53)}`
}
