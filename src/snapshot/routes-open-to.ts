/** Which routes somebody could use: for trying a connector before anybody signs in with it. */
import type { Visit } from '../listener/visit.ts'
import { makeSession } from '../session/payload.ts'
import type { CompiledRoute } from './compile-route.ts'

/** Somebody as their token would describe them. */
export interface Person {
  readonly subject: string
  readonly claims: Readonly<Record<string, unknown>>
}

export interface RouteVerdict {
  readonly route: string
  readonly isOpen: boolean
  /** The reasons of the decision, one clause. */
  readonly why: string
}

/** Decides a GET at the beginning of each route; what a policy asks of time, address or method holds for that alone. */
export function routesOpenTo(
  routes: readonly CompiledRoute[],
  { person, now }: { readonly person: Person; readonly now: number },
): readonly RouteVerdict[] {
  const session = makeSession({
    id: 'trial',
    userId: person.subject,
    claims: { ...person.claims, sub: person.subject },
    issuedAt: now,
    expiresAt: now + 60_000,
  })
  return routes.map((route) => {
    const decision = route.decide(visitOf(route), session, now)
    const isOpen = decision.kind === 'allow'
    if (decision.kind === 'sign-in') return { route: route.name, isOpen, why: 'a new sign-in is asked for' }
    const { allow, deny } = decision
    return { route: route.name, isOpen, why: (deny.value ? deny.reasons : allow.reasons).join(', ') }
  })
}

function visitOf({ settings }: CompiledRoute): Visit {
  const { protocol, host, hostname, port } = new URL(settings.from.replaceAll('*', 'any'))
  return {
    ...{ id: 'trial', method: 'GET', scheme: protocol === 'http:' ? 'http' : 'https', host: hostname, port },
    ...{ authority: host, path: settings.path ?? settings.prefix ?? '/', query: '', headers: ['host', host] },
    ...{ clientAddress: '127.0.0.1', peerAddress: '127.0.0.1', forwardedFor: '', httpVersion: '1.1' },
    ...{ upgrade: undefined, hasBody: false, receivedAt: 0 },
  }
}
