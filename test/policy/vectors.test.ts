import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { clientCertificateOf } from '#src/policy/client-certificate.ts'
import { checkAccess, compilePolicy } from '#src/policy/compile-policy.ts'
import type { Decision } from '#src/policy/decision.ts'
import type { Facts } from '#src/policy/facts.ts'
import type { AccessFields } from '#src/policy/short-hands.ts'
import type { Session } from '#src/session/session.ts'
import { factsOf, flatten, sessionOf } from '#test/policy/session-of.ts'
import { differingIds, readVectors } from '#test/vectors/read-vectors.ts'

interface Expectation {
  readonly accepted?: boolean
  readonly allow?: boolean
  readonly allow_reasons?: readonly string[]
  readonly deny?: boolean
  readonly deny_reasons?: readonly string[]
  readonly answer?: string
  readonly status?: number
}

interface SignedIn {
  readonly user_id: string
  readonly claims: Record<string, unknown>
  readonly session_claims?: Record<string, unknown>
  readonly user_claims?: Record<string, unknown>
  readonly no_user_record?: boolean
  readonly expired?: boolean
}

interface DecisionVector {
  readonly id: string
  readonly route: AccessFields & { readonly mcp?: unknown; readonly tls_downstream_client_ca?: unknown }
  readonly config?: { readonly downstream_mtls?: { readonly enforcement?: string } }
  readonly request: {
    readonly method?: string
    readonly path?: string
    readonly headers?: Record<string, string>
    readonly ip?: string
    readonly client_certificate?: string | null
  }
  readonly signed_in: SignedIn | null
  readonly expect: Expectation
}

interface ErrorVector {
  readonly id: string
  readonly route?: AccessFields
  readonly policy_yaml?: string
  readonly expect: { readonly accepted: boolean }
}

const certificates: Record<string, { pem: string }> = JSON.parse(
  readFileSync(new URL('../vectors/pomerium/certificates.json', import.meta.url), 'utf8'),
)

test('every decision vector gives its decision, its reasons and its answer, but for the listed differences', () => {
  const differing = differingIds('policy')
  const skipped = { device: 0, mcp: 0 }
  const wrong: string[] = []
  let same = 0
  for (const vector of readVectors<DecisionVector>('pomerium/ppl-decisions.jsonl')) {
    const unsupported = unsupportedOption(vector)
    if (unsupported) {
      skipped[unsupported]++
      continue
    }
    const problem = disagreement(vector)
    if (differing.has(vector.id) && problem === undefined) wrong.push(`${vector.id}: is listed, but does not differ`)
    else if (!differing.has(vector.id) && problem !== undefined) wrong.push(`${vector.id}: ${problem}`)
    else same++
  }
  assert.deepEqual(wrong.slice(0, Number(process.env['SHOW'] ?? 40)), [], `${wrong.length} vectors`)
  assert.deepEqual(skipped, { device: 163, mcp: 22 })
  assert.ok(same > 3400)
})

test('every error vector is accepted or refused as it should be, but for the listed differences', () => {
  const differing = differingIds('policy')
  const wrong: string[] = []
  let skipped = 0
  const vectors = readVectors<ErrorVector>('pomerium/ppl-errors.jsonl')
  for (const { id, route, policy_yaml, expect } of vectors) {
    if (expect.accepted && /"(device|mcp_tool|ssh_\w+)"/.test(JSON.stringify(route ?? ''))) {
      skipped++
      continue
    }
    const accepted = isAccepted(route, policy_yaml)
    if ((accepted === expect.accepted) === differing.has(id)) wrong.push(`${id}: accepted is ${accepted}`)
  }
  assert.deepEqual(wrong, [])
  assert.equal(vectors.length, 174)
  assert.equal(skipped, 9)
})

function isAccepted(route: AccessFields | undefined, yaml: string | undefined): boolean {
  if (yaml === undefined) return checkAccess(route ?? {}).length === 0
  try {
    return checkAccess({ policy: parse(yaml, { logLevel: 'error' }) }).length === 0
  } catch {
    // What the YAML reader refuses is refused.
    return false
  }
}

function unsupportedOption({ route }: DecisionVector): 'device' | 'mcp' | undefined {
  const text = JSON.stringify(route)
  if (/"mcp"|"mcp_tool"/i.test(text)) return 'mcp'
  return /"device"/i.test(text) ? 'device' : undefined
}

function disagreement(vector: DecisionVector): string | undefined {
  const { route, config, expect } = vector
  const authority = config?.downstream_mtls !== undefined || route.tls_downstream_client_ca !== undefined
  const options = {
    clientAuthority: authority,
    denyInvalidCertificate: authority && config?.downstream_mtls?.enforcement !== 'policy',
  }
  if (checkAccess(route, options).length > 0) return expect.accepted === false ? undefined : 'is refused'
  if (expect.accepted === false) return 'is accepted'
  const decision = compilePolicy(route, options).decide(factsFor(vector))
  const got = {
    allow: decision.allow.value,
    allow_reasons: [...decision.allow.reasons].sort(),
    deny: decision.deny.value,
    deny_reasons: [...decision.deny.reasons].sort(),
    answer: answerOf(decision),
  }
  const wanted = {
    allow: expect.allow,
    allow_reasons: [...(expect.allow_reasons ?? [])].sort(),
    deny: expect.deny,
    deny_reasons: [...(expect.deny_reasons ?? [])].sort(),
    answer: wantedAnswer(vector),
  }
  const [gotText, wantedText] = [JSON.stringify(got), JSON.stringify(wanted)]
  return gotText === wantedText ? undefined : `got ${gotText}, wanted ${wantedText}`
}

function answerOf(decision: Decision): string {
  return decision.kind === 'deny' && decision.answer ? `deny ${decision.answer}` : decision.kind
}

/** 401 is the sign-in of programs that are no browser, the disallow-all text is a denied /robots.txt: both are respond's. */
function wantedAnswer({ expect: { answer, status, allow_reasons = [], deny_reasons = [] } }: DecisionVector): string {
  if (answer === 'forward') return 'allow'
  if (answer === 'login' || status === 401) return 'sign-in'
  if (answer === 'robots') {
    return [...allow_reasons, ...deny_reasons].includes('user-unauthenticated') ? 'sign-in' : 'deny'
  }
  return status === 495 ? 'deny client-certificate' : 'deny'
}

const notTrusted = new Set(['stranger', 'expired', 'deep', 'serveronly'])

function factsFor({ config, route, request, signed_in, expect }: DecisionVector): Facts {
  const [path = '/', query] = (request.path ?? '/').split('?')
  const name = request.client_certificate
  const pem = name ? certificates[name]?.pem : undefined
  // The chain is the listener's to judge; the vector tells what was found by its reasons, or else by whom it names.
  const reasons = [...(expect.allow_reasons ?? []), ...(expect.deny_reasons ?? [])]
  const told = reasons.find(
    (reason) => reason === 'invalid-client-certificate' || reason === 'valid-client-certificate',
  )
  const authority = config?.downstream_mtls !== undefined || route.tls_downstream_client_ca !== undefined
  const valid = told ? told === 'valid-client-certificate' : !authority || !notTrusted.has(name ?? '')
  return factsOf({
    method: request.method ?? 'GET',
    path,
    query: query === undefined ? '' : `?${query}`,
    headers: Object.entries(request.headers ?? {}).flatMap(([key, value]) => [key.toLowerCase(), value]),
    clientAddress: request.ip ?? '203.0.113.10',
    session: signed_in && !signed_in.expired ? sessionFor(signed_in) : undefined,
    clientCertificate: pem ? clientCertificateOf(new X509Certificate(pem), valid) : undefined,
  })
}

/** One record of claims stands where the vectors know a session's and a user's: the user's are laid over. */
function sessionFor({ user_id, claims, session_claims, user_claims, no_user_record }: SignedIn): Session {
  const ofSession = { ...claims, ...session_claims }
  const ofUser = no_user_record ? {} : { ...claims, ...user_claims }
  const email = 'email' in ofUser ? String(ofUser['email']) : ''
  const flatClaims = new Map([...flatten(ofSession), ...flatten(ofUser)])
  return sessionOf(user_id, ofSession, { email, flatClaims })
}
