/** Numbers that carry their unit in the type, so that `30` cannot be passed where 30 minutes were meant. */

declare const unit: unique symbol

/** A span of time or a moment (milliseconds since the epoch). */
export type Milliseconds = number & { readonly [unit]: 'ms' }

/** A count of octets. */
export type Bytes = number & { readonly [unit]: 'bytes' }

/** Names a plain number of milliseconds as such. */
export function milliseconds(value: number): Milliseconds {
  return value as Milliseconds
}

/** Names a plain number of octets as such. */
export function bytes(value: number): Bytes {
  return value as Bytes
}
