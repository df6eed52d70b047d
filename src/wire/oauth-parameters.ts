/** Parameters of an authorization request that belong to the client alone: no link from outside may set them. */

/** RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 9101 §5, RFC 9207 §2, OpenID Connect Core §3.1.2.1. */
const names: ReadonlySet<string> = new Set([
  ...['client_id', 'client_secret', 'client_assertion', 'client_assertion_type', 'response_type', 'response_mode'],
  ...['redirect_uri', 'scope', 'state', 'nonce', 'code_challenge', 'code_challenge_method', 'code', 'iss', 'error'],
  ...['request', 'request_uri', 'registration', 'claims', 'id_token_hint', 'dpop_jkt', 'authorization_details'],
])

/** True for names that are compared without case by somebody, too. */
export function isProtocolParameter(name: string): boolean {
  return names.has(name.trim().toLowerCase())
}
