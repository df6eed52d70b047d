/** What can be said about the addresses in the settings: whether they fit, and whether somebody answers there. */
import { isIP } from 'node:net'
import type { SamlSettings } from '../../../config/dex/connectors/saml.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { ConnectorTools } from '../connector.ts'
import { openUpstreamHttp, UpstreamFailure } from '../upstream-http.ts'

const LOOK_MS = 10_000

/** @throws ProxyError CONNECTOR_MISCONFIGURED where answers would come to another address than ours */
export function checkCallback(
  settings: SamlSettings,
  { id, callbackUrl }: Pick<ConnectorTools, 'id' | 'callbackUrl'>,
): void {
  if (settings.redirectURI === callbackUrl) return
  throw new ProxyError(
    'CONNECTOR_MISCONFIGURED',
    `cannot use connector ${id}: redirectURI has to be ${callbackUrl}, got ${settings.redirectURI}`,
  )
}

/** @throws ProxyError CONNECTOR_MISCONFIGURED */
export function checkSettings(settings: SamlSettings, tools: Pick<ConnectorTools, 'id' | 'callbackUrl'>): void {
  checkCallback(settings, tools)
  const { protocol, hostname } = new URL(settings.ssoURL)
  if (protocol === 'https:' || isLoopback(hostname)) return
  throw new ProxyError(
    'CONNECTOR_MISCONFIGURED',
    `cannot use connector ${tools.id}: ssoURL has to be https, as people type their passwords there, got ${settings.ssoURL}`,
  )
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
}

/**
 * Whether anything answers at `ssoURL`, whatever its status: a provider may well dislike a GET. It is browsers that go
 * there, so a certificate that is trusted by them and not by this machine is no failure; then nothing is sent but a GET,
 * and nothing of the answer is used.
 * @throws ProxyError CONNECTOR_UNREACHABLE
 */
export async function lookAtProvider(
  ssoURL: string,
  { proxyFor, signal }: Pick<ConnectorTools, 'proxyFor'> & { readonly signal: AbortSignal },
): Promise<{ readonly isTrusted: boolean; readonly found: string }> {
  const look = async (insecureSkipVerify: boolean) => {
    const http = openUpstreamHttp({ timeLimit: LOOK_MS, insecureSkipVerify, proxyFor })
    try {
      const { status } = await http.fetch(ssoURL, { signal })
      return `it answers (HTTP ${status})`
    } catch (error) {
      if (!(error instanceof UpstreamFailure))
        throw new ProxyError('CONNECTOR_UNREACHABLE', `cannot reach ${new URL(ssoURL).origin}: called off`, {
          cause: error,
        })
      // An answer that is too long is one.
      if (error.failure.code !== 'CONNECTOR_ANSWER_INVALID') throw error.failure
      return 'it answers, at length'
    } finally {
      await http.close()
    }
  }
  try {
    return { isTrusted: true, found: await look(false) }
  } catch (error) {
    if (!ssoURL.startsWith('https:') || signal.aborted) throw error
    const found = await look(true).catch(() => {
      throw error
    })
    return { isTrusted: false, found: `${found}, with a certificate that this machine does not trust; browsers may` }
  }
}
