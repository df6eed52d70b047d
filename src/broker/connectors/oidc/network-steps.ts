/** The first steps of looking at a source: its name, its port, its certificate. */
import { lookup } from 'node:dns/promises'
import { connect, getCACertificates, type PeerCertificate, type TLSSocket } from 'node:tls'
import type { DiagnosticStep } from '../connector.ts'
import { codeInWords, failureInWords } from '../network-words.ts'

export interface NetworkStepOptions {
  /** An address of the source. */
  readonly url: string
  /** PEM texts that are trusted besides the machine's own. */
  readonly roots: readonly string[]
  readonly insecureSkipVerify: boolean
  /** The proxy that leads to an address. @throws TypeError where it cannot be used */
  readonly proxyOf: (url: string) => string | undefined
  readonly signal: AbortSignal
}

/** Ends after the first failed step. */
export async function* networkSteps(options: NetworkStepOptions): AsyncIterable<DiagnosticStep> {
  const { protocol, hostname } = new URL(options.url)
  const way = proxyStep(options)
  if (way !== undefined) {
    yield way
    return
  }
  const host = hostname.replace(/^\[|\]$/g, '')
  const name = await nameStep(host)
  yield name
  if (name.outcome === 'failed') return
  if (protocol === 'http:') yield { name: 'TLS', outcome: 'doubtful', found: 'none: the address is plain http' }
  else yield await tlsStep(host, options)
}

/** Behind a proxy names and certificates are looked at when the service is asked. */
function proxyStep({ url, proxyOf }: NetworkStepOptions): DiagnosticStep | undefined {
  try {
    const proxy = proxyOf(url)
    return proxy === undefined ? undefined : { name: 'proxy', outcome: 'ok', found: `${proxy} leads there` }
  } catch (error) {
    return { name: 'proxy', outcome: 'failed', found: failureInWords(error) }
  }
}

async function nameStep(host: string): Promise<DiagnosticStep> {
  try {
    const found = await lookup(host, { all: true })
    return {
      name: 'name resolution',
      outcome: 'ok',
      found: `${host} is ${found.map(({ address }) => address).join(', ')}`,
    }
  } catch (error) {
    return { name: 'name resolution', outcome: 'failed', found: `${host}: ${failureInWords(error)}` }
  }
}

async function tlsStep(host: string, options: NetworkStepOptions): Promise<DiagnosticStep> {
  const { url, roots, insecureSkipVerify, signal } = options
  const port = Number(new URL(url).port || 443)
  const socket = connect({
    host,
    port,
    ...(/[a-z]/i.test(host) && !host.includes(':') && { servername: host }),
    // The chain is looked at below; nothing is sent over this connection.
    rejectUnauthorized: false,
    ca: [...getCACertificates('default'), ...roots],
    timeout: 5_000,
  })
  try {
    await secured(socket, signal)
    const details = chainOf(socket.getPeerCertificate(true))
    if (socket.authorized)
      return { name: 'TLS', outcome: 'ok', found: `${socket.getProtocol()}, chain verified`, details }
    const reason = codeInWords(String(socket.authorizationError))
    if (insecureSkipVerify)
      return { name: 'TLS', outcome: 'doubtful', found: `chain not verified (insecureSkipVerify): ${reason}`, details }
    return { name: 'TLS', outcome: 'failed', found: reason, details }
  } catch (error) {
    return { name: 'TLS', outcome: 'failed', found: `${host}:${port}: ${failureInWords(error)}` }
  } finally {
    socket.destroy()
  }
}

function secured(socket: TLSSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
    socket.once('timeout', () => reject(new Error('no answer in 5 s')))
    signal.addEventListener('abort', () => reject(new Error('called off')), { once: true })
  })
}

function chainOf(leaf: ReturnType<TLSSocket['getPeerCertificate']>): string[] {
  const lines: string[] = []
  let certificate: Partial<PeerCertificate & { issuerCertificate: unknown }> | undefined = leaf
  while (certificate?.subject && lines.length < 8) {
    lines.push(`${nameOf(certificate.subject)}, until ${certificate.valid_to}, issued by ${nameOf(certificate.issuer)}`)
    const next = certificate.issuerCertificate as typeof certificate
    certificate = next === certificate ? undefined : next
  }
  return lines
}

function nameOf(subject: PeerCertificate['subject'] | undefined): string {
  const { CN: common, O: organization } = subject ?? {}
  return String(common ?? organization ?? 'unnamed').replace(/[^\x20-\x7e]/g, '?')
}
