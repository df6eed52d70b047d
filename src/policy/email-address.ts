/** Which address of a user a rule may look at, and what an address in doubt could be taken for. */
import type { Session } from '../session/session.ts'

/** The address ('' where the provider told none); undefined where the provider says that nobody verified it. */
export function certainEmail(session: Session): string | undefined {
  return session.emailVerified ? session.email : undefined
}

/** What an unverified address may be: what it says, or nothing. */
export function doubtfulEmails({ email }: Session): readonly string[] {
  return [email, '']
}

/**
 * What stands behind the one `@` of the address. An address that readers cut in different places (several `@`, quotes,
 * blanks, control characters) has no certain domain: nobody is let in for a domain that another reader would not see.
 */
export function certainDomain({ email, emailVerified }: Session): string | undefined {
  const at = email.indexOf('@')
  const isOne = emailVerified && at > 0 && at < email.length - 1 && at === email.lastIndexOf('@')
  return isOne && !suspicious.test(email) ? email.slice(at + 1) : undefined
}

/** Every cut that some reader could make, and none; nothing at all where there is no `@`. */
export function doubtfulDomains({ email }: Session): readonly string[] {
  if (!email.includes('@')) return []
  const pieces = email.split('@')
  return ['', ...pieces.slice(1), ...pieces.slice(1).map((_, index) => pieces.slice(index + 1).join('@'))]
}

/** Blanks and controls of all of Unicode, invisible characters, and the marks of RFC 5322 syntax that is no bare address. */
const suspicious = /[\s\p{C}\p{Z}"(),:;<>[\\\]]/u
