/** What can be wrong with a head, as constants: a refusal costs no allocation before it is certain. */
import type { ErrorCode } from '../errors/catalog.ts'

export interface Problem {
  readonly code: ErrorCode
  /** For the log. */
  readonly detail: string
}

const framing = (detail: string): Problem => ({ code: 'FRAMING_INVALID', detail })

export const malformedField: Problem = { code: 'REQUEST_MALFORMED', detail: 'a field name starts with a colon' }
export const badScheme: Problem = { code: 'REQUEST_MALFORMED', detail: 'its :scheme is neither https nor http' }
export const twoHosts: Problem = { code: 'HOST_INVALID', detail: 'it has more than one Host field' }
export const underscore: Problem = {
  code: 'HEADER_UNDERSCORE',
  detail: 'a header name holds _; headers_with_underscores_action: allow (or drop_header) lets such requests through',
}
export const escapedSlash: Problem = {
  code: 'ESCAPED_SLASH',
  detail: 'its path holds %2F or %5C; path_with_escaped_slashes_action: keep_unchanged lets such paths through',
}
export const badExpect: Problem = { code: 'EXPECT_UNSUPPORTED', detail: 'its Expect is not exactly 100-continue' }
/** Some servers read `Content_Length` as `Content-Length`: no option lets that through. */
export const disguisedFraming = framing('a framing field is spelled with _')
export const twoLengths = framing('it has more than one Content-Length')
export const badLength = framing('its Content-Length is no plain number')
export const twoCodings = framing('it has more than one Transfer-Encoding')
export const lengthAndCoding = framing('it has both Content-Length and Transfer-Encoding')
export const codingOnOldVersion = framing('it has a Transfer-Encoding, which its HTTP version does not know')
export const otherCoding: Problem = {
  code: 'TRANSFER_CODING_UNSUPPORTED',
  detail: 'its Transfer-Encoding is not exactly chunked',
}
/** Not a problem: the field was joined to an earlier one. */
export const joined: Problem = { code: 'INTERNAL', detail: '' }

/** Fields that say where a message ends or whom it is for, in the spellings that CGI-like servers fold into them. */
export const framingNames: ReadonlySet<string> = new Set(['content_length', 'transfer_encoding'])

/** 15 digits stay exact in a number; a leading zero is read as octal by some. */
export const lengthSyntax = /^(?:0|[1-9][0-9]{0,14})$/
