/** Moments in SAML messages (SAML 2.0 Core §1.3.3) and whether they have come. */
import { invalid, shown } from './answer-failure.ts'
import { attributeOf, type XmlElement } from './read-xml.ts'
import { SKEW_MS } from './rules.ts'

const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/

/** Milliseconds of the attribute; undefined where it is not there. A time without a zone would be anybody's guess. */
export function momentOf(element: XmlElement, name: string): number | undefined {
  const text = attributeOf(element, name)
  if (text === undefined) return undefined
  const moment = MOMENT.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(moment)) throw invalid(`${name} of ${element.name} is no time, got ${shown(text)}`)
  return moment
}

/** @throws ProxyError CONNECTOR_ANSWER_INVALID where `now` is before NotBefore or not before NotOnOrAfter */
export function checkWindow(element: XmlElement, now: number): void {
  const notBefore = momentOf(element, 'NotBefore')
  const notOnOrAfter = momentOf(element, 'NotOnOrAfter')
  if (notBefore !== undefined && now + SKEW_MS < notBefore)
    throw invalid(`${element.name} is of the future, got NotBefore ${iso(notBefore)} at ${iso(now)}`)
  if (notOnOrAfter !== undefined && now - SKEW_MS >= notOnOrAfter)
    throw invalid(`${element.name} is out of date, got NotOnOrAfter ${iso(notOnOrAfter)} at ${iso(now)}`)
}

/** When it was issued. @throws ProxyError CONNECTOR_ANSWER_INVALID where that is missing or in the future */
export function issuedAt(element: XmlElement, now: number): number {
  const moment = momentOf(element, 'IssueInstant')
  if (moment === undefined) throw invalid(`${element.name} does not say when it was issued`)
  if (now + SKEW_MS < moment)
    throw invalid(`${element.name} was issued in the future, got ${iso(moment)} at ${iso(now)}`)
  return moment
}

export function iso(moment: number): string {
  return new Date(moment).toISOString()
}
