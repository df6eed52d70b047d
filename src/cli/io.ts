/** What a command may touch of the world outside: its two outputs. */
export interface Io {
  out(text: string): void
  err(text: string): void
  /** The output is a terminal that shows colours; false where it is not said. */
  readonly colours?: boolean
}
