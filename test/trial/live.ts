/** The road of a request through the proxy up to the decision, without sockets: admission, a sealed cookie, the snapshot. */
import assert from 'node:assert/strict'
import type { Settings } from '#src/config/schema.ts'
import { keyRing } from '#src/crypto/key-ring.ts'
import { sealer } from '#src/crypto/seal.ts'
import { mergeClaims, userIdOf } from '#src/identity/identity-claims.ts'
import type { AdmitOptions } from '#src/listener/admission.ts'
import { admit } from '#src/listener/admit.ts'
import { makeSession } from '#src/session/payload.ts'
import { RevokedSessions } from '#src/session/revoked-sessions.ts'
import { SessionCookies } from '#src/session/session-cookies.ts'
import { compileSnapshot, type ServedSnapshot } from '#src/snapshot/compile.ts'
import type { Kept } from '#src/snapshot/kept.ts'
import { decidingReasons, openTrial } from '#src/trial/trial.ts'
import type { Asked } from './random-worlds.ts'

export interface Answer {
  readonly route: string | null
  readonly decision: string
  readonly reasons: readonly string[]
}

export class Live {
  readonly #snapshot: ServedSnapshot
  readonly #admission: AdmitOptions
  readonly #cookies: SessionCookies
  #count = 0

  constructor(settings: Settings, kept: Kept) {
    this.#snapshot = compileSnapshot(settings, kept)
    this.#admission = {
      normalizePath: settings.normalize_path,
      mergeSlashes: settings.merge_slashes,
      escapedSlashes: settings.path_with_escaped_slashes_action,
      underscores: settings.headers_with_underscores_action,
      trustedHops: 0,
      skipXffAppend: false,
      maximumHeaders: 100,
    }
    this.#cookies = new SessionCookies({
      sealer: sealer(keyRing([settings.shared_secret], 'shared_secret')),
      cookies: { cookieName: settings.cookie_name, httpOnly: true },
      neededClaims: new Set(openTrial(settings).routes.flatMap(({ policy }) => [...policy.needs.claims])),
      revoked: new RevokedSessions(),
    })
  }

  /** What is decided, and written down as the proxy does. */
  async answer(asked: Asked): Promise<Answer> {
    const { method, authority, target, address, now } = asked
    const sent = ['Host', authority, ...asked.headers.flat(), ...(await this.#cookie(asked))]
    const admission = admit(
      {
        protocol: 'http1',
        method,
        target,
        version: '1.1',
        rawHeaders: sent,
        peerAddress: address,
        secure: true,
        ended: true,
      },
      this.#admission,
      { id: `request-${this.#count++}`, now },
    )
    if (admission.kind === 'refusal') return { route: null, decision: 'refused', reasons: [] }
    const { visit } = admission
    if (this.#snapshot.findEndpoint(visit)) return { route: null, decision: 'own-page', reasons: [] }
    const route = this.#snapshot.findRoute(visit)
    if (!route) return { route: null, decision: 'no-route', reasons: [] }
    const session = await this.#snapshot.openSession(visit, now)
    assert.equal(session !== undefined, asked.who !== undefined, 'the session of the cookie')
    const decision = route.decide(visit, session, now)
    this.#snapshot.logAuthorize(visit, { route, session, decision, now })
    return { route: route.name, decision: decision.kind, reasons: decidingReasons(decision) }
  }

  async #cookie({ who, authority, now }: Asked): Promise<readonly string[]> {
    if (!who) return []
    const claims = mergeClaims(who.claims, undefined)
    const userId = userIdOf(claims, 'sub')
    const session = makeSession({ id: 's', userId, claims, issuedAt: who.signedInAt, expiresAt: now + 60_000 })
    const host = authority.toLowerCase().replace(/:\d+$/, '')
    // Whether the public address is plain http decides which of the two is read.
    const lists = await Promise.all(
      (['https', 'http'] as const).map((scheme) =>
        this.#cookies.print(session, { kind: 'session', scheme, host }, { now, headers: [] }),
      ),
    )
    const pairs = lists.flat().flatMap((line, index) => (index % 2 === 1 ? [line.split(';', 1)[0]] : []))
    return ['Cookie', pairs.join('; ')]
  }

  retire(): void {
    this.#snapshot.retire()
  }
}
