/** The page about the user of an OAuth 2.0 source: read with the access token, and mapped to an identity. */
import type { OauthSettings } from '../../../config/dex/connectors/oauth.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { UpstreamIdentity } from '../connector.ts'
import type { UpstreamHttp } from '../upstream-http.ts'

export type UserPage = Readonly<Record<string, unknown>>

/** @throws ProxyError CONNECTOR_UNREACHABLE, CONNECTOR_ANSWER_INVALID */
export async function readUserPage(
  url: string,
  options: { readonly http: UpstreamHttp; readonly accessToken: string; readonly signal: AbortSignal },
): Promise<UserPage> {
  const { status, text } = await options.http.request(url, {
    headers: { authorization: `Bearer ${options.accessToken}`, accept: 'application/json' },
    signal: options.signal,
  })
  const message = `cannot read userInfoURL: got status ${status}`
  if (status >= 500 || status === 429)
    throw new ProxyError('CONNECTOR_UNREACHABLE', message, { headers: ['retry-after', '5'] })
  if (status !== 200) throw new ProxyError('CONNECTOR_ANSWER_INVALID', message)
  try {
    const page: unknown = JSON.parse(text)
    if (typeof page === 'object' && page !== null && !Array.isArray(page)) return page as UserPage
  } catch {
    // Told below.
  }
  throw new ProxyError('CONNECTOR_ANSWER_INVALID', 'cannot read userInfoURL: got no JSON object')
}

/** @throws ProxyError ACCOUNT_INCOMPLETE */
export function identityOfPage(
  page: UserPage,
  { userIDKey, claimMapping }: Pick<OauthSettings, 'userIDKey' | 'claimMapping'>,
): UpstreamIdentity {
  const text = (key: string) => (typeof page[key] === 'string' ? page[key] : '')
  const email = text(claimMapping.emailKey)
  // A blank or line break would be read differently by whoever compares addresses.
  if (/[\s\p{C}]/u.test(email)) throw incomplete(claimMapping.emailKey)
  return {
    userId: idOf(page[userIDKey], userIDKey),
    name: text(claimMapping.userNameKey),
    preferredUsername: text(claimMapping.preferredUsernameKey),
    email,
    emailVerified: email !== '' && page[claimMapping.emailVerifiedKey] === true,
    groups: groupsOf(page[claimMapping.groupsKey]),
  }
}

/**
 * A number only where it is certain to be the one that was written (larger ones lose their last digits), and in the
 * form in which Go prints it, so that a user who was known to Dex keeps their subject: 1234567 is 1.234567e+06.
 */
function idOf(value: unknown, key: string): string {
  if (typeof value === 'string' && /\S/.test(value) && value.length <= 1024) return value
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw incomplete(key)
  return Math.abs(value) < 1e6 ? String(value) : value.toExponential().replace(/\+(\d)$/, '+0$1')
}

/** Texts, or objects with a `name`, of a list; what else it may hold is no group. */
function groupsOf(value: unknown): readonly string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : []
  const names = items.map((item) => (typeof item === 'object' && item !== null && 'name' in item ? item.name : item))
  // A name that is blank would match a careless rule.
  return [...new Set(names.filter((name) => typeof name === 'string' && /\S/.test(name)))] as string[]
}

/** What the page says is not repeated: it is about a person. */
function incomplete(key: string): ProxyError {
  return new ProxyError(
    'ACCOUNT_INCOMPLETE',
    `cannot sign in: member ${key} of the page is missing, or not as it must be`,
  )
}
