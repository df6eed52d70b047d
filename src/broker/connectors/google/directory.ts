/** Groups of a Workspace, by the Directory API: those of a person, and where wanted those that they are in. */
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { UpstreamHttp } from '../upstream-http.ts'
import { objectIn, type ServiceAccount } from './service-account.ts'

export interface DirectoryOptions {
  /** Base address of the API. */
  readonly base: string
  readonly account: ServiceAccount
  /** For each domain the administrator on whose behalf is read; `*` for all others. */
  readonly admins: Readonly<Record<string, string>>
  readonly transitive: boolean
  readonly http: () => Promise<UpstreamHttp>
}

/** Beyond these something is wrong, and a list that is cut would be read as "not a member". */
const mostGroups = 2_000
const mostLookups = 500

export class Directory {
  readonly #options: DirectoryOptions

  constructor(options: DirectoryOptions) {
    this.#options = options
  }

  /** True where the settings name the domain itself: its accounts are known to be of the Workspace. */
  isNamed(email: string): boolean {
    return Object.hasOwn(this.#options.admins, domainOf(email))
  }

  /**
   * E-mail addresses of the groups.
   * @throws ProxyError ACCOUNT_NOT_ALLOWED where nobody may look; CONNECTOR_…
   */
  async groupsOf(email: string, signal: AbortSignal): Promise<readonly string[]> {
    const { admins, transitive } = this.#options
    const admin = admins[domainOf(email)] ?? admins['*']
    if (admin === undefined)
      throw new ProxyError(
        'ACCOUNT_NOT_ALLOWED',
        'cannot read groups: domainToAdminEmail has no administrator for them',
      )
    const found = new Set<string>()
    const waiting = [email]
    // Breadth first, each group once: groups may be members of one another in a circle.
    for (let lookups = 0; waiting.length > 0; lookups++) {
      if (lookups >= mostLookups || found.size > mostGroups) throw invalid('more groups than can be looked at')
      for (const group of await this.#groupsOfOne(waiting.shift() ?? '', { admin, signal })) {
        if (found.has(group)) continue
        found.add(group)
        if (transitive) waiting.push(group)
      }
    }
    return [...found]
  }

  async #groupsOfOne(member: string, { admin, signal }: { admin: string; signal: AbortSignal }): Promise<string[]> {
    const { base, account, http } = this.#options
    const groups: string[] = []
    let page: string | undefined = ''
    while (page !== undefined) {
      if (groups.length > mostGroups) throw invalid('more groups than can be looked at')
      const url = new URL(`${base}/admin/directory/v1/groups`)
      url.searchParams.set('userKey', member)
      url.searchParams.set('maxResults', '200')
      if (page !== '') url.searchParams.set('pageToken', page)
      const authorization = `Bearer ${await account.tokenFor(admin, signal)}`
      const { status, text } = await (await http()).request(url.href, { headers: { authorization }, signal })
      // Somebody of no Workspace is in no group of it.
      if (status === 404) return []
      if (status !== 200) throw failureOf(status)
      const answer = objectIn(text)
      groups.push(...addressesIn(answer['groups']))
      page =
        typeof answer['nextPageToken'] === 'string' && answer['nextPageToken'] !== ''
          ? answer['nextPageToken']
          : undefined
    }
    return groups
  }
}

/** What stands after the last `@`. */
export function domainOf(email: string): string {
  return email.slice(email.lastIndexOf('@') + 1).toLowerCase()
}

function addressesIn(value: unknown): string[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw invalid('no list of groups')
  return value.map((group: unknown) => {
    const email: unknown = typeof group === 'object' && group !== null && 'email' in group ? group.email : undefined
    if (typeof email !== 'string' || email === '') throw invalid('a group without address')
    return email
  })
}

function failureOf(status: number): ProxyError {
  const message = `cannot read groups from the Directory API: got status ${status}`
  if (status >= 500 || status === 429)
    return new ProxyError('CONNECTOR_UNREACHABLE', message, { headers: ['retry-after', '5'] })
  const isRefused = status === 401 || status === 403
  return new ProxyError(
    isRefused ? 'CONNECTOR_MISCONFIGURED' : 'CONNECTOR_ANSWER_INVALID',
    isRefused ? `${message} (is the scope delegated for the domain, and the API switched on?)` : message,
  )
}

function invalid(found: string): ProxyError {
  return new ProxyError('CONNECTOR_ANSWER_INVALID', `cannot read groups from the Directory API: got ${found}`)
}
