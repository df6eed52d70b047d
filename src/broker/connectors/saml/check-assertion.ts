/** Whether the signed assertion is for us, for now and for this sign-in (SAML 2.0 Profiles §4.1.4.3, Core §2.5). */
import { invalid, shown } from './answer-failure.ts'
import { checkIssuer } from './check-response.ts'
import { BEARER, NS } from './names.ts'
import { attributeOf, childElements, childrenNamed, textIn, type XmlElement } from './read-xml.ts'
import { type AnswerRules, LONGEST_LIFE_MS, SKEW_MS } from './rules.ts'
import { checkWindow, iso, issuedAt, momentOf } from './times.ts'

export interface CheckedAssertion {
  readonly issuer: string
  readonly nameId: XmlElement
  /** From when on it would be refused anyway, milliseconds since the epoch. */
  readonly deadline: number
}

/** @throws ProxyError CONNECTOR_ANSWER_INVALID */
export function checkAssertion(assertion: XmlElement, rules: AnswerRules): CheckedAssertion {
  if (assertion.name !== 'Assertion' || assertion.namespace !== NS.assertion)
    throw invalid(`an assertion is needed in what was signed, got ${shown(assertion.name)}`)
  if (attributeOf(assertion, 'Version') !== '2.0') throw invalid("the assertion's version is not 2.0")
  const issuer = one(assertion, 'Issuer')
  checkIssuer(issuer, rules.issuer)
  const lastMoment = issuedAt(assertion, rules.now) + LONGEST_LIFE_MS
  if (rules.now - SKEW_MS >= lastMoment) throw invalid('the assertion was issued more than a day ago')

  const subject = one(assertion, 'Subject')
  const confirmedUntil = checkConfirmations(subject, rules)
  checkConditions(one(assertion, 'Conditions'), rules)
  checkStatements(childrenNamed(assertion, NS.assertion, 'AuthnStatement'), rules)
  return {
    issuer: textIn(issuer) ?? '',
    nameId: one(subject, 'NameID'),
    deadline: Math.min(lastMoment, confirmedUntil) + SKEW_MS,
  }
}

function one(parent: XmlElement, name: string): XmlElement {
  const [element, ...more] = childrenNamed(parent, NS.assertion, name)
  if (element === undefined || more.length > 0)
    throw invalid(`${parent.name} needs one ${name}, got ${more.length + (element ? 1 : 0)}`)
  return element
}

/** One of them has to confirm that whoever brings it is the subject; until when it does. */
function checkConfirmations(subject: XmlElement, rules: AnswerRules): number {
  const bearers = childrenNamed(subject, NS.assertion, 'SubjectConfirmation').filter(
    (confirmation) => attributeOf(confirmation, 'Method') === BEARER,
  )
  let failure: unknown = invalid('nothing confirms that whoever brings it is its subject (bearer)')
  for (const bearer of bearers) {
    try {
      return checkBearer(one(bearer, 'SubjectConfirmationData'), rules)
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

function checkBearer(data: XmlElement, rules: AnswerRules): number {
  const recipient = attributeOf(data, 'Recipient')
  if (recipient !== rules.redirectURI)
    throw invalid(`its Recipient is not ${rules.redirectURI}, got ${shown(recipient)}`)
  const until = momentOf(data, 'NotOnOrAfter')
  if (until === undefined) throw invalid('its bearer confirmation has no end (NotOnOrAfter)')
  checkWindow(data, rules.now)
  if (attributeOf(data, 'InResponseTo') !== rules.requestId)
    throw invalid('its subject was confirmed for another request than the one of this sign-in')
  return until
}

function checkConditions(conditions: XmlElement, rules: AnswerRules): void {
  checkWindow(conditions, rules.now)
  const restrictions = childrenNamed(conditions, NS.assertion, 'AudienceRestriction')
  if (restrictions.length === 0) throw invalid('it does not say for whom it is (AudienceRestriction)')
  for (const restriction of restrictions) {
    const audiences = childrenNamed(restriction, NS.assertion, 'Audience').map((audience) => textIn(audience)?.trim())
    if (!audiences.includes(rules.audience))
      throw invalid(`it is not for ${rules.audience}, got the audience ${audiences.map(shown).join(', ') || 'none'}`)
  }
  // SAML 2.0 Core §2.5.1: a condition that is not understood leaves the validity undetermined.
  const known = ['AudienceRestriction', 'OneTimeUse', 'ProxyRestriction']
  const other = childElements(conditions).find(
    ({ name, namespace }) => namespace !== NS.assertion || !known.includes(name),
  )
  if (other !== undefined) throw invalid(`it has a condition that nobody here knows, got ${shown(other.name)}`)
}

function checkStatements(statements: readonly XmlElement[], rules: AnswerRules): void {
  if (statements.length === 0) throw invalid('it does not say that anybody proved who they are (AuthnStatement)')
  for (const statement of statements) {
    const end = momentOf(statement, 'SessionNotOnOrAfter')
    if (end !== undefined && rules.now - SKEW_MS >= end)
      throw invalid(`the session at the provider is over since ${iso(end)}`)
    const provedAt = momentOf(statement, 'AuthnInstant')
    if (provedAt === undefined) throw invalid('it does not say when the person proved who they are (AuthnInstant)')
    if (rules.now + SKEW_MS < provedAt) throw invalid(`AuthnInstant is in the future, got ${iso(provedAt)}`)
    if (rules.maxAuthenticationAge !== undefined && rules.now - SKEW_MS > provedAt + rules.maxAuthenticationAge)
      throw invalid(`the person proved who they are too long ago (maxAuthenticationAge), got ${iso(provedAt)}`)
  }
}
