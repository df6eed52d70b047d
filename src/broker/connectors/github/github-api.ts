/** What we ask GitHub's REST API with a user's token: person, addresses, organizations, teams, membership. */
import { z } from 'zod'
import type { ErrorCode } from '../../../errors/catalog.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import { linkTarget } from '../../../wire/link-header.ts'
import { failureOfStatus } from '../code-grant/api-answer.ts'
import type { UpstreamAnswer, UpstreamHttp } from '../upstream-http.ts'

const text = z.string().max(1000)
const user = z.object({
  id: z.int().positive(),
  login: text.min(1),
  name: text.nullish(),
  email: text.nullish(),
})
const email = z.object({ email: text, verified: z.boolean(), primary: z.boolean() })
const organization = z.object({ login: text.min(1) })
const team = z.object({ name: text, slug: text, organization })

export type GithubUser = z.output<typeof user>
export type GithubEmail = z.output<typeof email>
export type GithubTeam = z.output<typeof team>

export interface GithubApi {
  user(): Promise<GithubUser>
  emails(): Promise<readonly GithubEmail[]>
  /** Logins of the user's organizations. */
  organizations(): Promise<readonly string[]>
  teams(): Promise<readonly GithubTeam[]>
  isMember(organization: string, login: string): Promise<boolean>
}

export interface GithubApiOptions {
  readonly http: UpstreamHttp
  /** `https://api.github.com`, or `https://HOST/api/v3`. */
  readonly base: string
  readonly token: string
  /** What it means that the token is not taken. */
  readonly unauthorized: ErrorCode
  readonly now: number
  readonly signal: AbortSignal
}

/** More than this nobody has; 100 entries a page. */
const mostPages = 50

/** Each method throws a ProxyError: what `failureOfStatus` says, or CONNECTOR_ANSWER_INVALID for another shape. */
export function githubApi(options: GithubApiOptions): GithubApi {
  const { http, base, token, unauthorized, now, signal } = options
  const ask = (url: string) =>
    http.request(url, {
      headers: {
        accept: 'application/vnd.github+json',
        'x-github-api-version': '2022-11-28',
        authorization: `Bearer ${token}`,
      },
      signal,
    })
  const get = async (url: string, what: string): Promise<UpstreamAnswer> => {
    const answer = await ask(url)
    const failure = failureOfStatus(answer, { service: 'GitHub', what, unauthorized, now })
    if (failure) throw failure
    return answer
  }
  const all = async <T extends z.ZodType>(path: string, { item, what }: { item: T; what: string }) => {
    const items: z.output<T>[] = []
    let url: string | undefined = `${base}${path}?per_page=100`
    for (let pages = 1; url !== undefined; pages++) {
      if (pages > mostPages) throw invalid(what, `more than ${mostPages} pages`)
      const answer = await get(url, what)
      items.push(...parse(z.array(item).max(1000), answer, what))
      url = nextPage(answer, { url, base, what })
    }
    return items
  }

  return {
    user: async () => parse(user, await get(`${base}/user`, 'the user'), 'the user'),
    emails: () => all('/user/emails', { item: email, what: 'the addresses' }),
    organizations: async () =>
      (await all('/user/orgs', { item: organization, what: 'the organizations' })).map(({ login }) => login),
    teams: () => all('/user/teams', { item: team, what: 'the teams' }),

    async isMember(name, login) {
      const answer = await ask(`${base}/orgs/${encodeURIComponent(name)}/members/${encodeURIComponent(login)}`)
      if (answer.status === 204) return true
      // An organization that demands single sign-on for this app tells nobody who is in it; another one may still.
      if (answer.status === 404 || (answer.status === 403 && answer.headers.has('x-github-sso'))) return false
      throw (
        failureOfStatus(answer, { service: 'GitHub', what: 'the membership', unauthorized, now }) ??
        invalid('the membership', String(answer.status))
      )
    },
  }
}

/** The token goes along, so that the next page has to be of the same API. GitHub may write its path another way. */
function nextPage(
  answer: UpstreamAnswer,
  { url, base, what }: { readonly url: string; readonly base: string; readonly what: string },
): string | undefined {
  const target = linkTarget(answer.headers.get('link') ?? '', 'next')
  if (target === undefined) return undefined
  const [home, next] = [new URL(`${base}/`), URL.canParse(target) ? new URL(target) : undefined]
  const isOfApi = next?.origin === home.origin && next.pathname.startsWith(home.pathname)
  if (!next || !isOfApi || next.username !== '' || next.password !== '')
    throw invalid(what, 'a next page that is not of the API')
  if (next.href === new URL(url).href) throw invalid(what, 'a next page that is the same page')
  return next.href
}

function parse<T extends z.ZodType>(schema: T, answer: UpstreamAnswer, what: string): z.output<T> {
  let json: unknown
  try {
    json = JSON.parse(answer.text)
  } catch {
    throw invalid(what, 'no JSON')
  }
  const result = schema.safeParse(json)
  if (result.success) return result.data
  throw invalid(what, `something else at ${result.error.issues[0]?.path.join('.') || 'the top'}`)
}

function invalid(what: string, found: string): ProxyError {
  return new ProxyError('CONNECTOR_ANSWER_INVALID', `cannot use ${what} from GitHub: got ${found}`)
}
