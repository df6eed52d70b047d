/**
 * What the response says around its assertion. Unless the response is signed anybody may have written it, so nothing
 * here lets somebody in; it keeps answers out that belong elsewhere, and says why a provider refused.
 */
import { ProxyError } from '../../../errors/proxy-error.ts'
import { invalid, shown } from './answer-failure.ts'
import { NS, SUCCESS } from './names.ts'
import { attributeOf, childrenNamed, textIn, type XmlElement } from './read-xml.ts'
import type { AnswerRules } from './rules.ts'
import { issuedAt } from './times.ts'

/** @throws ProxyError CONNECTOR_ANSWER_INVALID, CONNECTOR_REFUSED */
export function checkResponse(response: XmlElement, rules: AnswerRules): void {
  if (response.name !== 'Response' || response.namespace !== NS.protocol)
    throw invalid(`a SAML 2.0 response is needed, got ${shown(response.name)}`)
  if (attributeOf(response, 'Version') !== '2.0') throw invalid('its version is not 2.0')
  const inResponseTo = attributeOf(response, 'InResponseTo')
  if (inResponseTo === undefined) throw invalid('nobody asked for it: InResponseTo is missing')
  if (inResponseTo !== rules.requestId) throw invalid('it answers another request than the one of this sign-in')
  const destination = attributeOf(response, 'Destination')
  if (destination !== undefined && destination !== rules.redirectURI)
    throw invalid(`its Destination is not ${rules.redirectURI}, got ${shown(destination)}`)
  issuedAt(response, rules.now)
  const issuers = childrenNamed(response, NS.assertion, 'Issuer')
  if (issuers.length > 1) throw invalid('it has several issuers')
  if (issuers[0] !== undefined) checkIssuer(issuers[0], rules.issuer)
  checkStatus(response)
}

/** @throws ProxyError CONNECTOR_ANSWER_INVALID */
export function checkIssuer(issuer: XmlElement, wanted: string | undefined): void {
  const found = textIn(issuer)?.trim()
  if (wanted !== undefined && found !== wanted)
    throw invalid(`its Issuer is not ssoIssuer (${wanted}), got ${shown(found)}`)
}

function checkStatus(response: XmlElement): void {
  const [status, ...more] = childrenNamed(response, NS.protocol, 'Status')
  const [code] = status ? childrenNamed(status, NS.protocol, 'StatusCode') : []
  const value = code && attributeOf(code, 'Value')
  if (status === undefined || value === undefined || more.length > 0) throw invalid('it has no status')
  if (value === SUCCESS) return
  const [inner] = code ? childrenNamed(code, NS.protocol, 'StatusCode') : []
  const [message] = childrenNamed(status, NS.protocol, 'StatusMessage')
  const words = [value, ...(inner ? [attributeOf(inner, 'Value')] : []), ...(message ? [textIn(message)?.trim()] : [])]
  throw new ProxyError(
    'CONNECTOR_REFUSED',
    `cannot sign in: the identity provider refused, got ${words.map(shown).join(', ')}`,
  )
}
