/** An answer that we write ourselves, as a value; `send-answer.ts` puts it on the wire. */
export interface Answer {
  readonly status: number
  /** Flat list name, value, …; several `set-cookie` stand as several pairs. */
  readonly headers: readonly string[]
  readonly body: string
}

/** How one exchange ended, for the access log. */
export interface Outcome {
  readonly status: number
  /** Octets of the response body that were sent. */
  readonly size: number
  /** One word of why: `via_upstream`, an error code, the name of an endpoint. */
  readonly details: string
  /** Origin of the upstream that answered, if one did. */
  readonly upstream?: string
}
