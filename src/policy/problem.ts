/** What is wrong with a policy, and where: keys and indexes from the value that was checked. */

export type Path = readonly (string | number)[]

export interface Problem {
  readonly path: Path
  /** "cannot X: Y, got Z", lower case, no full stop. */
  readonly message: string
}

/** Notes one problem; checking goes on, so that all are shown at once. */
export type Report = (path: Path, message: string) => void

/** A value as short text for a message. */
export function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? typeof value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
