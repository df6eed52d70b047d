/** What tests of redirect connectors share: tools, settings by their declarations, and somebody's way through a sign-in. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import type { z } from 'zod'
import type {
  ConnectorTools,
  RedirectConnector,
  UpstreamIdentity,
  WantedScopes,
} from '#src/broker/connectors/connector.ts'
import { ProxyError } from '#src/errors/proxy-error.ts'

export const callbackUrl = 'https://dex.corp.test/dex/callback'

export interface TestTools extends ConnectorTools {
  readonly warnings: string[]
}

export function testTools(change: Partial<ConnectorTools> = {}): TestTools {
  const warnings: string[] = []
  return {
    id: 'up',
    callbackUrl,
    readFile: (path) => readFile(path, 'utf8'),
    now: () => Date.now(),
    warn: (message) => void warnings.push(message),
    ...change,
    warnings,
  }
}

/** Settings as a file would give them; what is wrong with them fails the test. */
export function settingsOf<T>(schema: z.ZodType<T>, raw: Record<string, unknown>): T {
  return schema.parse(raw)
}

export const anyScopes: WantedScopes = { groups: true, offlineAccess: false }
export const offline: WantedScopes = { groups: true, offlineAccess: true }
export const noHurry = () => AbortSignal.timeout(20_000)

export interface Visit {
  readonly url: URL
  readonly secrets: string
  readonly state: string
  readonly scopes: WantedScopes
}

export async function begin(
  connector: RedirectConnector,
  { scopes = anyScopes, parameters = {} }: { scopes?: WantedScopes; parameters?: Record<string, string> | string } = {},
): Promise<Visit> {
  const state = `state-${Math.random()}`
  const { send, secrets } = await connector.start({
    state,
    scopes,
    parameters: new URLSearchParams(parameters),
    signal: noHurry(),
  })
  assert.equal(send.by, 'redirect')
  assert.ok(secrets.length < 4096)
  return { url: new URL(send.by === 'redirect' ? send.url : ''), secrets, state, scopes }
}

export function end(connector: RedirectConnector, visit: Visit, answer: URLSearchParams): Promise<UpstreamIdentity> {
  const { state, secrets, scopes } = visit
  return connector.finish({ answer, by: 'GET', state, secrets, scopes, signal: noHurry() })
}

/** The row and message of what is thrown; an identity instead fails the test. */
export async function refusal(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error: unknown = await promise.then(
    (value) => assert.fail(`it was let in: ${JSON.stringify(value)}`),
    (cause: unknown) => cause,
  )
  assert.ok(error instanceof ProxyError, `not a row of the catalogue: ${error}`)
  return { code: error.code, message: error.message }
}
