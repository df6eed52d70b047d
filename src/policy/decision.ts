/** What a policy answers: a tagged union with the reasons of both sides, as the authorize log prints them. */

/** One side (allow or deny) of a decision: its value and why. */
export interface Verdict {
  readonly value: boolean
  readonly reasons: readonly string[]
}

/** What a second sign-in must bring, where the first was too weak or too long ago (OpenID Connect Core §3.1.2.1). */
export interface StepUp {
  readonly acrValues: readonly string[]
  /** Seconds. */
  readonly maxAge: number | undefined
}

export type Decision =
  | { readonly kind: 'allow'; readonly allow: Verdict; readonly deny: Verdict }
  /** Nobody is signed in and somebody could be let in: sign in first. With `again`: the known user must sign in once more. */
  | { readonly kind: 'sign-in'; readonly allow: Verdict; readonly deny: Verdict; readonly again?: StepUp }
  /** `answer: 'client-certificate'`: a valid certificate is missing (status 495), whoever asks. */
  | {
      readonly kind: 'deny'
      readonly allow: Verdict
      readonly deny: Verdict
      readonly answer?: 'client-certificate'
    }
