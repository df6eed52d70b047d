/** Where the directory is and how it is spoken to, read from the settings once. */

import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { type ConnectionOptions, createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import type { LdapSettings } from '../../../config/dex/connectors/ldap.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { ConnectorTools } from '../connector.ts'

export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly security: 'none' | 'tls' | 'startTLS'
  /** `HOST:PORT`, for messages. */
  readonly name: string
  /**
   * Reads the files anew each time, so that a certificate that was renewed is used without a restart.
   * @throws ProxyError CONNECTOR_MISCONFIGURED
   */
  tlsOptions(): Promise<ConnectionOptions>
}

/** @throws ProxyError CONNECTOR_MISCONFIGURED */
export function readEndpoint(settings: LdapSettings, tools: ConnectorTools): Endpoint {
  const security = settings.startTLS ? 'startTLS' : settings.insecureNoSSL ? 'none' : 'tls'
  const { host, port } = readHost(settings.host, security === 'tls' ? 636 : 389)
  if ((settings.clientCert === '') !== (settings.clientKey === ''))
    throw misconfigured('clientCert and clientKey go together, got one of them')
  const files = fileReader(tools)
  let usual: SecureContext | undefined
  return {
    host,
    port,
    security,
    name: isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`,
    tlsOptions: async () => {
      const options: ConnectionOptions = {
        host,
        // The name that the certificate must hold; an address is no server name (RFC 6066 §3).
        servername: isIP(host) ? '' : host,
        rejectUnauthorized: !settings.insecureSkipVerify,
      }
      const ca = settings.rootCAData || (settings.rootCA && (await files('rootCA', settings.rootCA)))
      if (!ca && settings.clientCert === '') {
        usual ??= createSecureContext({ ca: usualAuthorities() })
        return { ...options, secureContext: usual }
      }
      return {
        ...options,
        ca: ca ? checkAuthorities(ca, settings.rootCAData ? 'rootCAData' : 'rootCA') : usualAuthorities(),
        ...(settings.clientCert !== '' && {
          cert: await files('clientCert', settings.clientCert),
          key: await files('clientKey', settings.clientKey),
        }),
      }
    },
  }
}

/** `host`, `host:port`, `[::1]:port` or an address of version 6 alone. */
function readHost(text: string, usualPort: number): { host: string; port: number } {
  if (text.includes('://')) throw misconfigured(`host is a name with or without a port, got a URL: "${text}"`)
  if (isIP(text) === 6) return { host: text, port: usualPort }
  const { host, bare, port } =
    /^(?:\[(?<bare>[^\]]+)\]|(?<host>[^:[\]\s/]+))(?::(?<port>\d{1,5}))?$/.exec(text)?.groups ?? {}
  const name = bare ?? host
  const number = port === undefined ? usualPort : Number(port)
  if (name === undefined || (bare !== undefined && isIP(bare) !== 6) || number < 1 || number > 65_535)
    throw misconfigured(`host is a name with or without a port, got "${text}"`)
  return { host: name, port: number }
}

const fileReader = (tools: ConnectorTools) => async (key: string, path: string) => {
  try {
    return await tools.readFile(path)
  } catch (cause) {
    throw misconfigured(`${key} is a file, got one that cannot be read: "${path}"`, cause)
  }
}

/** OpenSSL passes over text that is no certificate without a word, and would then trust nobody. */
function checkAuthorities(pem: string, key: string): string {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (certificates.length === 0) throw misconfigured(`${key} holds certificates in PEM, got none`)
  for (const certificate of certificates)
    try {
      new X509Certificate(certificate)
    } catch (cause) {
      throw misconfigured(`${key} holds certificates in PEM, got one that cannot be read`, cause)
    }
  return pem
}

/** Those of the machine as well as Node's own: directories are signed by authorities of the house. */
const usualAuthorities = () => [...getCACertificates('default'), ...getCACertificates('system')]

function misconfigured(problem: string, cause?: unknown): ProxyError {
  return new ProxyError('CONNECTOR_MISCONFIGURED', `cannot set up the connection to the directory: ${problem}`, {
    cause,
  })
}
