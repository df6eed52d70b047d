/** What went wrong with the directory, in the words of the catalogue: unreachable, set up wrongly, or the account itself. */
import { ResultCodeError } from 'ldapts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import { codeInWords } from '../network-words.ts'
import type { PasswordPolicyWord } from './connection.ts'

/** Results (RFC 4511 §4.1.9, appendix A.1) that stay until somebody changes the settings or the directory. */
const LASTING = new Set([4, 7, 8, 10, 12, 13, 14, 16, 17, 18, 21, 32, 34, 48, 49, 50, 53])

/** What those results mean that come of settings; servers often add nothing to the number. */
const MEANINGS: Readonly<Record<number, string>> = {
  3: 'the search took too long for it',
  4: 'there are more entries than it tells',
  7: 'it knows no simple bind',
  8: 'it wants a stronger way to sign in, such as TLS',
  10: 'what is looked for lies on another server, to which it refers',
  11: 'an administrative limit is reached',
  13: 'it wants TLS',
  32: 'there is no such entry, or who is bound may not see it',
  34: 'this is no name of an entry',
  48: 'this entry cannot sign in so',
  49: 'name or password is wrong',
  50: 'who is bound may not do that',
  51: 'it is busy',
  52: 'it is not available',
  53: 'it is unwilling',
}

/** Active Directory to whoever asks as nobody, with result 1, which is any failure. */
const WANTS_BIND = /a successful bind must be completed/

/** `what`: "cannot …", up to the colon. */
export function directoryFailure(what: string, cause: unknown): ProxyError {
  if (cause instanceof ProxyError) return cause
  if (cause instanceof ResultCodeError) {
    const isLasting = LASTING.has(cause.code) || WANTS_BIND.test(cause.message)
    const code = isLasting ? 'CONNECTOR_MISCONFIGURED' : 'CONNECTOR_UNREACHABLE'
    const said = [MEANINGS[cause.code], clean(cause.message)].filter((part) => part)
    const answer = [String(cause.code), said.join(': ')].filter((part) => part !== '').join(', ')
    return new ProxyError(code, `${what}: the directory answered ${answer}`, { cause })
  }
  return new ProxyError('CONNECTOR_UNREACHABLE', `${what}: ${clean(messageOf(cause))}`, { cause })
}

/** `connect` tries several addresses, and fails with all their failures. */
function messageOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === '') return cause.errors.map(messageOf).join('; ')
  if (!(cause instanceof Error)) return String(cause)
  const unanswered = UNANSWERED.exec(cause.message)?.[1]
  if (unanswered !== undefined) return `${BROKE_OFF} ${unanswered}, as a port for ldaps does to whoever speaks ldap`
  if (cause.message.startsWith(NO_HANDSHAKE)) return `${BROKE_OFF} TLS, as a port for ldap does`
  if (!('code' in cause) || typeof cause.code !== 'string') return cause.message
  // Node says which name was expected, and which are in the certificate.
  if (cause.code === 'ERR_TLS_CERT_ALTNAME_INVALID') return cause.message
  const way = AUTHORITY.test(cause.code) ? '; name its authority in rootCA or rootCAData' : ''
  return `${codeInWords(cause.code)}${way}`
}

const BROKE_OFF = 'the connection was closed in the place of an answer to'
/** As ldapts and Node say it. */
const UNANSWERED = /^Connection closed before message response was received\. Message type: (\w+)/
const NO_HANDSHAKE = 'Client network socket disconnected before secure TLS connection'
const AUTHORITY = /^(?:UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/

const clean = (text: string) =>
  text
    .replace(/ Code: 0x[\da-f]+$/, '')
    .replace(/[^\P{C}]+/gu, ' ')
    .trim()
    .slice(0, 300)

export type PasswordVerdict =
  | { readonly kind: 'right' }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'disabled'; readonly why: string }

/** What Active Directory adds to result 49, whose own word is only "invalid credentials". */
const WINDOWS: Readonly<Record<string, string>> = {
  530: 'signing in is not allowed at this time',
  531: 'signing in is not allowed from here',
  532: 'the password has expired',
  533: 'the account is disabled',
  701: 'the account has expired',
  773: 'the password has to be changed first',
  775: 'the account is locked',
}

/**
 * What the failure of a user's bind says of the account; undefined where it says something of the directory.
 * 19 is what some servers answer to a wrong password, and 389 Directory Server to too many of them.
 */
export function passwordVerdict(error: unknown, word: PasswordPolicyWord): PasswordVerdict | undefined {
  if (!(error instanceof ResultCodeError)) return undefined
  const { code, message } = error
  if (code === 53) return { kind: 'disabled', why: `the directory is unwilling: ${clean(message)}` }
  // The entry has gone in between, or has no password: name and password do not belong together.
  if (code === 32 || code === 48) return { kind: 'wrong' }
  if (code !== 49 && code !== 19) return undefined
  const windows = /\bdata ([\da-f]+)\b/.exec(message)?.[1]
  const why = (windows !== undefined ? WINDOWS[windows] : undefined) ?? policyReason(word)
  if (why !== undefined) return { kind: 'disabled', why }
  if (code === 19 && /retry limit/i.test(message))
    return { kind: 'disabled', why: 'there were too many wrong passwords' }
  return { kind: 'wrong' }
}

function policyReason(word: PasswordPolicyWord): string | undefined {
  if (word?.error === 0) return 'the password has expired'
  return word?.error === 1 ? 'the account is locked' : undefined
}
