/** The one way in which an answer of an identity provider is refused, and how hostile text is shown in a log. */
import { ProxyError } from '../../../errors/proxy-error.ts'

export function invalid(reason: string, cause?: unknown): ProxyError {
  return new ProxyError('CONNECTOR_ANSWER_INVALID', `cannot use the SAML answer: ${reason}`, { cause })
}

/** Quoted and cut: it may hold anything, line ends and control characters included. */
export function shown(text: string | undefined): string {
  if (text === undefined) return 'none'
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text)
}
