/** A discovery document to the metadata that the conversation goes by; what is not as it must be is told, not used. */
import type { ServerMetadata } from 'openid-client'
import type { ProxyError } from '../../../errors/proxy-error.ts'

export interface MetadataOptions {
  /** Where the document comes from. */
  readonly url: string
  readonly issuer: string
  readonly issuerAlias: string
  readonly overrides: Readonly<Record<string, string>>
  readonly misconfigured: (found: string) => ProxyError
}

const required = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const
const optional = ['userinfo_endpoint', 'introspection_endpoint'] as const
const lists = [
  'token_endpoint_auth_methods_supported',
  'introspection_endpoint_auth_methods_supported',
  'code_challenge_methods_supported',
  'scopes_supported',
] as const

/**
 * Signatures that a published key can check. `none` and those with a shared secret are left out whatever the source
 * offers: with them a public key or nobody at all would sign (RFC 8725 §2.1).
 */
const signatures: ReadonlySet<string> = new Set([
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
])

/** @throws whatever `misconfigured` makes */
export function readMetadata(text: string, options: MetadataOptions): ServerMetadata {
  const { url, issuer, issuerAlias, overrides, misconfigured } = options
  const document = parse(text)
  if (!document) throw misconfigured(`${url} is no JSON object`)
  const told = document['issuer']
  if (issuerAlias === '' && told !== issuer)
    throw misconfigured(
      `it must be the one that ${url} names, byte for byte: configured "${issuer}", got ${typeof told === 'string' ? `"${told.slice(0, 300)}"` : 'none'}`,
    )
  const endpoints: Record<string, string> = {}
  for (const name of [...required, ...optional]) {
    const override = overrides[name] ?? ''
    const value = override || document[name]
    if (value === undefined) continue
    // Plain http where the issuer or the endpoint itself is configured so, and nowhere else.
    const allowsPlain = new URL(issuer).protocol === 'http:' || override !== ''
    if (!isEndpoint(value, allowsPlain))
      throw misconfigured(`${name} is no ${allowsPlain ? 'http(s)' : 'https'} address`)
    endpoints[name] = value
  }
  const missing = required.find((name) => endpoints[name] === undefined)
  if (missing) throw misconfigured(`${url} has no ${missing}`)
  return {
    issuer: issuerAlias || issuer,
    ...endpoints,
    ...Object.fromEntries(lists.flatMap((name) => (isTexts(document[name]) ? [[name, document[name]]] : []))),
    id_token_signing_alg_values_supported: signaturesOf(document['id_token_signing_alg_values_supported']),
    authorization_response_iss_parameter_supported: document['authorization_response_iss_parameter_supported'] === true,
  }
}

function signaturesOf(value: unknown): string[] {
  const usable = isTexts(value) ? value.filter((name) => signatures.has(name)) : []
  // Every source has to be able to sign with it (OpenID Connect Discovery §3).
  return usable.length > 0 ? usable : ['RS256']
}

function isEndpoint(value: unknown, allowsPlain: boolean): value is string {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const { protocol } = new URL(value)
  return protocol === 'https:' || (protocol === 'http:' && allowsPlain)
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
