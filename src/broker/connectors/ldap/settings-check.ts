/** What the declarations cannot tell: whether settings go together. Said when the connector opens, not at a sign-in. */
import type { LdapSettings } from '../../../config/dex/connectors/ldap.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { ConnectorTools } from '../connector.ts'
import { checkAttribute, parseFilter } from './filters.ts'
import { groupSearchOf, matchersOf } from './groups.ts'
import { servicePassword } from './service-password.ts'

/** @throws ProxyError CONNECTOR_MISCONFIGURED */
export function checkSettings(settings: LdapSettings, { id, warn }: ConnectorTools): void {
  const { userSearch, bindDN } = settings
  // A bind with a name and no password succeeds as nobody at many servers (RFC 4513 §5.1.2).
  const hasPassword = servicePassword(settings) !== ''
  if (bindDN !== '' && !hasPassword) refuse('bindDN needs bindPW, got none, or one that is empty')
  if (bindDN === '' && hasPassword) refuse('bindPW needs bindDN, got none, or one that is empty')
  if (bindDN !== '' && !bindDN.includes('=')) refuse(`bindDN is the name of an entry, got "${bindDN}"`)
  if (userSearch.baseDN === '') refuse('userSearch.baseDN is the name of an entry, got none')
  if (userSearch.username.length === 0) refuse('userSearch.username names an attribute, got none')
  if (userSearch.emailAttr === '' && userSearch.emailSuffix === '')
    refuse('userSearch needs emailAttr or emailSuffix, got neither')
  if (userSearch.emailSuffix !== '' && userSearch.nameAttr === '')
    refuse('userSearch.emailSuffix is put after the value of nameAttr, got no nameAttr')
  for (const name of userSearch.username) checkAttribute(name, 'userSearch.username')
  checkAttribute(userSearch.idAttr, 'userSearch.idAttr')
  for (const key of ['emailAttr', 'nameAttr', 'preferredUsernameAttr'] as const)
    if (userSearch[key] !== '') checkAttribute(userSearch[key], `userSearch.${key}`)
  parseFilter(userSearch.filter, 'userSearch.filter')
  checkGroups(settings, { id, warn })
  if (settings.insecureNoSSL && !settings.startTLS)
    warn(`connector ${id} speaks to ${settings.host} without TLS (insecureNoSSL): passwords travel in clear`)
  if (settings.insecureSkipVerify)
    warn(`connector ${id} takes any certificate from ${settings.host} (insecureSkipVerify)`)
}

function checkGroups(settings: LdapSettings, { id, warn }: Pick<ConnectorTools, 'id' | 'warn'>): void {
  const search = groupSearchOf(settings)
  if (search === undefined) return
  if (search.nameAttr === '') refuse('groupSearch needs nameAttr, got none')
  checkAttribute(search.nameAttr, 'groupSearch.nameAttr')
  parseFilter(search.filter, 'groupSearch.filter')
  if (search.memberOfAttr !== '') {
    checkAttribute(search.memberOfAttr, 'groupSearch.memberOfAttr')
    if (search.userMatchers.length > 0) refuse('groupSearch has userMatchers or memberOfAttr, got both')
    return
  }
  const matchers = matchersOf(search)
  if (matchers.length === 0)
    warn(`connector ${id} gives nobody groups: groupSearch has no userMatchers that name userAttr and groupAttr`)
  for (const { userAttr, groupAttr, recursionGroupAttr } of matchers) {
    checkAttribute(userAttr, 'userMatchers.userAttr')
    checkAttribute(groupAttr, 'userMatchers.groupAttr')
    if (recursionGroupAttr !== '') checkAttribute(recursionGroupAttr, 'userMatchers.recursionGroupAttr')
  }
}

function refuse(problem: string): never {
  throw new ProxyError('CONNECTOR_MISCONFIGURED', `cannot use these settings: ${problem}`)
}
