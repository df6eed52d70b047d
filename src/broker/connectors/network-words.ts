/** What the system and TLS say of a connection that fails, in words for whoever runs this; their code stays beside them. */

const untrusted = 'its certificate is of no authority that is trusted here'

const words: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such name',
  EAI_AGAIN: 'the name server does not answer',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the other side broke off',
  EPIPE: 'the other side broke off',
  UND_ERR_SOCKET: 'the other side broke off',
  ETIMEDOUT: 'nobody answers there',
  UND_ERR_CONNECT_TIMEOUT: 'nobody answers there',
  EHOSTUNREACH: 'no way leads there',
  ENETUNREACH: 'no way leads there',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself, and not trusted here',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for other names',
  ERR_SSL_WRONG_VERSION_NUMBER: 'what answers there is no TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'what answers there is no TLS',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it speaks an older TLS than 1.2 only',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it speaks an older TLS than 1.2 only',
}

/** `nobody listens there (ECONNREFUSED)`; the code alone where there are no words for it. */
export function codeInWords(code: string): string {
  const found = Object.hasOwn(words, code) ? words[code] : undefined
  return found === undefined ? code : `${found} (${code})`
}

/** A failure by its code, or else by its own message. */
export function failureInWords(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason'
  return 'code' in error && typeof error.code === 'string' ? codeInWords(error.code) : error.message
}
