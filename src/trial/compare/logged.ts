/** A decision from the log as its policy saw it: the same facts, so that the same rules decide the same. */
import type { LoggedDecision, LoggedScope, LoggedUser } from '../../observe/decision-log-read.ts'
import type { Facts } from '../../policy/facts.ts'
import type { PolicyNeeds } from '../../policy/policy.ts'
import type { Session } from '../../session/session.ts'
import type { Person } from '../subject.ts'

export function factsOfLogged(logged: LoggedDecision): Facts {
  const { method, path, host, headers, query, ip, user, time } = logged
  return {
    ...{ method, path, host, headers, query },
    clientAddress: ip,
    session: user && sessionOfLogged(user),
    // Nobody can present one yet, so that none has to be written down.
    clientCertificate: undefined,
    now: time,
  }
}

function sessionOfLogged({ id, email, emailVerified, signedIn, claims }: LoggedUser): Session {
  return {
    ...{ id: 'logged', userId: id, email, emailVerified, name: '' },
    claims: Object.fromEntries(claims),
    flatClaims: claims,
    issuedAt: signedIn,
    expiresAt: Number.MAX_SAFE_INTEGER,
  }
}

/** The person of a decision, for questions of another kind than the one that was logged. */
export function personOfLogged({ id, email, emailVerified, claims, signedIn }: LoggedUser): Person {
  return {
    ...{ email, emailVerified, userId: id, groups: [], signedInAt: signedIn },
    claims: Object.fromEntries(claims),
  }
}

export function loggedName(user: LoggedUser | undefined): string {
  return user === undefined ? 'nobody' : user.email || user.id
}

/** What a policy looks at and the log did not hold; empty: a replay is exact. */
export function missingOf(needs: PolicyNeeds, scope: LoggedScope | undefined): readonly string[] {
  if (scope === undefined) return ['what was written down (the line that says so is missing)']
  const lacking = (names: ReadonlySet<string>, held: ReadonlySet<string>, what: string) =>
    [...names].filter((name) => !held.has(name)).map((name) => `${what} ${name}`)
  return [
    ...lacking(needs.claims, scope.claims, 'the claim'),
    ...lacking(needs.headers, scope.headers, 'the header'),
    ...lacking(needs.query, scope.query, 'the parameter'),
  ]
}
