/** What Node's HTTP/1.1 parser complains about, as rows of the catalogue. */
import type { ErrorCode } from '../errors/catalog.ts'

/** The row for an error of the parser; undefined where it is the socket that failed. */
export function codeOf(error: NodeJS.ErrnoException): ErrorCode | undefined {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return 'HEADERS_TOO_MANY'
    case 'HPE_INVALID_VERSION':
      return 'VERSION_UNSUPPORTED'
    case 'HPE_INVALID_CONTENT_LENGTH':
    case 'HPE_UNEXPECTED_CONTENT_LENGTH':
    case 'HPE_INVALID_CHUNK_SIZE':
    case 'HPE_INVALID_TRANSFER_ENCODING':
      return 'FRAMING_INVALID'
    default:
      return error.code?.startsWith('HPE_') === true ? 'REQUEST_MALFORMED' : undefined
  }
}
