/** What no log line may hold, by name and by look. A net under the rule that nobody hands secrets to the log. */

export const redacted = '[redacted]'

const secretHeaders = new Set(['cookie', 'set-cookie', 'authorization', 'proxy-authorization', 'sec-websocket-key'])
const secretHeaderWords = /token|secret|password|passwd|assertion|jwt|api-?key|credential|session/

/** True for header fields (lower case) whose value is a credential, or may be; all of our own family are. */
export function isSecretHeader(name: string): boolean {
  return secretHeaders.has(name) || name.startsWith('x-pomerium-') || secretHeaderWords.test(name)
}

/** Parameters of our own endpoints that tell an operator something and let nobody in. */
const harmless = new Set(['error', 'pomerium_issued', 'pomerium_expiry', 'pomerium_idp_id'])
const secretParameters = /^pomerium_|token|secret|password|jwt|assertion|signature/i
/** What other sign-ins carry in queries: an application's own with its provider, or ours seen in a Referer. */
const signInParameters = /^(?:code|state|session_state|ticket|sig|samlresponse|code_verifier)$/i

/** True for parameters of a query, and for claims, whose value may let somebody in. */
export function isSecretName(name: string): boolean {
  return secretParameters.test(name)
}

/** A parameter without a value that is longer than this is none of ours. */
const longestWord = 24

/** Paths that we answer ourselves; sign-in hands codes and sealed sessions over their queries. */
function isOwnPath(path: string): boolean {
  return path.startsWith('/.pomerium') || path.startsWith('/oauth2/') || path.startsWith('/.well-known/pomerium')
}

/** A query (`?…` or '') with the values that may let somebody in left out; on our own paths every value but a few. */
export function redactQuery(path: string, query: string): string {
  if (query.length < 2) return query
  const own = isOwnPath(path)
  return query.replace(/([?&;])([^=&;]*)(=[^&;]*)?/g, (pair, sign: string, name: string, value?: string) => {
    // Without `=` it is no parameter, and may still be a seal whose `=` was lost on the way.
    if (value === undefined) return own && name.length > longestWord ? sign + redacted : pair
    const plainName = decoded(name)
    const isSecret = own || secretParameters.test(plainName) || signInParameters.test(plainName)
    const keeps = harmless.has(plainName) || !isSecret
    return keeps ? pair : `${sign}${name}=${redacted}`
  })
}

/** A URL (a Referer) with its query redacted, and without user name and password. */
export function redactUrl(url: string): string {
  const at = url.indexOf('?')
  const front = (at < 0 ? url : url.slice(0, at)).replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, `$1${redacted}@`)
  if (at < 0) return front
  const path = /^[a-z][a-z0-9+.-]*:\/\/[^/]*(.*)$/i.exec(front)?.[1] ?? front
  return front + redactQuery(path, url.slice(at))
}

/** Tokens and seals by their look: a JWT (three base64url parts), an iron seal, a bearer or basic credential. */
const looks =
  /eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|Fe26\.2\*[^\s"';,]+|\b(?:Bearer|Basic|Pomerium)\s+[\w.~+/=-]{8,}|\b(?:code|state|client_secret|access_token|refresh_token|id_token|code_verifier|pomerium_\w+)=[^&\s"']+/gi

/** Free text (an error's message or stack) with everything that looks like a credential left out. */
export function scrub(text: string): string {
  return text.replace(looks, redacted)
}

/** Property paths that pino blanks wherever an event carries them. */
export const redactedPaths: readonly string[] = [
  'cookie',
  'cookies',
  'authorization',
  'password',
  'secret',
  'token',
  'authorization_code',
  'state',
  'access_token',
  'refresh_token',
  'id_token',
  'client_secret',
  'idp_client_secret',
  'cookie_secret',
  'shared_secret',
  'signing_key',
  'code_verifier',
].flatMap((name) => [name, `*.${name}`, `*.*.${name}`])

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
