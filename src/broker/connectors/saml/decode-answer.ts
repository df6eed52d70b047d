/** The fields of the browser's POST (SAML 2.0 Bindings §3.5.4): one message, in base64, of bounded size, in UTF-8. */
import { invalid, shown } from './answer-failure.ts'

/** Octets of a message after base64: answers with hundreds of groups have some 50 KiB. */
const MOST_OCTETS = 256 * 1024

/**
 * The text of the message. Looks at its length before anything is decoded.
 * @throws ProxyError CONNECTOR_ANSWER_INVALID
 */
export function decodeAnswer({
  answer,
  by,
  state,
}: {
  readonly answer: URLSearchParams
  readonly by: 'GET' | 'POST'
  readonly state: string
}): string {
  if (by !== 'POST') throw invalid('it came in a query, and the binding that was asked for is HTTP-POST')
  if (only(answer, 'RelayState') !== state) throw invalid('RelayState is not the one that was sent')
  const encoded = only(answer, 'SAMLResponse')
  if (encoded.length > MOST_OCTETS * 1.5) throw invalid(`it is longer than ${MOST_OCTETS} octets`)
  // Some providers cut lines (RFC 2045 §6.8); nothing else than base64 is left out.
  const compact = encoded.replace(/[\r\n]/g, '')
  if (compact === '' || compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(compact))
    throw invalid(`SAMLResponse is not base64, got ${shown(encoded.slice(0, 20))}`)
  const octets = Buffer.from(compact, 'base64')
  if (octets.length > MOST_OCTETS) throw invalid(`it is longer than ${MOST_OCTETS} octets`)
  if (octets.toString('base64') !== compact) throw invalid('SAMLResponse is not base64 as it should be written')
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)
  } catch (cause) {
    throw invalid('it is not UTF-8', cause)
  }
}

function only(answer: URLSearchParams, name: string): string {
  const [value, ...more] = answer.getAll(name)
  if (value === undefined || more.length > 0)
    throw invalid(`${name} has to be there once, got ${more.length + (value === undefined ? 0 : 1)}`)
  return value
}
