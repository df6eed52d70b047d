/** One sign-in by way of SAML, step by step: what the tests of the connector share. */

import type { RedirectConnector, UpstreamIdentity } from '#src/broker/connectors/connector.ts'
import { openSamlConnector } from '#src/broker/connectors/saml.ts'
import { type SamlSettings, samlSettings } from '#src/config/dex/connectors/saml.ts'
import {
  makeSamlKeys,
  readAuthnRequest,
  type SamlIdp,
  type SamlKeys,
  type Saying,
  samlIdp,
} from '#test/actors/saml-idp.ts'

export const CALLBACK = 'https://broker.corp.test/callback'
export const ENTITY = 'https://idp.corp.test/metadata'
const STATE = 'state-of-the-broker'

let made: Promise<SamlKeys> | undefined

/** The same keys for all tests of a process: RSA keys take their time. */
export function sharedKeys(): Promise<SamlKeys> {
  made ??= makeSamlKeys()
  return made
}

/** Settings as a file would have them. */
export function settingsOf(raw: Readonly<Record<string, unknown>>, pem: string): SamlSettings {
  return samlSettings.parse({
    ssoURL: 'https://idp.corp.test/sso',
    redirectURI: CALLBACK,
    usernameAttr: 'name',
    emailAttr: 'email',
    groupsAttr: 'groups',
    ...(raw['ca'] === undefined && { caData: Buffer.from(pem).toString('base64') }),
    ...raw,
  })
}

export interface SamlCase {
  readonly idp: SamlIdp
  readonly connector: RedirectConnector
  readonly warnings: readonly string[]
  /** Moves the connector's clock. */
  shift(milliseconds: number): void
  /** Begins a sign-in; what the provider would say to it, and how its answer ends. */
  begin(): Promise<Attempt>
}

export interface Attempt {
  readonly request: string
  readonly secrets: string
  readonly saying: Saying
  finish(xml: string, groups?: boolean): Promise<UpstreamIdentity>
  finishRaw(answer: URLSearchParams, by?: 'GET' | 'POST'): Promise<UpstreamIdentity>
}

export function encoded(xml: string): string {
  return Buffer.from(xml).toString('base64')
}

export async function samlCase(
  raw: Readonly<Record<string, unknown>> = {},
  { id = 'saml', pem, files = {} }: { id?: string; pem?: string; files?: Readonly<Record<string, string>> } = {},
): Promise<SamlCase> {
  const keys = await sharedKeys()
  const idp = samlIdp({ keys, entity: ENTITY })
  const settings = settingsOf(raw, pem ?? keys.certificate)
  const warnings: string[] = []
  let shifted = 0
  const connector = openSamlConnector(settings, {
    id,
    callbackUrl: CALLBACK,
    readFile: async (path) =>
      files[path] ?? Promise.reject(Object.assign(new Error('no such file'), { code: 'ENOENT' })),
    now: () => Date.now() + shifted,
    warn: (message) => void warnings.push(message),
  })
  return {
    idp,
    connector,
    warnings,
    shift: (milliseconds) => {
      shifted += milliseconds
    },
    async begin() {
      const signal = AbortSignal.timeout(10_000)
      const scopes = { groups: true, offlineAccess: false }
      const { send, secrets } = await connector.start({
        state: STATE,
        scopes,
        parameters: new URLSearchParams(),
        signal,
      })
      const fields = send.by === 'post' ? send.fields : {}
      const request = readAuthnRequest(fields['SAMLRequest'] ?? '').attribute('ID') ?? ''
      const finishRaw: Attempt['finishRaw'] = (answer, by = 'POST') =>
        connector.finish({ answer, by, state: STATE, secrets, scopes, signal })
      return {
        request,
        secrets,
        saying: idp.saying({ request, callback: CALLBACK, audience: settings.entityIssuer || CALLBACK }),
        finishRaw,
        finish: (xml, groups = true) =>
          connector.finish({
            answer: new URLSearchParams({ SAMLResponse: encoded(xml), RelayState: STATE }),
            by: 'POST',
            state: STATE,
            secrets,
            scopes: { groups, offlineAccess: false },
            signal,
          }),
      }
    },
  }
}

export function answerOf(xml: string, state = STATE): URLSearchParams {
  return new URLSearchParams({ SAMLResponse: encoded(xml), RelayState: state })
}
