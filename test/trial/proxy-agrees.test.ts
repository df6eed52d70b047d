import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { answerBatch } from '#src/cli/explain/batch.ts'
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
import { openKept } from '#src/snapshot/kept.ts'
import { decidingReasons, openTrial, type Trial } from '#src/trial/trial.ts'
import { type Asked, questionsOf, recordFiles, routesOf, topOf } from './random-worlds.ts'
import { worldOf } from './settings-of.ts'

interface Answer {
  readonly route: string | null
  readonly decision: string
  readonly reasons: readonly string[]
}

const kept = openKept()
after(() => kept.sink.close())

/** The road of a request through the proxy up to the decision: the listener's admission, a sealed cookie, the snapshot. */
class Live {
  readonly #snapshot: ServedSnapshot
  readonly #admission: AdmitOptions
  readonly #cookies: SessionCookies

  constructor(settings: Settings, trial: Trial) {
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
      neededClaims: new Set(trial.routes.flatMap(({ policy }) => [...policy.needs.claims])),
      revoked: new RevokedSessions(),
    })
  }

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
      { id: 'id', now },
    )
    if (admission.kind === 'refusal') return { route: null, decision: 'refused', reasons: [] }
    const { visit } = admission
    if (this.#snapshot.findEndpoint(visit)) return { route: null, decision: 'own-page', reasons: [] }
    const route = this.#snapshot.findRoute(visit)
    if (!route) return { route: null, decision: 'no-route', reasons: [] }
    const session = await this.#snapshot.openSession(visit, now)
    assert.equal(session !== undefined, asked.who !== undefined, 'the session of the cookie')
    const decision = route.decide(visit, session, now)
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

/** The same question as somebody who writes a batch puts it. */
function questionOf({ method, authority, target, headers, address, now, who }: Asked): string {
  const fields: Record<string, string[]> = {}
  for (const [name, value] of headers) fields[name] = [...(fields[name] ?? []), value]
  const { email, groups, ...claims } = who?.claims ?? {}
  const texts = Array.isArray(groups) && groups.every((group) => typeof group === 'string')
  return JSON.stringify({
    who: who
      ? {
          ...(typeof email === 'string' ? { email } : {}),
          ...(texts ? { groups } : {}),
          claims: texts ? claims : { ...claims, ...(groups === undefined ? {} : { groups }) },
          signed_in_at: new Date(who.signedInAt).toISOString(),
        }
      : 'nobody',
    method,
    url: `https://${authority}${target}`,
    headers: fields,
    address,
    time: new Date(now).toISOString(),
  })
}

async function offline(trial: Trial, asked: readonly Asked[]): Promise<readonly Answer[]> {
  const lines = asked.map(questionOf).join('\n')
  const printed: string[] = []
  const io = { out: (text: string) => void printed.push(text) }
  const input = (async function* () {
    yield lines
  })()
  assert.equal(await answerBatch(input, { trial, now: 0, io }), 0, printed.join(''))
  return printed.map((line) => JSON.parse(line) as Answer)
}

/** AGREE_RUNS=5000 for the long run. */
const numRuns = Number(process.env['AGREE_RUNS'] ?? 150)

test('the running snapshot and `explain --batch` come to the same route, decision and reasons, whatever is asked', async () => {
  const seen = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(routesOf, topOf, questionsOf, async (routes, top, asked) => {
      const settings = await worldOf({ ...top, routes }, recordFiles)
      const trial = openTrial(settings)
      const live = new Live(settings, trial)
      try {
        const told = await offline(trial, asked)
        for (const [index, one] of asked.entries()) {
          const answer = await live.answer(one)
          const other = told[index]
          seen.set(answer.decision, (seen.get(answer.decision) ?? 0) + 1)
          const expected = answer.decision === 'refused' ? { ...answer, reasons: other?.reasons } : answer
          assert.deepEqual(other, expected, questionOf(one))
        }
      } finally {
        live.retire()
      }
    }),
    { numRuns },
  )
  for (const kind of ['allow', 'deny', 'sign-in', 'no-route', 'own-page', 'refused'])
    assert.ok((seen.get(kind) ?? 0) > 0, `nothing was ${kind}: ${JSON.stringify([...seen])}`)
})
