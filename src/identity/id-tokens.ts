/** ID tokens of running sessions, in memory only, for nothing but the hint of a sign-out at the provider. */

/** Bounded: the oldest leaves first, and its session's sign-out goes without a hint. */
export class IdTokens {
  readonly #limit: number
  readonly #tokens = new Map<string, string>()

  constructor({ limit = 5_000 }: { limit?: number } = {}) {
    this.#limit = limit
  }

  /** Keeps the token of a session; a very long one is not worth its room. */
  keep(sessionId: string, idToken: string): void {
    if (idToken.length > 4 * 1024) return
    this.#tokens.set(sessionId, idToken)
    for (const oldest of this.#tokens.keys()) {
      if (this.#tokens.size <= this.#limit) break
      this.#tokens.delete(oldest)
    }
  }

  /** Gives the token out once. */
  take(sessionId: string): string | undefined {
    const token = this.#tokens.get(sessionId)
    this.#tokens.delete(sessionId)
    return token
  }
}
