/** Who came back: the identity that a sealed cookie carries, opened. */

/** Claims as the provider sent them, nested values included. */
export type Claims = Readonly<Record<string, unknown>>

export interface Session {
  /** Session id: one for all cookies that came from the same sign-in (the `sid` of assertions and logs). */
  readonly id: string
  /** The provider's subject (`oid` on Azure). */
  readonly userId: string
  /** '' where the provider told none. */
  readonly email: string
  /** False only where the provider said `email_verified: false`; such an address matches no rule. */
  readonly emailVerified: boolean
  readonly name: string
  readonly claims: Claims
  /** `claims` flattened: `{a: {b: 1}}` is `a.b` → `[1]`; a value that is no list is a list of one. */
  readonly flatClaims: ReadonlyMap<string, readonly unknown[]>
  /** When the user signed in, milliseconds since the epoch. */
  readonly issuedAt: number
  /** When it ends whatever happens (`cookie_expire`), milliseconds since the epoch. */
  readonly expiresAt: number
  /**
   * Until when the claims count as fresh, milliseconds since the epoch. Only where the provider can be asked again: a
   * process that has the refresh token asks, any other one sends the person there.
   */
  readonly freshUntil?: number
  /** The claims were too many for the cookies, and those that no policy and no header names were left out. */
  readonly isTrimmed?: true
}
