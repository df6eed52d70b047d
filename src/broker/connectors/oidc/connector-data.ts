/** What a connector keeps to ask its source again: the refresh token, and whose it is. */
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { UpstreamIdentity } from '../connector.ts'

export interface ConnectorData {
  readonly refreshToken: string
  /** The source's own subject, which must not change. */
  readonly subject: string
}

/** Nothing where the source gave no refresh token. */
export function keepData(refreshToken: string | undefined, subject: string): Pick<UpstreamIdentity, 'connectorData'> {
  return refreshToken === undefined ? {} : { connectorData: JSON.stringify({ refreshToken, subject }) }
}

/** @throws ProxyError ACCOUNT_GONE: without a token nobody can be asked, and the person has to sign in again */
export function readData({ connectorData }: Pick<UpstreamIdentity, 'connectorData'>): ConnectorData {
  try {
    const { refreshToken, subject } = JSON.parse(connectorData ?? '') as Partial<Record<string, unknown>>
    if (typeof refreshToken === 'string' && typeof subject === 'string') return { refreshToken, subject }
  } catch {
    // Told below.
  }
  throw new ProxyError(
    'ACCOUNT_GONE',
    'cannot refresh: the source gave no refresh token (most want scope offline_access)',
  )
}
