/** What answers of one connector are held against: its settings and the request that is being answered. */

/** How far clocks may differ; Dex's value. */
export const SKEW_MS = 30_000

/**
 * An assertion is taken at most this long after it was issued, whatever it says of itself, so that what must be
 * remembered against replay has an end.
 */
export const LONGEST_LIFE_MS = 24 * 60 * 60 * 1000

export interface AnswerRules {
  /** Id of our request. */
  readonly requestId: string
  /** Where answers have to be sent: Destination and Recipient. */
  readonly redirectURI: string
  /** Who the assertion has to be for. */
  readonly audience: string
  /** Who has to have issued it; undefined: anybody whose certificate is pinned. */
  readonly issuer: string | undefined
  /** Milliseconds; undefined: however long ago the person proved who they are. */
  readonly maxAuthenticationAge: number | undefined
  readonly now: number
}
