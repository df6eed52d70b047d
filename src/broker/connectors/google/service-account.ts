/** Access tokens of a Google service account that acts for an administrator (RFC 7523: JWT bearer). */
import { pemJwtKey } from '../../../crypto/pem-jwt-key.ts'
import { type JwtKey, signJwt } from '../../../crypto/sign-jwt.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { ConnectorTools } from '../connector.ts'
import type { UpstreamHttp } from '../upstream-http.ts'

export interface ServiceAccountOptions {
  readonly path: string
  readonly tools: ConnectorTools
  readonly http: () => Promise<UpstreamHttp>
}

interface Account {
  readonly email: string
  readonly key: JwtKey
  readonly tokenUrl: string
}

interface Kept {
  readonly token: string
  readonly until: number
}

const scope = 'https://www.googleapis.com/auth/admin.directory.group.readonly'
const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
/** Seconds. */
const lifetime = 3600
/** Milliseconds before its end at which a token is not used any more. */
const margin = 60_000

export class ServiceAccount {
  readonly #options: ServiceAccountOptions
  /** One for each administrator of the settings. */
  readonly #kept = new Map<string, Kept>()
  readonly #asking = new Map<string, Promise<string>>()

  constructor(options: ServiceAccountOptions) {
    this.#options = options
  }

  /** @throws ProxyError CONNECTOR_MISCONFIGURED, CONNECTOR_UNREACHABLE, CONNECTOR_ANSWER_INVALID */
  async tokenFor(admin: string, signal: AbortSignal): Promise<string> {
    const kept = this.#kept.get(admin)
    if (kept && kept.until - margin > this.#options.tools.now()) return kept.token
    signal.throwIfAborted()
    const asking = this.#asking.get(admin) ?? this.#ask(admin).finally(() => this.#asking.delete(admin))
    this.#asking.set(admin, asking)
    return asking
  }

  async #ask(admin: string): Promise<string> {
    const { http, tools } = this.#options
    const { email, key, tokenUrl } = await this.#read()
    const now = Math.floor(tools.now() / 1000)
    const claims = { iss: email, sub: admin, scope, aud: tokenUrl, iat: now, exp: now + lifetime }
    const body = new URLSearchParams({ grant_type: grantType, assertion: signJwt(claims, key, 'JWT') })
    const { status, text } = await (await http()).request(tokenUrl, { method: 'POST', body })
    if (status >= 500 || status === 429) throw this.#failure('CONNECTOR_UNREACHABLE', `status ${status}`)
    const { access_token: token, expires_in: seconds, error } = objectIn(text)
    if (status !== 200 && typeof error === 'string')
      throw this.#failure('CONNECTOR_MISCONFIGURED', `${status} ${error.replace(/[^\w-]/g, '?').slice(0, 60)}`)
    if (status !== 200 || typeof token !== 'string' || token === '')
      throw this.#failure('CONNECTOR_ANSWER_INVALID', `no token, status ${status}`)
    const until = tools.now() + 1000 * Math.min(lifetime, typeof seconds === 'number' ? seconds : 0)
    this.#kept.set(admin, { token, until })
    return token
  }

  /** Read anew for each token, so that a new file is taken up within the hour. */
  async #read(): Promise<Account> {
    const { path, tools } = this.#options
    try {
      const file = objectIn(await tools.readFile(path))
      const { client_email: email, private_key: pem, private_key_id: kid, token_uri: tokenUrl } = file
      if (typeof email !== 'string' || typeof pem !== 'string' || typeof tokenUrl !== 'string' || !isAddress(tokenUrl))
        throw new TypeError('it is no key file of a service account')
      return { email, key: pemJwtKey(pem, typeof kid === 'string' ? kid : ''), tokenUrl }
    } catch (error) {
      // Causes of a key that cannot be read may hold pieces of it.
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      const reason = /^E[A-Z]+$/.test(code) ? code : 'not as it must be'
      throw new ProxyError(
        'CONNECTOR_MISCONFIGURED',
        `cannot read serviceAccountFilePath of connector ${tools.id}: ${reason}`,
      )
    }
  }

  #failure(code: 'CONNECTOR_UNREACHABLE' | 'CONNECTOR_MISCONFIGURED' | 'CONNECTOR_ANSWER_INVALID', found: string) {
    const message = `cannot act as the administrator of connector ${this.#options.tools.id}: got ${found}`
    return new ProxyError(code, message, code === 'CONNECTOR_UNREACHABLE' ? { headers: ['retry-after', '5'] } : {})
  }
}

/** An object without members where the text is none. */
export function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {}
  } catch {
    return {}
  }
}

function isAddress(text: string): boolean {
  return URL.canParse(text) && ['https:', 'http:'].includes(new URL(text).protocol)
}
