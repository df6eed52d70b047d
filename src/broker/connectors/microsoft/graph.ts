/** The two things that are asked of Microsoft Graph with the user's own token: who they are, and their groups. */
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { UpstreamHttp } from '../upstream-http.ts'

export interface GraphOptions {
  /** Base address, without a slash at its end. */
  readonly base: string
  readonly http: UpstreamHttp
  readonly accessToken: string
  readonly signal: AbortSignal
}

export type GraphUser = Readonly<Record<string, unknown>> & { readonly id: string }

/** Graph itself gives no more than 11,000; a list that is cut would be read as "not a member". */
const mostGroups = 12_000
/** Graph's own limit of one look-up by ids. */
const batch = 1_000

/** @throws ProxyError CONNECTOR_…, ACCOUNT_GONE */
export async function readUser(fields: readonly string[], options: GraphOptions): Promise<GraphUser> {
  const url = new URL(`${options.base}/v1.0/me`)
  url.searchParams.set('$select', fields.join(','))
  const user = await ask(url.href, options)
  const { id } = user
  if (typeof id !== 'string' || !/\S/.test(id) || id.length > 1024) throw invalid('a user without id')
  return { ...user, id }
}

/** Ids of all groups, those of groups included. */
export async function readGroupIds(
  { onlySecurityGroups }: { readonly onlySecurityGroups: boolean },
  options: GraphOptions,
): Promise<readonly string[]> {
  const ids: string[] = []
  const body = JSON.stringify({ securityEnabledOnly: onlySecurityGroups })
  let url: string | undefined = `${options.base}/v1.0/me/getMemberGroups`
  while (url !== undefined) {
    const answer = await ask(url, options, body)
    const page = listIn(answer)
    ids.push(...page.map((id) => (typeof id === 'string' && id !== '' ? id : refuse('a group without id'))))
    if (ids.length > mostGroups) throw invalid('more groups than there can be')
    // A page without groups that leads on would lead on for ever.
    url = page.length === 0 ? undefined : nextPage(answer, options.base)
  }
  return [...new Set(ids)]
}

/** Display names; a group that has none, or may not be seen, has no name that a rule could mean. */
export async function readGroupNames(ids: readonly string[], options: GraphOptions): Promise<readonly string[]> {
  const names: string[] = []
  for (let from = 0; from < ids.length; from += batch) {
    const body = JSON.stringify({ ids: ids.slice(from, from + batch), types: ['group'] })
    const groups = listIn(await ask(`${options.base}/v1.0/directoryObjects/getByIds`, options, body))
    for (const group of groups) {
      const name: unknown =
        typeof group === 'object' && group !== null && 'displayName' in group ? group.displayName : undefined
      if (typeof name === 'string' && /\S/.test(name)) names.push(name)
    }
  }
  return names
}

async function ask(
  url: string,
  { http, accessToken, signal }: GraphOptions,
  body?: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { status, text } = await http.request(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${accessToken}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body }),
    signal,
  })
  if (status !== 200) throw failureOf(status)
  return objectIn(text)
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Told below.
  }
  return refuse('no JSON object')
}

function listIn(answer: Readonly<Record<string, unknown>>): readonly unknown[] {
  return Array.isArray(answer['value']) ? answer['value'] : refuse('no list of groups')
}

/** The user's token goes along, so that it must not be led elsewhere. */
function nextPage(answer: Readonly<Record<string, unknown>>, base: string): string | undefined {
  const next = answer['@odata.nextLink']
  if (next === undefined) return undefined
  const isOurs = typeof next === 'string' && URL.canParse(next) && new URL(next).origin === new URL(base).origin
  return isOurs ? next : refuse('a next page at another origin')
}

function failureOf(status: number): ProxyError {
  const message = `cannot ask Microsoft Graph: got status ${status}`
  if (status >= 500 || status === 429)
    return new ProxyError('CONNECTOR_UNREACHABLE', message, { headers: ['retry-after', '5'] })
  if (status === 404) return new ProxyError('ACCOUNT_GONE', message)
  if (status === 403)
    return new ProxyError('CONNECTOR_MISCONFIGURED', `${message} (is Directory.Read.All consented to?)`)
  return new ProxyError('CONNECTOR_ANSWER_INVALID', message)
}

function refuse(found: string): never {
  throw invalid(found)
}

function invalid(found: string): ProxyError {
  return new ProxyError('CONNECTOR_ANSWER_INVALID', `cannot use the answer of Microsoft Graph: got ${found}`)
}
