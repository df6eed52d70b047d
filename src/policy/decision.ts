/** What a policy answers: a tagged union with the reasons of both sides, as the authorize log prints them. */

/** One side (allow or deny) of a decision: its value and why. */
export interface Verdict {
  readonly value: boolean
  readonly reasons: readonly string[]
}

export type Decision =
  | { readonly kind: 'allow'; readonly allow: Verdict; readonly deny: Verdict }
  /** Nobody is signed in and somebody could be let in: sign in first. */
  | { readonly kind: 'sign-in'; readonly allow: Verdict; readonly deny: Verdict }
  | { readonly kind: 'deny'; readonly allow: Verdict; readonly deny: Verdict }
