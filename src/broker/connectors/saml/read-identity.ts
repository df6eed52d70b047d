/** Who the checked assertion is about: NameID and attributes, as Dex reads them. */
import type { SamlSettings } from '../../../config/dex/connectors/saml.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { UpstreamIdentity, WantedScopes } from '../connector.ts'
import { invalid, shown } from './answer-failure.ts'
import { NS } from './names.ts'
import { attributeOf, childrenNamed, textIn, type XmlElement } from './read-xml.ts'

/** @throws ProxyError CONNECTOR_ANSWER_INVALID, ACCOUNT_WITHOUT_EMAIL, ACCOUNT_INCOMPLETE, ACCOUNT_NOT_ALLOWED */
export function readIdentity(
  { assertion, nameId }: { readonly assertion: XmlElement; readonly nameId: XmlElement },
  { settings, scopes }: { readonly settings: SamlSettings; readonly scopes: WantedScopes },
): UpstreamIdentity {
  const userId = plain(nameId, 'NameID')
  if (userId.trim() === '') throw invalid('its NameID is blank')
  const values = (attribute: string) => valuesOf(assertion, attribute)
  const [name] = values(settings.usernameAttr)
  const [email] = values(settings.emailAttr)
  if (isBlank(email)) throw new ProxyError('ACCOUNT_WITHOUT_EMAIL', missing('emailAttr', settings.emailAttr, assertion))
  if (isBlank(name))
    throw new ProxyError('ACCOUNT_INCOMPLETE', missing('usernameAttr', settings.usernameAttr, assertion))

  const groups = groupsOf(values(settings.groupsAttr), settings)
  const { allowedGroups } = settings
  if (allowedGroups.length > 0 && !groups.some((group) => allowedGroups.includes(group)))
    throw new ProxyError(
      'ACCOUNT_NOT_ALLOWED',
      `cannot sign in ${shown(userId)}: none of their ${groups.length} groups is in allowedGroups`,
    )
  const told =
    settings.filterGroups && allowedGroups.length > 0 ? groups.filter((group) => allowedGroups.includes(group)) : groups
  return {
    userId,
    name,
    preferredUsername: '',
    email,
    // The provider vouches for it, as in Dex: SAML has no word for an address that is not verified.
    emailVerified: true,
    groups: scopes.groups ? told : [],
  }
}

function isBlank(text: string | undefined): text is undefined {
  return text === undefined || text.trim() === ''
}

/** One value for each group, or all in the first one with a delimiter between them. */
function groupsOf(values: readonly string[], { groupsDelim }: SamlSettings): readonly string[] {
  const split = groupsDelim === '' ? values : (values[0] ?? '').split(groupsDelim)
  return [...new Set(split.filter((group) => group !== ''))]
}

/**
 * The values of every attribute of that name, whatever its NameFormat: some providers write one attribute with many
 * values, others (Keycloak) many attributes of one name.
 */
function valuesOf(assertion: XmlElement, name: string): readonly string[] {
  if (name === '') return []
  return attributesOf(assertion)
    .filter((attribute) => attributeOf(attribute, 'Name') === name)
    .flatMap((attribute) => childrenNamed(attribute, NS.assertion, 'AttributeValue'))
    .map((value) => plain(value, `the attribute ${shown(name)}`))
}

function attributesOf(assertion: XmlElement): readonly XmlElement[] {
  return childrenNamed(assertion, NS.assertion, 'AttributeStatement').flatMap((statement) =>
    childrenNamed(statement, NS.assertion, 'Attribute'),
  )
}

/** Text without elements in it (Core §2.7.3.1.1 allows any) and without control characters, which end lines in logs. */
function plain(element: XmlElement, what: string): string {
  const text = textIn(element)
  if (text === undefined || /\p{Cc}/u.test(text)) throw invalid(`${what} is more than a line of text`)
  return text
}

function missing(key: string, name: string, assertion: XmlElement): string {
  const names = attributesOf(assertion)
    .slice(0, 40)
    .map((attribute) => shown(attributeOf(attribute, 'Name')))
  return `cannot sign in: ${key} ${shown(name)} is not in the assertion, got ${names.join(', ') || 'no attributes'}`
}
