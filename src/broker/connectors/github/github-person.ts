/** From GitHub's answers to who this is: which address counts, and which groups there are. */
import type { GithubSettings } from '../../../config/dex/connectors/github.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { WantedScopes } from '../connector.ts'
import type { GithubApi, GithubEmail, GithubTeam, GithubUser } from './github-api.ts'

export interface ChosenEmail {
  readonly email: string
  readonly isVerified: boolean
}

/**
 * One of the preferred domain, else (where none is preferred) the public one, else the primary one: of the verified
 * ones only. An Enterprise server without mail verifies none; there the primary one is taken, as unverified.
 * @throws ProxyError ACCOUNT_WITHOUT_EMAIL, ACCOUNT_EMAIL_UNVERIFIED
 */
export function chooseEmail(
  emails: readonly GithubEmail[],
  { user, settings }: { readonly user: GithubUser; readonly settings: GithubSettings },
): ChosenEmail {
  const { preferredEmailDomain, hostName } = settings
  const verified = emails.filter((entry) => entry.verified)
  const primary = emails.find((entry) => entry.primary)
  const chosen =
    preferredEmailDomain === ''
      ? verified.find(({ email }) => email.toLowerCase() === user.email?.toLowerCase())
      : verified.find(({ email }) => isOfDomain(email, preferredEmailDomain))
  const found = chosen ?? (primary?.verified ? primary : undefined)
  if (found && found.email !== '') return { email: found.email, isVerified: true }
  if (!primary || primary.email === '')
    throw new ProxyError('ACCOUNT_WITHOUT_EMAIL', `cannot sign in ${user.login}: expected a primary address, got none`)
  if (hostName !== '') return { email: primary.email, isVerified: false }
  const message = `cannot sign in ${user.login}: expected a verified primary address, got an unverified one`
  throw new ProxyError('ACCOUNT_EMAIL_UNVERIFIED', message)
}

/** `*` stands for one label. */
function isOfDomain(email: string, pattern: string): boolean {
  const labels = email
    .slice(email.lastIndexOf('@') + 1)
    .toLowerCase()
    .split('.')
  const wanted = pattern.toLowerCase().split('.')
  return labels.length === wanted.length && wanted.every((label, index) => label === '*' || label === labels[index])
}

/** Whether organizations and teams matter: for the claim, or because somebody has to be kept out. */
export function needsOrganizations({ org, orgs }: GithubSettings, scopes: WantedScopes): boolean {
  return org !== '' || orgs.length > 0 || scopes.groups
}

/**
 * The groups in Dex's form.
 * @throws ProxyError ACCOUNT_NOT_ALLOWED for who is in none of the organizations (and teams) that may
 */
export async function readGroups(
  api: GithubApi,
  { login, settings, scopes }: { login: string; settings: GithubSettings; scopes: WantedScopes },
): Promise<readonly string[]> {
  const { org, orgs, loadAllGroups } = settings
  if (orgs.length > 0) return groupsOfListed(api, { login, settings })
  if (org !== '') {
    if (!(await api.isMember(org, login))) throw notAllowed(login, [org])
    return unique(teamsOf(await api.teams(), org).flatMap((team) => namesOf(team, settings)))
  }
  if (!loadAllGroups || !scopes.groups) return []
  const [names, teams] = [await api.organizations(), await api.teams()]
  return unique(
    names.flatMap((name) => [
      name,
      ...teamsOf(teams, name).flatMap((team) => namesOf(team, settings).map((group) => `${name}:${group}`)),
    ]),
  )
}

async function groupsOfListed(
  api: GithubApi,
  { login, settings }: { login: string; settings: GithubSettings },
): Promise<readonly string[]> {
  const groups: string[] = []
  let teams: readonly GithubTeam[] | undefined
  let isIn = false
  for (const { name, teams: wanted } of settings.orgs) {
    if (!(await api.isMember(name, login))) continue
    teams ??= await api.teams()
    const names = teamsOf(teams, name).flatMap((team) => namesOf(team, settings))
    const counted = wanted.length === 0 ? names : names.filter((group) => wanted.includes(group))
    isIn ||= wanted.length === 0 || counted.length > 0
    groups.push(...counted.map((group) => `${name}:${group}`))
  }
  if (isIn) return unique(groups)
  throw notAllowed(
    login,
    settings.orgs.map(({ name }) => name),
  )
}

/** Names of organizations are compared without case, as GitHub does. */
function teamsOf(teams: readonly GithubTeam[], organization: string): readonly GithubTeam[] {
  return teams.filter((team) => team.organization.login.toLowerCase() === organization.toLowerCase())
}

function namesOf({ name, slug }: GithubTeam, { teamNameField }: GithubSettings): readonly string[] {
  switch (teamNameField) {
    case 'name':
      return [name]
    case 'slug':
      return [slug]
    case 'both':
      return [name, slug]
  }
}

function unique(groups: readonly string[]): readonly string[] {
  return [...new Set(groups)]
}

function notAllowed(login: string, organizations: readonly string[]): ProxyError {
  const message = `cannot let ${login} in: expected a member of ${organizations.join(', ')} or one of the listed teams`
  return new ProxyError('ACCOUNT_NOT_ALLOWED', message)
}
