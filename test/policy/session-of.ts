/** Sessions for policy tests: claims as a provider sends them, flattened as sign-in does. */
import type { Facts } from '#src/policy/facts.ts'
import type { Claims, Session } from '#src/session/session.ts'

/** `{a: {b: 1}}` is `a.b` → `[1]`; a value that is no list is a list of one. */
export function flatten(claims: Claims): Map<string, readonly unknown[]> {
  const flat = new Map<string, readonly unknown[]>()
  const walk = (value: unknown, name: string) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) walk(inner, name === '' ? key : `${name}.${key}`)
    } else flat.set(name, Array.isArray(value) ? value : [value])
  }
  walk(claims, '')
  return flat
}

export function sessionOf(userId: string, claims: Claims, more: Partial<Session> = {}): Session {
  const email = claims['email']
  return {
    id: 'session-1',
    userId,
    email: typeof email === 'string' ? email : '',
    emailVerified: true,
    name: '',
    claims,
    flatClaims: flatten(claims),
    issuedAt: Date.UTC(2026, 0, 1),
    expiresAt: Date.UTC(2027, 0, 1),
    ...more,
  }
}

export const ann = sessionOf('u1', { sub: 'u1', email: 'ann@acme.test', groups: ['dev', 'ops'] })
export const bob = sessionOf('v1', { sub: 'v1', email: 'bob@other.test', groups: ['ops'] })

export function factsOf(more: Partial<Facts> = {}): Facts {
  return {
    method: 'GET',
    path: '/',
    host: 'app.test',
    headers: [],
    query: '',
    clientAddress: '203.0.113.10',
    session: undefined,
    clientCertificate: undefined,
    now: Date.UTC(2026, 0, 1, 12),
    ...more,
  }
}
